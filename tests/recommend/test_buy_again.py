"""What is bought again: counts by hand, weights that are found again, the order that a merchant expects."""

import numpy as np
import pytest
from scipy import special

from merx.recommend.buy_again import PRIOR, BuyAgain, _logistic, purchases
from tests.worlds import interactions


def regulars():
    """Eight shoppers who buy a, b, c every ten days; e is bought once by each."""
    rows = [(u, i, 1.0, day) for u in range(1, 9) for i in "abc" for day in range(0, 100, 10)]
    return rows + [(u, "e", 1.0, 50) for u in range(1, 9)]


def test_purchases_of_one_day_count_once_and_what_was_sent_back_does_not():
    rows = [(0, "a", 1.0, 3), (0, "a", 1.0, 3), (0, "a", 1.0, 9), (1, "b", 1.0, 4), (1, "b", -1.0, 5)]
    found = purchases(interactions(rows, ["a", "b"], 2))
    assert (found.user.tolist(), found.item.tolist()) == ([0], [0])
    assert (found.count.tolist(), found.last.tolist()) == ([2.0], [9.0])


def test_items_are_described_by_hand():
    rows = [(0, "a", 1.0, 0), (0, "a", 1.0, 10), (1, "a", 1.0, 10), (1, "b", 1.0, 20)]
    model = BuyAgain(half_life=10.0).fit(interactions(rows, ["a", "b", "c"], 2))
    np.testing.assert_allclose(model.sales, [0.25 + 0.5 + 0.5, 1.0, 0.0])
    share = (1 + 1) / (3 + 2)  # one of three pairs, drawn to a half
    np.testing.assert_allclose(model.repeat, [(1 + 10 * share) / 12, (0 + 10 * share) / 11, share])


def test_weights_are_found_again():
    rng = np.random.default_rng(0)
    truth = np.array([-2.0, 1.5, -0.8, 0.3, 0.6])
    x = np.column_stack([np.ones(40_000), rng.normal(0, 1, (40_000, 4))])
    found = _logistic(x, rng.random(40_000) < special.expit(x @ truth))
    np.testing.assert_allclose(found, truth, atol=0.06)
    np.testing.assert_array_equal(_logistic(np.empty((0, 5)), np.empty(0, bool)), PRIOR)


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ([(0, "a", 1.0, 70), (0, "a", 1.0, 80)], [(0, "b", 1.0, 80)]),  # more often
        ([(0, "a", 1.0, 80)], [(0, "b", 1.0, 20)]),  # more lately
        ([(0, "a", 1.0, 50)], [(0, "e", 1.0, 50)]),  # what others buy again
    ],
)
def test_what_goes_first(better, worse):
    histories = interactions([*regulars(), *better, *worse], list("abce"), 9)
    score = BuyAgain().fit(histories).score(histories)[0]
    codes = histories.items.codes([better[0][1], worse[0][1]])
    assert score[codes[0]] > score[codes[1]] > 0
    assert np.isneginf(np.delete(score, codes)).all()  # what was never bought is not bought again


def test_each_product_is_its_own_reason():
    histories = interactions([(0, i, 1.0, day) for i in "ab" for day in (0, 9)], ["a", "b"], 1)
    model = BuyAgain().fit(histories)
    why = model.explain(histories, np.array([1, 0]))
    np.testing.assert_allclose(why.part.sum(axis=1), model.score(histories)[0][[1, 0]])
    assert (why.part > 0).tolist() == [[False, True], [True, False]]
