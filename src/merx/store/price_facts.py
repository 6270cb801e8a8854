"""What the shop's rules on prices ask of each product besides its demand, from the tables."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from merx.data.panel import PricePanel
from merx.data.price_facts import NEVER, PriceFacts, stand_ins
from merx.data.schema import DAY
from merx.store.demand import Demand, as_of, by_day, own_prices
from merx.store.engine import Engine

MONTH = 30  # days of the lowest prior price


def price_facts(engine: Engine, demand: Demand, panel: PricePanel) -> PriceFacts:
    """The facts of the panel's items, as of the day after the last whole day of sales."""
    items, today = panel.items, demand.first_day + demand.days
    products = engine.query("products")
    place = pc.index_in(items.ids, products["item_id"].combine_chunks())

    def number(name: str) -> np.ndarray:
        column = products[name].combine_chunks().take(place)
        found: np.ndarray = pc.fill_null(column, np.nan).to_numpy(zero_copy_only=False).astype(np.float64)
        return found

    def text(name: str) -> np.ndarray:
        column = pc.fill_null(products[name].combine_chunks().take(place), "")
        return np.array(column.to_pylist(), dtype=object)

    others = engine.query("competitors_now")
    known = np.append(others["price"].to_numpy(), np.nan)
    other = pc.fill_null(pc.index_in(items.ids, others["item_id"].combine_chunks()), len(others))
    history = own_prices(engine)
    month = by_day(history["price"], as_of(history, items, today - MONTH, MONTH))  # (I, 30)
    lowest = np.where(np.isnan(month), np.inf, month).min(axis=1)
    names = np.array(panel.categories.ids.to_pylist(), dtype=object)
    category, competitor = names[panel.category], known[other.to_numpy()]
    return PriceFacts(
        items=items,
        category=category,
        brand=text("brand"),
        group=text("item_group_id"),
        **{name: number(name) for name in ("map_price", "msrp", "floor_price", "ceiling_price")},
        pack_size=number("pack_size"),
        stock_quantity=number("stock_quantity"),
        competitor=competitor,
        stand_in=stand_ins(category, competitor, panel.price_now),
        lowest_30d=np.where(np.isfinite(lowest), lowest, np.nan),
        since_change=_since_change(history, panel, today),
        today=today,
    )


def _since_change(history: pa.Table, panel: PricePanel, today: int) -> np.ndarray:
    """Days since the price last changed, int64 (I,); `history` is sorted by item and time."""
    item = pc.fill_null(pc.index_in(history["item_id"], panel.items.ids), -1).to_numpy().astype(np.int64)
    price = history["price"].to_numpy()
    day = history["time"].to_numpy().astype("datetime64[us]").astype(np.int64) // DAY
    changed = np.flatnonzero((item[1:] == item[:-1]) & (price[1:] != price[:-1]) & (item[1:] >= 0)) + 1
    changed = changed[day[changed] < today]
    since = np.full(panel.n_items, NEVER)
    np.minimum.at(since, item[changed], today - day[changed])
    return since
