"""The price response against worlds whose demand is known; its contract is under tests/contract."""

from dataclasses import replace

import numpy as np
import pytest

from merx.data.panel import PricePanel
from merx.data.vocabulary import Vocabulary
from merx.errors import ConfigError, FitError
from merx.evaluate.pricing import elasticity_error, interval_coverage
from merx.price.confounding import find_confounding
from merx.price.hierarchy import EFFECTS, LEVEL, PRICE, PROMOTION, Spread, solve
from merx.price.response import PriceResponse

from .worlds import World, make_world


@pytest.fixture(scope="module")
def world() -> World:
    return make_world("random", seed=1, items=60, categories=4)


def test_elasticities_and_their_intervals_are_right_where_prices_moved_at_random():
    error, covered = [], []
    for seed in (1, 2, 3):
        world = make_world("random", seed)
        fitted = PriceResponse().fit(world.panel)
        error.append(elasticity_error(fitted.elasticity.mean(axis=0), world.elasticity))
        covered.append(interval_coverage(fitted.elasticity, world.elasticity))
    assert np.mean([e.rmse for e in error]) < 0.45
    assert abs(np.mean([e.bias for e in error])) < 0.1
    assert np.mean([e.rank_correlation for e in error]) > 0.7
    coverage = np.mean(covered, axis=0)
    assert 0.75 <= coverage[0] <= 0.85
    assert 0.92 <= coverage[1] <= 0.98


@pytest.mark.parametrize("policy", ["follows_last_week", "follows_demand"])
def test_prices_that_follow_demand_raise_the_alarm_and_never_get_narrow_intervals(policy):
    world = make_world(policy, seed=1)
    assert find_confounding(world.panel).item.all()
    fitted = PriceResponse().fit(world.panel)
    assert fitted.elasticity.std(axis=0).min() > 0.6
    assert interval_coverage(fitted.elasticity, world.elasticity)[0] >= 0.75


@pytest.mark.parametrize("policy", ["random", "few_changes"])
def test_honest_prices_raise_no_alarm(policy):
    assert not find_confounding(make_world(policy, seed=1).panel).item.any()


def with_demand(world: World, elasticity: float, units: float = 20.0) -> PricePanel:
    """The panel of the world, sold at one elasticity, so many units a week at today's price."""
    panel = world.panel
    ratio = panel.price / panel.price_now[panel.item]
    return replace(panel, units=np.random.default_rng(0).poisson(units * ratio**elasticity).astype(float))


def test_a_shop_that_hardly_reacts_is_not_believed_but_one_that_reacts_little_is(world):
    weak, honest = with_demand(world, -1.0), with_demand(world, -1.9)
    found = find_confounding(weak)
    assert found.shop_implausible and not found.feedback.any() and not found.implausible.any()
    assert abs(found.shop_elasticity + 1.0) < 0.1
    fitted = PriceResponse().fit(weak)
    assert abs(fitted.elasticity.mean() + 2.6) < 0.2
    assert fitted.elasticity.std(axis=0).min() > 0.6
    assert not find_confounding(honest).item.any()
    assert abs(PriceResponse().fit(honest).elasticity.mean() + 1.9) < 0.2


def test_low_margins_make_a_weak_response_less_plausible(world):
    panel = with_demand(world, -1.35)
    low, none = (replace(panel, cost=panel.price_now * share) for share in (0.75, np.nan))
    assert find_confounding(low).shop_implausible  # the best price is 3.9 times the cost, today's 1.3 times
    assert not find_confounding(none).shop_implausible


def test_few_noisy_categories_are_not_called_implausible(world):
    panel = with_demand(world, -2.6, units=0.2)
    for first in range(0, 20, 2):
        assert not find_confounding(panel.take(np.arange(first, first + 2))).shop_implausible


def test_the_level_follows_recent_demand(world):
    panel = world.panel
    recent = panel.week >= 96
    units = np.where(recent, panel.units * 3, panel.units)
    before, after = (PriceResponse().fit(p) for p in (panel, replace(panel, units=units)))
    now = panel.price_now[:, None]
    ratio = (after.demand(now) / before.demand(now)).mean()
    assert 2.0 < ratio < 4.0


def test_a_season_that_ended_a_year_ago_as_well_does_not_last(world):
    panel = world.panel
    christmas = (panel.week >= 96) | ((panel.week >= 44) & (panel.week < 52))
    busy = replace(panel, units=np.where(christmas, panel.units * 2, panel.units))
    before, after = (PriceResponse().fit(p) for p in (panel, busy))
    now = panel.price_now[:, None]
    assert 0.8 < (after.demand(now) / before.demand(now)).mean() < 1.25


def test_the_nested_solution_is_that_of_one_dense_system():
    rng = np.random.default_rng(0)
    items, weeks, n_lags, category = 5, 24, 2, np.array([0, 0, 1, 1, 1])
    design = rng.normal(size=(items, weeks, EFFECTS))
    lags = rng.normal(size=(items, weeks, n_lags))
    weight = rng.uniform(0, 2, (items, weeks)) * (rng.random((items, weeks)) < 0.8)
    target = rng.normal(size=(items, weeks))
    spread = Spread(np.array([9.0, 0.5, 0.1, 0.2]), 0.3, 0.05, 0.4, 0.1)
    members = [np.flatnonzero(category == c) for c in range(2)]
    cosine = np.cos(np.pi * np.arange(weeks)[:, None] * (np.arange(weeks) + 0.5) / weeks)
    cosine /= np.linalg.norm(cosine, axis=1, keepdims=True)
    posterior = solve(design, lags, weight, target, members, spread, -2.6, 1.0)

    # Unknowns: item effects, week by category, category means, week of the shop, its mean, promotion, lags.
    at_week, at_mean = items * EFFECTS, items * EFFECTS + 2 * weeks
    at_shop = at_mean + 2
    at_shop_mean, at_promotion, at_lag = at_shop + weeks, at_shop + weeks + 1, at_shop + weeks + 2
    size = at_lag + n_lags
    rows, values, weights = [], [], []

    def term(entries, value, precision):
        row = np.zeros(size)
        for place, factor in entries:
            row[place] += factor
        rows.append(row), values.append(value), weights.append(precision)

    for i in range(items):
        for t in range(weeks):
            entries = [(i * EFFECTS + k, design[i, t, k]) for k in range(EFFECTS)]
            entries += [(at_week + category[i] * weeks + t, 1.0)]
            entries += [(at_lag + k, lags[i, t, k]) for k in range(n_lags)]
            term(entries, target[i, t], weight[i, t])
        for k in range(EFFECTS):
            mean = {PRICE: [(at_mean + category[i], -1.0)], PROMOTION: [(at_promotion, -1.0)]}.get(k, [])
            term([(i * EFFECTS + k, 1.0), *mean], 0.0, 1 / spread.item[k])
    for c in range(2):
        for t in range(weeks):
            along = [(at_week + c * weeks + u, cosine[t, u]) for u in range(weeks)]
            along += [(at_shop + u, -cosine[t, u]) for u in range(weeks)]
            term(along, 0.0, 1 / (0.05 + 0.4 * (1 <= t <= 2)))  # two cosines go slower than in 20 weeks
        term([(at_mean + c, 1.0), (at_shop_mean, -1.0)], 0.0, 1 / spread.category)
    for t in range(weeks):
        term([(at_shop + t, 1.0)], 0.0, 1 / spread.shop_week)
    term([(at_shop_mean, 1.0)], -2.6, 1.0)
    for place in (at_promotion, *range(at_lag, size)):
        term([(place, 1.0)], 0.0, 1.0)
    a, b, w = np.array(rows), np.array(values), np.array(weights)
    covariance = np.linalg.inv(a.T @ (a * w[:, None]))
    mean = covariance @ (a.T @ (w * b))

    assert np.allclose(posterior.item.ravel(), mean[:at_week])
    assert np.allclose(posterior.week.ravel(), mean[at_week:at_mean])
    assert np.allclose(posterior.category_mean, mean[at_mean:at_shop])
    assert np.allclose(posterior.shared, mean[at_lag:])
    assert np.allclose(posterior.week_variance.ravel(), np.diag(covariance)[at_week:at_mean])
    for i in range(items):
        block = slice(i * EFFECTS, (i + 1) * EFFECTS)
        assert np.allclose(posterior.item_covariance[i], covariance[block, block])

    def square(place, about):
        d = np.zeros(size)
        d[place] = 1.0
        if about is not None:
            d[about] = -1.0
        return (d @ mean) ** 2 + d @ covariance @ d

    for c in range(2):
        for t in range(weeks):
            d = np.zeros(size)
            d[at_week + c * weeks : at_week + (c + 1) * weeks] = cosine[t]
            d[at_shop : at_shop + weeks] = -cosine[t]
            assert np.isclose(posterior.week_deviation[c, t], (d @ mean) ** 2 + d @ covariance @ d)
    for i in range(items):
        price, promotion = i * EFFECTS + PRICE, i * EFFECTS + PROMOTION
        assert np.isclose(posterior.item_deviation[i, PRICE], square(price, at_mean + category[i]))
        assert np.isclose(posterior.item_deviation[i, PROMOTION], square(promotion, at_promotion))
        assert np.isclose(posterior.item_deviation[i, LEVEL], square(i * EFFECTS + LEVEL, None))
    assert np.isclose(posterior.category_deviation[1], square(at_mean + 1, at_shop_mean))
    over_weeks = sum(square(at_week + weeks + t, at_shop + t) for t in range(weeks))
    assert np.isclose(posterior.week_deviation[1].sum(), over_weeks)
    assert np.isclose(posterior.shop_week_deviation[3], square(at_shop + 3, None))


def test_one_product_and_no_price_movement_fall_back_to_the_literature(world):
    one = world.panel.take(np.array([7]))
    still = replace(one, price=np.full_like(one.price, one.price_now[0]), promotion=np.zeros_like(one.price))
    assert np.isfinite(PriceResponse().fit(one).level).all()
    fitted = PriceResponse().fit(still)
    assert abs(fitted.elasticity.mean() + 2.6) < 0.2
    assert fitted.elasticity.std() > 0.8


def test_items_without_a_week_and_without_sales_are_fitted_finitely(world):
    panel = world.panel.take(np.arange(3))
    rows = slice(0, panel.offsets[2])
    empty = replace(
        panel,
        offsets=np.r_[panel.offsets[:3], panel.offsets[2]],
        **{n: getattr(panel, n)[rows] for n in ("week", "price", "promotion", "available")},
        units=np.where(panel.item[rows] == 1, 0.0, panel.units[rows]),
    )
    fitted = PriceResponse().fit(empty)
    assert np.isfinite(fitted.level).all()
    assert np.isfinite(fitted.reference).all()


def test_what_cannot_be_fitted_says_so(world):
    nothing = world.panel.take(np.arange(1))
    nothing = replace(
        nothing,
        items=Vocabulary.of([]),
        offsets=np.zeros(1, dtype=np.int64),
        **{n: getattr(nothing, n)[:0] for n in ("category", "cost", "price_now", "week", "units", "price")},
        **{n: getattr(nothing, n)[:0] for n in ("promotion", "available")},
    )
    with pytest.raises(FitError, match="no item"):
        PriceResponse().fit(nothing)
    with pytest.raises(ConfigError, match="prior_elasticity"):
        PriceResponse(prior_elasticity=1.0).fit(world.panel)
    with pytest.raises(ConfigError, match="draws"):
        PriceResponse(draws=1).fit(world.panel)
