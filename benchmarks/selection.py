"""Selection with conformal intervals against statsforecast's AutoARIMA: error, coverage by horizon, time.

UCI Online Retail and a sample of Walmart's sales (M5); the nightly update beside the first fit.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from statsforecast.models import AutoARIMA as Peer

import _m5
from _process import data
from _record import Row, record
from forecast import BEST_SELLERS, HORIZON, demand_of
from merx.data.contracts import Progress
from merx.data.panel import Panel
from merx.evaluate.forecasting import backtest, mase, naive_error
from merx.forecast import AutoETS, Best
from merx.shop import Shop
from merx.store.demand import demand_panel

BACK: dict[str, tuple[int, ...]] = {"Online Retail": (0, 28, 56), "M5": (0,)}
EVERY = 20
ITEM_STORES = 200
PROTOCOL = (
    f"The {BEST_SELLERS} products of Online Retail with most units (374 days), {ITEM_STORES} item-stores "
    f"of M5, drawn at random (up to 475 days), daily; at least {2 * HORIZON} days; {HORIZON} days held "
    f"out, ending {', '.join(map(str, BACK['Online Retail']))} days before the end (M5: at the end). Best "
    "chooses on the four horizons before. The peer is statsforecast's AutoARIMA with season 7, its forecast "
    f"held to 0 or more, on every {EVERY}th of these series; the MASE beside it is theirs. CPU seconds are "
    "process time of the fits, the two in turn at each origin. Best's are of all series, the choice and "
    "the intervals included. The update has one more day, and all choices kept. MASE is that of the median, "
    "in units of the 7-day error of the history. Means over series, then over origins."
)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        retail = _retail(Path(folder) / "retail")
    rows = [*_rows("Online Retail", retail), *_rows("M5", _walmart())]
    record("selection", PROTOCOL, rows)


def _retail(folder: Path) -> Panel:
    shop = Shop.init(folder)
    shop.ingest(data("online_retail") / "online_retail.parquet")
    sold = demand_of(shop)
    best = np.sort(np.argsort(-sold.units.sum(axis=1), kind="stable")[:BEST_SELLERS])
    return demand_panel(sold, "day", best)


def _walmart() -> Panel:
    panel = _m5.load(ITEM_STORES).panel
    return replace(panel, exog=np.empty((0, 0)), exog_names=(), exog_ahead=np.empty((0, 0, 0)))


@dataclass(frozen=True)
class Known:
    """A config whose fit was done before, so that its time is measured once."""

    fitted: Any

    def fit(self, panel: Panel, progress: Progress | None = None) -> Any:
        return self.fitted


@dataclass(frozen=True)
class Origin:
    """What was found from one origin; seconds are of one series."""

    best: dict[str, float]
    ets: dict[str, float]
    coverage: np.ndarray
    seconds: float
    update: float
    seconds_peer: float
    mase_same: float
    mase_peer: float


def _origin(panel: Panel) -> Origin:
    panel = panel.take(np.flatnonzero(panel.length >= 2 * HORIZON))
    S = panel.n_series
    history = panel.head(panel.length - HORIZON)
    config = Best(HORIZON)
    seconds, fitted = _timed(lambda: config.fit(history))
    few = np.arange(0, S, EVERY)
    came = panel.entries(panel.length - HORIZON, panel.length).y.reshape(S, HORIZON)[few]
    seconds_peer, ahead = _timed(lambda: _peer(history.take(few)))
    update, _ = _timed(lambda: config.update(fitted, panel.head(panel.length - HORIZON + 1)))
    scores = backtest(Known(fitted), panel, HORIZON)
    error = mase(came, ahead, naive_error(history.take(few), 7, 1))
    judged = np.isfinite(error) & np.isfinite(scores.mase[few])
    sys.stderr.write(
        f"{S} series, {seconds:.1f} s, {len(few)} by AutoARIMA, {seconds_peer:.1f} s, update {update:.1f} s; "
        f"MASE {scores.means()['mase']:.3f}\n"
    )
    return Origin(
        best=scores.means(),
        ets=backtest(AutoETS(HORIZON), panel, HORIZON).means(),
        coverage=np.stack([scores.step_coverage_80, scores.step_coverage_95]).reshape(2, 4, 7).mean(axis=2),
        seconds=seconds / S,
        update=update / S,
        seconds_peer=seconds_peer / len(few),
        mase_same=float(scores.mase[few][judged].mean()),
        mase_peer=float(error[judged].mean()),
    )


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.process_time()
    done = work()
    return time.process_time() - began, done


def _peer(panel: Panel) -> np.ndarray:
    model = Peer(season_length=7)
    ahead = [model.forecast(y=panel.series(s), h=HORIZON)["mean"] for s in range(panel.n_series)]
    return np.maximum(np.stack(ahead), 0.0)


def _rows(name: str, panel: Panel) -> list[Row]:
    Best(HORIZON).fit(panel.take(np.arange(2)))  # imports and first calls are no part of the time
    _peer(panel.take(np.arange(1)))
    found = [_origin(panel.head(np.maximum(panel.length - back, 0))) for back in BACK[name]]

    def mean(of: Callable[[Origin], float]) -> float:
        return float(np.mean([of(origin) for origin in found]))

    cpu, peer = mean(lambda o: o.seconds), mean(lambda o: o.seconds_peer)
    same, theirs = mean(lambda o: o.mase_same), mean(lambda o: o.mase_peer)
    ours, naive = mean(lambda o: o.best["mase"]), mean(lambda o: o.best["naive_mase"])
    loss, ets = mean(lambda o: o.best["pinball"]), mean(lambda o: o.ets["pinball"])
    update = mean(lambda o: o.update)
    rows = [
        Row(
            name,
            "CPU s a series",
            cpu,
            peer,
            "AutoARIMA",
            cpu / peer,
            "ratio at most 0.2",
            cpu <= 0.2 * peer,
        ),
        Row(
            name,
            "MASE, same series",
            same,
            theirs,
            "AutoARIMA",
            same / theirs,
            "ratio at most 1",
            same <= theirs,
        ),
        Row(name, "MASE", ours, naive, "seasonal naive", ours / naive, "ratio below 1", ours < naive),
        Row(name, "MASE", ours, (e := mean(lambda o: o.ets["mase"])), "AutoETS", ours / e),
        Row(name, "quantile loss", loss, ets, "AutoETS", loss / ets),
        Row(name, "update, CPU s a series", update, cpu, "first fit", update / cpu),
    ]
    coverage = np.mean([origin.coverage for origin in found], axis=0)  # (2, 4)
    for k, (level, low, high) in enumerate(((80, 0.78, 0.82), (95, 0.94, 0.96))):
        share = mean(lambda o, level=level: o.best[f"coverage_{level}"])
        rows.append(
            Row(name, f"{level} % covers", share, goal=f"{low} to {high}", met=low <= round(share, 3) <= high)
        )
        rows += [Row(name, f"{level} % covers, week {week + 1}", coverage[k, week]) for week in range(4)]
    return rows


if __name__ == "__main__":
    main()
