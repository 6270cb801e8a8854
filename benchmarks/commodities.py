"""Monthly prices of commodities, twelve months ahead, against the random walk."""

import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from _record import Row, record
from merx.data.panel import Panel
from merx.data.results import Forecast
from merx.data.vocabulary import Vocabulary
from merx.evaluate.price_forecasts import PriceScores, RandomWalk, compare_prices
from merx.forecast import ARIMA
from merx.forecast.arima import FittedARIMA

PRICES = Path(os.environ.get("MERX_DATA", "../shared/data")) / "commodity_prices" / "commodities.parquet"
HORIZON, ORIGINS = 12, 37  # a quarter apart: nine years
YEARS = 5  # a year apart, for the orders that are chosen at each
PROTOCOL = (
    f"World Bank, 71 monthly commodity prices from 1960 to March 2023: {HORIZON} months ahead from {ORIGINS} "
    "origins, a quarter apart, the last in March 2022; each origin sees what came before it alone. `arima` "
    "with its defaults: ARIMA(0,1,1) of the log without drift, the spread of recent errors, a bound on the "
    "last one; chosen on 120 origins of 1982 to 2012. Marked yearly: "
    f"{YEARS} origins, a year apart. The market is an index of all other prices: as an ARIMA of its own "
    "foretells it, and, as what knowing it would bring, as it came. MASE (of the median) and CRPS are means "
    "over the origins of a series; the ratio to the random walk is the mean over series. The random walk has "
    "normal steps of the log, which was the better of two; with the spread of recent errors it is ours, an "
    "ARIMA(0,1,0)."
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
        """Fit every series on its own."""
        return self.arima.fit(replace(panel, exog=np.empty((0, 0)), exog_names=()))


@dataclass(frozen=True)
class Foretold:
    """ARIMA with the covariate as an ARIMA of its own foretells it; what came is not looked at."""

    arima: ARIMA

    def fit(self, panel: Panel, progress: object = None) -> "FittedForetold":
        """Fit the covariate of every series, then the series with that as the plan."""
        markets = replace(panel, y=panel.exog[:, 0], exog=np.empty((0, 0)), exog_names=())
        own = replace(self.arima, scale="plain").fit(markets)
        return FittedForetold(self.arima.fit(replace(panel, exog_ahead=own.location[:, :, None])))


@dataclass(frozen=True)
class FittedForetold:
    """The fitted ARIMA with its plan."""

    fitted: FittedARIMA

    @property
    def keys(self) -> Vocabulary:
        """The series."""
        return self.fitted.keys

    @property
    def specification(self) -> tuple[str, ...]:
        """Of each series."""
        return self.fitted.specification

    def forecast(self, horizon: int, probs: np.ndarray, exog: np.ndarray | None = None) -> Forecast:
        """As planned, whatever is given."""
        return self.fitted.forecast(horizon, probs)


def rows(name: str, own: PriceScores, walk: PriceScores, bound: bool) -> list[Row]:
    """The rows of one forecaster against the random walk; `bound`: held to the goal."""
    found = []
    for measure, part in (("MASE", "error"), ("CRPS", "crps")):
        ours, bar = getattr(own, part), getattr(walk, part)
        ratio = float(np.nanmean(ours / bar))
        found.append(
            Row(
                name,
                f"{measure} against the random walk, mean over series",
                float(np.nanmean(ours)),
                float(np.nanmean(bar)),
                "random walk",
                ratio,
                "ratio at most 1" if bound else "",
                ratio <= 1 if bound else None,
            )
        )
        found.append(
            Row(
                name,
                f"share of series with a better {measure}",
                float((ours < bar)[np.isfinite(ours)].mean()),
            )
        )
    covers = {80: own.coverage_80, 95: own.coverage_95}
    return found + [Row(name, f"{level} % covers", float(held.mean())) for level, held in covers.items()]


def main() -> None:
    if not PRICES.exists():
        sys.exit(f"the benchmark needs {PRICES}; set MERX_DATA")
    arima = ARIMA(horizon=HORIZON)
    chosen = ARIMA(horizon=HORIZON, season_length=1, order=())
    walk = RandomWalk(HORIZON, "normal")
    prices = panel()
    forecasters = {"walk": walk, "alone": Alone(arima)}
    late = {"late": Alone(ARIMA(horizon=HORIZON, order=(0, 1, 0)))}
    bar, alone, walk_of_late = compare_prices(forecasters | late, prices, HORIZON, ORIGINS, 3, unit="change")
    forecasters |= {"foretold": Foretold(arima), "known": arima, "chosen": Alone(chosen)}
    yearly, *others = compare_prices(forecasters, prices, HORIZON, YEARS, 12, unit="change")
    found = rows("arima", alone, bar, bound=True)
    same = float(np.nanmean(alone.crps / walk_of_late.crps))
    ours, theirs = (float(np.nanmean(scores.crps)) for scores in (alone, walk_of_late))
    measure = "CRPS, mean over series"
    found.append(Row("arima", measure, ours, theirs, "random walk, spread of recent errors", same))
    names = ("arima", "arima, market foretold", "arima, market as it came", "arima, orders chosen")
    for name, scores in zip(names, others, strict=True):
        found += rows(f"{name}, yearly", scores, yearly, bound=False)
    record("commodities", PROTOCOL, found)


if __name__ == "__main__":
    main()
