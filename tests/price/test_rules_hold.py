"""No price ever breaks a rule, of its own or shared, and a looser rule never earns less: random shops."""

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from merx.data.price_facts import PriceFacts
from merx.price.limits import PriceRules
from merx.price.optimise import optimise
from merx.price.shared import Capacity, IndexBand, Parity
from merx.price.thompson import explored

from .shops import CATEGORY, world


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
        assert re.search("leaves? no other price", quotes.reason[i])


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
        assert re.search("cannot (all )?be kept", quotes.reason[0])
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


def test_drawn_prices_of_substitutes_are_higher_than_without_regard_to_each_other():
    panel, model, facts = world(24, 3)
    rules, fixed = PriceRules(max_change=0.3), np.zeros(24, bool)
    pairs = np.arange(24) ^ 1  # 0 and 1, 2 and 3, ...
    cross = sparse.csr_array((np.full(24, 0.6), (np.arange(24), pairs)), shape=(24, 24))
    apart = np.stack([explored(model, panel, rules, facts, 0.3, seed, fixed) for seed in range(8)])
    beside = np.stack([explored(model, panel, rules, facts, 0.3, seed, fixed, cross) for seed in range(8)])
    assert np.log(beside / apart).mean() > 0.01
    assert (beside >= apart).mean() > 0.9


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
