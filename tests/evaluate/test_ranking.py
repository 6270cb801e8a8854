import math
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from merx.data.interactions import Interactions
from merx.data.results import Ranking
from merx.data.schema import EVENT_CODE
from merx.data.vocabulary import Vocabulary
from merx.errors import DataError
from merx.evaluate.ranking import (
    LABELS,
    METRICS,
    conservative,
    conservative_ranks,
    coverage,
    debiased_recall,
    hits,
    long_tail,
    novelty,
    score_ranking,
    tail_recall,
    tied_share,
)
from merx.evaluate.verdict import Comparison

# One shopper, k = 5: hits at places 1 and 3 of the list, three targets.
LIST = np.array([[7, 2, 5, 0, 9]], np.int32)
THREE = [{7, 5, 4}]


def csr(wanted: Sequence[set[int]], n_items: int = 10) -> sparse.csr_array:
    dense = np.zeros((len(wanted), n_items), bool)
    for user, items in enumerate(wanted):
        dense[user, list(items)] = True
    return sparse.csr_array(dense)


def vocabulary(n_items: int) -> Vocabulary:
    return Vocabulary.of([f"{code:03d}" for code in range(n_items)])


def purchases(histories: Sequence[Sequence[int]], n_items: int) -> Interactions:
    length = [len(history) for history in histories]
    total = sum(length)
    return Interactions(
        offsets=np.concatenate([[0], np.cumsum(length)]).astype(np.int64),
        item=np.array([code for history in histories for code in history], np.int32),
        weight=np.ones(total, np.float32),
        time=np.arange(total, dtype=np.int64),
        event=np.full(total, EVENT_CODE["purchase"], np.int8),
        items=vocabulary(n_items),
    )


# The slow references: one shopper, the textbook's sums.


def slow(name: str, listed: list[int], wanted: set[int]) -> float:
    k = len(listed)
    if not wanted:
        return math.nan
    places = [place for place, code in enumerate(listed, start=1) if code in wanted]
    if name == "precision":
        return len(places) / k
    if name == "recall":
        return len(places) / len(wanted)
    if name == "hit_rate":
        return 1.0 if places else 0.0
    if name == "mrr":
        return 1 / places[0] if places else 0.0
    if name == "map":
        total = sum(sum(other <= place for other in places) / place for place in places)
        return total / min(k, len(wanted))
    best = sum(1 / math.log2(place + 1) for place in range(1, min(k, len(wanted)) + 1))
    return sum(1 / math.log2(place + 1) for place in places) / best


@st.composite
def worlds(draw: st.DrawFn) -> tuple[np.ndarray, list[set[int]]]:
    users, k = draw(st.integers(1, 4)), draw(st.integers(1, 6))
    rows, wanted = [], []
    for _ in range(users):
        listed = draw(st.lists(st.integers(0, 9), max_size=k, unique=True))
        rows.append(listed + [-1] * (k - len(listed)))
        wanted.append(draw(st.sets(st.integers(0, 9), max_size=5)))
    return np.array(rows, np.int32), wanted


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("precision", 2 / 5),
        ("recall", 2 / 3),
        ("hit_rate", 1),
        ("mrr", 1),
        ("map", (1 / 1 + 2 / 3) / 3),
        # gains 1/log2(2) + 1/log2(4) = 1.5; the best, 1 + 0.6309 + 0.5 = 2.1309
        ("ndcg", 0.70392),
    ],
)
def test_by_hand(name, expected):
    assert METRICS[name](LIST, csr(THREE)) == pytest.approx([expected], abs=1e-5)


@pytest.mark.parametrize("name", METRICS)
@settings(max_examples=60, deadline=None)
@given(worlds())
def test_measures_agree_with_the_slow_reference_and_stay_in_0_to_1(name, world):
    item, wanted = world
    result = METRICS[name](item, csr(wanted))
    expected = [slow(name, list(row), mine) for row, mine in zip(item.tolist(), wanted, strict=True)]
    np.testing.assert_allclose(result, expected, rtol=1e-12)
    known = result[~np.isnan(result)]
    assert ((known >= 0) & (known <= 1)).all()


@pytest.mark.parametrize("name", METRICS)
@settings(max_examples=30, deadline=None)
@given(worlds(), st.randoms(use_true_random=False))
def test_permuting_shoppers_permutes_the_measures(name, world, random):
    item, wanted = world
    order = list(range(len(item)))
    random.shuffle(order)
    moved = METRICS[name](item[order], csr([wanted[user] for user in order]))
    np.testing.assert_array_equal(moved, METRICS[name](item, csr(wanted))[order])


@pytest.mark.parametrize("name", METRICS)
@settings(max_examples=60, deadline=None)
@given(worlds(), st.data())
def test_a_hit_moved_down_never_scores_higher(name, world, data):
    item, wanted = world
    hit = hits(item, csr(wanted))
    worse = item.copy()
    user = data.draw(st.integers(0, len(item) - 1))
    high = data.draw(st.integers(0, item.shape[1] - 1))
    low = data.draw(st.integers(high, item.shape[1] - 1))
    if hit[user, high] and not hit[user, low]:
        worse[user, [high, low]] = item[user, [low, high]]
    before, after = METRICS[name](item, csr(wanted)), METRICS[name](worse, csr(wanted))
    assert (np.isnan(before) | (after <= before + 1e-12)).all()


@pytest.mark.parametrize("name", METRICS)
@given(k=st.integers(1, 6))
@settings(max_examples=10, deadline=None)
def test_a_perfect_list_scores_1(name, k):
    item = np.arange(k, dtype=np.int32)[None]
    assert METRICS[name](item, csr([set(range(k))])).tolist() == pytest.approx([1])


def test_a_list_shorter_than_the_targets_cannot_recall_all_but_orders_perfectly():
    item, targets = np.array([[0, 1]], np.int32), csr([{0, 1, 2, 3}])
    assert METRICS["recall"](item, targets).tolist() == [0.5]
    for name in ("ndcg", "map", "precision", "mrr", "hit_rate"):
        assert METRICS[name](item, targets).tolist() == [1]


def test_padding_is_never_a_hit():
    # with 10 items, code -1 of row 1 would fall on the last item of row 0
    item = np.array([[0, 1], [-1, -1]], np.int32)
    assert not hits(item, csr([{9}, {3}])).any()


def test_every_measure_has_a_label():
    assert LABELS.keys() == METRICS.keys()


def test_coverage_by_hand():
    item = np.array([[0, 1], [1, -1], [-1, -1]], np.int32)
    assert coverage(item, 8) == 2 / 8
    assert coverage(item[2:], 8) == 0


def test_novelty_by_hand():
    # shoppers who met them: 3, 1, 0, 0; with one added each 4, 2, 1, 1 of 8: 1, 2, 3 and 3 bits
    train = purchases([[0, 0, 1], [0], [0]], 4)
    assert novelty(np.array([[0, 1], [2, -1]]), train) == pytest.approx((1 + 2 + 3) / 3)
    assert math.isnan(novelty(np.array([[-1]]), train))


def test_tied_share_by_hand():
    nan = math.nan
    score = np.array([[3, 2, 2], [3, 3, 2], [2, 2, 2], [1, nan, nan]])
    assert tied_share(score, 2) == 2 / 4
    assert tied_share(score, 1) == 2 / 4


def slow_rank(scores: list[float], item: int, excluded: set[int]) -> int:
    shown = {code: score for code, score in enumerate(scores) if code not in excluded and score > -math.inf}
    if item not in shown:
        return len(scores) + 1
    return sum(score >= shown[item] for score in shown.values())


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_conservative_ranks_agree_with_the_slow_reference(data):
    level = st.sampled_from([-math.inf, math.nan, -1.0, 0.0, 1.0, 2.0])
    scores = np.array(data.draw(st.lists(st.lists(level, min_size=6, max_size=6), min_size=1, max_size=4)))
    some = st.lists(st.sets(st.integers(0, 5)), min_size=len(scores), max_size=len(scores))
    wanted, excluded = data.draw(some), data.draw(some)
    given_scores = scores.copy()
    ranks = conservative_ranks(scores, csr(wanted, 6), csr(excluded, 6))
    expected = [
        slow_rank(scores[user].tolist(), item, excluded[user])
        for user, mine in enumerate(wanted)
        for item in sorted(mine)
    ]
    assert ranks.tolist() == expected
    np.testing.assert_array_equal(scores, given_scores)


def test_conservative_ranks_in_many_blocks(monkeypatch):
    draw = np.random.default_rng(5)
    scores, targets = draw.integers(0, 4, (9, 7)).astype(float), sparse.csr_array(draw.random((9, 7)) < 0.5)
    whole = conservative_ranks(scores, targets)
    monkeypatch.setattr("merx.evaluate.ranking.BLOCK", 4)
    np.testing.assert_array_equal(conservative_ranks(scores, targets), whole)


def test_a_constant_scorer_cannot_look_good():
    # the targets have the lowest codes, so ties broken by code would make the constant perfect
    targets = csr([{0}, {0, 1}])
    lucky = np.array([[0, 1, 2], [0, 1, 2]], np.int32)
    assert METRICS["ndcg"](lucky, targets).tolist() == [1, 1]
    ranks = conservative_ranks(np.ones((2, 10)), targets)
    assert ranks.tolist() == [10, 10, 10]
    for value in conservative(ranks, targets, 3).values():
        assert value.tolist() == [0, 0]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_without_ties_the_conservative_measures_are_the_plain_ones(data):
    order = [data.draw(st.permutations(range(6))) for _ in range(3)]
    wanted = data.draw(st.lists(st.sets(st.integers(0, 5)), min_size=3, max_size=3))
    k = data.draw(st.integers(1, 6))
    scores = np.empty((3, 6))
    for user, listed in enumerate(order):
        scores[user, listed] = np.arange(6, 0, -1)
    targets = csr(wanted, 6)
    result = conservative(conservative_ranks(scores, targets), targets, k)
    item = np.array(order, np.int32)[:, :k]
    for name, value in result.items():
        np.testing.assert_allclose(value, METRICS[name](item, targets), rtol=1e-12)


def test_score_ranking():
    train = purchases([[0], [0, 1], [2]], 4)
    ranking = Ranking(
        np.array([[1, 2, 3], [2, 3, -1], [0, 1, 3]], np.int32),
        np.array([[0.5, 0.25, 0.25], [2, 1, np.nan], [1, 0.5, 0.25]], np.float32),
        train.items,
    )
    result = score_ranking(ranking, csr([{2}, set(), {0, 1}], 4), train, 2)
    assert (result.k, result.users, result.without_targets) == (2, 2, 1)
    assert result.user.tolist() == [0, 2]
    assert result.per_user["ndcg"].tolist() == pytest.approx([1 / math.log2(3), 1])
    assert result.mean("mrr") == 0.75
    assert result.standard_error("mrr") == pytest.approx(0.25)  # sqrt(0.125) / sqrt(2)
    assert result.coverage == 1  # the list of the shopper without a target counts here
    assert result.tied == pytest.approx(1 / 3)
    assert math.isnan(score_ranking(ranking, csr([{2}, set(), set()], 4), train, 3).tied)


def test_recall_beyond_the_head_by_hand():
    # item 0 was met by four, items 1 to 4 by one each: the fifth that most met is item 0 alone
    train = purchases([[0, 1], [0, 2], [0, 3], [0, 4], []], 6)
    assert long_tail(train).tolist() == [False, True, True, True, True, True]
    item = np.array([[0, 5], [0, 1]], np.int32)
    targets = csr([{0, 5}, {0, 2}], 6)
    # in the tail the first shopper's 5 is found, the second's 2 is not
    assert tail_recall(item, targets, train) == 0.5
    # weights: item 0 one half, items 2 and 5 one; found 0, 5 and 0 of 0, 5, 0, 2
    assert debiased_recall(item, targets, train) == pytest.approx((0.5 + 1 + 0.5) / 3)
    assert math.isnan(tail_recall(item, csr([{0}, {0}], 6), train))


def test_scores_as_a_table():
    train = purchases([[0], [1]], 2)
    ranking = Ranking(np.array([[0], [1]], np.int32), np.ones((2, 1), np.float32), train.items)
    table = score_ranking(ranking, csr([{0}, {0}], 2), train, 1).to_table()
    beyond = ["tail_recall", "debiased_recall"]
    assert table["metric"].to_pylist() == [*METRICS, *beyond, "coverage", "novelty", "tied"]
    assert table["value"].to_pylist()[:6] == [0.5] * 6
    assert table["standard_error"].to_pylist() == pytest.approx([0.5] * 6 + [None] * 5)
    assert set(table["k"].to_pylist()) == {1}


def test_one_shopper_has_no_standard_error():
    train = purchases([[0]], 2)
    ranking = Ranking(np.array([[0]], np.int32), np.ones((1, 1), np.float32), train.items)
    assert math.isnan(score_ranking(ranking, csr([{0}], 2), train, 1).standard_error("ndcg"))


def test_what_cannot_be_scored():
    train = purchases([[0], [1]], 3)
    good = np.array([[0, 1], [1, 2]], np.int32)
    score = np.ones((2, 2), np.float32)
    with pytest.raises(DataError, match="0 of 2 shoppers have a target"):
        score_ranking(Ranking(good, score, train.items), csr([set(), set()], 3), train, 2)
    twice = Ranking(np.array([[-1, -1], [1, 1]], np.int32), score, train.items)
    with pytest.raises(DataError, match=r"1 of 2 lists name an item twice \(first: shopper row 1\)"):
        score_ranking(twice, csr([{0}, {1}], 3), train, 2)
    with pytest.raises(DataError, match=r"2 lists of 2 out of 3 items .* k = 3"):
        score_ranking(Ranking(good, score, train.items), csr([{0}, {1}], 3), train, 3)
    with pytest.raises(DataError, match=r"targets of shape \(1, 3\)"):
        score_ranking(Ranking(good, score, train.items), csr([{0}], 3), train, 2)
    with pytest.raises(DataError, match="the same item vocabulary"):
        score_ranking(Ranking(good, score, vocabulary(4)), csr([{0}, {1}], 4), train, 2)


def test_the_measure_is_named_as_readers_know_it():
    verdict = Comparison("als", "popularity", "hit_rate", 5, 1234, 0.02, 0.01)
    assert verdict.sentence == "als beats popularity by 0.020 ± 0.010 hit rate@5 (1,234 shoppers)."


def test_the_example_of_the_documentation(capsys):
    page = Path(__file__).parents[2] / "docs" / "explanation" / "evaluation.md"
    (example,) = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    # each shopper keeps to one of four families of ten items
    draw, day = np.random.default_rng(0), 86_400_000_000
    histories = [draw.integers(0, 10, 8) + 10 * (user % 4) for user in range(60)]
    times = np.tile(np.arange(8) * 10 * day, len(histories))
    interactions = replace(purchases(histories, 40), time=times)
    exec(example, {"interactions": interactions})
    assert re.fullmatch(
        r"item_knn beats popularity by .* NDCG@10 \(\d+ shoppers\)\.\n", capsys.readouterr().out
    )
