"""How a shopper moves from product to product within a visit.

The items of a taste lie on a ring, similar ones side by side. The next product viewed is, with chance
`FOLLOW_SHARE`, one of the next three on the ring; otherwise a fresh draw by the day's demand within the
visit's taste. The order matters, so a model of sequences can know more than one of co-occurrence.
"""

from dataclasses import dataclass

import numpy as np

from merx.simulate.draw import draw_from_rows
from merx.simulate.world import World

FOLLOW_SHARE = 0.6
STEP_SHARES = (0.6, 0.3, 0.1)  # of moves by one, two and three places on the ring


@dataclass(frozen=True)
class Ring:
    """The rings of all tastes.

    Parameters
    ----------
    order : int64 (I,)
        Items, ring by ring.
    place : int64 (I,)
        Where each item stands in `order`.
    start, size : int64 (I,)
        Where its ring starts in `order`, and how many items it has.
    """

    order: np.ndarray
    place: np.ndarray
    start: np.ndarray
    size: np.ndarray

    def neighbour(self, item: np.ndarray, step: np.ndarray) -> np.ndarray:
        """The item `step` places on (or back, where negative)."""
        start = self.start[item]
        found: np.ndarray = self.order[start + (self.place[item] - start + step) % self.size[item]]
        return found


def draw_ring(world: World, rng: np.random.Generator) -> Ring:
    """Order the items by taste, then category, then at random."""
    order = np.lexsort((rng.random(world.category.size), world.category, world.item_taste))
    place = np.empty_like(order)
    place[order] = np.arange(order.size)
    size = np.bincount(world.item_taste)
    start = size.cumsum() - size
    return Ring(order, place, start[world.item_taste], size[world.item_taste])


def walk(
    ring: Ring,
    launch: np.ndarray,
    start: np.ndarray,
    length: np.ndarray,
    direction: np.ndarray,
    day: np.ndarray,
    row: np.ndarray,
    stacked: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Items (S, L) of S walks, -1 behind their end; the first is `start`.

    Parameters
    ----------
    launch : int (I,)
    start, length, day : int (S,)
    direction : int (S,)
        1 walks on; -1 walks back, so that the walk read backwards leads to `start`.
    row : int (S,)
        Row of `stacked` (see `draw.stack_rows`) to draw fresh items from.
    """
    items = np.full((start.size, int(length.max(initial=1))), -1)
    items[:, 0] = start
    for step in range(1, items.shape[1]):
        going = np.flatnonzero(length > step)
        now = items[going, step - 1]
        places = 1 + rng.choice(len(STEP_SHARES), going.size, p=STEP_SHARES)
        near = ring.neighbour(now, direction[going] * places)
        stays = (rng.random(going.size) < FOLLOW_SHARE) & (near != now) & (launch[near] <= day[going])
        fresh = draw_from_rows(stacked, launch.size, row[going], rng)
        items[going, step] = np.where(stays, near, fresh)
    return items
