"""Simulated shops whose demand is known: constant elasticities, season, promotions, stock-outs, noise."""

from dataclasses import dataclass

import numpy as np

from merx.data.panel import PricePanel, distinct_prices
from merx.data.vocabulary import Vocabulary

POLICIES = ("random", "follows_last_week", "follows_demand", "few_changes")


@dataclass(frozen=True)
class World:
    """A price panel with the truth behind it: elasticity, cost and the price in force, each (I,)."""

    panel: PricePanel
    elasticity: np.ndarray

    def profit(self, price: np.ndarray) -> np.ndarray:
        """True profit at the prices (I, G), relative to one unit sold at the price of now."""
        now = self.panel.price_now[:, None]
        return (price / now) ** self.elasticity[:, None] * (price - self.panel.cost[:, None])


def in_stock(price: np.ndarray, available: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Item and price of the weeks with stock, from (I, T) each."""
    item, week = np.nonzero(available > 0)
    return item, price[item, week]


def make_world(
    policy: str, seed: int, items: int = 200, weeks: int = 104, categories: int = 8, units: float = 12.0
) -> World:
    """A shop whose prices move by the policy; the best price within 20 % gains 10 to 20 % of profit."""
    rng = np.random.default_rng(seed)
    category = np.sort(rng.integers(0, categories, items)).astype(np.int32)
    category_mean = rng.normal(-2.6, 0.4, categories)
    elasticity = np.minimum(category_mean[category] + rng.normal(0, 0.57, items), -1.3)  # sd .7 in all
    base_price = np.round(np.exp(rng.normal(3.0, 0.7, items)), 2)
    cost = _cost(base_price, elasticity, rng)

    t = np.arange(weeks)
    phase, height = rng.uniform(0, 2 * np.pi, categories), rng.uniform(0.05, 0.4, categories)
    season = height[:, None] * np.sin(2 * np.pi * t / 52 + phase[:, None]) + rng.normal(
        0, 0.05, (categories, weeks)
    )
    trend = rng.normal(0, 0.15, items)
    shock = np.zeros((items, weeks))
    shock[:, 0] = rng.normal(0, 0.25, items)
    for week in range(1, weeks):
        shock[:, week] = 0.7 * shock[:, week - 1] + rng.normal(0, 0.25 * np.sqrt(1 - 0.49), items)
    promotion = (rng.random((items, weeks)) < 0.08).astype(float)
    depth = rng.uniform(0.1, 0.25, (items, weeks))
    lift = rng.normal(0.3, 0.1, items)
    base = np.log(units) + rng.normal(0, 0.9, items)
    available = np.where(rng.random((items, weeks)) < 0.03, rng.uniform(0, 0.9, (items, weeks)), 1.0)

    step = np.zeros((items, weeks))  # log price less promotion, about the base price
    sold = np.zeros((items, weeks))
    regular = rng.normal(0, 0.1, items)
    surprise = np.zeros(items)
    for week in range(weeks):
        if policy == "random":
            regular = np.where(rng.random(items) < 0.25, rng.normal(0, 0.1, items), regular)
        elif policy == "few_changes":
            regular = np.where(rng.random(items) < 3 / weeks, rng.normal(0, 0.1, items), regular)
        elif policy == "follows_last_week":
            regular = np.clip(0.3 * surprise, -0.3, 0.3) + rng.normal(0, 0.04, items)
        else:
            regular = 0.3 * shock[:, week] + rng.normal(0, 0.04, items)
        step[:, week] = regular + promotion[:, week] * np.log(1 - depth[:, week])
        log_mean = base + season[category, week] + trend * (week - weeks / 2) / 52 + shock[:, week]
        log_mean += elasticity * step[:, week] + lift * promotion[:, week]
        mean = available[:, week] * np.exp(log_mean)
        sold[:, week] = rng.poisson(mean * rng.gamma(10.0, 0.1, items))
        usual = base + season[category, week] + elasticity * step[:, week] + lift * promotion[:, week]
        surprise = np.log((sold[:, week] + 1) / (np.exp(usual) * available[:, week] + 1))

    price = np.round(base_price[:, None] * np.exp(step), 2)
    return World(
        panel=PricePanel(
            items=Vocabulary.of(f"item-{i:05d}" for i in range(items)),
            category=category,
            categories=Vocabulary.of(f"category-{c:03d}" for c in range(categories)),
            offsets=np.arange(items + 1, dtype=np.int64) * weeks,
            week=np.tile(t, items).astype(np.int32),
            units=sold.ravel(),
            price=price.ravel(),
            promotion=promotion.ravel(),
            available=available.ravel(),
            cost=cost,
            price_now=base_price,
            distinct_prices=distinct_prices(*in_stock(price, available), items),
            start=19_000,
        ),
        elasticity=elasticity,
    )


def _cost(price: np.ndarray, elasticity: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Costs at which the best price within 20 % of `price` earns 10 to 20 % more than `price`."""
    wanted = rng.uniform(0.10, 0.20, len(price))
    upward = rng.random(len(price)) < 0.5
    margin = np.linspace(0.05, 0.9, 341)  # (M,) of the price of now
    ratio = np.linspace(0.8, 1.2, 81)  # (R,)
    units = ratio ** elasticity[:, None]  # (I, R)
    profit = units[:, None, :] * (ratio - (1 - margin)[:, None])  # (I, M, R)
    gain = profit.max(axis=2) / margin - 1  # (I, M)
    raises = ratio[profit.argmax(axis=2)] > 1
    miss = np.abs(gain - wanted[:, None]) + np.where(raises == upward[:, None], 0.0, 10.0)
    return np.round(price * (1 - margin[miss.argmin(axis=1)]), 2)
