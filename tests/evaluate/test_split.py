from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from merx.data.interactions import Interactions
from merx.data.schema import EVENT_CODE, EVENTS
from merx.data.vocabulary import Vocabulary
from merx.errors import DataError
from merx.evaluate.split import (
    DAY,
    Split,
    check_blind,
    check_no_leak,
    last_days,
    split_by_time,
    split_three_ways,
    targets,
)

ITEMS = Vocabulary.of(["apples", "bread", "cheese", "dates"])
APPLES, BREAD, CHEESE, DATES = range(4)

Entry = tuple[int, int, int, str, float]  # user, item, time, event, weight


def interactions(entries: Sequence[Entry], users: int = 3) -> Interactions:
    ordered = sorted(entries, key=lambda entry: (entry[0], entry[2]))
    counts = np.bincount([entry[0] for entry in ordered], minlength=users)
    return Interactions(
        offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        item=np.array([entry[1] for entry in ordered], np.int32),
        weight=np.array([entry[4] for entry in ordered], np.float32),
        time=np.array([entry[2] for entry in ordered], np.int64),
        event=np.array([EVENT_CODE[entry[3]] for entry in ordered], np.int8),
        items=ITEMS,
    )


def entries(of: Interactions) -> list[Entry]:
    return [
        (int(u), int(i), int(t), EVENTS[e], float(w))
        for u, i, t, e, w in zip(of.user, of.item, of.time, of.event, of.weight, strict=True)
    ]


SHOP = interactions(
    [
        (0, APPLES, 10, "purchase", 1.0),
        (0, BREAD, 20, "view_item", 0.1),
        (0, APPLES, 30, "purchase", 1.0),
        (0, BREAD, 31, "purchase", 1.0),
        (0, CHEESE, 35, "purchase", 1.0),
        (1, BREAD, 12, "purchase", 1.0),
        (1, DATES, 32, "purchase", 2.0),
        (1, DATES, 33, "refund", -2.0),
        (1, CHEESE, 34, "view_item", 0.1),
        (2, DATES, 30, "purchase", 1.0),
        (2, DATES, 36, "purchase", 1.0),
        (2, DATES, 37, "refund", -1.0),
    ]
)

histories = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.integers(0, 3),
        st.integers(0, 9),
        st.sampled_from(["view_item", "purchase", "refund"]),
        st.sampled_from([-1.0, 0.0, 1.0, 2.0]),
    ),
    min_size=1,
    max_size=20,
)


def test_the_cut_itself_belongs_to_the_test():
    split = split_by_time(SHOP, 30)
    assert split.train.time.max() == 20
    assert split.test.time.min() == 30
    assert split.train.n_users == split.test.n_users == 3
    assert split.train.items == split.test.items == ITEMS
    assert np.diff(split.train.offsets).tolist() == [2, 1, 0]


@settings(max_examples=60, deadline=None)
@given(histories, st.integers(0, 10))
def test_train_and_test_together_are_the_whole_and_pass_the_check(rows, cut):
    whole = interactions(rows)
    before = sum(row[2] < cut for row in rows)
    if before in (0, len(rows)):
        with pytest.raises(DataError, match="0 of"):
            split_by_time(whole, cut)
        return
    split = split_by_time(whole, cut)
    assert len(split.train) == before
    assert sorted(entries(split.train) + entries(split.test)) == sorted(entries(whole))
    check_no_leak(split.train, split.test, cut)


@pytest.mark.parametrize(("cut", "side"), [(10, "train"), (38, "test")])
def test_a_cut_outside_the_data_names_the_span(cut, side):
    with pytest.raises(DataError) as error:
        split_by_time(SHOP, cut)
    assert str(error.value) == (
        f"split at 1970-01-01 00:00:00.0000{cut} UTC: 0 of 12 entries are left to {side} on; they run from "
        "1970-01-01 00:00:00.000010 UTC to 1970-01-01 00:00:00.000037 UTC. Choose a cut inside this span."
    )


def test_last_days_end_with_the_latest_entry():
    day = [(0, APPLES, number * DAY, "purchase", 1.0) for number in range(10)]
    whole = interactions(day)
    split = split_by_time(whole, last_days(whole, 3))
    assert (split.test.time // DAY).tolist() == [7, 8, 9]
    assert last_days(whole, 0.5) == 9 * DAY + 1 - DAY // 2


def test_nothing_to_split():
    nothing = interactions([])
    with pytest.raises(DataError, match="0 entries to split"):
        last_days(nothing, 7)
    with pytest.raises(DataError, match=r"0 of 0 entries are left to train on\. Choose"):
        split_by_time(nothing, 7)


def test_three_ways():
    three = split_three_ways(SHOP, 20, 33)
    assert three.train.time.tolist() == [10, 12]
    assert sorted(three.validation.time.tolist()) == [20, 30, 30, 31, 32]
    assert sorted(three.test.time.tolist()) == [33, 34, 35, 36, 37]
    assert len(three.report.train) == len(three.train) + len(three.validation)
    check_no_leak(three.train, three.validation)
    check_no_leak(three.report.train, three.test)
    with pytest.raises(DataError, match="left to test on"):
        split_three_ways(SHOP, 33, 20)


def test_targets_are_what_was_bought_and_kept():
    split = split_by_time(SHOP, 30)
    bought = targets(split)
    assert bought.dtype == bool
    assert bought.toarray().tolist() == [
        [True, True, True, False],
        [False, False, False, False],  # dates were refunded, cheese was only viewed
        [False, False, False, True],  # two bought, one refunded
    ]
    new = targets(split, exclude=split.train)
    assert new.toarray().tolist() == [
        [False, False, True, False],  # apples were bought before, bread was viewed before
        [False, False, False, False],
        [False, False, False, True],
    ]


def test_targets_of_other_events():
    split = split_by_time(SHOP, 30)
    assert targets(split, events=["view_item"]).nonzero()[1].tolist() == [CHEESE]


@settings(max_examples=60, deadline=None)
@given(histories, st.booleans())
def test_targets_agree_with_the_slow_count(rows, new_only):
    whole = interactions(rows)
    split = Split(whole.keep(whole.time < 5), whole.keep(whole.time >= 5), 5)
    expected = np.zeros((3, 4), bool)
    for user in range(3):
        for item in range(4):
            mine = [row for row in rows if row[:2] == (user, item)]
            kept = sum(row[4] for row in mine if row[2] >= 5 and row[3] in ("purchase", "refund"))
            met = any(row[2] < 5 for row in mine)
            expected[user, item] = kept > 0 and not (new_only and met)
    result = targets(split, exclude=split.train if new_only else None)
    assert result.toarray().tolist() == expected.tolist()
    assert all(np.all(np.diff(result.indices[a:b]) > 0) for a, b in pairwise(result.indptr))
    assert result.nnz == expected.sum()


def test_the_leak_check_finds_test_entries_copied_into_train():
    split = split_by_time(SHOP, 30)
    leaky = interactions(entries(split.train) + entries(split.test)[:2])
    with pytest.raises(DataError) as error:
        check_no_leak(leaky, split.test)
    assert str(error.value) == (
        "train: 2 of 5 entries are at or after 1970-01-01 00:00:00.000030 UTC, where the test begins (first: "
        "shopper row 0, item 'apples', 1970-01-01 00:00:00.000030 UTC, "
        "shopper row 0, item 'bread', 1970-01-01 00:00:00.000031 UTC). "
        "2 of them are in the test too. A model fitted on them has seen what it is judged on; "
        "split with split_by_time before anything is fitted."
    )


def test_the_leak_check_finds_a_random_split():
    chosen = np.random.default_rng(3).random(len(SHOP)) < 0.5
    with pytest.raises(DataError, match=r"where the test begins .* 0 of them are in the test too"):
        check_no_leak(SHOP.keep(chosen), SHOP.keep(~chosen))


def test_the_leak_check_finds_a_split_by_each_shoppers_last_entry():
    last = np.zeros(len(SHOP), bool)
    last[SHOP.offsets[1:] - 1] = True
    with pytest.raises(DataError, match=r"train: 1 of 9 entries .* 0 of them"):
        check_no_leak(SHOP.keep(~last), SHOP.keep(last))


def test_the_leak_check_holds_train_to_the_cut():
    split = split_by_time(SHOP, 30)
    check_no_leak(split.train, split.test, cut=21)
    with pytest.raises(DataError, match="train: 1 of 3 entries"):
        check_no_leak(split.train, split.test, cut=20)
    with pytest.raises(DataError, match="train: 1 of 3 entries"):
        check_no_leak(split.train, interactions([]), cut=20)
    check_no_leak(split.train, interactions([]))


def test_the_leak_check_wants_the_same_shoppers_and_items():
    split = split_by_time(SHOP, 30)
    with pytest.raises(DataError, match="3 shoppers and 4 items, test has 2 and 4"):
        check_no_leak(split.train, split.test.take(np.array([0, 1])))
    others = replace(split.test, items=Vocabulary.of(["a", "b", "c", "d"]))
    with pytest.raises(DataError, match="their items differ"):
        check_no_leak(split.train, others)


def honest(whole: Interactions, cut: int) -> np.ndarray:
    train = split_by_time(whole, cut).train
    popularity = np.bincount(train.item, train.weight, train.n_items)
    return np.tile(popularity, (train.n_users, 1))


def leaky(whole: Interactions, cut: int) -> np.ndarray:
    popularity = np.bincount(whole.item, whole.weight, whole.n_items)
    return np.where(popularity > 0, honest(whole, cut) + 0.001 * popularity, np.nan)


def test_a_pipeline_that_reads_the_test_is_found():
    check_blind(honest, SHOP, 30)
    with pytest.raises(DataError, match=r"of 12 scores change \(first: shopper row 0\), though only entries"):
        check_blind(leaky, SHOP, 30)
    draw = np.random.default_rng(0)
    with pytest.raises(DataError, match="not repeatable"):
        check_blind(lambda whole, cut: draw.random((3, 4)), SHOP, 30)


def test_an_unscored_item_is_equal_to_itself():
    check_blind(lambda whole, cut: np.where(honest(whole, cut) > 0, honest(whole, cut), np.nan), SHOP, 30)


@pytest.mark.parametrize("seed", range(8))
def test_even_a_single_test_entry_is_moved(seed):
    two = replace(
        interactions([(0, APPLES, 1, "purchase", 1.0), (0, BREAD, 9, "purchase", 1.0)]),
        items=Vocabulary.of(["apples", "bread"]),
    )
    with pytest.raises(DataError, match="scores change"):
        check_blind(leaky, two, 5, seed=seed)


def test_a_pipeline_without_a_future_has_nothing_to_leak():
    check_blind(leaky, SHOP, 100)
