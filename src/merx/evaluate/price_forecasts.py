"""How good forecasts of prices were, from rolling origins, against the random walk."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from merx.data.contracts import ForecasterConfig
from merx.data.panel import Panel, last_known
from merx.data.results import Forecast
from merx.data.vocabulary import Vocabulary
from merx.errors import FitError
from merx.evaluate.forecasting import coverage, mase, naive_error, pinball
from merx.forecast.predictive import check_config, check_request

PROBS = np.concatenate([[0.025], np.arange(1, 20) / 20, [0.975]])
"""The quantiles asked for: 19 for the CRPS, and the bounds of the 95 % interval."""


@dataclass(frozen=True)
class RandomWalk:
    """The last price, and what it did before: the bar for forecasts of prices.

    Parameters
    ----------
    horizon : int
    changes : "normal" or "past"
        "normal": log steps are normal with the root mean square of those seen, times sqrt(h) (Hyndman &
        Athanasopoulos, Forecasting, section 5.5). "past": the quantiles of the h-step changes seen, with the
        last price as the median. Prices that move in steps are far from normal.
    """

    horizon: int
    changes: str = "past"

    def fit(self, panel: Panel, progress: object = None) -> "FittedRandomWalk":
        """Keep the histories; a step that was not available has the price before it."""
        check_config(self.horizon, 1)
        return FittedRandomWalk(panel, self.horizon, self.changes)


@dataclass(frozen=True)
class FittedRandomWalk:
    """The histories themselves."""

    panel: Panel
    horizon: int
    changes: str

    @property
    def keys(self) -> Vocabulary:
        """The series."""
        return self.panel.keys

    @property
    def specification(self) -> tuple[str, ...]:
        """The same for all."""
        return ("RW",) * len(self.keys)

    def forecast(self, horizon: int, probs: np.ndarray, exog: np.ndarray | None = None) -> Forecast:
        """The next `horizon` steps of every series: mean and quantiles."""
        probs = check_request(horizon, self.horizon, probs)
        S, steps = len(self.keys), np.arange(1, horizon + 1)
        last, moved = np.empty(S), np.zeros((S, horizon, len(probs)))
        for s in range(S):
            log = _log(self.panel, s)
            last[s] = last_price(self.panel, s)
            if self.changes == "normal":
                step = np.sqrt(np.mean(np.diff(log) ** 2)) if len(log) > 1 else 0.0
                moved[s] = step * np.sqrt(steps)[:, None] * ndtri(probs)
            else:
                for h in steps:
                    seen = log[h:] - log[:-h]
                    if len(seen):
                        moved[s, h - 1] = np.quantile(seen, probs)
        # the last price is the median
        moved = np.where(probs < 0.5, np.minimum(moved, 0.0), np.maximum(moved, 0.0))
        moved[:, :, np.abs(probs - 0.5) < 1e-9] = 0.0
        price = last[:, None, None] * np.exp(moved)
        mean = np.repeat(last[:, None], horizon, axis=1)
        return Forecast(self.keys, self.panel.end, self.panel.step, mean, price, probs)


def last_price(panel: Panel, s: int) -> float:
    """The last known price of series s, 1 where there is none."""
    entries = slice(panel.offsets[s], panel.offsets[s + 1])
    known = panel.y[entries][panel.available[entries]]
    return float(known[-1]) if len(known) else 1.0


def _log(panel: Panel, s: int) -> np.ndarray:
    """Log prices of series s, the last known one in each step, from the first known on."""
    entries = slice(panel.offsets[s], panel.offsets[s + 1])
    last = last_known(panel.available[entries])
    return np.log(panel.y[entries][last]) if len(last) else np.zeros(1)


@dataclass(frozen=True)
class PriceScores:
    """One forecaster over all origins.

    Parameters
    ----------
    name : str
    keys : Vocabulary (S,)
    error, crps : float64 (S,)
        Absolute error of the median, and continuous ranked probability score (twice the mean pinball loss of
        19 quantiles); means over the origins. NaN where nothing could be scored.
    coverage_80, coverage_95 : float64 (H,)
        By horizon, over series and origins.
    seconds : float
        Time of all fits and forecasts.
    """

    name: str
    keys: Vocabulary
    error: np.ndarray
    crps: np.ndarray
    coverage_80: np.ndarray
    coverage_95: np.ndarray
    seconds: float

    def means(self) -> dict[str, float]:
        """Mean of every metric over series or horizons; NaN where it is nowhere defined."""
        metrics = {name: getattr(self, name) for name in ("crps", "error", "coverage_80", "coverage_95")}
        return {name: float(_mean(values)) for name, values in metrics.items()}

    def beats(self, bar: "PriceScores") -> bool:
        """Whether the CRPS is lower than the bar's beyond chance: by two standard errors of its mean."""
        paired = (self.crps - bar.crps)[np.isfinite(self.crps - bar.crps)]
        if len(paired) < 2:
            return False
        return bool(paired.mean() < -2 * paired.std(ddof=1) / np.sqrt(len(paired)))

    def against(self, bar: "PriceScores") -> str:
        """The verdict on the CRPS in words."""
        own, other = self.means(), bar.means()
        better, worse = int((self.crps < bar.crps).sum()), int((self.crps > bar.crps).sum())
        beats = "beats" if self.beats(bar) else "does not clearly beat"
        return (
            f"{self.name} {beats} the random walk: CRPS {own['crps']:.4f} against {other['crps']:.4f}, "
            f"better on {better} and worse on {worse} of {int(np.isfinite(bar.crps).sum())} prices; error of "
            f"the median {own['error']:.4f} against {other['error']:.4f}."
        )


def compare_prices(
    configs: Mapping[str, ForecasterConfig],
    panel: Panel,
    horizon: int,
    origins: int,
    apart: int,
    unit: str = "price",
) -> tuple[PriceScores, ...]:
    """Score each forecaster from `origins` ends of the history, each `apart` steps before the next.

    Every forecaster sees what came before the origin alone, and is scored on the known prices of the next
    `horizon` steps. Covariates of these are given as if they had been planned. Series too short for all
    origins are left out.

    Parameters
    ----------
    unit : "price" or "change"
        Errors are in units of the last price, or (MASE) of the mean change from one step to the next in the
        history: of no use for prices that hardly ever move.

    Raises
    ------
    FitError
        Where no series is long enough.
    """
    longest = horizon + (origins - 1) * apart
    which = np.flatnonzero(panel.length > longest + 1)
    if not len(which):
        raise FitError(
            f"{origins} origins, {apart} steps apart, and {horizon} steps to score need series longer than "
            f"{longest + 1}; the longest of {panel.n_series} has {panel.length.max(initial=0)}."
        )
    panel = panel.take(which)
    rows: dict[str, list[tuple[np.ndarray, ...]]] = {name: [] for name in configs}
    seconds = dict.fromkeys(configs, 0.0)
    for back in range((origins - 1) * apart, -1, -apart):
        end = panel.length - back
        history, future = panel.head(end - horizon), panel.entries(end - horizon, end)
        actual = future.y.reshape(-1, horizon)
        known = future.available.reshape(-1, horizon)
        scale = naive_error(history, 1, 1)
        if unit == "price":
            scale = np.array([last_price(history, s) for s in range(history.n_series)])
        planned = future.exog.reshape(len(which), horizon, -1) if panel.exog_names else None
        for name, config in configs.items():
            began = time.perf_counter()
            forecast = config.fit(history).forecast(horizon, PROBS, planned)
            seconds[name] += time.perf_counter() - began
            low, high = forecast.interval(0.8), forecast.interval(0.95)
            rows[name].append(
                (
                    mase(actual, forecast.quantile[:, :, len(PROBS) // 2], scale, known),
                    2 * pinball(actual, forecast.quantile[:, :, 1:-1], PROBS[1:-1], known) / scale,
                    coverage(actual.T, low[0].T, low[1].T, known.T),
                    coverage(actual.T, high[0].T, high[1].T, known.T),
                )
            )
    scores = []
    for name in configs:
        error, crps, held_80, held_95 = (_mean(np.array(part)) for part in zip(*rows[name], strict=True))
        scores.append(PriceScores(name, panel.keys, error, crps, held_80, held_95, seconds[name]))
    return tuple(scores)


def _mean(values: np.ndarray) -> np.ndarray:
    """Over the origins (O, ...), of those that are defined; NaN where none is."""
    defined = np.isfinite(values)
    count = defined.sum(axis=0)
    total = np.where(defined, values, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
