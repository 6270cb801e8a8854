"""Shelf prices, which move in steps, eight weeks ahead, against the random walk."""

import os
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from _record import Row, record
from merx.data.panel import Panel
from merx.data.vocabulary import Vocabulary
from merx.evaluate.price_forecasts import PriceScores, RandomWalk, compare_prices
from merx.forecast import ShelfPrice
from merx.forecast.price_states import SAME

DATA = Path(os.environ.get("MERX_DATA", "../shared/data"))
JUICE = DATA / "oj_dominicks" / "orangeJuice_yx.parquet"
WALMART = DATA / "m5_walmart" / "sell_prices.parquet"
HORIZON, ORIGINS = 8, 4
EVERY = 30  # of M5's 30,490 series
PROTOCOL = (
    f"Weekly prices, {HORIZON} weeks ahead from {ORIGINS} origins {HORIZON} weeks apart, at the end of the "
    "data; each origin sees what came before it alone, and promotions are not told. Dominick's orange juice: "
    "11 brands in 83 stores, weeks 40 to 160 (913 series; settings were chosen on weeks up to 128). M5: the "
    f"sell prices of every {EVERY}th item and store, of which nothing was chosen. Errors are shares of the "
    "last price. Random walk: the last price, with the quantiles of the h-week changes in its own past. "
    "Brier score: of the chance that the price at the end differs from now, against its share of such "
    "changes in the past."
)


def juice() -> Panel:
    """One series for each store and brand; a week that is missing is not available."""
    table = pq.read_table(JUICE).to_pandas()
    columns = table[[f"price{brand}" for brand in range(1, 12)]].to_numpy()
    table["price"] = columns[np.arange(len(table)), table["brand"].astype(int) - 1]
    return _panel(table.pivot_table(index=["store", "brand"], columns="week", values="price"))


def walmart() -> Panel:
    """One series for each of the items and stores drawn, from its first priced week on."""
    table = pq.read_table(WALMART).to_pandas()
    table["key"] = table["item_id"].astype(str) + " " + table["store_id"].astype(str)
    drawn = np.sort(table["key"].unique())[::EVERY]
    table = table[table["key"].isin(drawn)]
    return _panel(table.pivot_table(index="key", columns="wm_yr_wk", values="sell_price"))


def _panel(wide: "pandas.DataFrame") -> Panel:  # type: ignore[name-defined]  # noqa: F821
    price = wide.to_numpy(dtype=np.float64)
    known = price > 0
    begin = known.argmax(axis=1)
    inside = np.arange(price.shape[1]) >= begin[:, None]
    return Panel(
        keys=Vocabulary.of([str(key) for key in wide.index]),
        offsets=np.concatenate([[0], np.cumsum(inside.sum(axis=1))]).astype(np.int64),
        y=np.where(known, price, 0.0)[inside],
        available=known[inside],
        start=7 * begin.astype(np.int64),
        step="week",
    )


def brier(panel: Panel) -> tuple[float, float]:
    """Of the chance that the price of the last week ahead differs from now, and of the share in the past."""
    ours, bar = [], []
    panel = panel.take(np.flatnonzero(panel.length > ORIGINS * HORIZON + 1))
    for back in range(ORIGINS):
        end = panel.length - back * HORIZON
        history, future = panel.head(end - HORIZON), panel.entries(end - HORIZON, end)
        fitted = ShelfPrice(HORIZON).fit(history)
        actual = future.y.reshape(-1, HORIZON)[:, -1]
        known = future.available.reshape(-1, HORIZON)[:, -1]
        for s in np.flatnonzero(known):
            past = history.series(s)[history.available[history.offsets[s] : history.offsets[s + 1]]]
            if len(past) <= HORIZON:
                continue
            moved = np.abs(np.log(past[HORIZON:] / past[:-HORIZON])) > SAME
            came = float(abs(np.log(actual[s] / past[-1])) > SAME)
            told = fitted.outlook(int(s), HORIZON)
            ours.append((told["up"] + told["down"] - came) ** 2)
            bar.append((moved.mean() - came) ** 2)
    return float(np.mean(ours)), float(np.mean(bar))


def rows(name: str, panel: Panel) -> list[Row]:
    """The rows of one panel."""
    scores: tuple[PriceScores, ...] = compare_prices(
        {"own": ShelfPrice(HORIZON), "walk": RandomWalk(HORIZON), "normal": RandomWalk(HORIZON, "normal")},
        panel,
        HORIZON,
        ORIGINS,
        HORIZON,
    )
    own, walk, normal = scores
    found = []
    for measure, part in (("error of the median, share of the price", "error"), ("CRPS", "crps")):
        ours, bar = getattr(own, part), getattr(walk, part)
        mean, peer = float(np.nanmean(ours)), float(np.nanmean(bar))
        ratio = mean / peer
        found.append(Row(name, measure, mean, peer, "random walk", ratio, "ratio at most 1", ratio <= 1))
        found.append(
            Row(
                name,
                f"share of series with a better {measure}",
                float((ours < bar)[np.isfinite(ours)].mean()),
            )
        )
    peer = float(np.nanmean(normal.crps))
    found.append(
        Row(
            name,
            "CRPS",
            float(np.nanmean(own.crps)),
            peer,
            "random walk, normal",
            np.nanmean(own.crps) / peer,
        )
    )
    covers = {80: own.coverage_80, 95: own.coverage_95}
    found += [Row(name, f"{level} % covers", float(held.mean())) for level, held in covers.items()]
    ours, bar = brier(panel)
    found.append(Row(name, "Brier score of a change", ours, bar, "share in the past", ours / bar))
    return found


def main() -> None:
    for path in (JUICE, WALMART):
        if not path.exists():
            sys.exit(f"the benchmark needs {path}; set MERX_DATA")
    record("shelf_prices", PROTOCOL, rows("Dominick's", juice()) + rows("M5", walmart()))


if __name__ == "__main__":
    main()
