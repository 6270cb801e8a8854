"""Price policies: how the shop moves its regular prices from week to week.

A regular price is the reference price times exp(deviation). Every policy is a function from what the
price setter sees to the deviations of the coming week.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

DEVIATION_MAX = 0.35  # of the log price from the log reference price
JITTER_MAX = 0.1  # standard deviation of a random move on top: more is no jitter


@dataclass(frozen=True)
class Seen:
    """What the price setter knows of I items before a week begins.

    Parameters
    ----------
    deviation : float64 (I,)
        Log of last week's regular price over the reference price.
    surprise : float64 (I,)
        Log of last week's units over the average week so far.
    shock : float64 (I,)
        Log demand shock of the coming week, which the events never show.
    change : bool (I,)
        Whether the week is one of the item's two or three changes (policy `few_changes`).
    """

    deviation: np.ndarray
    surprise: np.ndarray
    shock: np.ndarray
    change: np.ndarray


def _random(seen: Seen, rng: np.random.Generator) -> np.ndarray:
    """Autoregressive moves that depend on nothing: prices are as good as in an experiment."""
    return 0.6 * seen.deviation + rng.normal(0.0, 0.09, seen.deviation.size)


def _follows_last_week(seen: Seen, rng: np.random.Generator) -> np.ndarray:
    """Raised after a strong week, lowered after a weak one."""
    moved: np.ndarray = 0.8 * seen.deviation + 0.10 * np.clip(seen.surprise, -1.0, 1.0)
    return moved + rng.normal(0.0, 0.03, seen.deviation.size)


def _follows_demand(seen: Seen, rng: np.random.Generator) -> np.ndarray:
    """Raised when the coming week is strong for reasons unseen in the data: price is confounded."""
    return 0.4 * seen.shock + rng.normal(0.0, 0.05, seen.deviation.size)


def _few_changes(seen: Seen, rng: np.random.Generator) -> np.ndarray:
    """Two or three new prices in the whole span."""
    return np.where(seen.change, rng.normal(0.0, 0.12, seen.deviation.size), seen.deviation)


PRICE_POLICIES: dict[str, Callable[[Seen, np.random.Generator], np.ndarray]] = {
    "random": _random,
    "follows_last_week": _follows_last_week,
    "follows_demand": _follows_demand,
    "few_changes": _few_changes,
}


def next_deviation(policy: str, seen: Seen, rng: np.random.Generator) -> np.ndarray:
    """Deviations (I,) of the coming week under the named policy, within +-DEVIATION_MAX."""
    deviation = PRICE_POLICIES[policy](seen, rng)
    clipped: np.ndarray = np.clip(deviation, -DEVIATION_MAX, DEVIATION_MAX)
    return clipped


def draw_promotions(items: int, weeks: int, policy: str, rng: np.random.Generator) -> np.ndarray:
    """Reduction (I, W) of the price by promotion, 0 where there is none; never two weeks in a row.

    A shop of few changes runs no promotions, and nobody does in the last week, so that the last price
    is a regular one.
    """
    reduced = rng.random((items, weeks)) < 0.06
    reduced[:, 1:] &= ~reduced[:, :-1]
    reduced[:, -1] = False
    if policy == "few_changes":
        reduced[:] = False
    return np.where(reduced, rng.choice([0.10, 0.15, 0.20, 0.25, 0.30], (items, weeks)), 0.0)


def draw_changes(items: int, weeks: int, rng: np.random.Generator) -> np.ndarray:
    """Bool (I, W): two or three weeks per item, none of them the first, for the policy `few_changes`."""
    order = rng.random((items, weeks))
    order[:, 0] = 2.0
    rank = order.argsort(axis=1).argsort(axis=1)
    changes: np.ndarray = (rank < rng.integers(2, 4, (items, 1))) & (order < 2.0)
    return changes
