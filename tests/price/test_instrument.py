"""Costs that move as an instrument, the forms of demand, competitors as a control, honest bands."""

from dataclasses import replace

import numpy as np
import pytest

from merx.data.panel import PricePanel
from merx.errors import ConfigError
from merx.evaluate.pricing import interval_coverage
from merx.price.confounding import find_confounding
from merx.price.forms import FORMS, demand_slope, demand_step
from merx.price.grade import grade
from merx.price.instrument import chance_of_feedback
from merx.price.response import BIAS, PriceResponse

from .worlds import make_world

ITEMS, WEEKS, CATEGORIES = 120, 104, 8
TRUTH = -3.4  # away from the literature's mean, so that leaning on it shows


def shop(reaction: float, pass_through: float = 0.6, form="log_log", seed: int = 0) -> PricePanel:
    """Prices that follow their costs, and demand's shock of the week by `reaction`."""
    rng = np.random.default_rng(seed)
    panel = make_world("random", seed, ITEMS, WEEKS, CATEGORIES).panel
    cost = np.cumsum(rng.normal(0, 0.03, (ITEMS, WEEKS)), axis=1)
    shock = rng.normal(0, 0.25, (ITEMS, WEEKS))
    step = pass_through * cost + reaction * shock + rng.normal(0, 0.04, (ITEMS, WEEKS))
    step -= step.mean(axis=1, keepdims=True)
    elasticity = TRUTH + rng.normal(0, 0.3, (ITEMS, 1))
    units = rng.poisson(15.0 * np.exp(demand_step(form, elasticity, step) + shock))
    return replace(
        panel,
        units=units.ravel().astype(float),
        price=(panel.price_now[:, None] * np.exp(step)).ravel(),
        promotion=np.zeros_like(panel.promotion),
        available=np.ones_like(panel.available),
        past_cost=(panel.price_now[:, None] * 0.6 * np.exp(cost)).ravel(),
    )


def test_costs_undo_what_prices_that_follow_demand_do():
    panel = shop(reaction=0.4)
    found = find_confounding(panel)
    assert found.costs.strong and found.costs.disagrees and found.item.all()
    assert found.costs.pass_through == pytest.approx(0.6, abs=0.05)
    assert found.costs.elasticity == pytest.approx(TRUTH, abs=0.4)
    assert found.costs.bias > 1.0
    without = PriceResponse().fit(replace(panel, past_cost=None)).elasticity
    by_costs = PriceResponse().fit(panel).elasticity
    assert by_costs.mean() == pytest.approx(TRUTH, abs=0.4)
    assert without.mean() > TRUTH + 0.6
    graded = grade(panel, by_costs, found)
    assert set(graded.grade) <= {"A", "B"}
    assert "by its costs -3." in graded.alarm[0] and "tell the two apart" in graded.alarm[0]
    assert "C" in grade(panel, by_costs, replace(found, costs=None, shop_implausible=True)).grade


def test_honest_prices_with_moving_costs_raise_no_alarm_and_keep_their_estimate():
    panel = shop(reaction=0.0)
    found = find_confounding(panel)
    assert found.costs.strong and not found.costs.disagrees and not found.item.any()
    both, plain = (PriceResponse().fit(p).elasticity.mean() for p in (panel, replace(panel, past_cost=None)))
    assert both == pytest.approx(plain, abs=0.1)
    assert both == pytest.approx(TRUTH, abs=0.15)


def test_costs_that_prices_do_not_follow_are_no_instrument():
    panel = shop(reaction=0.4, pass_through=0.0)
    found = find_confounding(panel)
    assert not found.costs.strong and not found.settled
    still = replace(panel, past_cost=np.full_like(panel.price, 2.0))
    assert find_confounding(still).costs is None


def test_the_chance_of_feedback_is_the_posterior_one():
    costs = find_confounding(shop(reaction=0.4)).costs
    costs = replace(costs, elasticity=-2.0, bias=0.9, bias_error=0.5)
    chance = chance_of_feedback(costs, False, (-2.6, 0.7), BIAS)
    bias = np.linspace(-8, 8, 16_001)

    def normal(x, scale):
        return np.exp(-0.5 * (x / scale) ** 2) / scale

    def likelihood(b):  # the plain elasticity is -1.1
        return normal(-1.1 - b + 2.6, 0.7) * normal(0.9 - b, 0.5)

    density = likelihood(bias) * normal(bias, BIAS)
    evidence = density.sum() * (bias[1] - bias[0]) / np.sqrt(2 * np.pi)
    assert chance == pytest.approx(0.2 * evidence / (0.2 * evidence + 0.8 * likelihood(0.0)), abs=1e-3)
    assert chance_of_feedback(costs, True, (-2.6, 0.7), BIAS) == 1.0


@pytest.mark.parametrize("form", FORMS)
def test_a_form_has_its_elasticity_at_the_reference_price_and_its_own_slope(form):
    price, step = np.linspace(-0.4, 0.4, 9), 1e-5
    at = demand_step(form, np.array(-2.6), np.array([-step, 0.0, step]))
    assert (at[2] - at[0]) / (2 * step) == pytest.approx(-2.6, abs=1e-3)
    assert at[1] == pytest.approx(0.0, abs=1e-12)
    above, below = (demand_step(form, np.array(-2.6 + d), price) for d in (step, -step))
    np.testing.assert_allclose(
        (above - below) / (2 * step), demand_slope(form, np.array(-2.6), price), atol=1e-6
    )


@pytest.mark.parametrize("form", FORMS)
def test_the_likeliest_form_is_found(form):
    fitted = PriceResponse(form="auto").fit(shop(reaction=0.0, pass_through=1.0, form=form, seed=1))
    assert fitted.form == form
    assert fitted.elasticity.mean() == pytest.approx(TRUTH, abs=0.25)


def test_an_unknown_form_is_refused():
    with pytest.raises(ConfigError, match="form is 'cubic'"):
        PriceResponse(form="cubic").fit(make_world("random", 0, 5, 20, 1).panel)


def test_the_price_of_competitors_is_a_control_and_moves_the_level():
    rng = np.random.default_rng(0)
    panel = make_world("random", 0, ITEMS, WEEKS, CATEGORIES).panel
    theirs = np.cumsum(rng.normal(0, 0.05, (ITEMS, WEEKS)), axis=1)
    theirs -= theirs.mean(axis=1, keepdims=True)
    price = panel.price * np.exp(0.5 * theirs.ravel())  # the shop follows them half-way
    units = rng.poisson(
        20.0 * np.exp(-2.0 * np.log(price / panel.price_now[panel.item]) + 1.0 * theirs.ravel())
    )
    panel = replace(panel, price=price, units=units.astype(float))
    known = replace(panel, competitor=theirs.ravel())
    assert find_confounding(panel).item.all()  # what moves both and is not told passes for feedback
    assert not find_confounding(known).item.any()
    told = PriceResponse().fit(known)
    assert told.elasticity.mean() == pytest.approx(-2.0, abs=0.1)
    true = np.log(20.0) + theirs[:, -1]
    at = panel.price_now[:, None]
    assert np.std(np.log(told.demand(at)[:, 0]) - true) < 0.12


@pytest.mark.parametrize("policy", ["random", "few_changes"])
def test_bands_of_units_hold_what_comes(policy):
    """Judged on the last week of the panel, with noise of counts on top of the draws."""
    inside = []
    for seed in (1, 2):
        panel = make_world(policy, seed).panel
        last = panel.week == panel.week.max()
        kept = ~last
        offsets = np.concatenate([[0], np.cumsum(np.bincount(panel.item[kept]))])
        names = ("week", "units", "price", "promotion", "available")
        past = replace(panel, offsets=offsets, **{n: getattr(panel, n)[kept] for n in names})
        model = PriceResponse().fit(past)
        usable = (panel.promotion[last] == 0) & (panel.available[last] == 1)
        rng = np.random.default_rng(0)
        mean = model.draws(panel.price[last][:, None])[:, usable, 0]
        shape = 1.0 / model.dispersion[usable]
        drawn = rng.poisson(mean * rng.gamma(shape, 1.0 / shape, mean.shape))
        inside.append(interval_coverage(drawn, panel.units[last][usable]))
    coverage = np.mean(inside, axis=0)
    assert 0.76 <= coverage[0] <= 0.90  # of counts, whose bounds are inside
    assert 0.92 <= coverage[1] <= 0.99
