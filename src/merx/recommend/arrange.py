"""From the pool that models offer to the list that is shown: rules, diversity and objective in one pass.

Diversity is maximal marginal relevance: place by place, the product of the largest
(1 - diversity) value - diversity max over the products above it of their likeness.

Carbonell & Goldstein, The use of MMR, diversity-based reranking, SIGIR (1998).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from merx.recommend.new_share import NewShare
from merx.recommend.objective import discount, trade


@dataclass(frozen=True)
class Cap:
    """At most `most` products of one group; `group` int64 (n,), -1: in no group."""

    group: np.ndarray
    most: int


@dataclass(frozen=True)
class Wishes:
    """What is wanted of a list of k out of a pool of n products.

    Parameters
    ----------
    relevance : float64 (n,), at least 0
        Boosts included. Of equal values the earlier in the pool goes first.
    offered : bool (n,)
        Products that a model offers; the others come into the list by a pin alone.
    buried : bool (n,)
        Stand behind all others.
    caps : tuple of Cap
    fresh : NewShare, optional
        What new products have a right to, as far as caps allow. Those that are buried cannot claim it, those
        that are pinned count in it.
    pins : mapping of place (from 0) -> place in the pool
        Wins over every other wish; pinned products count in the caps.
    diversity : float
        0: off, 1: nothing but diversity.
    alike : float64 (n, n), 0..1
        Needed where diversity is above 0.
    worth : float64 (n,), optional
        What the objective is after; None: relevance.
    give_up : float
        Of the relevance of the list without the objective, the share that it may cost.
    """

    relevance: np.ndarray
    offered: np.ndarray
    buried: np.ndarray
    caps: tuple[Cap, ...] = ()
    fresh: NewShare | None = None
    pins: Mapping[int, int] = field(default_factory=dict)
    diversity: float = 0.0
    alike: np.ndarray | None = None
    worth: np.ndarray | None = None
    give_up: float = 0.0


def arrange(wishes: Wishes, k: int) -> np.ndarray:
    """The list: places in the pool, best first, int64 (at most k,)."""
    if wishes.worth is None:
        return _fill(wishes.relevance, wishes, k)
    return trade(
        lambda value: _fill(value, wishes, k),
        wishes.relevance,
        wishes.worth,
        lambda found: relevance_of(found, wishes),
        wishes.give_up,
    )


def relevance_of(found: np.ndarray, wishes: Wishes) -> float:
    """Discounted relevance of a list, the pinned products left out: those are no model's choice."""
    free = ~np.isin(found, list(wishes.pins.values()))
    return float((discount(len(found)) * wishes.relevance[found])[free].sum())


def worth_of(found: np.ndarray, wishes: Wishes) -> float:
    """Discounted worth of a list, the pinned products left out."""
    if wishes.worth is None:
        return relevance_of(found, wishes)
    free = ~np.isin(found, list(wishes.pins.values()))
    return float((discount(len(found)) * wishes.relevance[found] * wishes.worth[found])[free].sum())


def _fill(value: np.ndarray, wishes: Wishes, k: int) -> np.ndarray:
    """Place by place, the best that the caps leave open."""
    pins = {place: item for place, item in wishes.pins.items() if place < k}
    left = wishes.offered.copy()
    left[list(pins.values())] = False
    counts = [
        np.zeros(cap.group.max(initial=-1) + 2, dtype=np.int64) for cap in wishes.caps
    ]  # last: no group
    for cap, count in zip(wishes.caps, counts, strict=True):
        np.add.at(count, cap.group[list(pins.values())], 1)
    closest = np.zeros(len(value))  # likeness to the nearest product above
    found: list[int] = []
    fresh = wishes.fresh
    for place in range(k):
        pick = pins.pop(place, None)
        if pick is None:
            if fresh is not None and fresh.is_due(place, k, [*found, *pins.values()], len(pins)):
                pick = _best(value, closest, left & fresh.new & ~wishes.buried, wishes, counts)
            if pick is None:
                pick = _best(value, closest, left, wishes, counts)
            if pick is None:
                break
            for cap, count in zip(wishes.caps, counts, strict=True):
                count[cap.group[pick]] += 1
        left[pick] = False
        found.append(pick)
        if wishes.diversity > 0 and wishes.alike is not None:
            closest = np.maximum(closest, wishes.alike[pick])
    found += [pins[place] for place in sorted(pins)]  # nothing is left to stand before them
    return np.array(found, dtype=np.int64)


def _best(
    value: np.ndarray, closest: np.ndarray, left: np.ndarray, wishes: Wishes, counts: list[np.ndarray]
) -> int | None:
    """The product for the next place, None where none may take it."""
    free = left.copy()
    for cap, count in zip(wishes.caps, counts, strict=True):
        free &= (cap.group < 0) | (count[cap.group] < cap.most)
    if not free.any():
        return None
    if (free & ~wishes.buried).any():
        free &= ~wishes.buried
    marginal = (1 - wishes.diversity) * value - wishes.diversity * closest
    return int(np.argmax(np.where(free, marginal, -np.inf)))
