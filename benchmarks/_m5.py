"""Walmart's daily sales of the M5 competition as a panel, and its measure WRMSSE."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from scipy import sparse

from merx.data.panel import Panel
from merx.data.vocabulary import Vocabulary

FOLDER = Path(os.environ.get("MERX_DATA", "../shared/data")) / "m5_walmart"
HORIZON = 28
LEVELS: dict[int, tuple[str, ...]] = {
    1: (),
    2: ("state",),
    3: ("store",),
    4: ("category",),
    5: ("department",),
    6: ("state", "category"),
    7: ("state", "department"),
    8: ("store", "category"),
    9: ("store", "department"),
    10: ("item",),
    11: ("state", "item"),
    12: ("item", "store"),
}
COVARIATES = ("log_price", "snap", "event", "event_tomorrow")
GROUPS = ("department", "store", "item")


@dataclass(frozen=True)
class M5:
    """S series of D days, of which the last 56 are the two windows that were held out.

    Parameters
    ----------
    panel : Panel
        Key "ITEM_STORE"; covariates and groups as in COVARIATES and GROUPS.
    labels : DataFrame (S,)
        item, store, state, category and department of each series.
    """

    panel: Panel
    labels: pd.DataFrame

    def until(self, back: int) -> tuple[Panel, np.ndarray]:
        """The panel less its last `back` days, with the plan of the next HORIZON, as far as it is known; and
        what was sold in these, (S, HORIZON)."""
        panel = self.panel
        cut = panel.offsets[1:] - back
        ahead = cut[:, None] + np.arange(min(HORIZON, back))  # (S, H)
        history = panel.head(panel.length - back)
        return replace(history, exog_ahead=panel.exog[ahead]), panel.y[ahead]


def load(series: int = 0, seed: int = 0) -> M5:
    """All series, or that many of them drawn at random."""
    sales = pd.read_parquet(
        FOLDER / "sales_daily_2015-03-03_2016-06-19.parquet", columns=["id", "date", "quantity_sold"]
    )
    ids = sales["id"].cat.categories.to_numpy()
    code = sales["id"].cat.codes.to_numpy()
    day = sales["date"].to_numpy().astype("datetime64[D]").astype(np.int32)
    units = sales["quantity_sold"].to_numpy()
    del sales
    if series:
        chosen = np.sort(np.random.default_rng(seed).choice(len(ids), series, replace=False))
        kept = np.isin(code, chosen)
        code, day, units = np.searchsorted(chosen, code[kept]), day[kept], units[kept]
        ids = ids[chosen]
    order = np.lexsort([day, code])
    code, day, units = code[order], day[order], units[order]
    offsets = np.searchsorted(code, np.arange(len(ids) + 1)).astype(np.int64)
    part = pd.Series(ids).str.split("_", expand=True)
    labels = pd.DataFrame(
        {
            "item": part[0] + "_" + part[1] + "_" + part[2],
            "store": part[3] + "_" + part[4],
            "state": part[3],
            "category": part[0],
            "department": part[0] + "_" + part[1],
        }
    )
    panel = Panel(
        keys=Vocabulary(pa.array([str(name) for name in ids])),
        offsets=offsets,
        y=units.astype(np.float64),
        available=np.ones(len(units), dtype=bool),
        start=day[offsets[:-1]].astype(np.int64),
        step="day",
        exog=_covariates(labels, code, day),
        exog_names=COVARIATES,
        groups=np.stack([labels[name].astype("category").cat.codes for name in GROUPS], axis=1).astype(
            np.int64
        ),
        group_names=GROUPS,
    )
    return M5(panel, labels)


def _covariates(labels: pd.DataFrame, code: np.ndarray, day: np.ndarray) -> np.ndarray:
    """Float64 (N, K), for the series and days of N entries."""
    calendar = pd.read_parquet(FOLDER / "calendar.parquet")
    first = np.datetime64(calendar["date"].iloc[0], "D").astype(int)
    at = day - first
    snap = calendar[["snap_CA", "snap_TX", "snap_WI"]].to_numpy()
    event = calendar["event_name_1"].astype("category").cat.codes.to_numpy() + 1.0
    tomorrow = np.append(event[1:], 0.0)
    state = pd.Categorical(labels["state"], categories=["CA", "TX", "WI"]).codes
    found = np.empty((len(code), len(COVARIATES)))
    found[:, 0] = _prices(labels, calendar["wm_yr_wk"].to_numpy(), code, at)
    found[:, 1] = snap[at, state[code]]
    found[:, 2], found[:, 3] = event[at], tomorrow[at]
    return found


def _prices(labels: pd.DataFrame, week_of: np.ndarray, code: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Logarithm of the price of each entry; the last known one where a week has none."""
    prices = pd.read_parquet(FOLDER / "sell_prices.parquet")
    name = labels["item"] + "_" + labels["store"]
    sold = prices["item_id"].astype(str) + "_" + prices["store_id"].astype(str)
    series = pd.Index(name).get_indexer(sold)
    prices = prices[series >= 0]
    weeks = np.unique(week_of)
    table = np.full((len(labels), len(weeks)), np.nan)
    table[series[series >= 0], np.searchsorted(weeks, prices["wm_yr_wk"])] = np.log(prices["sell_price"])
    table = pd.DataFrame(table).ffill(axis=1).bfill(axis=1).to_numpy()
    return table[code, np.searchsorted(weeks, week_of)[at]]


def wrmsse(m5: M5, mean: np.ndarray, back: int) -> np.ndarray:
    """Weighted root mean squared scaled error of each of the 12 levels, for the HORIZON days that begin
    `back` days before the end, (12,); lower is better.

    Makridakis, Spiliotis & Assimakopoulos (2022). The scale of a series is its mean squared daily change
    from its first sale to the origin. Weights of the window of the test: those published; of another window
    or a part of the series: units in the 28 days before it times the price.
    """
    history, actual = m5.until(back)
    D = int(history.length.max())
    daily = np.zeros((history.n_series, D))
    began = D - history.length
    inside = np.arange(D) >= began[:, None]
    daily[inside] = history.y
    price = np.zeros_like(daily)
    price[inside] = np.exp(history.exog[:, 0])
    sales = (daily[:, -28:] * price[:, -28:]).sum(axis=1)  # dollars of each series
    found = []
    for columns in LEVELS.values():
        group = (
            m5.labels.groupby(list(columns), sort=True).ngroup().to_numpy()
            if columns
            else np.zeros(len(daily), dtype=int)
        )
        add = sparse.csr_array((np.ones(len(group)), (group, np.arange(len(group)))))
        past, ahead, forecast = add @ daily, add @ actual, add @ mean
        first = (past > 0).argmax(axis=1)
        change = np.diff(past, axis=1) ** 2
        counted = np.arange(D - 1) >= first[:, None]
        scale = np.where(counted, change, 0).sum(axis=1) / np.maximum(counted.sum(axis=1), 1)
        weight = np.asarray(add @ sales)
        fit = scale > 0
        error = np.sqrt(((ahead - forecast) ** 2).mean(axis=1)[fit] / scale[fit])
        found.append((error * weight[fit]).sum() / weight[fit].sum())
    return np.array(found)


def snaive(m5: M5, back: int) -> np.ndarray:
    """The last week repeated, (S, HORIZON)."""
    history, _ = m5.until(back)
    last = history.offsets[1:, None] - 7 + np.arange(HORIZON) % 7
    return history.y[last]
