"""The blend: what it learns from later days, how it votes where it cannot, and what it never shows."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from merx.data.interactions import Interactions, history
from merx.data.schema import EVENT_CODE
from merx.data.vocabulary import Vocabulary
from merx.recommend import blend_hearing
from merx.recommend.blend import MEMBERS, Blend
from merx.recommend.blend_features import disliked
from merx.recommend.blend_training import past_spans
from merx.recommend.buy_again import purchases
from merx.recommend.rank import hear, rank
from tests.worlds import DAY, catalogue, interactions, random_histories

GROUPS, IN_GROUP, WEEKS = 4, 30, 26
LAST = WEEKS * 7


def shoppers(n: int, loyal: bool) -> Interactions:
    """Each buys something of one group of items every week: of three favourites, or never the same again."""
    rng = np.random.default_rng(0)
    rows = []
    for user in range(n):
        first = user % GROUPS * IN_GROUP
        walk = first + (rng.integers(0, 3, WEEKS) if loyal else rng.permutation(IN_GROUP)[:WEEKS])
        if loyal:
            walk = first + rng.permutation(IN_GROUP)[walk - first]
        rows += [(user, f"i{item:03d}", 3.0, 7 * week) for week, item in enumerate(walk)]
    return interactions(rows, [f"i{item:03d}" for item in range(GROUPS * IN_GROUP)], n)


@cache
def blended(loyal: bool, n: int = 120):
    met = shoppers(n, loyal)
    return Blend(spans=3, als=replace(Blend().als, factors=8, epochs=3)).fit(
        met, met, catalogue(met.items)
    ), met


@pytest.mark.parametrize("loyal", [True, False])
def test_the_order_is_learnt_from_what_shoppers_did(loyal):
    model, met = blended(loyal)
    assert model.learnt
    shown = rank(model, met, 3).item
    before = met.seen()[np.arange(met.n_users)[:, None], shown].astype(bool)
    assert before.mean() > 0.95 if loyal else before.mean() < 0.05
    assert (shown // IN_GROUP == (np.arange(met.n_users) % GROUPS)[:, None]).mean() > 0.9


def test_members_vote_where_too_few_came_back():
    met = random_histories(3)
    model = Blend().fit(met, met, catalogue(met.items))
    assert not model.learnt
    score = model.score(met)
    unwanted = set(disliked(met, model.facts.most_stars).tolist())
    for user in range(met.n_users):
        one = met.take(np.array([user]))
        votes = np.zeros((2, met.n_items))  # where rounding falls one way, and the other
        for name in MEMBERS:
            said = getattr(model, name).score(one)[0]
            new = np.where(one.seen().toarray()[0], -np.inf, said)
            # a model of repeat purchase speaks of what was bought alone
            best = new if np.isfinite(new).any() else said
            named = np.sort(best[np.isfinite(best)])[::-1][: model.candidates]
            largest = np.abs(named).max(initial=0)
            for vote, equal in zip(votes, (0.98e-4, 1.02e-4), strict=True):  # closer ones share a place
                place = (named[None, :] > (said + equal * largest)[:, None]).sum(axis=1)
                vote += np.where(np.isfinite(said), 1 / (60 + place + 1), 0)
        shown = np.isfinite(score[user])
        assert (votes[0] * (1 - 1e-6) <= score[user])[shown].all()
        assert (votes[1] * (1 + 1e-6) >= score[user])[shown].all()
        hidden = np.flatnonzero(~shown & (votes[1] > 0))
        assert {user * met.n_items + item for item in hidden.tolist()} <= unwanted


def test_a_newcomer_sees_what_is_popular():
    model, met = blended(loyal=False)
    nobody = history([], met.items)
    shown = rank(model, nobody, 10).item[0]
    assert shown.tolist() == rank(model.popularity, nobody, 10).item[0].tolist()


@pytest.mark.parametrize(
    ("event", "weight", "then", "shown"),
    [
        ("refund", -3.0, None, False),
        ("remove_from_cart", 0.0, None, False),
        ("remove_from_cart", 0.0, "purchase", True),
        ("rate", 1.0, None, False),
        ("rate", 5.0, None, True),
    ],
)
def test_what_a_shopper_did_not_like_is_not_shown(event, weight, then, shown):
    model, met = blended(loyal=True)
    model = replace(model, facts=replace(model.facts, most_stars=5.0))
    favourite = rank(model, met, 1).item[0, 0]
    own = met.take(np.array([0]))
    own = own.keep(own.item != favourite)
    names = [*own.items.ids.take(own.item).to_pylist(), *[own.items.ids[favourite].as_py()] * 2]
    later = [("purchase", 3.0), (event, weight), *([(then, 3.0)] if then else [])]
    names += [names[-1]] * (len(later) - 2)
    told = history(
        names,
        met.items,
        event=["purchase"] * len(own) + [name for name, _ in later],
        weight=[3.0] * len(own) + [value for _, value in later],
        time=[*own.time.tolist(), *[(LAST - 1) * DAY + step for step in range(len(later))]],
    )
    assert (favourite in rank(model, told, 20).item[0]) == shown


def test_what_was_looked_at_bought_and_sent_back_is_not_wanted():
    told = history(
        ["a", "a", "a", "b", "b", "b", "b"],
        Vocabulary.of(["a", "b"]),
        event=["view_item", "purchase", "refund", "view_item", "purchase", "refund", "purchase"],
        weight=[1.0, 5.0, -5.0, 1.0, 5.0, -5.0, 5.0],
    )
    assert disliked(told, most_stars=0.0).tolist() == [0]
    assert purchases(told).item.tolist() == [1]


def test_spans_hold_what_was_bought_and_kept():
    met = interactions(
        [(0, "a", 3.0, 0), (0, "b", 3.0, 40), (0, "c", 3.0, 41), (0, "c", -3.0, 42), (1, "a", 3.0, 42)],
        ["a", "b", "c"],
        2,
    )
    event = np.where(met.weight < 0, EVENT_CODE["refund"], EVENT_CODE["purchase"]).astype(np.int8)
    (span,) = past_spans(replace(met, event=event), days=20, most=3)[:1]
    assert span.start == 42 * DAY + 1 - 20 * DAY
    assert span.shopper.tolist() == [0]  # shopper 1 was not known before
    assert 1 in span.taken.tolist() and 2 not in span.taken.tolist()  # "c" was sent back


def test_nothing_later_is_in_a_lesson(monkeypatch):
    """Members are fitted on what lies before the span that the order is learnt from."""
    met = shoppers(120, loyal=False)
    seen = []
    voting = Blend._voting
    monkeypatch.setattr(
        Blend,
        "_voting",
        lambda self, past, *rest: seen.append(int(past.time.max())) or voting(self, past, *rest),
    )
    Blend(spans=2, shoppers=100, als=replace(Blend().als, factors=8, epochs=2)).fit(
        met, met, catalogue(met.items)
    )
    starts = [span.start for span in past_spans(met, 28, 2)]
    assert len(seen) == 3 and all(last < start for last, start in zip(seen, starts, strict=False))
    assert seen[-1] == met.time.max()  # what serves knows everything


def test_members_are_heard_once_for_two_lists_and_their_reasons(monkeypatch):
    model, met = blended(loyal=True)
    heard = []
    voice = blend_hearing.voice
    monkeypatch.setattr(blend_hearing, "voice", lambda *asked: heard.append(1) or voice(*asked))
    request = hear(model, met.take(np.array([0])))
    some = np.arange(met.n_items) % 2 == 0
    for allowed in (some, ~some):
        item, score = request.top(5, None, allowed)
        assert allowed[item].all() and (np.diff(score) <= 0).all()
        request.explain(item[0])
    assert len(heard) == len(MEMBERS)


def test_callers_in_several_threads_get_what_one_gets():
    model, met = blended(loyal=False)
    alone = [rank(model, met.take(np.array([user])), 5).item for user in range(24)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda user: rank(model, met.take(np.array([user])), 5).item, range(24)))
    np.testing.assert_array_equal(together, alone)
