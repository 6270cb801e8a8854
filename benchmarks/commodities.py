"""Monthly prices of commodities, twelve months ahead, against the random walk."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from merx.data.panel import Panel
from merx.data.vocabulary import Vocabulary
from merx.forecast import ARIMA
from merx.forecast.arima import FittedARIMA

PRICES = Path(os.environ.get("MERX_DATA", "../shared/data")) / "commodity_prices" / "commodities.parquet"
HORIZON, ORIGINS = 12, 10
PROTOCOL = (
    "World Bank, 71 monthly commodity prices 1960 to March 2023; {HORIZON} months ahead from {ORIGINS} origins, a "
    "year apart, the last March 2022."
)


def panel() -> Panel:
    """The prices, with the covariate "market": the log of an index of all the others, equally weighted."""
    table = (
        pq.read_table(PRICES).to_pandas().pivot_table(index="commodity_type", columns="time", values="price")
    )
    log = np.log(table.where(table > 0).to_numpy())  # (S, T)
    moved = np.diff(log, axis=1, prepend=np.nan)
    known = np.isfinite(moved)
    total, count = np.nansum(moved, axis=0), known.sum(axis=0)
    others = (total - np.where(known, moved, 0.0)) / np.maximum(count - known, 1)
    market = np.cumsum(others, axis=1)
    begin = np.isfinite(log).argmax(axis=1)
    inside = np.arange(log.shape[1]) >= begin[:, None]
    price = np.nan_to_num(np.exp(log))
    first = table.columns[0].to_datetime64().astype("datetime64[M]").astype(np.int64)
    return Panel(
        keys=Vocabulary.of(list(table.index)),
        offsets=np.concatenate([[0], np.cumsum(inside.sum(axis=1))]).astype(np.int64),
        y=price[inside],
        available=(price > 0)[inside],
        start=first + begin,
        step="month",
        exog=market[inside][:, None],
        exog_names=("market",),
    )


@dataclass(frozen=True)
class Alone:
    """ARIMA without the covariate."""

    arima: ARIMA

    def fit(self, panel: Panel, progress: object = None) -> FittedARIMA:
        return self.arima.fit(replace(panel, exog=np.empty((0, 0)), exog_names=()))
