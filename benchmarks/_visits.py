"""What the truth of a simulated shop says of a visit after each of its events: what comes next, and whether
it ends in a purchase.

Bayes' rule over the rules of `merx.simulate.sessions`. A visit browses, or leads to a basket, out of a taste;
each event then changes how likely each of these is. Who the visitor is stays unknown, as it does to a model
of visits; the day's expected demand is known, which no model can know. So nothing can do better. Products
removed from the cart are not heard of, since models do not read that either.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.stats import poisson

from _replay import ENDS, Week, expected_baskets
from merx.behaviour.heads import LEAVE
from merx.data.schema import EVENT_CODE
from merx.simulate.buyers import BASKET_MAX
from merx.simulate.paths import FOLLOW_SHARE, STEP_SHARES
from merx.simulate.sessions import (
    BROWSING_PER_UNIT,
    BROWSING_VIEWS,
    CART_CHANCE,
    LEADING_VIEWS,
    WALK_MAX,
)

VIEW, CART, PURCHASE = (EVENT_CODE[name] for name in ("view_item", "add_to_cart", "purchase"))
LEADS = np.append(  # chance of 0, 1, ... views before the basket
    (1 - 1 / (LEADING_VIEWS + 1)) ** np.arange(WALK_MAX - 1) / (LEADING_VIEWS + 1),
    (1 - 1 / (LEADING_VIEWS + 1)) ** (WALK_MAX - 1),
)
SIZES = np.arange(1, BASKET_MAX + 1)  # units of a basket
UNITS = np.arange(1, 200)  # of a taste and day


class Day:
    """What is so of the visits of one day, by taste (F)."""

    def __init__(self, week: Week, day: int) -> None:
        ring, world = week.ring, week.world
        expected = week.expected[:, day - 7 * week.number]  # (I,)
        self.place = ring.place
        self.in_stock = week.demand.available[:, day]
        looked = (expected[:, None] * world.item_factors).T  # (F, I)
        self.browsing = BROWSING_PER_UNIT * looked.sum(axis=1)  # visits
        self.fresh = looked / looked.sum(axis=1, keepdims=True)
        self.alone = (expected[:, None] * week.alone).T  # orders of one unit
        units = (expected[:, None] * week.shared).T
        whole = units.sum(axis=1)
        self.drawn = units / whole[:, None]
        self.baskets = expected_baskets(whole)
        self.size = sizes(whole) / self.baskets[:, None]  # (F, S)
        items = np.arange(len(expected))
        steps = np.arange(1, len(STEP_SHARES) + 1)
        self.near = {  # (3, I), -1 where the walk does not go
            way: np.stack([ring.neighbour(items, np.full(len(items), way * step)) for step in steps])
            for way in (1, -1)
        }
        for near in self.near.values():
            near[(near == items) | (world.launch[near] > day)] = -1

    def moves(self, way: int, item: int, to: int) -> np.ndarray:
        """Chance that a walk goes from one item to the other, float64 (F,)."""
        near = self.near[way][:, item]
        share = FOLLOW_SHARE * np.array(STEP_SHARES)
        fresh: np.ndarray = (1 - share[near >= 0].sum()) * self.fresh[:, to]
        return fresh + share[near == to].sum()

    @cached_property
    def leading(self) -> np.ndarray:
        """Orders of which an item is so many steps before the basket, float64 (WALK_MAX, F, I)."""
        behind = np.cumsum(self.drawn[:, np.argsort(self.place)], axis=1)[:, self.place]
        rest = 1 - behind  # of what stands later on the ring
        first = self.alone + self.baskets[:, None] * (self._filled(rest + self.drawn) - self._filled(rest))
        found = [first]
        near, share = self.near[-1], FOLLOW_SHARE * np.array(STEP_SHARES)
        for _ in range(WALK_MAX - 1):
            now = found[-1]
            following = np.zeros_like(now)
            stays = np.zeros(now.shape[1])
            for step, chance in zip(near, share, strict=True):
                there = np.flatnonzero(step >= 0)
                np.add.at(following.T, step[there], chance * now.T[there])
                stays[there] += chance
            following += (now @ (1 - stays))[:, None] * self.fresh
            found.append(following)
        return np.stack(found)

    def begun(self, lines: list[int]) -> tuple[np.ndarray, np.ndarray]:
        """Baskets whose first lines are these items, and those that have no other line, float64 (F,) each."""
        last = self.place[lines[-1]]
        rest = self.drawn[:, self.place > last].sum(axis=1)
        every = np.zeros(len(self.baskets))
        exact = np.zeros(len(self.baskets))
        for chosen in range(1 << len(lines)):
            some = [line for n, line in enumerate(lines) if chosen >> n & 1]
            sign = (-1) ** (len(lines) - len(some))
            share = self.drawn[:, some].sum(axis=1)
            every += sign * self._filled((share + rest)[:, None])[:, 0]
            exact += sign * self._filled(share[:, None])[:, 0]
        one = self.alone[:, lines[0]] if len(lines) == 1 else 0.0
        return one + self.baskets * every, one + self.baskets * exact

    def _filled(self, share: np.ndarray) -> np.ndarray:
        """Chance that all units of a basket are among items of that share (F, n), float64 (F, n)."""
        found = np.zeros(share.shape)
        for size, chance in zip(SIZES, self.size.T, strict=True):
            found += chance[:, None] * share**size
        return found


def sizes(units: np.ndarray) -> np.ndarray:
    """Expected baskets of 1, 2, ... units, where a Poisson number of that mean (F,) is cut, (F, S)."""
    number, size = UNITS[:, None], SIZES
    runs = np.where(
        size < number,
        ENDS * (2 + ENDS * (number - size - 1)),
        np.where(size == number, 1.0, 0.0),
    ) * (1 - ENDS) ** (size - 1)
    return np.asarray(poisson.pmf(UNITS, units[:, None]) @ runs)


@dataclass(frozen=True)
class _Walk:
    """The visit so far, if all of it was a walk.

    Parameters
    ----------
    last : int
        The product viewed last.
    views : int
    carted : bool
        Whether that product was put into the cart.
    browsing : float64 (F,)
        Visits that browse so.
    leading : float64 (F,)
        Chance of the moves, read backwards from the last product, and of the carts.
    """

    last: int
    views: int
    carted: bool
    browsing: np.ndarray
    leading: np.ndarray


@dataclass(frozen=True)
class _Basket:
    """The visit so far, if a basket began: chance of what led to it (F,), and its lines."""

    weight: np.ndarray
    lines: list[int]
    carted: bool


def foretold(day: Day, event: np.ndarray, item: np.ndarray) -> Iterator[tuple[np.ndarray, float]]:
    """After each event (n,) of a visit: chances of what comes next (E + 1,), and of a purchase to come."""
    walk: _Walk | None = None
    baskets: list[_Basket] = []
    lines = set(item[event == PURCHASE].tolist())  # known from the carts when the first is paid for
    paid = 0
    for name, code in zip(event.tolist(), item.tolist(), strict=True):
        if name == PURCHASE:
            paid += 1
            chance = np.zeros(LEAVE + 1)
            chance[PURCHASE if paid < len(lines) else LEAVE] = 1
            yield chance, float(paid < len(lines))
        elif name == VIEW:
            begun = _Basket(_before(day, walk, code), [code], False)
            baskets = [begun] + [
                _Basket(one.weight, [*one.lines, code], False)
                for one in baskets
                if one.carted and day.place[code] > day.place[one.lines[-1]]
            ]
            walk = _moved(day, walk, code)
            yield _told(day, walk, baskets)
        else:
            assert walk is not None and name == CART
            baskets = [
                _Basket(one.weight, one.lines, True)
                for one in baskets
                if not one.carted and code == one.lines[-1]
            ]
            carts = CART_CHANCE * day.in_stock[code]
            walk = _Walk(code, walk.views, True, carts * walk.browsing, carts * walk.leading)
            yield _told(day, walk, baskets)


def _before(day: Day, walk: _Walk | None, code: int) -> np.ndarray:
    """Chance of all that happened, if the basket begins with the view of this product, float64 (F,)."""
    if walk is None:
        return np.full(len(day.browsing), LEADS[0])
    chance = LEADS[walk.views] if walk.views < WALK_MAX else 0.0
    back: np.ndarray = chance * _no_cart(day, walk) * walk.leading * day.moves(-1, code, walk.last)
    return back


def _moved(day: Day, walk: _Walk | None, code: int) -> _Walk:
    """The walk with one more view."""
    if walk is None:
        return _Walk(code, 1, False, day.browsing * day.fresh[:, code], np.ones(len(day.browsing)))
    same = _no_cart(day, walk)
    return _Walk(
        code,
        walk.views + 1,
        False,
        same * _goes_on(walk.views) * walk.browsing * day.moves(1, walk.last, code),
        same * walk.leading * day.moves(-1, code, walk.last),
    )


def _told(day: Day, walk: _Walk, baskets: list[_Basket]) -> tuple[np.ndarray, float]:
    """What comes next, over all that the visit may be."""
    chance = np.zeros(LEAVE + 1)
    looks = walk.browsing.sum()
    steps = range(1, WALK_MAX - walk.views + 1)  # to the basket
    buys = sum(LEADS[walk.views + s - 1] * walk.leading @ day.leading[s][:, walk.last] for s in steps)
    no_cart = _no_cart(day, walk)
    chance[CART] += (1 - no_cart) * (looks + buys)
    chance[VIEW] += no_cart * (looks * _goes_on(walk.views) + buys)
    chance[LEAVE] += no_cart * looks * (1 - _goes_on(walk.views))
    for one in baskets:
        every, exact = (one.weight @ orders for orders in day.begun(one.lines))
        buys += every
        if one.carted:
            chance[VIEW] += every - exact
            chance[PURCHASE] += exact
        else:
            chance[CART] += every
    return chance / (looks + buys), float(buys / (looks + buys))


def _no_cart(day: Day, walk: _Walk) -> float:
    """Chance that nothing is put into the cart before the walk goes on."""
    return 1.0 if walk.carted else 1 - CART_CHANCE * float(day.in_stock[walk.last])


def _goes_on(views: int) -> float:
    return 1 - 1 / BROWSING_VIEWS if views < WALK_MAX else 0.0
