"""What is fixed before the first day: tastes, popularity, elasticities, costs, arrivals and launches.

Taste is a mixture (Hofmann 1999): a unit of item i is bought out of taste f with probability
`item_factors[i, f]`, and a purchase out of taste f is made by user u with probability
`user_factors[u, f]`. So the expected units of item i bought by user u are the item's units times a dot
product of low rank, exactly.
"""

from dataclasses import dataclass

import numpy as np

from merx.simulate.catalogue import (
    CATEGORIES,
    CATEGORY_PRICE,
    CATEGORY_REPEAT,
    DEPARTMENTS,
    LEAVES_PER_DEPARTMENT,
    STYLES,
    department_of,
)

UNITS_PER_USER_DAY = 20 / 365  # twenty units a year
ZIPF = 0.7  # item popularity falls as rank^-0.7
NEWCOMERS = 0.25  # share of users who arrive after the first day
LATE_LAUNCHES = 0.12  # share of products launched after the first day
ELASTICITY_MEAN = -2.6  # Bijmolt, van Heerde and Pieters (2005): -2.62 over 1851 estimates
ELASTICITY_MAX = -1.05
ELASTICITY_MIN = -5.0
MARGIN = (0.3, 0.6)  # of the reference price
PRICE_ERROR = (0.15, 0.45)  # mean and sd of log(reference price / optimal price)


@dataclass(frozen=True)
class World:
    """The fixed side of the simulated shop: U users, I items, F tastes, K categories.

    Parameters
    ----------
    user_factors : float64 (U, F)
        Columns sum to 1: share of each user in the purchases out of a taste, all users being present.
    item_factors : float64 (I, F)
        Rows sum to 1: share of each taste in the purchases of an item.
    user_taste, item_taste : int32 (U,), (I,)
        The taste each belongs to most.
    arrival : int32 (U,), ascending
        Day from which a user may act.
    launch : int32 (I,)
        Day from which an item is sold.
    category : int32 (I,)
    base_units : float64 (I,)
        Units a day at the reference price, all other factors being 1.
    elasticity, reference_price, cost, promotion_lift, repeat_share : float64 (I,)
        `cost` is that of the first day; `promotion_lift` multiplies units beyond the effect of the price.
    """

    user_factors: np.ndarray
    item_factors: np.ndarray
    user_taste: np.ndarray
    item_taste: np.ndarray
    arrival: np.ndarray
    launch: np.ndarray
    category: np.ndarray
    base_units: np.ndarray
    elasticity: np.ndarray
    reference_price: np.ndarray
    cost: np.ndarray
    promotion_lift: np.ndarray
    repeat_share: np.ndarray


def draw_world(users: int, items: int, days: int, rng: np.random.Generator) -> World:
    """Draw a world of U users and I items for a span of `days`."""
    tastes = int(np.clip(items // 12, 2, 2 * len(STYLES)))  # F
    arrival = _late(users, NEWCOMERS, days, rng)
    arrival = np.sort(arrival - arrival.min())
    user_factors, user_taste = _users(users, tastes, rng)

    item_taste = rng.integers(tastes, size=items).astype(np.int32)  # (I,)
    item_factors = _items(item_taste, tastes, rng)
    at_home = rng.random(items) < 0.85  # most items lie in their taste's department
    department = np.where(at_home, department_of(item_taste), rng.integers(len(DEPARTMENTS), size=items))
    leaf = rng.integers(LEAVES_PER_DEPARTMENT, size=items)
    category = (department * LEAVES_PER_DEPARTMENT + leaf).astype(np.int32)

    popularity = rng.permutation(np.arange(1, items + 1) ** -ZIPF)  # (I,)
    base_units = popularity / popularity.sum() * users * UNITS_PER_USER_DAY
    elasticity, reference_price, cost = _prices(category, rng)
    return World(
        user_factors=user_factors,
        item_factors=item_factors,
        user_taste=user_taste,
        item_taste=item_taste,
        arrival=arrival,
        launch=_late(items, LATE_LAUNCHES, days, rng),
        category=category,
        base_units=base_units,
        elasticity=elasticity,
        reference_price=reference_price,
        cost=cost,
        promotion_lift=np.exp(np.clip(rng.normal(0.25, 0.1, items), 0.0, None)),
        repeat_share=CATEGORY_REPEAT[category],
    )


def _late(count: int, share: float, days: int, rng: np.random.Generator) -> np.ndarray:
    """Day 0 for most of `count`, for the given share a day in the span but not its last twentieth, int32."""
    late = rng.random(count) < share
    return np.where(late, rng.integers(0, max(1, int(0.95 * days)), count), 0).astype(np.int32)


def _users(users: int, tastes: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """User factors (U, F), whose columns sum to 1, and main tastes (U,)."""
    membership = (
        rng.dirichlet(np.full(tastes, 1.0 / tastes), users) + 1e-3
    )  # (U, F), sparse: one or two tastes
    activity = rng.lognormal(0.0, 0.8, users)  # (U,)
    weight = activity[:, None] * membership / membership.sum(axis=1, keepdims=True)
    return weight / weight.sum(axis=0), membership.argmax(axis=1).astype(np.int32)


def _items(item_taste: np.ndarray, tastes: int, rng: np.random.Generator) -> np.ndarray:
    """Item factors (I, F): most weight on the item's own taste, some on one other, a little on all."""
    row = np.arange(item_taste.size)
    own = rng.beta(12.0, 2.0, item_taste.size)  # mean 0.86
    second = (item_taste + rng.integers(1, tastes, item_taste.size)) % tastes
    factors = np.full((item_taste.size, tastes), 0.04 / tastes)
    factors[row, item_taste] += 0.96 * own
    factors[row, second] += 0.96 * (1 - own)
    return factors


def _prices(category: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Elasticity, reference price and cost, each (I,).

    Under constant elasticity e < -1 the most profitable price is cost * e / (e + 1). The reference price
    misses it by a lognormal factor, so that there is something for a pricing method to find.
    """
    count = category.size
    mean = rng.normal(ELASTICITY_MEAN, 0.3, len(CATEGORIES))  # (K,)
    elasticity = np.clip(mean[category] + rng.normal(0.0, 0.5, count), ELASTICITY_MIN, ELASTICITY_MAX)
    reference = np.round(CATEGORY_PRICE[category] * rng.lognormal(0.0, 0.35, count), 1) - 0.01
    optimal_cost_share = (elasticity + 1) / elasticity  # cost / optimal price
    miss = rng.lognormal(*PRICE_ERROR, count)
    margin = np.clip(1 - optimal_cost_share / miss, *MARGIN)
    return elasticity, reference, np.round(reference * (1 - margin), 2)
