"""What moves demand and is known ahead: prices, their promotions, competitors' prices, holidays."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow.compute as pc

from merx.data.panel import HOLIDAY
from merx.store.demand import Demand, Drivers, as_of, lowest_competitor
from merx.store.engine import Engine


def drivers(
    engine: Engine, demand: Demand, ahead: int, holidays: Mapping[str, Sequence[str]] | None = None
) -> Drivers:
    """The covariates that the tables and the settings know, from the first day of demand on.

    Price and promotion are those in force at noon by the shop's price list, whose rows may lie in the future;
    the last one holds until then. Before the first row a product has its first price. Prices that were only
    seen in orders are left out: they change on days of a sale, and large orders pay less, so that a model
    would read from the price that something was sold. The price of competitors is the lowest in force, as the
    log ratio to its mean, 0 where none is known; the last one known stays. A covariate that never changes is
    left out.

    Parameters
    ----------
    ahead : int
        A, days after the last one of the demand.
    holidays : mapping of name to days, optional
        Each day is "2024-12-24", or "12-24" for every year.
    """
    days = demand.days + ahead
    history = engine.query("prices")
    listed = history.filter(pc.invert(history["from_orders"]))
    row = as_of(listed, demand.items, demand.first_day, days)  # (I, D + A)
    priced = np.flatnonzero((row >= 0).any(axis=1))
    first = (row[priced] >= 0).argmax(axis=1)
    row[priced] = np.where(row[priced] >= 0, row[priced], row[priced, first][:, None])
    log_price = np.append(np.log(listed["price"].to_numpy()), 0.0)[row]
    promotion = pc.fill_null(listed["promotion"], False).to_numpy().astype(np.float64)
    of_item = {
        "log_price": log_price,
        "promotion": np.append(promotion, 0.0)[row],
        "log_competitor_price": lowest_competitor(engine.query("competitor_prices"), demand, days),
    }
    day = (demand.first_day + np.arange(days)).astype("datetime64[D]").astype(str)  # (D + A,)
    yearly = np.array([text[5:] for text in day], dtype=str)
    of_day = {
        f"{HOLIDAY}{name}": (np.isin(day, list(dates)) | np.isin(yearly, list(dates))).astype(np.float64)
        for name, dates in (holidays or {}).items()
    }
    return Drivers(
        days,
        {name: value for name, value in of_item.items() if (value != value[:, :1]).any()},
        {name: value for name, value in of_day.items() if value[: demand.days].any()},
    )
