"""The weekly and hourly series of the M4 competition, against its winner and statsforecast's AutoARIMA.

The season of the scale is a day for Hourly and one step for Weekly, as in the competition.
"""

import os
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from _record import Row, record
from merx.data.contracts import ForecasterConfig
from merx.data.panel import Panel
from merx.data.vocabulary import Vocabulary
from merx.evaluate.forecasting import coverage, mase, naive_error, smape
from merx.forecast import ARIMA, SeasonalAR

M4 = Path(os.environ.get("MERX_DATA", "../shared/data")) / "m4"
PROBS = np.array([0.025, 0.1, 0.5, 0.9, 0.975])
WEEKS = 780  # of each series that are fitted: what lies more than 15 years back says little
# MASE of statsforecast's AutoARIMA as its authors publish it, and the best OWA to be reached
GOAL = {"Weekly": {"MASE": 2.34, "OWA": 0.926}, "Hourly": {"MASE": 0.92}}
STATSFORECAST = {"Weekly": 2.34, "Hourly": 0.92}
WINNER = "118"  # Smyl
PROTOCOL = (
    "M4 Weekly (359 series, 13 weeks ahead) and Hourly (414 series, 48 hours ahead), the competition's own "
    "test; every series fitted alone. Weekly: `arima`, orders searched, with drift (log scale, yearly season "
    f"found per series) on the last {WEEKS} weeks. Hourly: `seasonal_ar` with its defaults. Both were chosen "
    "on the last steps of the training series (hours: three windows of 48 in the last 288); the test was "
    "looked at once with what was chosen. sMAPE and MASE are those of the median; OWA is the mean of both in "
    "units of Naive2. Peers: statsforecast's AutoARIMA and the winner of the competition, both as published."
)


def panel(name: str, part: str, step: str) -> Panel:
    """One file of the competition."""
    table = pq.read_table(M4 / f"{name}_{part}.parquet").sort_by(
        [("unique_id", "ascending"), ("t", "ascending")]
    )
    ids = table["unique_id"].combine_chunks()
    length = ids.value_counts()
    return Panel(
        keys=Vocabulary(pa.array(length.field("values"))),
        offsets=np.concatenate([[0], np.cumsum(length.field("counts").to_numpy())]).astype(np.int64),
        y=table["y"].to_numpy().astype(np.float64),
        available=np.ones(len(ids), dtype=bool),
        start=np.zeros(len(length), dtype=np.int64),
        step=step,
    )


def scores(name: str, step: str, season: int, most: int, kind: str, config: ForecasterConfig) -> list[Row]:
    """The rows of one frequency, forecast by a kind."""
    history, future = panel(name, "train", step), panel(name, "test", step)
    if history.keys != future.keys:
        raise ValueError(f"{name}: train and test hold different series")
    horizon = int(future.length[0])
    actual = future.y.reshape(-1, horizon)
    scale = naive_error(history, season, 1)
    fitted_on = history.entries(np.maximum(history.length - most, 0), history.length)
    forecast = config.fit(fitted_on).forecast(horizon, PROBS)
    median = forecast.quantile[:, :, 2]
    ours = {
        "sMAPE": 100 * float(smape(actual, median).mean()),
        "MASE": float(mase(actual, median, scale).mean()),
    }
    published = {
        row["method"]: row for row in pq.read_table(M4 / "published_scores_by_frequency.parquet").to_pylist()
    }
    naive = published["Naive2"]
    ours["OWA"] = float(
        np.mean([ours[measure] / naive[f"{measure}_{name}"] for measure in ("sMAPE", "MASE")])
    )
    winner = published[WINNER]
    case = f"{name}, {kind}"
    rows = []
    for measure, value in ours.items():
        peer = winner[f"{measure}_{name}"]
        goal = GOAL[name].get(measure)
        rows.append(
            Row(
                case,
                measure,
                value,
                peer,
                "the winner, published",
                value / peer,
                f"at most {goal}" if goal else "",
                value <= goal if goal else None,
            )
        )
    peer = STATSFORECAST[name]
    rows.append(
        Row(case, "MASE", ours["MASE"], peer, "statsforecast AutoARIMA, published", ours["MASE"] / peer)
    )
    for level, low, high in ((80, 1, 3), (95, 0, 4)):
        held = coverage(actual, forecast.quantile[:, :, low], forecast.quantile[:, :, high]).mean()
        rows.append(Row(case, f"{level} % covers", float(held)))
    return rows


def main() -> None:
    if not M4.exists():
        sys.exit(f"the benchmark needs the M4 series in {M4}; set MERX_DATA")
    rows = scores("Weekly", "week", 1, WEEKS, "arima", ARIMA(horizon=13, order=(), drift=True, market=False))
    rows += scores("Hourly", "hour", 24, 10_000, "seasonal_ar", SeasonalAR(horizon=48))
    record("m4", PROTOCOL, rows)


if __name__ == "__main__":
    main()
