"""Prices over time as series: the shop's own and those of others."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from merx.data.panel import STRIDE, Panel
from merx.data.vocabulary import Vocabulary
from merx.errors import DataError
from merx.store.demand import MONDAY, Demand, as_of, by_day, own_prices
from merx.store.engine import Engine


def price_series(engine: Engine, demand: Demand, step: str, which: np.ndarray) -> Panel:
    """Prices over time: the shop's own (key "price: ID") and those of others ("price: ID at COMPETITOR").

    The price of a day is the one in force at noon, that of a week the one of its Sunday, from the first known
    price on. The covariate "promotion" is 1 where the shop's price list says so.

    Parameters
    ----------
    step : "day" or "week"
    which : int (n,)
        Codes of the products whose own prices are wanted. Of others' prices all are given.

    Raises
    ------
    DataError
        No price is known.
    """
    own, others = own_prices(engine), engine.query("competitor_prices")
    flags = pc.fill_null(own["promotion"], False).cast(pa.float64())
    first, days = demand.first_day, demand.days
    names = Vocabulary(pc.unique(others["item_id"]).sort())
    in_force = as_of(own, demand.items, first, days)[which]
    price = np.concatenate(
        [by_day(own["price"], in_force), by_day(others["price"], as_of(others, names, first, days))]
    )  # (S, D)
    promotion = np.zeros_like(price)
    promotion[: len(which)] = np.nan_to_num(by_day(flags, in_force))
    if step == "week":
        sundays = slice((MONDAY - first) % 7 + 6, None, 7)
        price, promotion, first = price[:, sundays], promotion[:, sundays], first + (MONDAY - first) % 7
    known = price > 0  # (S, steps)
    kept = np.flatnonzero(known.any(axis=1))
    if not len(kept):
        raise DataError("no product has a price; ingest orders with prices or a price list.")
    begin = known[kept].argmax(axis=1)
    inside = np.arange(price.shape[1]) >= begin[:, None]
    keys = [*demand.items.ids.take(which).to_pylist(), *names.ids.to_pylist()]
    return Panel(
        keys=Vocabulary(pa.array([f"price: {keys[s]}" for s in kept], pa.string())),
        offsets=np.concatenate([[0], np.cumsum(inside.sum(axis=1))]).astype(np.int64),
        y=np.where(known, price, 0.0)[kept][inside],
        available=known[kept][inside],
        start=(first + begin * STRIDE[step]).astype(np.int64),
        step=step,
        exog=promotion[kept][inside][:, None],
        exog_names=("promotion",),
    )


def beside_market(panel: Panel, which: np.ndarray, market: Sequence[str], horizon: int) -> Panel:
    """Some series of a panel of prices, with the logarithm of market prices a horizon before as covariates.

    All series end on the same day. Before a market price is known it has its first value.

    Parameters
    ----------
    which : int (n,)
    market : names of K series of the panel, without "price: "

    Raises
    ------
    DataError
        There is no price of that name.
    """
    codes = panel.keys.codes([f"price: {name}" for name in market])
    if missing := [name for name, code in zip(market, codes, strict=True) if code < 0]:
        raise DataError(
            f"[forecast] market: no price of {', '.join(missing)} is known; ingest one, or see `merx check`."
        )
    taken = panel.take(which)
    exog = np.empty((len(taken.y), len(codes)))
    ahead = np.empty((len(which), horizon, len(codes)))
    longest = int(taken.length.max(initial=0))
    for k, code in enumerate(codes):
        price = panel.series(code)
        known = np.flatnonzero(panel.available[panel.offsets[code] : panel.offsets[code + 1]])
        log = np.log(price[known[np.maximum(np.searchsorted(known, np.arange(len(price)), "right") - 1, 0)]])
        log = np.concatenate([np.full(longest + horizon, log[0]), log])  # ends where every series ends
        ahead[:, :, k] = log[-horizon:]
        for s in range(len(which)):
            steps = slice(taken.offsets[s], taken.offsets[s + 1])
            exog[steps, k] = log[len(log) - horizon - taken.length[s] : len(log) - horizon]
    return replace(taken, exog=exog, exog_names=tuple(market), exog_ahead=ahead)
