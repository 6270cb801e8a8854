"""Monthly demand for car parts, 71 % zeros: error and quantile loss beside the same methods of statsforecast.

The rates are statsforecast's in both; what differs is the choice among them and the distribution around them.
"""

import numpy as np
import pyarrow.parquet as pq
from scipy.stats import poisson
from statsforecast import models
from statsforecast.utils import ConformalIntervals

from _process import data
from _record import Row, record
from merx.data.panel import Panel
from merx.data.vocabulary import Vocabulary
from merx.evaluate.forecasting import coverage, mase, naive_error, pinball, rmsse
from merx.forecast import Best, Intermittent

HORIZON = 12
PROBS = np.array([0.1, 0.5, 0.8, 0.9, 0.95])
JUDGED = [1, 2, 4]
PROTOCOL = (
    "Hyndman's carparts, the 2,509 series without a gap (51 months), the last 12 held out. Peers: "
    "CrostonSBA, TSB (.1, .1), ADIDA and IMAPA of statsforecast; at each metric the best of the four. Their "
    "quantiles are those of a Poisson distribution with their rate, or statsforecast's conformal intervals "
    "(two windows), whichever has the lower loss. MASE is that of the median, in units of the error of the "
    "last value; of the peers that of the rate and that of the Poisson median, whichever is lower. RMSSE is "
    "that of the mean. Series with a constant history are not scaled and do not count in MASE and RMSSE."
)


def main() -> None:
    table = pq.read_table(data("carparts") / "carparts.parquet").to_pandas()
    wide = table.pivot(index="series", columns="t", values="y").to_numpy()  # (S, 51)
    wide = wide[~np.isnan(wide).any(axis=1)]
    history, came = wide[:, :-HORIZON], wide[:, -HORIZON:]
    panel = _panel(history)
    absolute, squared = naive_error(panel, 1, 1), naive_error(panel, 1, 2)

    def scores(median: np.ndarray, mean: np.ndarray, quantile: np.ndarray) -> dict[str, float]:
        found = {
            "MASE": float(np.nanmean(mase(came, median, absolute))),
            "RMSSE": float(np.nanmean(rmsse(came, mean, squared))),
        }
        for q, p in enumerate(PROBS[JUDGED]):
            found[f"pinball {p:g}"] = float(pinball(came, quantile[:, :, [q]], PROBS[JUDGED][[q]]).mean())
        return found

    peers = [
        scores(median, rate, quantile)
        for name in ("CrostonSBA", "TSB", "ADIDA", "IMAPA")
        for median, rate, quantile in _peer(name, history)
    ]
    rows = []
    for name, config in (
        ("Intermittent", Intermittent(HORIZON, 1)),
        ("Best", Best(HORIZON, 1)),
    ):
        ahead = config.fit(panel).forecast(HORIZON, PROBS)
        ours = scores(ahead.quantile[:, :, 1], ahead.mean, ahead.quantile[:, :, JUDGED])
        for metric, value in ours.items():
            peer = min(found[metric] for found in peers)
            rows.append(
                Row(
                    name,
                    metric,
                    value,
                    peer,
                    "best of four",
                    value / peer,
                    "ratio at most 1",
                    value <= peer * (1 + 1e-9),
                )
            )
        low, high = ahead.interval(0.8)
        rows.append(Row(name, "80 % covers", float(coverage(came, low, high).mean())))
        rows.append(
            Row(name, "at or below the .95 quantile", float((came <= ahead.quantile[:, :, 4]).mean()))
        )
    record("carparts", PROTOCOL, rows)


def _panel(y: np.ndarray) -> Panel:
    S, n = y.shape
    return Panel(
        keys=Vocabulary.of([f"part {s:04d}" for s in range(S)]),
        offsets=np.arange(S + 1) * n,
        y=y.ravel(),
        available=np.ones(y.size, dtype=bool),
        start=np.full(S, 336),  # January 1998
        step="month",
    )


def _peer(name: str, history: np.ndarray) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Medians, rates and quantiles of one method: by Poisson counts, and by conformal intervals."""
    settings = {"alpha_d": 0.1, "alpha_p": 0.1} if name == "TSB" else {}
    model = getattr(models, name)(**settings, prediction_intervals=ConformalIntervals(h=HORIZON, n_windows=2))
    ahead = [model.forecast(y=y, h=HORIZON, level=[60, 90]) for y in history]
    rate = np.maximum(np.stack([one["mean"] for one in ahead]), 0.0)  # (S, H)
    count = poisson.ppf(PROBS[JUDGED], rate[:, :, None])
    conformal = np.stack([rate, *(np.stack([one[f"hi-{level}"] for one in ahead]) for level in (60, 90))], 2)
    return [(count[:, :, 0], rate, count), (rate, rate, np.maximum(conformal, 0.0))]


if __name__ == "__main__":
    main()
