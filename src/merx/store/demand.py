"""From tables to demand and prices per product and day, and to the series that models read."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from merx.data.panel import STRIDE, Panel, PricePanel, distinct_prices
from merx.data.schema import DAY
from merx.data.vocabulary import Vocabulary
from merx.errors import DataError
from merx.store.engine import Engine

MONDAY = 4  # 1970-01-05, the first Monday in days since 1970


@dataclass(frozen=True)
class Demand:
    """Units sold per product and day, and what else is known per product and day.

    Parameters
    ----------
    items : Vocabulary (I,)
        Products that were sold at least once.
    category : int32 (I,)
        Codes in `categories`; products without one are in the category "(none)".
    categories : Vocabulary
    first_day : int
        In days since 1970; D days follow, all of them whole.
    units, revenue : float64 (I, D)
    available : bool (I, D)
        False on days known to be out of stock.
    first_sale : int64 (I,)
        Day of the first sale, 0..D-1: a product's series begins there.
    """

    items: Vocabulary
    category: np.ndarray
    categories: Vocabulary
    first_day: int
    units: np.ndarray
    revenue: np.ndarray
    available: np.ndarray
    first_sale: np.ndarray

    @property
    def days(self) -> int:
        """D."""
        return int(self.units.shape[1])


@dataclass(frozen=True)
class Drivers:
    """K covariates of demand by product and day, for the D days of the demand and A days after these.

    Parameters
    ----------
    days : int
        D + A.
    of_item : mapping of name to float64 (I, D + A)
        `log_price`, `promotion` (0 or 1), `log_competitor_price`.
    of_day : mapping of name to float64 (D + A,)
        1 on the days of each holiday, else 0.
    """

    days: int
    of_item: Mapping[str, np.ndarray]
    of_day: Mapping[str, np.ndarray]

    @property
    def names(self) -> tuple[str, ...]:
        """K names."""
        return (*self.of_item, *self.of_day)

    def of(self, weight: np.ndarray) -> np.ndarray:
        """The covariates of S series that are weighted means over products: (S, I) to (S, D + A, K).

        The weights do not change over time, so a mean moves with prices alone, not with what is sold.
        """
        share = weight / np.maximum(weight.sum(axis=1, keepdims=True), 1e-12)
        return self._joined([share @ value for value in self.of_item.values()], len(weight))

    def of_items(self, codes: np.ndarray) -> np.ndarray:
        """The covariates of products (n,), (n, D + A, K)."""
        return self._joined([value[codes] for value in self.of_item.values()], len(codes))

    def _joined(self, columns: list[np.ndarray], series: int) -> np.ndarray:
        found = np.empty((series, self.days, len(self.names)))
        for place, column in enumerate([*columns, *self.of_day.values()]):
            found[:, :, place] = column
        return found


def demand(engine: Engine) -> Demand:
    """Demand by product and day over the whole days of the shop's sales.

    Raises
    ------
    DataError
        Nothing was sold.
    """
    sales = engine.query("daily_demand")
    days = engine.query("business_days")
    if not days.num_rows:
        raise DataError("there is no purchase in the events, so there is no demand to learn from.")
    first, last = _whole_days(days)
    day = sales["day"].cast(pa.int32()).to_numpy() - first
    sales = sales.filter(pa.array(day <= last - first))
    day = sales["day"].cast(pa.int32()).to_numpy() - first  # (rows,)
    items = Vocabulary(pc.unique(sales["item_id"]).sort())
    item = pc.index_in(sales["item_id"], items.ids).to_numpy()  # (rows,)
    units = np.zeros((len(items), last - first + 1))  # (I, D)
    revenue = np.zeros_like(units)
    units[item, day] = sales["units"].to_numpy()
    revenue[item, day] = sales["revenue"].to_numpy()
    categories, category = _categories(engine, items)
    return Demand(
        items=items,
        category=category,
        categories=categories,
        first_day=first,
        units=units,
        revenue=revenue,
        available=_available(engine, items, first, units.shape[1]),
        first_sale=(units > 0).argmax(axis=1),
    )


def _whole_days(days: pa.Table) -> tuple[int, int]:
    """First and last day of the sales; a last day that breaks off early is left out.

    It breaks off early if its last sale comes more than two hours before that of nine in ten other days.
    """
    day = days["day"].cast(pa.int32()).to_numpy()
    closing = days["last_time"].to_numpy().astype("datetime64[us]").astype(np.int64) % DAY
    partial = len(day) > 7 and closing[-1] < np.quantile(closing[:-1], 0.1) - DAY / 12
    last = -2 if partial else -1
    return int(day[0]), int(day[last])


def _categories(engine: Engine, items: Vocabulary) -> tuple[Vocabulary, np.ndarray]:
    products = engine.query("products")
    place = pc.index_in(items.ids, products["item_id"].combine_chunks())
    names = pc.fill_null(products["category"].combine_chunks().take(place), "(none)")
    categories = Vocabulary(pc.unique(names).sort())
    return categories, pc.index_in(names, categories.ids).to_numpy().astype(np.int32)


def _available(engine: Engine, items: Vocabulary, first: int, days: int) -> np.ndarray:
    """Availability at noon of each day, bool (I, D); true where nothing is known."""
    stock = engine.query("stock")
    noon = as_of(stock, items, first, days)
    known = pc.fill_null(stock["available"], True).to_numpy(zero_copy_only=False)
    return np.where(noon < 0, True, np.append(known, True)[noon])


def as_of(table: pa.Table, items: Vocabulary, first: int, days: int) -> np.ndarray:
    """For each item and day the row of `table` in force at noon, int64 (I, D); -1 where there is none.

    `table` has item_id and time, and is sorted by both.
    """
    item = pc.fill_null(pc.index_in(table["item_id"], items.ids), -1).to_numpy().astype(np.int64)
    time = table["time"].to_numpy().astype("datetime64[us]").astype(np.int64)
    known = np.flatnonzero(item >= 0)
    noon = -((DAY // 2 - time[known]) // DAY) - first  # the first day whose noon the row covers, ceil
    # one number orders rows by item, then by that day
    key = item[known] * (days + 1) + np.clip(noon, 0, days)
    wanted = np.arange(len(items))[:, None] * (days + 1) + np.arange(days)  # (I, D)
    place = np.searchsorted(key, wanted, side="right") - 1
    if not len(known):
        return place
    row = known[np.maximum(place, 0)]
    return np.where((place >= 0) & (item[row] == np.arange(len(items))[:, None]), row, -1)


def demand_panel(
    demand: Demand, step: str, which: np.ndarray | None = None, drivers: Drivers | None = None
) -> Panel:
    """Units of products as series (key "item: ID") that begin with the first sale.

    Parameters
    ----------
    step : "day" or "week"
    which : int (n,), optional
        Codes of the products; all by default.
    drivers : Drivers, optional
        Covariates; none by default.
    """
    codes = np.arange(len(demand.items)) if which is None else np.asarray(which)
    return _panel(
        Vocabulary(
            pa.array([f"item: {name}" for name in demand.items.ids.take(codes).to_pylist()], pa.string())
        ),
        demand.units[codes],
        demand.available[codes],
        demand.first_sale[codes],
        np.stack([demand.category[codes], codes], axis=1),
        demand.first_day,
        step,
        None if drivers is None else drivers.of_items(codes),
        () if drivers is None else drivers.names,
    )


def best_sellers(demand: Demand, n: int) -> np.ndarray:
    """Codes of the n products with the highest revenue, best first; all of them where n is 0."""
    order = np.argsort(-demand.revenue.sum(axis=1), kind="stable")
    return order[:n] if n else order


def group_panel(demand: Demand, step: str, drivers: Drivers | None = None) -> Panel:
    """Units of the whole shop (key "shop") and, where there are at least two, of each category.

    A stock-out of one product does not censor its category. The covariates are means over the products,
    weighted by their revenue.
    """
    names, member = ["shop"], [np.ones(len(demand.items), dtype=bool)]
    if len(demand.categories) > 1:
        for code, name in enumerate(demand.categories.ids.to_pylist()):
            names.append(f"category: {name}")
            member.append(demand.category == code)
    units = np.stack([demand.units[products].sum(axis=0) for products in member])  # (G, D)
    weight = np.stack(member) * np.maximum(demand.revenue.sum(axis=1), 0.0)  # (G, I)
    return _panel(
        Vocabulary(pa.array(names)),
        units,
        np.ones_like(units, dtype=bool),
        (units > 0).argmax(axis=1),
        np.stack([np.arange(-1, len(names) - 1), np.full(len(names), -1)], axis=1),
        demand.first_day,
        step,
        None if drivers is None else drivers.of(weight),
        () if drivers is None else drivers.names,
    )


def _panel(
    keys: Vocabulary,
    units: np.ndarray,
    available: np.ndarray,
    first_sale: np.ndarray,
    groups: np.ndarray,
    first_day: int,
    step: str,
    covariates: np.ndarray | None,
    names: tuple[str, ...],
) -> Panel:
    """`covariates` (S, D + A, K) reach A days beyond the units (S, D)."""
    if covariates is None:
        covariates = np.empty((*units.shape, 0))
    if step == "week":
        begin = (MONDAY - first_day) % 7  # weeks run from Monday to Sunday; broken ones are left out
        weeks = (units.shape[1] - begin) // 7
        whole = slice(begin, begin + weeks * 7)
        shape = (len(units), weeks, 7)
        units = units[:, whole].reshape(shape).sum(axis=2)
        available = available[:, whole].reshape(shape).mean(axis=2) > 0.5
        first_sale = np.maximum(first_sale - begin, 0) // 7
        first_day += begin
        reach = (covariates.shape[1] - begin) // 7  # weeks
        covariates = covariates[:, begin : begin + reach * 7]
        covariates = covariates.reshape(len(units), reach, 7, len(names)).mean(axis=2)
    steps = units.shape[1]
    inside = np.arange(steps) >= np.minimum(first_sale, max(steps - 1, 0))[:, None]  # (S, steps)
    return Panel(
        keys=keys,
        offsets=np.concatenate([[0], np.cumsum(inside.sum(axis=1))]).astype(np.int64),
        y=units[inside],
        available=available[inside],
        start=(first_day + np.minimum(first_sale, max(steps - 1, 0)) * STRIDE[step]).astype(np.int64),
        step=step,
        exog=covariates[:, :steps][inside],
        exog_names=names,
        exog_ahead=covariates[:, steps:],
        groups=groups.astype(np.int64),
        group_names=("category", "item"),
    )


def price_panel(engine: Engine, demand: Demand) -> PricePanel:
    """What each product sold at which price, by week from Monday to Sunday, from its first priced week on.

    The price of a day is the one in force at noon: from the shop's price list where the product has one,
    else the median price that its order lines of that day, or of the last day that sold it, were paid.

    Raises
    ------
    DataError
        No product has a price.
    """
    history = own_prices(engine)
    begin = (MONDAY - demand.first_day) % 7
    weeks = (demand.days - begin) // 7
    first = demand.first_day + begin
    in_force = as_of(history, demand.items, first, weeks * 7)  # (I, 7 W)
    if weeks < 1 or not (in_force >= 0).any():
        raise DataError(
            "no product has a price over a whole week; ingest orders with prices or a price list."
        )
    price = by_day(history["price"], in_force)
    promotion = by_day(pc.fill_null(history["promotion"], False).cast(pa.float64()), in_force)
    past_cost = by_day(history["cost"], in_force)
    others = lowest_competitor(engine.query("competitor_prices"), demand, demand.days)
    whole = slice(begin, begin + weeks * 7)
    shape = (len(demand.items), weeks, 7)
    priced = np.isfinite(price).reshape(shape)  # (I, W, 7)
    weekly = priced.any(axis=2)  # (I, W)
    days = np.maximum(priced.sum(axis=2), 1)
    row, week = np.nonzero(weekly)
    kept = np.flatnonzero(weekly.any(axis=1))  # products that had a price
    held, used = np.nonzero(
        np.isfinite(price) & demand.available[:, whole]
    )  # item and day in stock at a price
    counted = distinct_prices(held, price[held, used], len(demand.items))
    return PricePanel(
        items=Vocabulary(demand.items.ids.take(kept)),
        category=demand.category[kept],
        categories=demand.categories,
        offsets=np.concatenate([[0], np.cumsum(weekly[kept].sum(axis=1))]).astype(np.int64),
        week=week.astype(np.int32),
        units=demand.units[:, whole].reshape(shape).sum(axis=2)[row, week],
        price=(np.nansum(price.reshape(shape), axis=2) / days)[row, week],
        promotion=(np.nansum(promotion.reshape(shape), axis=2) / days)[row, week],
        available=demand.available[:, whole].reshape(shape).mean(axis=2)[row, week],
        cost=_costs(engine, history, demand, in_force)[kept],
        price_now=price[kept, -1],
        distinct_prices=counted[kept],
        start=first,
        past_cost=_mean_known(past_cost.reshape(shape))[row, week] if np.isfinite(past_cost).any() else None,
        competitor=others[:, whole].reshape(shape).mean(axis=2)[row, week] if others.any() else None,
    )


def _mean_known(values: np.ndarray) -> np.ndarray:
    """Mean over the last axis of what is known; NaN where nothing is."""
    known = np.isfinite(values)
    count = known.sum(axis=-1)
    total = np.where(known, values, 0.0).sum(axis=-1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def lowest_competitor(prices: pa.Table, demand: Demand, days: int) -> np.ndarray:
    """Log of the lowest price of competitors over its mean, (I, days); 0 where none is known."""
    names = Vocabulary(pc.unique(prices["item_id"]).sort())
    in_force = as_of(prices, names, demand.first_day, days)  # (C, days)
    price = np.append(prices["price"].to_numpy(), np.inf)[in_force]
    first = pc.index_in(names.ids, prices["item_id"].combine_chunks())
    product = demand.items.codes(prices["product"].take(first).combine_chunks())  # (C,)
    lowest = np.full((len(demand.items), days), np.inf)
    np.minimum.at(lowest, product[product >= 0], price[product >= 0])
    known = np.isfinite(lowest)
    log = np.log(np.where(known, lowest, 1.0))
    mean = log.sum(axis=1, keepdims=True) / np.maximum(known.sum(axis=1, keepdims=True), 1)
    found: np.ndarray = np.where(known, log - mean, 0.0)
    return found


def own_prices(engine: Engine) -> pa.Table:
    """The shop's own prices: from its price list where the product has one, else as seen in orders."""
    history = engine.query("prices")
    listed = pc.unique(history.filter(pc.invert(history["from_orders"]))["item_id"])
    return history.filter(
        pc.or_(pc.invert(history["from_orders"]), pc.invert(pc.is_in(history["item_id"], listed)))
    )


def by_day(column: pa.ChunkedArray, in_force: np.ndarray) -> np.ndarray:
    """The values in force, float64 (I, D); NaN where there is none."""
    values = np.append(column.to_numpy(zero_copy_only=False), np.nan)
    return np.asarray(values[in_force])


def _costs(engine: Engine, history: pa.Table, demand: Demand, in_force: np.ndarray) -> np.ndarray:
    """Cost of one unit now, (I,): from the price history, else from the catalogue, else NaN."""
    from_history = by_day(history["cost"], in_force)[:, -1]
    products = engine.query("products")
    place = pc.index_in(demand.items.ids, products["item_id"].combine_chunks())
    listed = products["cost_of_goods_sold"].combine_chunks().take(place).to_numpy(zero_copy_only=False)
    return np.where(np.isfinite(from_history), from_history, listed)
