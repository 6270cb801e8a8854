"""What is bought again: the published rate, by hand, and the order that a merchant expects."""

import numpy as np

from merx.recommend.buy_again import STRENGTH, BuyAgain, purchases
from tests.worlds import interactions


def test_purchases_of_one_day_count_once_and_what_was_sent_back_does_not():
    rows = [(0, "a", 1.0, 3), (0, "a", 1.0, 3), (0, "a", 1.0, 9), (1, "b", 1.0, 4), (1, "b", -1.0, 5)]
    found = purchases(interactions(rows, ["a", "b"], 2))
    assert found.item.tolist() == [0] and found.count.tolist() == [2.0]
    assert (found.first.tolist(), found.last.tolist()) == ([3.0], [9.0])


def test_the_rate_by_hand():
    rows = [(0, "a", 1.0, day) for day in (0, 10, 20)] + [(1, "a", 1.0, 0), (1, "b", 1.0, 26)]
    histories = interactions(rows, ["a", "b"], 2)
    model = BuyAgain(alpha=2.0, days=7.0).fit(histories)
    # the shop: 2 intervals over 20 days; 1 of 3 pairs of shopper and product bought again
    interval, repeat = (20 + STRENGTH * 10) / (2 + STRENGTH), (1 + STRENGTH / 3) / (2 + STRENGTH)
    np.testing.assert_allclose([model.interval[0], model.repeat[0]], [interval, repeat], rtol=1e-6)
    beta = 2 * interval
    lasts = (20 + beta) / (2 + 2)  # days until this shopper is expected again
    assert lasts == 10
    rate = (3 + 2) / (20 + 2 * abs(lasts - 6) + beta)  # 6 days since the last purchase
    np.testing.assert_allclose(model.score(histories)[0, 0], repeat * (1 - np.exp(-7 * rate)), rtol=1e-5)
    late = (1 + 2) / (0 + 26 + beta)  # shopper 1 is past twice the interval: the plain rate
    np.testing.assert_allclose(model.score(histories)[1, 0], repeat * (1 - np.exp(-7 * late)), rtol=1e-5)
    assert np.isneginf(model.score(histories)[0, 1])


def test_what_is_due_goes_before_what_was_just_bought_and_what_is_overdue_for_long():
    rows = [(u, i, 1.0, day) for u in range(1, 9) for i in "abc" for day in (0, 30, 60, 90)]
    rows += [(0, "a", 1.0, 5), (0, "b", 1.0, 70), (0, "c", 1.0, 98), (9, "d", 1.0, 100)]
    histories = interactions(rows, ["a", "b", "c", "d"], 10)
    score = BuyAgain().fit(histories).score(histories)[0]
    assert score[1] > score[2] > score[0] > -np.inf


def test_a_shop_without_repeats_offers_nothing():
    histories = interactions([(0, "a", 1.0, 1), (1, "b", 1.0, 2)], ["a", "b"], 2)
    assert np.isneginf(BuyAgain().fit(histories).score(histories)).all()


def test_each_product_is_its_own_reason():
    rows = [(0, i, 1.0, day) for i in "ab" for day in (0, 9)]
    histories = interactions(rows, ["a", "b"], 1)
    model = BuyAgain().fit(histories)
    why = model.explain(histories, np.array([1, 0]))
    np.testing.assert_allclose(why.part.sum(axis=1), model.score(histories)[0][[1, 0]])
    assert (why.part > 0).tolist() == [[False, True], [True, False]]
