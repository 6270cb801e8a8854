"""The way from the price now to the price proposed: each step against a slow search of its own."""

import numpy as np
import pytest

from merx.data.price_facts import PriceFacts
from merx.price.limits import RULES, PriceRules, ladder
from merx.price.optimise import optimise
from merx.price.response import PriceResponse
from merx.price.shared import IndexBand
from merx.price.waterfall import in_words, waterfall

from .test_optimise import Isoelastic, shop
from .worlds import make_world


@pytest.fixture(scope="module")
def world():
    panel = make_world("random", seed=3, items=24, weeks=60, categories=2).panel
    return PriceResponse(iterations=5, draws=60).fit(panel), panel


def of(model, panel, rules, i):
    quotes = optimise(model, panel, rules, PriceFacts.of(panel))
    return waterfall(model, panel, rules, PriceFacts.of(panel), i, float(quotes.price[i])), quotes


@pytest.mark.parametrize("rules", [PriceRules(), PriceRules(min_margin=0.4, max_change=0.05, endings=(0.9,))])
def test_it_begins_at_the_price_now_and_ends_at_the_quote(world, rules):
    model, panel = world
    for i in range(panel.n_items):
        steps, quotes = of(model, panel, rules, i)
        assert [step.name for step in steps[:2]] == ["now", "response"]
        assert {step.name for step in steps[2:]} <= set(RULES)
        assert steps[0].price == panel.price_now[i] and steps[-1].price == quotes.price[i]
        for step, suffix in ((steps[0], "_now"), (steps[-1], "")):
            for name in ("units", "revenue", "profit"):
                np.testing.assert_allclose(getattr(step, name), getattr(quotes, name + suffix)[i])


def test_each_step_is_the_best_price_under_the_rules_so_far(world):
    """Slowly: for each rule in order, the best of the prices that break none of the rules up to it."""
    model, panel = world
    rules = PriceRules(min_margin=0.3, max_change=0.1, endings=(0.99,), min_confidence=0.0)
    for i in range(panel.n_items):
        one = np.array([i])
        steps = ladder(panel.price_now[one], panel.cost[one], rules, PriceFacts.of(panel).take(one))
        profit = model.take(one).demand(steps.price)[0] * (steps.price[0] - panel.cost[i])
        expected = {"now": panel.price_now[i], "response": steps.price[0, profit.argmax()]}
        broken = np.zeros(len(profit), bool)
        last = expected["response"]
        for r, rule in enumerate(RULES):
            broken |= (steps.barred[0] >> np.uint32(r) & 1).astype(bool)
            price = steps.price[0, np.where(broken, -np.inf, profit).argmax()] if not broken.all() else None
            price = panel.price_now[i] if price is None else price
            if price != last:
                expected[rule] = last = price
        found, _ = of(model, panel, rules, i)
        assert {step.name: step.price for step in found} == pytest.approx(expected)


def test_the_words_of_a_known_case():
    # 12 * 2.5 / 1.5 = 20: best at 20.00 (free grid), a change of at most 10 % from 16 stops at 17.60.
    now, cost = np.array([16.0]), np.array([12.0])
    panel = shop(now, cost)
    model = Isoelastic(panel.items, now, np.array([-2.5]))
    steps, _ = of(model, panel, PriceRules(max_change=0.1, endings=()), 0)
    assert [step.name for step in steps] == ["now", "response", "max_change"]
    assert steps[1].price == pytest.approx(20.0, rel=0.006)
    assert 17.4 < steps[2].price <= 17.6
    assert in_words(steps).startswith("The price now is 16.00: profit 80.00 a week. The best profit by the")
    assert f"The rule 'at most 10% change': {steps[2].price:.2f}, profit -" in in_words(steps)
    gain = steps[2].profit[0] - 80.0
    assert in_words(steps).endswith(f"In all {gain:+,.2f} profit a week.")


def test_what_rules_on_several_products_do_is_a_step_of_its_own(world):
    model, panel = world
    band = IndexBand(category="category-000", least=0.999, most=1.001)
    steps = {}
    for i in np.flatnonzero(panel.category == 0):
        found, quotes = of(model, panel, PriceRules(index=(band,)), int(i))
        steps[i] = found[-1].name
        assert found[-1].price == quotes.price[i]
    assert "together" in steps.values()


def test_without_a_cost_there_is_no_way():
    now = np.array([16.0])
    panel = shop(now, np.array([np.nan]))
    model = Isoelastic(panel.items, now, np.array([-2.5]))
    assert waterfall(model, panel, PriceRules(), PriceFacts.of(panel), 0, 16.0) == ()
    assert in_words(()) == ""
    assumed = waterfall(model, panel, PriceRules(assumed_margin=0.25), PriceFacts.of(panel), 0, 17.49)
    assert assumed[0].profit[0] == pytest.approx(80.0)
