"""The price responses beside the hierarchical one, against worlds whose demand is known."""

from dataclasses import replace

import numpy as np
import pytest

from merx.errors import ConfigError, FitError
from merx.evaluate.pricing import elasticity_error
from merx.price.literature_prior import LiteraturePrior
from merx.price.naive_log_log import NaiveLogLog

from .worlds import World, make_world


@pytest.fixture(scope="module")
def world() -> World:
    return make_world("random", seed=1, items=60, categories=4)


def best_price(model, panel):
    """The price within 20 % of today's that the model expects most profit of."""
    price = panel.price_now[:, None] * np.linspace(0.8, 1.2, 401)
    profit = model.demand(price) * (price - panel.cost[:, None])
    return np.take_along_axis(price, profit.argmax(axis=1)[:, None], axis=1)[:, 0]


def test_the_literature_prior_charges_by_the_rule_of_lerner(world):
    panel = world.panel
    model = LiteraturePrior(spread=0.0).fit(panel)
    lerner = panel.cost * 2.6 / 1.6  # the most profitable price at an elasticity of -2.6
    within = np.abs(lerner / panel.price_now - 1) < 0.19
    assert within.any()
    np.testing.assert_allclose(best_price(model, panel)[within], lerner[within], rtol=2e-3)
    spread = LiteraturePrior().fit(panel).elasticity
    assert abs(spread.mean() + 2.6) < 0.05 and abs(spread.std() - 1.1) < 0.05


def test_the_level_is_that_of_the_last_weeks_at_the_reference_price(world):
    panel = world.panel
    ratio = panel.price / panel.price_now[panel.item]
    weekly = np.where(panel.week >= 96, 40.0, 10.0) * ratio**-2.6 * panel.available
    model = LiteraturePrior(spread=0.0).fit(replace(panel, units=weekly))
    np.testing.assert_allclose(model.demand(panel.price_now[:, None]), 40.0, rtol=0.2)


def test_naive_slopes_are_those_of_least_squares(world):
    panel = world.panel
    model = NaiveLogLog().fit(panel)
    for i in (0, 17, 42):
        rows = (panel.item == i) & (panel.available >= 0.5)
        slope, _ = np.polyfit(np.log(panel.price[rows]), np.log1p(panel.units[rows]), 1)
        assert np.median(model.elasticity[:, i]) == pytest.approx(slope, abs=0.05)


def test_naive_slopes_lie_where_prices_follow_demand_and_the_prior_does_not():
    world = make_world("follows_demand", seed=1)
    naive = NaiveLogLog().fit(world.panel)
    assert elasticity_error(naive.elasticity.mean(axis=0), world.elasticity).bias > 0.8
    earned, bar = (
        world.profit(best_price(model, world.panel)[:, None]).sum()
        for model in (naive, LiteraturePrior().fit(world.panel))
    )
    assert earned < 0.95 * bar


def test_a_product_whose_price_never_moved_takes_the_mean_slope(world):
    panel = world.panel
    still = panel.item == 3
    price = np.where(still, panel.price_now[3], panel.price)
    model = NaiveLogLog().fit(replace(panel, price=price))
    others = np.delete(model.elasticity.mean(axis=0), 3)
    assert model.elasticity[:, 3].mean() == pytest.approx(others.mean(), abs=0.1)
    with pytest.raises(FitError, match="No price moved"):
        NaiveLogLog().fit(replace(panel, price=panel.price_now[panel.item]))


def test_settings_out_of_range_are_refused(world):
    for config, words in (
        (LiteraturePrior(elasticity=0.5), "elasticity is 0.5"),
        (LiteraturePrior(spread=-1.0), "spread is -1"),
        (NaiveLogLog(draws=1), "draws is 1"),
    ):
        with pytest.raises(ConfigError, match=words):
            config.fit(world.panel)
