"""Session neighbours: against the definition in loops, and worlds with an answer known beforehand."""

import os
from dataclasses import replace
from itertools import pairwise
from math import exp, inf, log
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from merx.data.interactions import Interactions, history
from merx.data.vocabulary import Vocabulary
from merx.kernels.topk import top_k
from merx.recommend.rank import rank
from merx.recommend.session_knn import FAINT, MINUTE, SessionKNN, last_meetings
from tests.worlds import DAY, random_histories

LETTERS = Vocabulary.of("abcdefgh")


def sessions(*rows, ends=None, items=LETTERS):
    """Rows of items such as "abc", a minute between two of them; row s ends on day ends[s], by default s."""
    ends = range(len(rows)) if ends is None else ends
    code = [items.codes(list(row)) for row in rows]
    time = [
        end * DAY + (np.arange(len(row)) - len(row) + 1) * MINUTE for row, end in zip(rows, ends, strict=True)
    ]
    n = sum(map(len, rows))
    return Interactions(
        offsets=np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64),
        item=np.concatenate(code).astype(np.int32),
        weight=np.ones(n, np.float32),
        time=np.concatenate(time).astype(np.int64),
        event=np.zeros(n, np.int8),
        items=items,
    )


def meetings(histories, u):
    """The items of one history as {item: (place of its last moment, entry)}, by definition."""
    entries = range(histories.offsets[u], histories.offsets[u + 1])
    total, last = {}, {}
    for entry in entries:
        item = int(histories.item[entry])
        total[item] = total.get(item, 0.0) + float(histories.weight[entry])
        last[item] = entry
    last = {item: entry for item, entry in last.items() if total[item] > 0}
    moments = sorted({int(histories.time[entry]) for entry in last.values()})
    return {item: (moments.index(int(histories.time[entry])), entry) for item, entry in last.items()}


def parts_by_definition(config, train, histories, u):
    """{(item, item of the history): what it adds}, from the equations in the docs and nothing else."""
    known = [(s, meetings(train, s)) for s in range(train.n_users)]
    known = [(s, met, int(train.time[train.offsets[s + 1] - 1])) for s, met in known if len(met) > 1]
    known.sort(key=lambda entry: -entry[2])  # newest first; of equal ones the first given
    newest = known[0][2] if known else 0
    count = {i: sum(i in met for _, met, _ in known) for i in range(train.n_items)}
    own = meetings(histories, u)
    if not own:
        return {}
    end_place, end_entry = max(own.values())

    def pauses(entry):
        times = histories.time[entry : end_entry + 1]
        return sum(late - early > config.gap * MINUTE for early, late in pairwise(times))

    weight = {
        h: exp(-(end_place - place + config.pause * pauses(entry)) / config.decay)
        for h, (place, entry) in own.items()
    }
    weight = {h: value for h, value in weight.items() if value >= FAINT}
    listed = {  # the most recent sessions of each item
        h: [n for n, (_, met, _) in enumerate(known) if h in met][: config.recent] for h in weight
    }
    similar = {}
    for n, (_, met, end) in enumerate(known):
        shared = [h for h in weight if n in listed[h]]
        if shared:
            word = 0.5 ** ((newest - end) / DAY / config.half_life) / len(met) ** config.damping
            similar[n] = (word * sum(weight[h] for h in shared), word, shared, met)
    nearest = sorted(similar, key=lambda n: (-similar[n][0], n))[: config.neighbours]
    part = {}
    for n in nearest:
        _, word, shared, met = similar[n]
        for i, (place, _) in met.items():
            for h in shared:
                near = exp(-abs(place - met[h][0]) / config.distance)
                rarity = log(1 + len(known) / count[i])
                part[i, h] = part.get((i, h), 0.0) + rarity * word * weight[h] * near
    return part


def scores_by_definition(config, train, histories):
    score = np.full((histories.n_users, train.n_items), -inf)
    for u in range(histories.n_users):
        for (i, _), value in parts_by_definition(config, train, histories, u).items():
            score[u, i] = value if score[u, i] == -inf else score[u, i] + value
    return score


CONFIGS = [
    SessionKNN(),
    SessionKNN(neighbours=3),
    SessionKNN(recent=2, neighbours=4),
    SessionKNN(decay=0.7, pause=0.5, distance=1.0, damping=0.5, half_life=10.0),
    SessionKNN(decay=20.0, pause=0.0, distance=20.0, damping=0.0, gap=1e9),
]


@pytest.mark.parametrize("config", CONFIGS, ids=range(len(CONFIGS)))
@pytest.mark.parametrize("seed", [0, 1])
def test_scores_are_those_of_the_definition(config, seed):
    train = random_histories(seed)
    rng = np.random.default_rng(seed)  # no ties in time or weight, which order may settle either way
    train = replace(train, time=np.sort(train.time) + rng.integers(0, DAY, len(train)))
    order = np.lexsort((train.time, train.user))
    train = replace(train, item=train.item[order], time=train.time[order], weight=train.weight[order])
    histories = train.take(np.arange(0, 30, 2))
    found = config.fit(train).score(histories)
    np.testing.assert_allclose(found, scores_by_definition(config, train, histories), rtol=1e-5)


@pytest.mark.parametrize("config", CONFIGS, ids=range(len(CONFIGS)))
def test_parts_are_those_of_the_definition_and_add_up(config):
    train = random_histories(3)
    train = replace(train, time=train.time + np.arange(len(train)))
    model = config.fit(train)
    one = train.take(np.array([7]))
    item = rank(model, one, 10).item[0]
    item = item[item >= 0]
    why = model.explain(one, item)
    expected = parts_by_definition(config, train, one, 0)
    np.testing.assert_allclose(
        why.part,
        [[expected.get((i, h), 0.0) for h in why.history.tolist()] for i in item.tolist()],
        rtol=1e-5,
    )
    np.testing.assert_allclose(why.part.sum(axis=1), model.score(one)[0, item], rtol=1e-5)
    assert len(set(why.history.tolist())) == len(why.history)


def test_an_example_by_hand():
    """Two sessions of one age; the visitor met a, then b.

    weight: b 1, a e^(-1/2). Session abc holds both, session adc only a.
    c, of both sessions: from abc e^(-1) by b and e^(-1/2) e^(-2) by a; from adc e^(-1/2) e^(-2) by a.
    """
    train = sessions("abc", "adc", ends=[0, 0])
    model = SessionKNN(decay=2.0, distance=1.0, damping=0.0).fit(train)
    visitor = sessions("ab")
    found = dict(zip("abcd", model.score(visitor)[0], strict=False))
    c = log(2) * (exp(-1) + exp(-0.5) * exp(-2) + exp(-0.5) * exp(-2))
    d = log(3) * exp(-0.5) * exp(-1)
    assert found["c"] == pytest.approx(c)
    assert found["d"] == pytest.approx(d)
    why = model.explain(visitor, LETTERS.codes(["c"]))
    assert LETTERS.names(why.history).to_pylist() == ["a", "b"]
    assert why.part[0].tolist() == pytest.approx([log(2) * 2 * exp(-2.5), log(2) * exp(-1)])


def test_later_items_and_nearer_items_and_newer_sessions_count_more():
    model = SessionKNN().fit(sessions("ac", "bd", ends=[9, 9]))
    by = dict(zip("abcd", model.score(sessions("ab"))[0], strict=False))
    assert by["d"] > by["c"]
    model = SessionKNN().fit(sessions("abc"))
    by = dict(zip("abc", model.score(sessions("a"))[0], strict=False))
    assert by["b"] > by["c"]
    model = SessionKNN(half_life=10.0).fit(sessions("ab", "ac", ends=[0, 10]))
    by = dict(zip("abc", model.score(sessions("a"))[0], strict=False))
    assert by["c"] == pytest.approx(2 * by["b"])


def test_an_order_has_no_inner_sequence():
    """Items met at one moment share a step, whatever order they are given in."""
    train = sessions("abcd")
    at_once = replace(train, time=np.zeros(4, np.int64))
    score = SessionKNN().fit(at_once).score(replace(sessions("ab"), time=np.zeros(2, np.int64)))[0]
    assert score[0] == score[1] == score[2] == score[3]


def test_a_pause_counts_as_steps():
    model = SessionKNN(decay=2.0, pause=3.0).fit(sessions("ac", "bd", ends=[9, 9]))
    visitor = sessions("ab")
    after = replace(visitor, time=np.array([0, 31 * MINUTE]))
    near, far = (model.explain(one, LETTERS.codes(["c"])).part[0, 0] for one in (visitor, after))
    assert far == pytest.approx(near * exp(-3 / 2))


def test_sessions_of_one_item_and_refunded_items_say_nothing():
    plain = sessions("abc", "cd", ends=[3, 5])
    more = sessions("abc", "a", "cd", "aaa", ends=[3, 4, 5, 6])
    one, other = SessionKNN().fit(plain), SessionKNN().fit(more)
    np.testing.assert_array_equal(one.score(sessions("a")), other.score(sessions("a")))
    refunded = replace(sessions("abcb"), weight=np.array([1, 5, 1, -5], np.float32))
    score = SessionKNN().fit(refunded).score(sessions("a"))[0]
    assert np.isneginf(score[LETTERS.code("b")])
    assert score[LETTERS.code("c")] == pytest.approx(log(2) * exp(-1 / 3) * 2**-0.25)


def test_of_a_repeated_item_the_last_meeting_counts():
    offsets, item, position, entry = last_meetings(sessions("abcba", "aa"))
    assert offsets.tolist() == [0, 3, 4]
    assert LETTERS.names(item).to_pylist() == ["c", "b", "a", "a"]
    assert position.tolist() == [0, 1, 2, 0]
    assert entry.tolist() == [2, 3, 4, 6]


def test_an_item_never_met_leads_nowhere():
    model = SessionKNN().fit(sessions("abc", "bcd"))
    assert np.isneginf(model.score(sessions("h"))).all()
    np.testing.assert_array_equal(model.score(history("xh", LETTERS)), model.score(history("h", LETTERS)))
    assert model.explain(sessions("h"), LETTERS.codes(["a"])).part.tolist() == [[0.0]]
    known = model.score(sessions("b"))
    grown = SessionKNN().fit(sessions("abc", "bcd", items=Vocabulary.of("abcdefghij")))
    np.testing.assert_array_equal(grown.score(sessions("b", items=grown.items))[:, :8], known)


def test_sessions_beyond_the_most_recent_of_an_item_change_nothing():
    recent = sessions(*["ab", "ac", "bc"] * 4, ends=range(20, 32))
    older = sessions(*["abd", "ad", "bd", *["ab", "ac", "bc"] * 4], ends=[1, 2, 3, *range(20, 32)])
    config = SessionKNN(recent=8)
    visitor = sessions("ab")
    few, many = config.fit(recent), config.fit(older)
    with_same_rarity = replace(many, rarity=few.rarity)
    np.testing.assert_array_equal(with_same_rarity.score(visitor), few.score(visitor))
    assert np.isfinite(SessionKNN(recent=20).fit(older).score(visitor)[0, LETTERS.code("d")])


def test_only_the_nearest_sessions_speak():
    train = sessions("abx", "aby", "az", ends=[0, 0, 0], items=Vocabulary.of("abxyz"))
    model = SessionKNN(neighbours=2, damping=0.0).fit(train)
    score = dict(zip("abxyz", model.score(sessions("ab", items=train.items))[0], strict=True))
    assert np.isneginf(score["z"])
    assert score["x"] == score["y"] > 0


visits = st.lists(st.text("abcdefgh", min_size=1, max_size=7), min_size=1, max_size=25)


@settings(max_examples=40, deadline=None)
@given(visits, visits, st.integers(1, 9))
def test_properties(rows, visitors, k):
    """Ranking is the order of the scores; visitors do not disturb each other; parts add up; -inf is fair."""
    model = SessionKNN(neighbours=10, recent=5).fit(sessions(*rows))
    batch = sessions(*visitors)
    score = model.score(batch)
    ranking = rank(model, batch, k)
    item, value = top_k(score, k)
    np.testing.assert_array_equal(ranking.item, item)
    np.testing.assert_array_equal(ranking.score, value)
    order = np.random.default_rng(0).permutation(len(visitors))
    np.testing.assert_array_equal(model.score(batch.take(order)), score[order])
    for u in range(len(visitors)):
        part = model.explain(batch.take(np.array([u])), np.arange(len(LETTERS))).part.sum(axis=1)
        np.testing.assert_allclose(np.where(part > 0, part, -inf), score[u], rtol=1e-5)
    met = {letter for row in rows if len(set(row)) > 1 for letter in row}
    assert np.isneginf(score[:, [LETTERS.code(letter) for letter in "abcdefgh" if letter not in met]]).all()


@pytest.mark.slow
def test_accuracy_on_diginetica():
    """At the level of STAN on the SR-GNN preparation, about .50 / .183 (Recall@20, MRR@20)."""
    folder = Path(os.environ.get("MERX_DATA", "../shared/data")) / "diginetica_sessions"
    if not folder.exists():
        pytest.skip(f"{folder} is not there")

    def ragged(name, row, days):
        table = pq.read_table(folder / f"{name}.parquet")
        length = np.bincount(table[row])
        ended = np.linspace(0, days, len(length)) * DAY  # sessions are in the order of their days
        return Interactions(
            offsets=np.concatenate([[0], np.cumsum(length)]).astype(np.int64),
            item=table["item_id"].to_numpy() - 1,
            weight=np.ones(len(table), np.float32),
            time=(np.repeat(ended, length) + table["pos"].to_numpy().astype(np.int64) * MINUTE).astype(
                np.int64
            ),
            event=np.zeros(len(table), np.int8),
            items=Vocabulary(pa.array([str(item) for item in range(1, 43_098)])),
        )

    model = SessionKNN().fit(ragged("train_sessions", "session", 145))
    cases = np.arange(0, 60_858, 6)
    lists = rank(model, ragged("test_prefixes", "case", 0).take(cases), 20)
    target = pq.read_table(folder / "test_targets.parquet")["target_item"].to_numpy()[cases] - 1
    hit = lists.item == target[:, None]
    assert hit.any(axis=1).mean() > 0.5
    assert (hit / np.arange(1, 21)).sum(axis=1).mean() > 0.18
