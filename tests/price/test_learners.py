"""The price responses beside the hierarchical one, against worlds whose demand is known."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy.optimize import minimize
from scipy.stats import multivariate_normal

from merx.data.panel import PricePanel, distinct_prices
from merx.data.vocabulary import Vocabulary
from merx.errors import ConfigError, FitError
from merx.evaluate.pricing import elasticity_error
from merx.price.boosted_response import TOLD, BoostedResponse
from merx.price.curve import STEP, DemandCurve
from merx.price.double_ml import DoubleML
from merx.price.literature_prior import LiteraturePrior
from merx.price.naive_log_log import NaiveLogLog
from merx.price.rows import NAMES, PRICE, Rows
from merx.price.shrink import _fit
from merx.price.svr_response import SVRResponse, fit_svr
from merx.price.tree_response import TreeResponse

from .worlds import World, make_world


@pytest.fixture(scope="module")
def world() -> World:
    return make_world("random", seed=1, items=60, categories=4)


def best_price(model, panel):
    """The price within 20 % of today's that the model expects most profit of."""
    price = panel.price_now[:, None] * np.linspace(0.8, 1.2, 401)
    profit = model.demand(price) * (price - panel.cost[:, None])
    return np.take_along_axis(price, profit.argmax(axis=1)[:, None], axis=1)[:, 0]


JUICE = Path(os.environ.get("MERX_DATA", "../shared/data")) / "oj_dominicks/oj_large_reconstructed.parquet"


@pytest.mark.skipif(not JUICE.exists(), reason="MERX_DATA does not hold oj_dominicks")
def test_the_published_elasticities_of_three_juices_are_met_to_three_decimals():
    """Dominick's, 64 ounces: log units on log price by least squares, brand by brand, all stores and weeks.

    The weeks of 83 stores stand one after the other, as if they were those of one product.
    """
    table = pq.read_table(JUICE, columns=["brand", "logmove", "price"]).sort_by("brand")
    brands, item = np.unique(table["brand"].to_pylist(), return_inverse=True)
    offsets = np.searchsorted(item, np.arange(len(brands) + 1))
    price = table["price"].to_numpy()
    panel = PricePanel(
        items=Vocabulary.of(brands.tolist()),
        category=np.zeros(len(brands), dtype=np.int32),
        categories=Vocabulary.of(["orange juice"]),
        offsets=offsets,
        week=(np.arange(len(item)) - offsets[item]).astype(np.int32),
        units=np.expm1(table["logmove"].to_numpy()),  # the learner takes log(1 + units)
        price=price,
        promotion=np.zeros(len(item)),
        available=np.ones(len(item)),
        cost=np.full(len(brands), np.nan),
        price_now=price[offsets[1:] - 1],
        distinct_prices=distinct_prices(item, price, len(brands)),
        start=7_196,  # 14 September 1989
    )
    found = NaiveLogLog().fit(panel).elasticity.mean(axis=0)
    published = {"dominicks": -3.378, "minute.maid": -3.321, "tropicana": -2.712}
    assert dict(zip(brands.tolist(), found.round(3).tolist(), strict=True)) == published


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
        (DoubleML(folds=1), "folds is 1"),
        (TreeResponse(leaves=1), "leaves is 1"),
        (BoostedResponse(learning_rate=0.0), "learning_rate is 0"),
        (SVRResponse(gamma=0.0), "gamma is 0"),
    ):
        with pytest.raises(ConfigError, match=words):
            config.fit(world.panel)


def test_rows_know_the_past_alone_and_leave_stock_outs_out(world):
    panel = world.panel
    rows = Rows.of(panel)
    assert len(rows.units) == (panel.available >= 0.5).sum()
    units = panel.units.copy()
    for i in range(panel.n_items):  # the same sales in another order, from week 50 on: levels stay
        later = (panel.item == i) & (panel.week >= 50) & (panel.available >= 0.5)
        units[later] = units[later][::-1]
    changed = Rows.of(replace(panel, units=units))
    early = rows.week < 50
    np.testing.assert_allclose(changed.X[early], rows.X[early])
    assert not np.allclose(changed.X[~early], rows.X[~early])
    week = (rows.item == 3) & (rows.week == 20)
    before = (rows.item == 3) & (rows.week == 19)
    expected = rows.usual[before] * np.exp(-2.6 * rows.X[before, PRICE])
    lag = np.log((rows.units[before] + 0.5) / (expected + 0.5))
    np.testing.assert_allclose(rows.X[week, NAMES.index("lag_1")], lag)
    np.testing.assert_array_equal(rows.ahead[:, NAMES.index("promotion")], 0.0)


def test_a_curve_is_straight_between_its_points_and_never_rises():
    items, now = Vocabulary.of(["a", "b"]), np.array([10.0, 20.0])
    power = -2.0 * STEP + np.array([[[1.0], [2.0]]])  # one draw of two items
    bumpy = np.where(np.arange(len(STEP)) == 30, power + 5.0, power)
    curve = DemandCurve.of(items, now, power)
    prices = now[:, None] * np.array([0.5, 0.913, 1.0, 1.707, 2.0])
    np.testing.assert_allclose(
        curve.draws(prices), np.exp(power[:, :, [36]]) * (prices / now[:, None]) ** -2, rtol=1e-5
    )
    assert (np.diff(DemandCurve.of(items, now, bumpy).log_units, axis=2) <= 0).all()
    np.testing.assert_array_equal(curve.take(np.array([1])).draws(prices[[1]]), curve.draws(prices)[:, [1]])


def test_a_tree_says_what_sold_at_each_price_in_words():
    world = make_world("random", seed=3, items=40, weeks=60, categories=2)
    panel = world.panel
    rows = Rows.of(panel)
    mean_price = rows.reference[panel.item]
    cheap = panel.price < 0.95 * mean_price
    units = np.where(cheap, 30.0, 10.0) * panel.available
    model = TreeResponse(leaves=2).fit(replace(panel, units=units))
    assert len(model.rules) == 2
    assert model.rules[0].startswith("price over 0.95 times its mean: ")
    assert model.rules[1].startswith("price up to 0.95 times its mean: ")
    low, high = (float(rule.split(": ")[1].split(" ")[0]) for rule in reversed(model.rules))
    assert low / high == pytest.approx(3.0, rel=0.06)
    at = model.demand(rows.reference[:, None] * np.array([0.85, 1.05]))
    np.testing.assert_allclose(at[:, 0] / at[:, 1], 3.0, rtol=0.1)


def test_boosted_trees_find_a_step_of_demand_that_no_elasticity_has(world):
    panel = world.panel
    mean_price = Rows.of(panel).reference[panel.item]
    mean = np.where(panel.price > 1.02 * mean_price, 8.0, 24.0) * panel.available
    panel = replace(panel, units=np.random.default_rng(0).poisson(mean).astype(float))
    reference = Rows.of(panel).reference[:, None]
    step = BoostedResponse().fit(panel).demand(reference * np.array([0.92, 1.0, 1.08, 1.15]))
    ratio = (step / step[:, [1]]).mean(axis=0)
    assert ratio[0] == pytest.approx(1.0, abs=0.1)
    assert ratio[2] == pytest.approx(1 / 3, abs=0.1) and ratio[3] == pytest.approx(1 / 3, abs=0.1)


def test_support_vectors_minimise_their_loss():
    rng = np.random.default_rng(0)
    phi, y, weight = rng.normal(size=(80, 5)), rng.normal(size=80), rng.exponential(size=80)
    found = fit_svr(phi, y, weight, cost=0.7, epsilon=0.2, start=np.zeros(6))

    def loss(w):
        outside = np.maximum(np.abs(phi @ w[:-1] + w[-1] - y) - 0.2, 0.0)
        return 0.5 * (w[:-1] ** 2).sum() + 0.7 * (weight * outside**2).sum()

    best = minimize(loss, np.zeros(6), method="Nelder-Mead", options={"maxiter": 20_000, "fatol": 1e-12})
    assert loss(found) <= best.fun + 1e-6


def test_support_vectors_learn_the_slope_about_the_usual_price(world):
    panel = world.panel
    model = SVRResponse().fit(panel)
    at = model.demand(panel.price_now[:, None] * np.array([0.9, 1.1]))
    slope = np.log(at[:, 1] / at[:, 0]) / np.log(1.1 / 0.9)
    assert -3.4 < slope.mean() < -1.4


def test_shrunk_estimates_are_those_of_the_joint_normal():
    rng = np.random.default_rng(0)
    category, n = np.array([0, 0, 1, 1, 1, 2]), 6
    estimate, variance = rng.normal(-2, 1, n), rng.uniform(0.05, 0.6, n)
    variance[4] = np.inf
    log, mean, spread, shop = _fit(estimate, variance, category, 3, np.isfinite(variance), 0.6, 0.35)
    same = category[:, None] == category
    prior = 0.7**2 + 0.35**2 * same + 0.6**2 * np.eye(n)
    seen = np.isfinite(variance)
    gain = prior[:, seen] @ np.linalg.inv(prior[np.ix_(seen, seen)] + np.diag(variance[seen]))
    np.testing.assert_allclose(mean, -2.6 + gain @ (estimate[seen] + 2.6))
    np.testing.assert_allclose(spread, np.diag(prior - gain @ prior[seen]))
    at_shop = np.linalg.solve(prior[np.ix_(seen, seen)] + np.diag(variance[seen]), estimate[seen] + 2.6)
    assert shop == pytest.approx(-2.6 + 0.7**2 * at_shop.sum())

    def density(item, between):
        covariance = 0.7**2 + between**2 * same + item**2 * np.eye(n)
        covariance = covariance[np.ix_(seen, seen)] + np.diag(variance[seen])
        return multivariate_normal.logpdf(estimate[seen], np.full(seen.sum(), -2.6), covariance)

    other = _fit(estimate, variance, category, 3, seen, 1.0, 0.75)[0]
    assert log - other == pytest.approx(density(0.6, 0.35) - density(1.0, 0.75))


@pytest.mark.parametrize("policy", ["random", "follows_last_week", "few_changes"])
def test_double_machine_learning_is_right_where_prices_follow_what_is_known(policy):
    world = make_world(policy, seed=1)
    model = DoubleML().fit(world.panel)
    error = elasticity_error(model.elasticity.mean(axis=0), world.elasticity)
    assert abs(error.bias) < 0.15
    assert error.rmse < 0.6
    assert not model.refused.sum() > 5
    if policy == "follows_last_week":
        assert model.explained > 0.6
        naive = NaiveLogLog().fit(world.panel).elasticity.mean(axis=0)
        assert elasticity_error(naive, world.elasticity).bias > 0.4


def test_double_machine_learning_refuses_where_the_price_hardly_moves_of_itself(world):
    panel = world.panel
    still = np.isin(panel.item, np.arange(10))
    price = np.where(still, panel.price_now[panel.item] * (1 + 0.003 * (panel.week % 4)), panel.price)
    promotion = np.where(still, 0.0, panel.promotion)
    panel = replace(panel, price=price, promotion=promotion)
    model = DoubleML().fit(panel)
    np.testing.assert_array_equal(np.flatnonzero(model.refused), np.arange(10))
    assert model.elasticity[:, :10].std(axis=0).min() > 1.0
    assert model.elasticity[:, 10:].std(axis=0).max() < 0.9
    every = replace(panel.take(np.arange(10)))
    assert abs(DoubleML().fit(every).elasticity.mean() + 2.6) < 0.4


def test_what_the_forests_tell_of_a_week_adds_up_to_their_answer():
    panel = make_world("random", seed=5, items=12, weeks=60, categories=2).panel
    fitted = BoostedResponse(trees=40, draws=4).fit(panel)
    rows = Rows.of(panel)
    at = np.log(fitted.draws(panel.price_now[:, None])[:, :, 0] / rows.level)  # (draws, I)
    np.testing.assert_allclose(fitted.base + fitted.part.sum(axis=1), at.mean(axis=0), atol=1e-4)
    assert set(sum(TOLD.values(), ())) == set(range(len(NAMES)))  # every column is told once
    dear = replace(panel, price_now=panel.price_now * 1.15)
    told = BoostedResponse(trees=40, draws=4).fit(dear)
    price = list(TOLD).index("price")
    assert (told.part[:, price] <= fitted.part[:, price] + 1e-9).all()  # dearer never sells more
    words = told.why(int(told.part[:, price].argmin()))
    assert "price -" in words
    one = told.take(np.array([7]))
    assert one.why(0) == told.why(7)


@pytest.mark.parametrize(
    "config", [LiteraturePrior(), NaiveLogLog(), DoubleML(), TreeResponse(), BoostedResponse(), SVRResponse()]
)
def test_items_without_a_week_and_without_sales_are_fitted_finitely(world, config):
    panel = world.panel.take(np.arange(3))
    rows = slice(0, panel.offsets[2])
    empty = replace(
        panel,
        offsets=np.r_[panel.offsets[:3], panel.offsets[2]],
        **{n: getattr(panel, n)[rows] for n in ("week", "price", "promotion", "available")},
        units=np.where(panel.item[rows] == 1, 0.0, panel.units[rows]),
    )
    draws = config.fit(empty).draws(panel.price_now[:, None] * np.array([0.8, 1.0, 1.2]))
    assert np.isfinite(draws).all()
    assert draws[:, 1, 1].mean() < draws[:, 0, 1].mean()
