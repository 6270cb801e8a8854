"""The canonical tables of a simulated shop."""

from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from merx.data.schema import ADDED, EVENT_CODE, EVENTS, TABLES
from merx.simulate.catalogue import CATEGORIES, Texts
from merx.simulate.demand import Demand
from merx.simulate.sessions import DAY, Events
from merx.simulate.social import Social
from merx.simulate.world import World

CURRENCY = "EUR"
REFUND_SHARE = 0.04  # of receipt lines
REFUND_DAYS = (3, 15)


def numbered(prefix: str, numbers: np.ndarray, width: int) -> pa.Array:
    """Ids such as u000123 (n,) of the numbers (n,); null where a number is negative."""
    digits = pa.array(numbers, pa.int64(), mask=numbers < 0).cast(pa.string())
    return pc.binary_join_element_wise(prefix, pc.utf8_lpad(digits, width, "0"), "")


def events_table(events: Events, start: date, days: int, rng: np.random.Generator) -> pa.Table:
    """Events and the refunds that follow some purchases, sorted by time."""
    events = Events.concatenate([events, _refunds(events, days, rng)])
    events = events.take(np.argsort(events.time, kind="stable"))
    count = events.time.size
    return pa.table(
        {
            "event_id": numbered("e", np.arange(count), 9),
            "time": _times(events.time, start),
            "event": pa.array(EVENTS).take(pa.array(events.event)),
            "user_id": numbered("u", events.user, 6),
            "session_id": numbered("s", events.session, 8),
            "item_id": numbered("i", events.item, 5),
            "quantity": events.quantity,
            "price": events.price,
            "currency": pa.repeat(CURRENCY, count),
            "transaction_id": numbered("t", events.transaction, 8),
            "value": pa.nulls(count, pa.float64()),
        },
        schema=TABLES["events"],
    )


def _refunds(events: Events, days: int, rng: np.random.Generator) -> Events:
    """Receipt lines sent back within the span, some days after they were bought; outside any session."""
    bought = np.flatnonzero(events.event == EVENT_CODE["purchase"])
    refunds = events.take(bought[rng.random(bought.size) < REFUND_SHARE])
    later = (rng.uniform(*REFUND_DAYS, refunds.time.size) * DAY).astype(np.int64)
    refunds = Events(
        refunds.time + later,
        np.full_like(refunds.event, EVENT_CODE["refund"]),
        refunds.user,
        np.full_like(refunds.session, -1),
        refunds.item,
        refunds.transaction,
        refunds.quantity,
        refunds.price,
    )
    return refunds.take(np.flatnonzero(refunds.time < days * DAY))


def products_table(world: World, demand: Demand, texts: Texts) -> pa.Table:
    """The catalogue as it stands at the end of the span."""
    item_id = numbered("i", np.arange(world.launch.size), 5)
    nothing = pa.nulls(world.launch.size, pa.string())
    return pa.table(
        {
            "item_id": item_id,
            "title": texts.title,
            "description": texts.description,
            "brand": texts.brand,
            "category": [CATEGORIES[k] for k in world.category],
            "price": demand.price[:, -1],
            "sale_price": pa.nulls(world.launch.size, pa.float64()),
            "cost_of_goods_sold": demand.cost[:, -1],
            "availability": np.where(demand.available[:, -1], "in_stock", "out_of_stock"),
            "image_link": pc.binary_join_element_wise("pictures/", item_id, ".png", ""),
            "item_group_id": nothing,
            "gtin": nothing,
            **{name: pa.nulls(world.launch.size, TABLES["products"].field(name).type) for name in ADDED},
        },
        schema=TABLES["products"],
    )


def prices_table(world: World, demand: Demand, start: date) -> pa.Table:
    """One row for each change of price, cost or promotion from an item's launch on, sorted by time."""
    weeks = np.arange(demand.price.shape[1])
    launch_week = world.launch[:, None] // 7
    kept = np.zeros(demand.price.shape, bool)  # (I, W)
    for field in (demand.price, demand.cost, demand.promotion):
        kept[:, 1:] |= field[:, 1:] != field[:, :-1]
    week, item = np.nonzero(((kept & (weeks > launch_week)) | (weeks == launch_week)).T)
    order = np.argsort(np.maximum(7 * week, world.launch[item]), kind="stable")
    week, item = week[order], item[order]
    return pa.table(
        {
            "item_id": numbered("i", item, 5),
            "time": _times(np.maximum(7 * week, world.launch[item]) * DAY, start),
            "price": demand.price[item, week],
            "cost": demand.cost[item, week],
            "promotion": demand.promotion[item, week],
            "competitor": pa.nulls(item.size, pa.string()),
            "from_orders": np.zeros(item.size, bool),
        },
        schema=TABLES["prices"],
    )


def relations_table(world: World, social: Social, start: date) -> pa.Table:
    """Who follows whom, from the day on which both are there."""
    since = np.maximum(world.arrival[social.follower], world.arrival[social.leader]).astype(np.int64)
    return pa.table(
        {
            "user_id": numbered("u", social.follower, 6),
            "other_user_id": numbered("u", social.leader, 6),
            "kind": pa.repeat("follows", since.size),
            "weight": np.ones(since.size),
            "time": _times(since * DAY, start),
        },
        schema=TABLES["relations"],
    )


def stock_table(world: World, demand: Demand, start: date) -> pa.Table:
    """The state of each item at its launch and each change since, sorted by time."""
    changed = np.zeros(demand.available.shape, bool)  # (I, D)
    changed[:, 1:] = demand.available[:, 1:] != demand.available[:, :-1]
    changed[np.arange(world.launch.size), world.launch] = True
    day, item = np.nonzero(changed.T)
    return pa.table(
        {
            "item_id": numbered("i", item, 5),
            "time": _times(day * DAY, start),
            "available": demand.available[item, day],
        },
        schema=TABLES["stock"],
    )


def _times(microseconds: np.ndarray, start: date) -> np.ndarray:
    """Timestamps of microseconds counted from the first midnight."""
    return np.datetime64(start, "us") + microseconds.astype("timedelta64[us]")
