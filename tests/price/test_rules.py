"""Every rule of [price]: held by every price that moves, told where it decides, named where it conflicts."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from merx.data.price_facts import NEVER, PriceFacts, stand_ins
from merx.errors import ConfigError
from merx.price.calendar import Clearance, covers, is_span
from merx.price.limits import PriceRules, ladder
from merx.price.optimise import optimise
from merx.price.shared import Capacity, IndexBand, Parity
from merx.price.thompson import explored
from merx.price.worth import Terms, worth

from .test_optimise import Isoelastic, shop

CATEGORY = np.array(["A > x", "A > y", "B"], dtype=object)


def world(items: int, seed: int = 0):
    """Panel, model and facts of a shop that sells 20 a week of everything."""
    rng = np.random.default_rng(seed)
    now = np.round(np.exp(rng.normal(3, 0.8, items)), 2)
    cost = np.round(now * rng.uniform(0.3, 0.85, items), 2)
    panel = shop(now, cost, seed)
    model = Isoelastic(panel.items, now, rng.uniform(-4, -1.2, items), sd=0.3)

    def some(values: np.ndarray) -> np.ndarray:
        return np.where(rng.random(items) < 0.6, values, np.nan)

    facts = replace(
        PriceFacts.of(panel),
        category=CATEGORY[rng.integers(0, 3, items)],
        brand=np.array(["own", "other"], dtype=object)[rng.integers(0, 2, items)],
        group=np.array([f"g{i // 3}" for i in range(items)], dtype=object),
        pack_size=some(rng.choice([1.0, 2.0, 5.0], items)),
        floor_price=some(now * rng.uniform(0.6, 1.0, items)),
        ceiling_price=some(now * rng.uniform(1.0, 1.3, items)),
        map_price=some(now * rng.uniform(0.6, 1.05, items)),
        msrp=some(now * rng.uniform(0.95, 1.3, items)),
        stock_quantity=some(rng.uniform(5, 80, items)),
        competitor=some(now * rng.uniform(0.85, 1.2, items)),
        lowest_30d=some(now * rng.uniform(0.85, 1.0, items)),
        since_change=rng.choice([2, 40, NEVER], items),
    )
    return panel, model, facts


def broken(
    price, now, cost, rules: PriceRules, facts: PriceFacts, moved: np.ndarray
) -> dict[str, np.ndarray]:
    """Which of the rules each price breaks, written down anew."""
    key = np.isin(facts.items.ids.to_pylist(), rules.key_items)
    cut = moved & (price < now - 1e-9)
    with np.errstate(invalid="ignore"):
        found = {
            "min_margin": (price - cost) / price < rules.min_margin - 1e-7,
            "max_change": np.abs(price / now - 1) > rules.max_change + 1e-7,
            "floor_price": price < facts.floor_price,
            "ceiling_price": price > facts.ceiling_price,
            "map_price": price < facts.map_price,
            "msrp": price > facts.msrp,
            "key_items": key & (price > np.where(np.isnan(facts.competitor), now, facts.competitor)),
            "no_touch": moved & (facts.since_change < rules.hold_days),
            "under_test": moved & np.isin(facts.items.ids.to_pylist(), list(rules.under_test)),
            "announced": cut & rules.announced & (price >= facts.lowest_30d),
        }
        if rules.competitor_index:
            ratio = price / facts.competitor
            found["competitor_index"] = (ratio < rules.competitor_index[0] - 1e-9) | (
                ratio > rules.competitor_index[1] + 1e-9
            )
        if rules.endings:
            off = np.min([np.abs(price % 1 - ending) for ending in rules.endings], axis=0)
            found["endings"] = moved & (off > 1e-6)
        if rules.price_points:
            found["price_points"] = moved & ~np.isin(np.round(price, 2), rules.price_points)
    return found


own_rules = st.builds(
    PriceRules,
    objective=st.sampled_from(["profit", "revenue", "units", "surplus"]),
    quantile=st.sampled_from([None, 0.2]),
    min_margin=st.sampled_from([0.0, 0.1, 0.3]),
    max_change=st.sampled_from([0.05, 0.2, 0.5]),
    endings=st.sampled_from([(), (0.99,), (0.49, 0.99)]),
    price_points=st.sampled_from([(), (4.99, 9.99, 14.99, 19.99, 24.99, 29.99, 49.99)]),
    min_confidence=st.sampled_from([0.0, 0.7]),
    competitor_index=st.sampled_from([(), (0.9, 1.1)]),
    competitor_fallback=st.sampled_from(["none", "keep", "category"]),
    key_items=st.sampled_from([(), ("i000", "i003")]),
    announced=st.booleans(),
    hold_days=st.sampled_from([0, 7]),
    under_test=st.sampled_from([{}, {"i001": "2100-01-01", "i004": "2100-01-01"}]),
    stock_weeks=st.sampled_from([0.0, 2.0]),
)
shared_rules = st.fixed_dictionaries(
    {},
    optional={
        "max_changes": st.integers(0, 12),
        "pack_parity": st.just(True),
        "index": st.sampled_from([(IndexBand(most=1.0),), (IndexBand(category="A", least=0.98, most=1.01),)]),
        "parity": st.just((Parity("own", "other", 1.0),)),
        "capacity": st.just((Capacity(200.0, category="A"),)),
    },
)


@settings(max_examples=60, deadline=None)
@given(rules=own_rules, seed=st.integers(0, 50))
def test_no_rule_of_a_product_is_ever_broken_by_a_change(rules, seed):
    panel, model, facts = world(12, seed)
    quotes = optimise(model, panel, rules, facts)
    moved = quotes.price != panel.price_now
    for rule, against in broken(quotes.price, panel.price_now, panel.cost, rules, facts, moved).items():
        assert not (against & moved).any(), rule
    today = broken(panel.price_now, panel.price_now, panel.cost, rules, facts, np.zeros(12, bool))
    stays = np.any(list(today.values()), axis=0) & ~moved & (np.array(quotes.grade) != "D")
    for i in np.flatnonzero(stays):  # a price that breaks a rule stays only where the rules leave no way out
        assert "leave no other price" in quotes.reason[i]


def keeps_the_rules(price, rules, panel, model, facts):
    """Assert that changes keep the rules of each of the 24 products, and those that tie them together."""
    moved = price != panel.price_now
    for rule, against in broken(price, panel.price_now, panel.cost, rules, facts, moved).items():
        assert not (against & moved).any(), rule
    assert moved.sum() <= (24 if rules.max_changes is None else rules.max_changes)
    size = facts.pack_size
    if rules.pack_parity:
        for a in range(24):
            for b in range(24):
                if facts.group[a] == facts.group[b] and size[a] < size[b]:
                    assert price[b] / size[b] <= price[a] / size[a] * (1 + 1e-6)
    most = np.inf if rules.stock_weeks == 0 else np.nan_to_num(facts.stock_quantity / 2, nan=np.inf)
    sold_now = np.minimum(model.demand(panel.price_now[:, None])[:, 0], most)
    sold = np.minimum(model.draws(price[:, None])[:, :, 0], most).mean(axis=0)
    inside = np.char.startswith(facts.category.astype(str), "A > ")
    for band in rules.index:
        member = inside if band.category else np.ones(24, bool)
        index = sold_now[member] @ price[member] / (sold_now[member] @ panel.price_now[member])
        assert (band.least or 0) - 1e-4 <= index <= band.most + 1e-4
    if rules.parity:
        for name in CATEGORY:
            own, other = ((facts.category == name) & (facts.brand == b) for b in ("own", "other"))
            if own.any() and other.any():
                unit = price / (size if np.isfinite(size[own | other]).all() else 1.0)
                assert unit[own].mean() <= unit[other].mean() * (1 + 1e-4)
    if rules.capacity:
        assert sold[inside].sum() <= 200 * (1 + 1e-6)


@settings(max_examples=40, deadline=None)
@given(rules=own_rules, shared=shared_rules, seed=st.integers(0, 50))
def test_no_shared_rule_is_ever_broken(rules, shared, seed):
    rules = replace(rules, competitor_index=(), quantile=None, **shared)
    panel, model, facts = world(24, seed)
    quotes = optimise(model, panel, rules, facts)
    moved = quotes.price != panel.price_now
    if not shared:
        assert quotes.together is None
        keeps_the_rules(quotes.price, rules, panel, model, facts)
        return
    if quotes.together.conflict:
        assert not moved.any()
        assert "cannot all be kept" in quotes.reason[0]
        return
    assert quotes.together.value <= quotes.together.bound + 1e-9
    assert quotes.together.value <= quotes.together.free + 1e-9
    keeps_the_rules(quotes.price, rules, panel, model, facts)


@settings(max_examples=40, deadline=None)
@given(rules=own_rules, shared=shared_rules, seed=st.integers(0, 50), most=st.sampled_from([0.1, 0.3]))
def test_prices_drawn_to_learn_from_break_no_rule(rules, shared, seed, most):
    rules = replace(rules, competitor_index=(), quantile=None, **shared)
    panel, model, facts = world(24, seed)
    fixed = np.random.default_rng(seed).random(24) < 0.2
    price = explored(model, panel, rules, facts, most, seed, fixed)
    moved = price != panel.price_now
    assert not (moved & fixed).any()
    if not moved.any():  # the rules cannot all be kept, or leave nothing to try
        return
    keeps_the_rules(price, replace(rules, max_change=min(rules.max_change, most)), panel, model, facts)


def test_drawn_prices_differ_from_draw_to_draw_and_shared_rules_bind_them():
    panel, model, facts = world(24, 3)
    rules, fixed = PriceRules(), np.zeros(24, bool)
    free = [explored(model, panel, rules, facts, 0.2, seed, fixed) for seed in range(8)]
    assert len({tuple(price) for price in free}) > 1
    few = replace(rules, max_changes=6)
    tied = [explored(model, panel, few, facts, 0.2, seed, fixed) for seed in range(8)]
    assert all((price != panel.price_now).sum() > 6 for price in free)
    assert all(0 < (price != panel.price_now).sum() <= 6 for price in tied)
    assert len({tuple(price != panel.price_now) for price in tied}) > 1  # which six is part of the draw
    fewer = replace(rules, max_changes=3)  # more of today's prices break a rule: these cannot all be kept
    assert (explored(model, panel, fewer, facts, 0.2, 0, fixed) == panel.price_now).all()


@pytest.mark.parametrize(
    "looser",
    [
        {"max_change": 0.5},
        {"min_margin": 0.0},
        {"min_confidence": 0.0},
        {"competitor_index": ()},
        {"key_items": ()},
        {"announced": False},
        {"hold_days": 0},
        {"endings": ()},
        {"price_points": ()},
        {"max_changes": None},
        {"pack_parity": False},
        {"index": ()},
    ],
)
def test_a_looser_rule_never_expects_less(looser):
    panel, model, facts = world(24, 3)
    rules = PriceRules(
        competitor_index=(0.9, 1.1),
        key_items=("i001", "i002"),
        announced=True,
        hold_days=3,
        max_changes=9,
        pack_parity=True,
        index=(IndexBand(most=1.005),),
        min_confidence=0.5,
    )
    facts = replace(  # today's prices keep all rules, so that staying is always among the choices
        facts,
        **{
            name: np.full(24, np.nan)
            for name in ("floor_price", "ceiling_price", "map_price", "msrp", "pack_size")
        },
        competitor=panel.price_now * 1.01,
    )
    panel = replace(panel, cost=np.minimum(panel.cost, 0.8 * panel.price_now))
    strict = optimise(model, panel, rules, facts)
    loose = optimise(model, panel, replace(rules, **looser), facts)
    earned = [float(quotes.profit[:, 0].sum()) for quotes in (strict, loose)]
    assert earned[1] >= earned[0] * (1 - 2e-4)  # the solver stops at a gap of 1e-4


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


def test_the_ladder_holds_every_price_point_in_reach():
    rules = PriceRules(price_points=(9.99, 12.0, 500.0))
    rungs = ladder(np.array([10.0]), np.array([5.0]), rules)
    assert 12.0 in rungs.price[0]
    assert 500.0 not in rungs.price[0]
    allowed = rungs.price[0][rungs.barred[0] == 0]
    assert set(np.round(allowed, 2)) == {10.0, 9.99}  # 12.00 has no allowed ending
