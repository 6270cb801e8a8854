"""Shops drawn at random: ladders of prices with rules that tie them, and whole ones with facts."""

from dataclasses import replace

import numpy as np

from merx.data.price_facts import NEVER, PriceFacts
from merx.price.coupling import Coupling, Row

from .test_optimise import Isoelastic, shop

CATEGORY = np.array(["A > x", "A > y", "B"], dtype=object)


def tied_shop(
    items: int, points: int = 15, categories: int = 4, capacities: int = 3, seed: int = 0
) -> tuple[np.ndarray, Coupling]:
    """Profit at the points of each product's ladder, and rules that bind: 2 + categories + capacities.

    Every category's price index has a bound, above for one and below for the next, between what the best
    prices would make of it and no change; random twentieths of the products share a capacity; and no more
    than four in ten products may change.
    """
    rng = np.random.default_rng(seed)
    now = np.exp(rng.normal(3.0, 0.8, items))
    elasticity = np.minimum(rng.normal(-2.4, 0.6, items), -1.1)
    cost = now * (1 - rng.uniform(0.2, 0.6, items))
    ratio = np.linspace(0.8, 1.2, points)
    base = np.exp(rng.normal(2.0, 1.0, items))
    units = base[:, None] * ratio ** elasticity[:, None]
    value = units * (now[:, None] * ratio - cost[:, None])
    best = value.argmax(axis=1)
    category = rng.integers(0, categories, items)
    rules = []
    for c in range(categories):
        member = np.flatnonzero(category == c)
        share = base[member] * now[member]
        index = (share / share.sum())[:, None] * ratio  # (n, G)
        free = index[np.arange(len(member)), best[member]].sum()
        sign = 1.0 if free > 1 else -1.0
        bound = sign * (1.0 + (free - 1.0) * rng.uniform(0.2, 0.6))
        rules.append(Row("index", f"index of category {c}", member, sign * index, bound))
    for k in range(capacities):
        member = np.flatnonzero(rng.random(items) < 0.05)
        used = units[member, best[member]].sum()
        least = units[member, -1].sum()
        rules.append(Row("capacity", f"capacity {k}", member, units[member], max(0.95 * used, 1.15 * least)))
    changes = np.ones((items, points))
    changes[:, points // 2] = 0.0
    rules.append(Row("max_changes", "changes", np.arange(items), changes, 0.4 * items))
    return value, Coupling.of(rules, points)


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
