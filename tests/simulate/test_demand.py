from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from merx.simulate import Simulation
from merx.simulate.calendar import draw_calendar
from merx.simulate.demand import draw_demand, draw_shocks, next_shock
from merx.simulate.prices import PRICE_POLICIES
from merx.simulate.world import draw_world


def units(shop, events):
    """Units bought (I, D)."""
    bought = events[events["event"] == "purchase"]
    total = np.zeros(shop.truth.expected_units.shape)
    np.add.at(total, (bought["item"], bought["day"]), bought["quantity"])
    return total


def test_units_bought_match_the_expected_units(shop, events):
    """Poisson: the squared z-scores of items, and of days, have mean 1."""
    bought, expected = units(shop, events), shop.truth.expected_units
    assert bought.sum() == pytest.approx(expected.sum(), abs=4 * np.sqrt(expected.sum()))
    for axis in (0, 1):
        mean = expected.sum(axis=axis)
        z = (bought.sum(axis=axis) - mean)[mean > 5] / np.sqrt(mean[mean > 5])
        assert (z**2).mean() == pytest.approx(1.0, abs=5 * np.sqrt(2 / z.size))


def test_nothing_is_bought_without_stock(shop, events):
    truth = shop.truth
    assert (units(shop, events)[~truth.available] == 0).all()
    assert (truth.expected_units[~truth.available] == 0).all()
    assert (truth.expected_units == truth.unconstrained_units * truth.available).all()
    launched = np.arange(364) >= truth.launch[:, None]
    out = launched & ~truth.available
    assert 0.02 < out.sum() / launched.sum() < 0.06
    assert (truth.unconstrained_units[out] > 0).all()


def test_expected_units_are_the_product_of_their_parts(shop):
    truth = shop.truth
    week = np.arange(364) // 7
    level = truth.base_units[:, None] * truth.trend * truth.holiday * truth.season[truth.category]
    response = (truth.price / truth.reference_price[:, None]) ** truth.elasticity[:, None]
    lift = np.where(truth.promotion, truth.promotion_lift[:, None], 1.0)
    whole = level * (response * lift * np.exp(truth.shock))[:, week] * truth.available
    np.testing.assert_allclose(truth.expected_units, whole)


def poisson_slopes(count, covariate, offset):
    """Slope (I,) and its information (I,) of a Poisson regression per row, by Newton's method."""
    intercept, slope = np.zeros((len(count), 1)), np.full((len(count), 1), -2.0)
    for _ in range(30):
        mean = offset * np.exp(intercept + slope * covariate)
        a, b, c = ((mean * covariate**k).sum(axis=1, keepdims=True) for k in range(3))
        g = (count - mean).sum(axis=1, keepdims=True)
        h = ((count - mean) * covariate).sum(axis=1, keepdims=True)
        intercept, slope = (
            intercept + (c * g - b * h) / (a * c - b * b),
            slope + (a * h - b * g) / (a * c - b * b),
        )
    return slope[:, 0], (c - b * b / a)[:, 0]


def test_random_prices_reveal_the_elasticities(shop, events):
    truth = shop.truth
    week = np.arange(364) // 7
    price = np.log(truth.price / truth.reference_price[:, None])[:, week]
    offset = truth.trend * truth.holiday * truth.season[truth.category]
    offset *= truth.available * np.where(truth.promotion, truth.promotion_lift[:, None], 1.0)[:, week]
    old = truth.launch < 180
    slope, information = poisson_slopes(units(shop, events)[old], price[old], offset[old])
    truly = np.average(truth.elasticity[old], weights=information)
    assert np.average(slope, weights=information) == pytest.approx(truly, abs=0.15)
    assert np.corrcoef(slope, truth.elasticity[old])[0, 1] > 0.4


def price_shock_correlation(policy, lag=0):
    truth = Simulation(users=1000, items=100, price_policy=policy).run().truth
    price = np.log(truth.price / truth.reference_price[:, None])
    price = np.where(truth.promotion, np.nan, price)[:, lag:]
    shock = truth.shock[:, : price.shape[1]]
    told = ~np.isnan(price)
    return np.corrcoef(price[told], shock[told])[0, 1]


def test_which_policies_are_confounded():
    assert abs(price_shock_correlation("random")) < 0.06
    assert abs(price_shock_correlation("few_changes")) < 0.06
    assert price_shock_correlation("follows_demand") > 0.6
    assert price_shock_correlation("follows_last_week", lag=1) > 0.1


def test_elasticities_are_heterogeneous_around_the_published_mean():
    elasticity = Simulation(users=1, items=3000, days=1).run().truth.elasticity
    assert elasticity.mean() == pytest.approx(-2.6, abs=0.2)
    assert elasticity.std() == pytest.approx(0.6, abs=0.1)
    assert elasticity.max() <= -1.05


@pytest.mark.parametrize("policy", PRICE_POLICIES)
def test_the_best_prices_within_a_fifth_earn_about_an_eighth_more(policy):
    gains = []
    for seed in range(4):
        truth = Simulation(users=20, items=200, seed=seed, price_policy=policy).run().truth
        now = truth.price_now[:, None]
        best = truth.best_prices(now * np.linspace(0.8, 1.2, 81))
        gains.append(truth.profit(best[:, None]).sum() / truth.profit(now).sum() - 1)
        assert (truth.price_now >= truth.cost_now).all()
    assert 0.08 < np.mean(gains) < 0.25


def test_the_best_price_without_limits_is_the_textbook_one():
    truth = Simulation(users=20, items=50, seed=2).run().truth
    grid = truth.cost_now[:, None] * np.linspace(1.01, 25, 20_000)
    optimal = truth.cost_now * truth.elasticity / (truth.elasticity + 1)
    np.testing.assert_allclose(truth.best_prices(grid), optimal, rtol=2e-3)


def test_next_shock_is_the_expectation_given_the_last():
    shock = draw_shocks(200_000, 3, np.random.default_rng(0))
    np.testing.assert_allclose(np.exp(shock).mean(axis=0), 1.0, atol=0.005)
    told = next_shock(shock[:, 1], days=14)[:, 0]
    for low, high in ((-1.0, -0.3), (-0.3, 0.0), (0.0, 0.3), (0.3, 1.0)):
        here = (shock[:, 1] > low) & (shock[:, 1] < high)
        assert np.exp(shock[here, 2]).mean() == pytest.approx(told[here].mean(), rel=0.01)


def test_a_week_not_over_keeps_its_shock():
    last = np.array([0.3, -0.2])
    factor = next_shock(last, days=10)  # days 10 to 13 belong to the week of day 9
    np.testing.assert_allclose(factor[:, :4], np.exp(last)[:, None].repeat(4, axis=1))
    np.testing.assert_allclose(factor[:, 4:], next_shock(last, days=14)[:, :3])


def test_black_friday_and_christmas_fall_on_their_days():
    calendar = draw_calendar(date(2024, 1, 1), 366, np.random.default_rng(0))
    peak = date(2024, 1, 1).toordinal() + int(calendar.holiday.argmax())
    assert date.fromordinal(peak) == date(2024, 11, 29)
    assert calendar.holiday[date(2024, 12, 25).timetuple().tm_yday - 1] == 0.5


def test_next_units_continue_the_span():
    """The level of the week after 28 days is that of the last week of 35 days of the same world."""
    world = replace(draw_world(100, 30, 28, np.random.default_rng(0)), launch=np.zeros(30, np.int32))
    short, long = (
        draw_demand(world, date(2024, 11, 1), days, "random", False, np.random.default_rng(1))
        for days in (28, 35)
    )
    response = (long.price[:, -1] / world.reference_price) ** world.elasticity * np.exp(long.shock[:, -1])
    level = long.unconstrained_units[:, -7:].sum(axis=1) / response
    told = short.next_units / next_shock(short.shock[:, -1], 28)[:, 0]
    np.testing.assert_allclose(told, level)
