"""A network and neighbours together: what each knows that the other cannot, and how much each is heard."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from merx.behaviour.sequence import Sequence
from merx.data.interactions import Interactions, history
from merx.data.schema import EVENT_CODE
from merx.data.vocabulary import Vocabulary
from merx.errors import ConfigError
from merx.recommend import session_blend
from merx.recommend.rank import rank
from merx.recommend.session_blend import FEWEST, HEARD, LENGTHS, UNSURE, WEIGHTS, SessionBlend
from merx.recommend.session_knn import MINUTE, SessionKNN
from tests.worlds import DAY, random_histories

ROUND, PAIRS, VISITS = 12, 250, 1500
ITEMS = Vocabulary.of([f"{kind}{n:03d}" for kind, n in (("c", ROUND), ("p", 2 * PAIRS)) for n in range(n)])
NETWORK = Sequence(
    width=16, blocks=1, dropout=0.2, learning_rate=0.01, reorder=0.0, batch=512, epochs=8, patience=0
)


def visits(rows: list[list[int]]) -> Interactions:
    """Rows of codes, a minute between two of them; a hundred visits end each day."""
    length = np.array([len(row) for row in rows])
    offsets = np.concatenate([[0], np.cumsum(length)]).astype(np.int64)
    place = np.arange(offsets[-1]) - np.repeat(offsets[:-1], length)
    start = np.arange(len(rows)) * (DAY // 100)
    n = offsets[-1]
    return Interactions(
        offsets=offsets,
        item=np.concatenate(rows).astype(np.int32),
        weight=np.ones(n, np.float32),
        time=np.repeat(start, length) + place * MINUTE,
        event=np.full(n, EVENT_CODE["view_item"], np.int8),
        items=ITEMS,
    )


def turn(rng: np.random.Generator) -> list[int]:
    """Some steps around a ring, always forth: what came before and what comes after are as near."""
    start = rng.integers(ROUND)
    return [int((start + step) % ROUND) for step in range(rng.integers(4, 7))]


def pair(n: int) -> list[int]:
    """Two products that are met together alone, and by hardly anybody."""
    return [ROUND + 2 * n, ROUND + 2 * n + 1]


@cache
def world() -> tuple[Interactions, Interactions, np.ndarray]:
    """Visits to learn from, a turn or a pair each; what is asked, of either kind, and what comes next."""
    rng = np.random.default_rng(0)
    rows = [turn(rng) if rng.random() < 0.6 else pair(rng.integers(PAIRS)) for _ in range(VISITS)]
    asked = [turn(rng) if case % 2 else pair(rng.integers(PAIRS)) for case in range(400)]
    asked = [row[: 2 if row[0] < ROUND else None] for row in asked]
    return visits(rows), visits([row[:-1] for row in asked]), np.array([row[-1] for row in asked])


@cache
def blended():
    return SessionBlend(sequence=NETWORK).fit(world()[0])


def test_the_two_together_beat_each_alone():
    """The neighbours cannot tell forth from back; the network cannot learn what was met once or twice."""
    _, asked, following = world()
    model = blended()

    def right(one) -> float:
        return (rank(one, asked, 1, exclude=asked).item[:, 0] == following).mean()

    assert right(model.sequence) < 0.75
    assert right(model.session_knn) < 0.8
    assert right(model) > 0.93


def by_definition(model, one: Interactions) -> np.ndarray:
    """The score of every item for a history, from the equation of the docs and nothing else."""
    network, said = model.sequence.score(one)[0], model.session_knn.score(one)[0]
    spoken = np.where(np.isfinite(said), said, 0.0)
    share = spoken / spoken.sum() if spoken.any() else spoken
    weight = dict(zip(LENGTHS, model.weight, strict=True))[max(n for n in LENGTHS if n <= max(len(one), 1))]
    return weight * network + (1 - weight) * np.log(1 + share / HEARD)


def test_scores_are_those_of_the_definition():
    found = random_histories(3)
    model = SessionBlend(sequence=replace(NETWORK, epochs=2)).fit(found)
    model = replace(model, weight=np.array([0.8, 0.1, 0.6, 0.3]))  # of 1, 2, 3 and 5 events
    score = model.score(found)
    lengths = set(np.diff(found.offsets).tolist())
    assert {0, 2, 4} <= lengths and max(lengths) > 5
    for u in range(found.n_users):
        np.testing.assert_allclose(
            score[u], by_definition(model, found.take(np.array([u]))), rtol=1e-5, atol=1e-5
        )


def test_reasons_tell_what_each_click_adds_through_either():
    """The neighbours' parts add up; the network's are what is lost without a click."""
    model, item = blended(), np.array([3, 4, ROUND + 1])
    one = history(["c001", "c005", "c009", "p000"], ITEMS, event=["view_item"] * 4)
    why, by = model.explain(one, item), model.added(one, item)
    total = np.zeros_like(why.part)
    for part in by.values():
        total[:, np.searchsorted(why.history, part.history)] += part.part
    np.testing.assert_allclose(why.part, total)
    weight = model.weight[2]
    said = model.parts(one)[1][0, item]
    np.testing.assert_allclose(by["session_knn"].part.sum(axis=1), (1 - weight) * said, rtol=1e-5)
    assert (by["session_knn"].part >= 0).all()
    score = model.sequence.score(one)[0, item]
    for place, code in enumerate(by["sequence"].history):
        fewer = model.sequence.score(one.keep(one.item != code))[0, item]
        np.testing.assert_allclose(by["sequence"].part[:, place], weight * (score - fewer), atol=1e-5)
    told = by["session_knn"].part[2].argmax()  # the neighbours know "p001" from the other of its pair
    assert ITEMS.ids[int(by["session_knn"].history[told])].as_py() == "p000"


def test_weights_are_chosen_by_visits_that_the_members_have_not_seen(monkeypatch):
    found = world()[0]
    fitted = []
    fit = SessionKNN.fit
    monkeypatch.setattr(
        SessionKNN, "fit", lambda self, sessions: fitted.append(sessions) or fit(self, sessions)
    )
    asked = []
    gains = session_blend._gains
    monkeypatch.setattr(session_blend, "_gains", lambda *given: asked.append(given[1:]) or gains(*given))
    SessionBlend(sequence=replace(NETWORK, epochs=1)).fit(found)
    before, everything = fitted
    ((judged, following),) = asked
    assert before.time.max() < judged.time.min()
    assert len(following) == judged.n_users > FEWEST
    newest = {
        tuple(found.item[a:b]) for a, b in zip(found.offsets[-151:-1], found.offsets[-150:], strict=True)
    }
    ends = zip(judged.offsets, judged.offsets[1:], following, strict=False)
    seen = {(*judged.item[a:b], item) for a, b, item in ends}
    assert newest <= seen  # each visit up to its last step, and up to those before
    assert len(everything) == len(found)


def test_with_too_few_visits_to_choose_on_there_is_one_weight_and_one_fit(monkeypatch):
    found = world()[0].take(np.arange(50))
    times = []
    fit = Sequence.fit
    monkeypatch.setattr(
        Sequence, "fit", lambda self, *given, **more: times.append(1) or fit(self, *given, **more)
    )
    assert (SessionBlend(sequence=NETWORK).fit(found).weight == UNSURE).all()
    assert (SessionBlend(held_out=0.0, sequence=NETWORK).fit(world()[0]).weight == UNSURE).all()
    assert len(times) == 2


def test_a_length_has_a_weight_of_its_own_where_that_is_worth_more_than_an_error():
    bucket = np.repeat([0, 1, 2], [1000, 1000, FEWEST - 1])
    gain = np.zeros((len(bucket), len(WEIGHTS)))
    noise = np.random.default_rng(0).normal(0, 0.1, len(bucket))
    gain[:, 3] = 0.1
    gain[bucket == 0, 7] = 0.2 + noise[bucket == 0]  # clearly better
    gain[bucket == 1, 5] = 0.1 + noise[bucket == 1] - noise[bucket == 1].mean() + 0.001  # perhaps
    gain[bucket == 2, 9] = 0.5  # of too few
    gain[bucket > 0, 7] = -1
    chosen = session_blend._chosen(gain, bucket)
    assert chosen.tolist() == [WEIGHTS[7], WEIGHTS[3], WEIGHTS[3], WEIGHTS[3]]


def test_the_network_is_trained_on_everything_for_as_long_as_was_best(monkeypatch):
    trained, heard = [], []
    fit = Sequence.fit
    monkeypatch.setattr(
        Sequence, "fit", lambda self, *given, **more: trained.append(self) or fit(self, *given, **more)
    )
    SessionBlend(sequence=replace(NETWORK, epochs=40, patience=2)).fit(
        world()[0], progress=lambda what, done, of: heard.append((what, done, of))
    )
    first, last = trained
    stopped = next(n for n, (_, done, _) in enumerate(heard, 1) if heard[n][1] <= done)
    assert 3 <= stopped < 40 and first.patience == 2
    assert f"best after {last.epochs} epochs" in heard[stopped - 1][0]
    assert (last.epochs, last.patience) == (stopped - 2, 0)
    assert len(heard) == stopped + last.epochs


def test_a_share_that_leaves_nothing_to_learn_from_is_refused():
    with pytest.raises(ConfigError, match="held_out is 1"):
        SessionBlend(held_out=1.0)
