"""Simulated shops whose products touch each other."""

import numpy as np
import pytest

from merx.simulate import Simulation


@pytest.fixture(scope="module")
def pair():
    return [
        Simulation(users=200, items=120, days=140, cross_effects=on, seed=3).run().truth
        for on in (False, True)
    ]


def test_substitutes_share_taste_and_category_and_complements_only_taste(pair):
    without, truth = pair
    assert len(without.cross_sold) == 0 and without.cross().nnz == 0
    sold, priced, cross = truth.cross_sold, truth.cross_priced, truth.cross_elasticity
    up = cross > 0
    assert up.sum() > 20 and (~up).sum() >= 2
    assert (truth.item_taste[sold] == truth.item_taste[priced]).all()
    assert ((truth.category[sold] == truth.category[priced]) == up).all()
    share = np.abs(cross / truth.elasticity[sold])
    assert share[up].min() >= 0.1 and share[up].max() <= 0.3 and share[~up].max() <= 0.2
    assert np.bincount(sold[up]).max() <= 2
    touches = truth.cross().toarray() != 0
    assert np.array_equal(touches, touches.T)


def test_units_hang_on_the_prices_of_others(pair):
    _, truth = pair
    move = np.log(truth.price / truth.reference_price[:, None])  # (I, W)
    log_week = truth.elasticity[:, None] * move + truth.cross() @ move + truth.shock
    log_week += np.log(truth.promotion_lift)[:, None] * truth.promotion
    level = truth.base_units[:, None] * truth.trend * truth.holiday * truth.season[truth.category]
    launched = np.arange(140) >= truth.launch[:, None]
    expected = level * np.exp(np.repeat(log_week, 7, axis=1)) * launched
    np.testing.assert_allclose(truth.unconstrained_units, expected, rtol=1e-10)


def test_units_of_the_coming_week_at_prices_that_move_together(pair):
    _, truth = pair
    now = truth.price_now
    np.testing.assert_allclose(truth.weekly_units(now), truth.expected_weekly_units(now[:, None])[:, 0])
    priced = int(truth.cross_priced[0])
    price = now.copy()
    price[priced] *= 1.1
    moved = np.log(truth.weekly_units(price) / truth.weekly_units(now)) / np.log(1.1)
    expected = truth.cross().toarray()[:, priced]
    expected[priced] = truth.elasticity[priced]
    np.testing.assert_allclose(moved, expected, atol=1e-10)
