"""Sessions: the visits around the purchases of a week, and those that end without one.

A buying visit is a walk that leads to the first product of its basket, then a view and an add_to_cart
of each product, then the purchases. A browsing visit is a walk of views with a few abandoned carts.
"""

from dataclasses import dataclass, fields

import numpy as np

from merx.data.schema import EVENT_CODE
from merx.simulate.buyers import Baskets, Buyers
from merx.simulate.demand import Demand
from merx.simulate.draw import draw_from_rows, stack_rows
from merx.simulate.paths import Ring, walk
from merx.simulate.world import World

BROWSING_PER_UNIT = 2.5  # browsing visits per expected unit
BROWSING_VIEWS = 4.0  # mean views of a browsing visit
LEADING_VIEWS = 2.5  # mean views that lead to the first product bought
WALK_MAX = 12
CART_CHANCE = 0.08  # that a view on a walk ends in the cart
REMOVE_CHANCE = 0.4  # that such a cart is emptied in the same visit
ANONYMOUS_SHARE = 0.2  # of visits without a login
SECOND = 1_000_000  # microseconds
DAY = 86_400 * SECOND
GAP_MIN, GAP_MEAN, GAP_MAX = 8, 40, 110  # seconds between two events of a visit
HOURS = (
    np.array([1, 0.5, 0.3, 0.2, 0.2, 0.5, 1.5, 3, 4, 5, 6, 6, 7, 6, 5, 5, 6, 7, 8, 10, 11, 9]) / 102.2
)  # to 22:00

# Places of the events within a visit; a walk takes 10 a step.
BASKET_PLACE, PURCHASE_PLACE, PLACES = 1000, 2000, 4096


@dataclass(frozen=True)
class Events:
    """N events as numbers.

    Parameters
    ----------
    time : int64 (N,), microseconds from the first midnight
    event : int8 (N,), code in `merx.data.schema.EVENTS`
    user, session, item, transaction : int32 (N,), -1 for none
    quantity, price : float64 (N,)
    """

    time: np.ndarray
    event: np.ndarray
    user: np.ndarray
    session: np.ndarray
    item: np.ndarray
    transaction: np.ndarray
    quantity: np.ndarray
    price: np.ndarray

    def take(self, rows: np.ndarray) -> "Events":
        """The events at the given rows."""
        return Events(*(getattr(self, f.name)[rows] for f in fields(self)))

    @staticmethod
    def concatenate(parts: "list[Events]") -> "Events":
        """All events of the parts, in order."""
        return Events(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Events)))


@dataclass(frozen=True)
class _Visits:
    """S visits, those that buy first: visit b is basket b."""

    day: np.ndarray  # (S,)
    taste: np.ndarray
    user: np.ndarray
    items: np.ndarray  # (S, L): the walk, -1 behind its end
    buys: np.ndarray  # bool (S,)


@dataclass(frozen=True)
class _Part:
    """Some events of visits, not yet in order."""

    visit: np.ndarray
    place: np.ndarray
    item: np.ndarray
    event: str
    quantity: np.ndarray


def draw_week(
    week: int,
    world: World,
    demand: Demand,
    buyers: Buyers,
    ring: Ring,
    first_session: int,
    rng: np.random.Generator,
) -> tuple[Events, int]:
    """The events of one week, sorted by session and time, and the number of sessions in it."""
    baskets = buyers.assign(demand.units[:, 7 * week : 7 * week + 7], 7 * week, rng)
    # The units of one item in one basket are one line of its receipt, in order of the ring.
    line, quantity = np.unique(
        baskets.basket * world.launch.size + ring.place[baskets.item], return_counts=True
    )
    line_basket, line_item = line // world.launch.size, ring.order[line % world.launch.size]
    first_line = np.searchsorted(line_basket, np.arange(baskets.day.size))  # (B,)

    visits = _draw_visits(week, world, demand, buyers, ring, baskets, line_item[first_line], rng)
    nth = np.arange(line.size) - first_line[line_basket]  # place of the line in its basket
    parts = [
        *_walk_parts(visits, demand.available, rng),
        _Part(line_basket, BASKET_PLACE + 10 * nth, line_item, "view_item", np.ones(line.size)),
        _Part(line_basket, BASKET_PLACE + 10 * nth + 1, line_item, "add_to_cart", quantity),
        _Part(line_basket, PURCHASE_PLACE + nth, line_item, "purchase", quantity),
    ]
    return _in_order(parts, visits, demand.price[:, week], first_session, rng), visits.day.size


def _draw_visits(
    week: int,
    world: World,
    demand: Demand,
    buyers: Buyers,
    ring: Ring,
    baskets: Baskets,
    bought_first: np.ndarray,
    rng: np.random.Generator,
) -> _Visits:
    expected = demand.expected_units[:, 7 * week : 7 * week + 7]  # (I, d)
    tastes = world.item_factors.shape[1]
    by_taste = expected.T[:, None, :] * world.item_factors.T  # (d, F, I)
    stacked = stack_rows(by_taste.reshape(-1, world.launch.size))  # rows: day of week and taste

    visits = rng.poisson(BROWSING_PER_UNIT * expected.sum(axis=0))  # (d,)
    day_of_week = np.repeat(np.arange(visits.size), visits)
    taste = draw_from_rows(stack_rows(by_taste.sum(axis=2)), tastes, day_of_week, rng)
    user = buyers.draw_users(taste, 7 * week + day_of_week, rng)
    looked_first = draw_from_rows(stacked, world.launch.size, day_of_week * tastes + taste, rng)

    day = np.concatenate([baskets.day, 7 * week + day_of_week])
    taste = np.concatenate([baskets.taste, taste])
    buys = np.arange(day.size) < baskets.day.size
    views = rng.geometric(1 / np.where(buys, LEADING_VIEWS + 1, BROWSING_VIEWS))
    items = walk(
        ring,
        world.launch,
        np.concatenate([bought_first, looked_first]),
        np.minimum(views, WALK_MAX),
        np.where(buys, -1, 1),
        day,
        (day - 7 * week) * tastes + taste,
        stacked,
        rng,
    )
    return _Visits(day, taste, np.concatenate([baskets.user, user]), items, buys)


def _walk_parts(visits: _Visits, available: np.ndarray, rng: np.random.Generator) -> list[_Part]:
    """Views of the walks, and the carts that come to nothing."""
    seen = visits.items >= 0
    seen[visits.buys, 0] = False  # the product bought is viewed with its basket
    visit, step = np.nonzero(seen)
    item = visits.items[visit, step]
    place = 10 * np.where(visits.buys[visit], WALK_MAX - step, step)
    cart = np.flatnonzero((rng.random(visit.size) < CART_CHANCE) & available[item, visits.day[visit]])
    remove = cart[rng.random(cart.size) < REMOVE_CHANCE]
    return [
        _Part(visit, place, item, "view_item", np.ones(visit.size)),
        _Part(visit[cart], place[cart] + 1, item[cart], "add_to_cart", np.ones(cart.size)),
        _Part(visit[remove], place[remove] + 12, item[remove], "remove_from_cart", np.ones(remove.size)),
    ]


def _in_order(
    parts: list[_Part], visits: _Visits, price: np.ndarray, first_session: int, rng: np.random.Generator
) -> Events:
    """The parts in order, each with its time; lines of a receipt are 1 ms apart."""
    visit = np.concatenate([p.visit for p in parts])
    place = np.concatenate([p.place for p in parts])
    order = np.argsort(visit * PLACES + place, kind="stable")
    visit, place = visit[order], place[order]
    item = np.concatenate([p.item for p in parts])[order]
    event = np.concatenate([np.full(p.visit.size, EVENT_CODE[p.event], np.int8) for p in parts])[order]
    quantity = np.concatenate([p.quantity for p in parts])[order]

    gap = np.minimum(GAP_MIN + rng.exponential(GAP_MEAN, visit.size), GAP_MAX) * SECOND
    since = np.where(place > PURCHASE_PLACE, 1000, gap.astype(np.int64)).cumsum()
    begin = np.searchsorted(visit, np.arange(visits.day.size))  # every visit has an event
    hour = rng.choice(HOURS.size, visits.day.size, p=HOURS) + rng.random(visits.day.size)
    opening = visits.day * DAY + (hour * 3600 * SECOND).astype(np.int64)
    user = np.where(rng.random(visits.day.size) < ANONYMOUS_SHARE, -1, visits.user)
    return Events(
        time=opening[visit] + since - since[begin][visit],
        event=event,
        user=user[visit].astype(np.int32),
        session=(first_session + visit).astype(np.int32),
        item=item.astype(np.int32),
        transaction=np.where(place >= PURCHASE_PLACE, first_session + visit, -1).astype(np.int32),
        quantity=quantity.astype(np.float64),
        price=price[item],
    )
