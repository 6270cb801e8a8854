"""Influence and likeness told apart: by definition, and in shops whose truth is known."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from merx.data.interactions import Interactions
from merx.data.relations import NEVER, Ties
from merx.data.schema import DAY, EVENT_CODE
from merx.data.vocabulary import Vocabulary
from merx.evaluate.influence import about, following, influence, purchases_of
from merx.evaluate.matched import matched
from merx.simulate import Simulation
from tests.worlds import interactions

DAYS = 5


def ties_of(pairs, since=None):
    pairs = np.array(pairs, np.int32).reshape(-1, 2)
    n = len(pairs)
    return Ties(
        pairs[:, 0],
        pairs[:, 1],
        np.ones(n),
        np.full(n, NEVER) if since is None else since,
        np.zeros(n, np.int32),
        ("f",),
    )


def written_out(purchases, seen_at, ties, days):
    """Entry -> whether it follows a friend's purchase, and its chance, as the head of the file has it."""
    user, item, time = purchases.user, purchases.item, purchases.time
    found = {}
    for e in range(len(purchases)):
        friends = {
            int(v): since
            for u, v, since in zip(ties.user, ties.other, ties.since, strict=True)
            if u == user[e]
        }
        theirs = [
            f
            for f in range(len(purchases))
            if int(user[f]) in friends and item[f] == item[e] and time[f] >= friends[int(user[f])]
        ]
        if not theirs:
            continue

        def exposed(at, theirs=theirs):
            return any(0 < at - time[f] <= days * DAY for f in theirs)

        others = [
            g
            for g in range(len(purchases))
            if item[g] == item[e]
            and user[g] != user[e]
            and int(user[g]) not in friends
            and seen_at[0][user[e]] <= time[g] <= seen_at[1][user[e]]
        ]
        follows = exposed(time[e])
        found[e] = (follows, (sum(exposed(time[g]) for g in others) + follows) / (len(others) + 1))
    return found


@given(st.integers(0, 10_000))
@settings(max_examples=40)
def test_what_follows_a_friend_and_by_what_chance(seed):
    rng = np.random.default_rng(seed)
    days = rng.permutation(60)  # no two at once
    rows = [(int(rng.integers(8)), f"i{rng.integers(3)}", 1.0, int(day)) for day in days]
    purchases = interactions(rows, ["i0", "i1", "i2"], 8)
    pairs = {(int(u), int(v)) for u, v in rng.integers(8, size=(14, 2)) if u != v}
    ties = ties_of(sorted(pairs))
    first, last = about(purchases)
    seen_at = (first - rng.integers(5, size=8) * DAY, last + rng.integers(5, size=8) * DAY)
    found = following(purchases, seen_at, ties, DAYS)
    expected = written_out(purchases, seen_at, ties, DAYS)
    assert found.entry.tolist() == sorted(expected)
    assert found.follows.tolist() == [expected[e][0] for e in found.entry]
    np.testing.assert_allclose(found.chance, [expected[e][1] for e in found.entry])


def test_a_tie_counts_from_its_date_on_and_a_pair_once():
    rows = [(0, "a", 1.0, 1), (1, "a", 1.0, 3), (0, "a", 1.0, 20), (1, "a", 1.0, 22), (2, "a", 1.0, 40)]
    purchases = interactions(rows, ["a"], 3)
    seen = about(purchases)
    both = following(purchases, seen, ties_of([(1, 0)]), DAYS)
    assert purchases.user[both.entry].tolist() == [1, 1] and both.follows.all()
    late = following(purchases, seen, ties_of([(1, 0)], np.array([10 * DAY])), DAYS)
    assert late.follows.tolist() == [False, True]
    twice = influence(purchases, seen, ties_of([(1, 0), (1, 0)]), DAYS, "f")
    assert twice.ties == 1 and twice.followed == 2 and not twice.known and not twice.found
    assert "too few" in twice.sentence


def histories(shop):
    """Purchases of known shoppers, when each was seen, and the ties of a simulated shop."""
    events, truth = shop.tables["events"].to_pandas(), shop.truth
    events = events[(events["event"] == "purchase") & events["user_id"].notna()]
    user = events["user_id"].str[1:].astype(int).to_numpy()
    time = events["time"].to_numpy().astype("datetime64[us]").astype(np.int64)
    order = np.lexsort((time, user))
    users = len(truth.user_ids)
    found = Interactions(
        np.concatenate([[0], np.cumsum(np.bincount(user, minlength=users))]).astype(np.int64),
        events["item_id"].str[1:].astype(np.int32).to_numpy()[order],
        np.ones(len(order), np.float32),
        time[order],
        np.full(len(order), EVENT_CODE["purchase"], np.int8),
        Vocabulary(pa.array(truth.item_ids)),
    )
    return found, about(found), ties_of(np.stack([truth.follower, truth.leader], axis=1))


@pytest.fixture(scope="module")
def moved():
    shop = Simulation(users=800, items=80, days=364, seed=5).run()
    return shop, *histories(shop)


def test_influence_is_found_within_its_interval(moved):
    shop, purchases, seen, ties = moved
    found = influence(purchases, seen, ties, 28, "follows")
    assert found.found and "move each other" in found.sentence
    assert found.low < shop.truth.influenced_share * 0.8 < found.high  # a fifth of purchases name nobody
    assert found.odds > 1 and found.followed > found.expected
    beside = matched(purchases, seen, ties, 28)
    assert beside.pairs > 1000 and beside.low < beside.effect < beside.high
    assert beside.after_friend > beside.unmatched


def test_likeness_alone_is_no_influence(moved):
    alike = Simulation(users=800, items=80, days=364, seed=5, influence=0.0).run()
    assert alike.truth.influenced_share == 0
    purchases, seen, ties = histories(alike)
    found = influence(purchases, seen, ties, 28, "follows")
    assert found.known and not found.found and "no influence found" in found.sentence
    assert found.followed > 1000  # friends do buy the same, since they are alike
    beside = matched(purchases, seen, ties, 28)
    assert beside.low < 0 < beside.after_friend - beside.unmatched


def test_turned_in_time_influence_is_none(moved):
    _, purchases, seen, ties = moved
    order = np.arange(len(purchases))[::-1]
    turned = replace(
        purchases.take(np.arange(purchases.n_users)),
        offsets=len(purchases) - purchases.offsets[::-1],
        item=purchases.item[order],
        time=-purchases.time[order],
    )
    back = purchases.n_users - 1
    found = influence(
        turned,
        (-seen[1][::-1], -seen[0][::-1]),
        replace(ties, user=back - ties.user, other=back - ties.other),
        28,
        "follows",
    )
    assert not found.found


def test_a_shop_without_purchases_goes_by_what_was_met():
    met = interactions([(0, "a", 1.0, 1), (1, "b", 2.0, 2)], ["a", "b"], 2)
    viewed = replace(met, event=np.full(2, EVENT_CODE["view_item"], np.int8))
    assert len(purchases_of(viewed)) == 2
    mixed = replace(met, event=np.array([EVENT_CODE["view_item"], EVENT_CODE["purchase"]], np.int8))
    assert len(purchases_of(mixed)) == 1
