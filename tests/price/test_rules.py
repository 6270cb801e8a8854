"""Every rule of [price]: held by every price that moves, told where it decides, named where it conflicts."""

from dataclasses import replace

import numpy as np
import pytest

from merx.data.price_facts import PriceFacts, stand_ins
from merx.errors import ConfigError
from merx.price.calendar import Clearance, covers, is_span
from merx.price.limits import PriceRules, ladder, without_effect
from merx.price.optimise import optimise
from merx.price.shared import Capacity, IndexBand, Parity
from merx.price.worth import Terms, worth

from .shops import world
from .test_optimise import Isoelastic, shop


def test_dearer_never_sells_more_and_surplus_is_the_area_under_demand():
    panel, model, facts = world(6, 1)
    model = replace(model, sd=0.0)
    grid = np.concatenate(
        [panel.price_now[:, None], panel.price_now[:, None] * np.linspace(0.5, 2, 400)], axis=1
    )
    terms = Terms.of(panel.cost, PriceRules(), facts)
    found = worth(model, grid, terms, PriceRules(objective="surplus"))
    assert (np.diff(found.units[:, 1:], axis=1) <= 1e-12).all()
    e, now = model.elasticity[:, None], panel.price_now[:, None]
    area = 20 * now / (e + 1) * (2.0 ** (e + 1) - (grid / now) ** (e + 1))
    assert np.allclose(found.value, area, rtol=2e-4, atol=2e-3)


def test_each_objective_is_highest_at_its_own_prices_and_a_mix_between():
    panel, model, facts = world(20, 2)
    reached = {}
    for name in ("profit", "revenue", "units", "surplus"):
        rules = PriceRules(objective=name, min_confidence=0.0, max_change=0.5, endings=())
        reached[name] = optimise(model, panel, rules, facts)
    for name in ("profit", "revenue", "units"):
        total = {of: getattr(quotes, name)[:, 0].sum() for of, quotes in reached.items()}
        assert total[name] >= max(total.values()) - 1e-9
    assert (reached["units"].price <= reached["profit"].price).all()
    mixed = optimise(
        model,
        panel,
        PriceRules(
            objective="mix",
            weights={"profit": 1.0, "surplus": 0.5},
            min_confidence=0.0,
            max_change=0.5,
            endings=(),
        ),
        facts,
    )
    assert (mixed.price <= reached["profit"].price + 1e-9).all()
    assert (mixed.price >= reached["surplus"].price - 1e-9).all()


def test_a_quantile_is_more_cautious_than_the_mean():
    panel, model, facts = world(20, 4)
    rules = PriceRules(min_confidence=0.0, endings=(), max_change=0.5)
    bold, careful = (optimise(model, panel, replace(rules, quantile=q), facts) for q in (None, 0.1))
    assert (careful.profit[:, 1] >= bold.profit[:, 1] - 1e-9).all()  # the lower bound is this very quantile
    assert careful.profit[:, 0].sum() <= bold.profit[:, 0].sum()


def test_stock_that_must_go_is_sold_at_the_price_that_just_sells_it():
    now, cost = np.array([20.0]), np.array([15.0])
    panel = shop(now, cost)
    model = Isoelastic(panel.items, now, np.array([-2.5]))
    facts = replace(PriceFacts.of(panel), stock_quantity=np.array([60.0]))
    rules = PriceRules(max_change=0.5, endings=(), min_confidence=0.0)
    assert optimise(model, panel, rules, facts).price[0] > 20  # 15 * 2.5 / 1.5 = 25
    by = str(np.datetime64("1970-01-01") + facts.today + 13)  # two weeks, both ends counted
    clear = replace(rules, clearance=(Clearance(by=by, items=("i000",)),))
    price = optimise(model, panel, clear, facts).price[0]
    # 30 a week have to go: 20 (p / 20)^-2.5 = 30 at p = 17.0; dearer, stock is left; cheaper, it sells out
    assert price == pytest.approx(20 * 1.5 ** (-1 / 2.5), rel=0.012)
    kept = replace(rules, clearance=(Clearance(by=by, items=("i000",), worth=0.9),))
    assert (
        optimise(model, panel, kept, facts).price[0] > price
    )  # what is left is worth 13.50: no need to rush


def test_stock_that_must_last_is_not_sold_cheaply():
    now, cost = np.array([20.0]), np.array([5.0])
    panel = shop(now, cost)
    model = Isoelastic(panel.items, now, np.array([-2.5]))  # best at 8.33 without limits
    facts = replace(PriceFacts.of(panel), stock_quantity=np.array([40.0]))
    rules = PriceRules(max_change=0.5, endings=(), min_confidence=0.0)
    assert optimise(model, panel, rules, facts).price[0] < 11
    quotes = optimise(model, panel, replace(rules, stock_weeks=4.0), facts)
    assert quotes.price[0] == pytest.approx(20 * 0.5 ** (-1 / 2.5), rel=0.012)  # 10 a week
    assert quotes.units[0, 0] <= 10 + 1e-9


def test_an_announced_discount_goes_below_the_lowest_price_of_30_days():
    now, cost = np.array([20.0]), np.array([8.0])
    panel = shop(now, cost)
    model = Isoelastic(panel.items, now, np.array([-2.0]))  # best at 16
    facts = replace(PriceFacts.of(panel), lowest_30d=np.array([16.5]))
    rules = PriceRules(endings=(), min_confidence=0.0, announced=True)
    quotes = optimise(model, panel, rules, facts)
    assert quotes.price[0] < 16.5
    assert quotes.prior_price[0] == 16.5
    quotes = optimise(model, panel, rules, replace(facts, lowest_30d=np.array([15.9])))
    assert quotes.binding == ("announced",)
    assert not 15.9 <= quotes.price[0] < 20


def test_where_no_other_price_is_known_the_named_fallback_holds():
    now, cost = np.array([20.0, 20.0, 20.0]), np.full(3, 9.0)
    panel = shop(now, cost)
    model = Isoelastic(panel.items, now, np.full(3, -1.3))  # best far above
    facts = replace(
        PriceFacts.of(panel),
        category=np.array(["a", "a", "b"], object),
        competitor=np.array([18.0, np.nan, np.nan]),
    )
    facts = replace(facts, stand_in=stand_ins(facts.category, facts.competitor, now))
    rules = PriceRules(endings=(), min_confidence=0.0, competitor_index=(0.9, 1.05))
    most = 18 * 1.05
    for fallback, expected in (
        ("none", [most, 24.0, 24.0]),
        ("keep", [most, 20.0, 20.0]),
        ("category", [most, most, 24.0]),
    ):
        quotes = optimise(model, panel, replace(rules, competitor_fallback=fallback), facts)
        assert (quotes.price <= np.array(expected) + 1e-9).all(), fallback
        assert np.allclose(quotes.price, expected, rtol=0.013), fallback
        one = optimise(model, panel, replace(rules, competitor_fallback=fallback), facts, np.array([1]))
        assert one.price[0] == quotes.price[1], fallback


def test_rules_of_one_product_that_conflict_are_named_with_the_cheapest_to_give_up():
    now, cost = np.array([10.0]), np.array([6.0])
    panel = shop(now, cost)
    model = Isoelastic(panel.items, now, np.array([-2.0]))
    facts = replace(PriceFacts.of(panel), floor_price=np.array([11.0]), msrp=np.array([10.5]))
    quotes = optimise(model, panel, PriceRules(endings=(), min_confidence=0.0), facts)
    assert quotes.price[0] == 10.0
    assert (
        "'not below the product's floor' and 'not above the price that the maker recommends'"
        in quotes.reason[0]
    )
    # best at 12: without the recommended price it is reached, without the floor it is not
    assert "give up 'not above the price that the maker recommends'" in quotes.reason[0]


def test_shared_rules_that_conflict_are_named_and_no_price_changes():
    panel, model, facts = world(24, 0)
    blank = {name: np.full(24, np.nan) for name in ("floor_price", "ceiling_price", "map_price", "msrp")}
    facts = replace(facts, **blank)
    rules = PriceRules(index=(IndexBand(most=0.9),), max_changes=3)
    quotes = optimise(model, panel, rules, facts)
    assert (quotes.price == panel.price_now).all()
    assert any("the shop at most 0.9" in name for name in quotes.together.conflict)
    assert "at most 3 changes" in quotes.together.conflict
    assert quotes.together.cheapest
    assert "cannot all be kept" in quotes.reason[0]


def test_the_shared_rule_that_holds_a_price_is_told():
    panel, model, facts = world(24, 0)
    facts = PriceFacts.of(panel)
    model = replace(model, elasticity=np.full(24, -1.3))  # all want to rise
    rules = PriceRules(min_confidence=0.0, index=(IndexBand(most=1.02),))
    quotes = optimise(model, panel, rules, facts)
    assert "index" in quotes.binding
    at = quotes.binding.index("index")
    assert "'the price index of the shop at most 1.02' stops it" in quotes.reason[at]
    some = optimise(model, panel, rules, facts, which=np.array([at]))
    assert some.price[0] == quotes.price[at]
    assert some.together.value == pytest.approx(quotes.together.value)


def test_spans_of_days():
    day = lambda text: int(np.datetime64(text).astype(int))  # noqa: E731
    assert covers("12-20..01-03", day("2026-12-31"))
    assert covers("12-20..01-03", day("2027-01-03"))
    assert not covers("12-20..01-03", day("2027-01-04"))
    assert covers("2026-01-05..2026-01-31", day("2026-01-31"))
    assert not covers("2026-01-05..2026-01-31", day("2027-01-10"))
    assert is_span("02-01..02-29")
    for wrong in ("2026-01-05", "2026-02-01..2026-01-01", "01-01..2026-01-01", "13-01..13-02"):
        assert not is_span(wrong)
    panel, model, facts = world(6)
    days = str(np.datetime64("1970-01-01") + facts.today)
    quotes = optimise(model, panel, PriceRules(no_touch=(f"{days}..{days}",)), PriceFacts.of(panel))
    assert (quotes.price == panel.price_now).all()
    assert "no_touch" in quotes.binding
    tomorrow = str(np.datetime64("1970-01-02") + facts.today)
    for until, held in ((days, True), (tomorrow, True), ("2001-01-01", False)):
        quotes = optimise(model, panel, PriceRules(under_test={"i002": until, "none": until}), facts)
        assert ((quotes.price == panel.price_now)[2], quotes.binding[2] == "under_test") == (held, held)
    assert (quotes.price != panel.price_now).any()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"objective": "mix"}, "weights"),
        ({"weights": {"profit": 1.0}}, "mix"),
        ({"objective": "mix", "weights": {"glory": 1.0}}, "glory"),
        ({"competitor_index": (1.1, 0.9)}, "competitor_index"),
        ({"competitor_fallback": "guess"}, "competitor_fallback"),
        ({"no_touch": ("Christmas",)}, "no_touch"),
        ({"under_test": {"i001": "03-01"}}, "under_test"),
        ({"under_test": {"i001": "soon"}}, "i001"),
        ({"quantile": 1.5}, "quantile"),
        ({"max_changes": -1}, "max_changes"),
        ({"price_points": (0.0,)}, "price_points"),
    ],
)
def test_rules_that_cannot_be_are_refused(wrong, told):
    with pytest.raises(ConfigError, match=told):
        PriceRules(**wrong)


def test_names_that_are_not_in_the_shop_are_refused():
    panel, model, facts = world(6)
    for rules in (
        PriceRules(index=(IndexBand(category="Toys", most=1.0),)),
        PriceRules(parity=(Parity("nobody", "other"),)),
        PriceRules(capacity=(Capacity(10.0, brand="nobody"),)),
    ):
        with pytest.raises(ConfigError, match=r"shop\.toml"):
            optimise(model, panel, rules, facts)


def test_rules_that_reach_no_product_are_told():
    _, _, facts = world(6)
    blank = replace(facts, stock_quantity=np.full(6, np.nan), competitor=np.full(6, np.nan))
    item = facts.items.ids[0].as_py()
    coats = Clearance(category="Coats", by="2099-01-31")
    rules = PriceRules(
        key_items=("nobody", item), clearance=(coats,), stock_weeks=4.0, competitor_index=(0.9, 1.1)
    )
    told = without_effect(rules, blank)
    assert [words.split()[0] for words in told] == [
        "key_items:", "[[price.clearance]]", "stock_weeks", "competitor_index"
    ]  # fmt: skip
    assert "1 of 2 products have no price (first: 'nobody')" in told[0]
    stocked = replace(facts, stock_quantity=np.full(6, 10.0), competitor=np.full(6, 5.0))
    kept = PriceRules(
        key_items=(item,),
        clearance=(Clearance(items=(item,), by="2099-01-31"),),
        stock_weeks=4.0,
        competitor_index=(0.9, 1.1),
    )
    assert without_effect(kept, stocked) == ()


def test_the_ladder_holds_every_price_point_in_reach():
    rules = PriceRules(price_points=(9.99, 12.0, 500.0))
    rungs = ladder(np.array([10.0]), np.array([5.0]), rules)
    assert 12.0 in rungs.price[0]
    assert 500.0 not in rungs.price[0]
    allowed = rungs.price[0][rungs.barred[0] == 0]
    assert set(np.round(allowed, 2)) == {10.0, 9.99}  # 12.00 has no allowed ending
