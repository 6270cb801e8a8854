"""How good a forecast was: metrics per series, and a backtest against the seasonal naive forecast."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from merx.data.contracts import ForecasterConfig
from merx.data.panel import Panel
from merx.data.vocabulary import Vocabulary
from merx.errors import FitError
from merx.forecast import SeasonalNaive

PROBS = np.array([0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975])
"""The quantiles that a backtest asks for: the median, and the 50, 80 and 95 % intervals."""

SEASON: dict[str, int] = {"hour": 24, "day": 7, "week": 52, "month": 12}
"""The season of the naive forecast that scores are set against."""


def naive_error(history: Panel, season_length: int, power: int) -> np.ndarray:
    """Mean of |y_t - y_{t-m}|^power over each history, (S,): the unit in which errors are measured.

    Only pairs of available steps count. NaN where there is no pair, or where the error is 0 (a constant
    history), so that a scaled metric of that series is NaN and not infinite.
    """
    m = season_length
    scale = np.full(history.n_series, np.nan)
    for s in range(history.n_series):
        y = history.series(s)
        available = history.available[history.offsets[s] : history.offsets[s + 1]]
        error = np.abs(y[m:] - y[:-m])[available[m:] & available[:-m]] ** power
        if error.size and error.any():
            scale[s] = error.mean()
    return scale


def _mean(error: np.ndarray, available: np.ndarray | None) -> np.ndarray:
    """Mean over the available steps of each series, (S, H) to (S,); NaN where there is none."""
    if available is None:
        available = np.ones(error.shape, dtype=bool)
    count = available.sum(axis=1)
    total = np.where(available, error, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def mase(
    actual: np.ndarray, forecast: np.ndarray, scale: np.ndarray, available: np.ndarray | None = None
) -> np.ndarray:
    """Mean absolute scaled error, (S,): 1 is the in-sample error of the seasonal naive forecast.

    Parameters
    ----------
    actual, forecast : (S, H)
    scale : (S,)
        `naive_error(history, season_length, 1)`.
    available : bool (S, H), optional
        Steps to score; a stock-out is not.

    Notes
    -----
    Source: Hyndman & Koehler (2006), Another look at measures of forecast accuracy.
    """
    error: np.ndarray = _mean(np.abs(actual - forecast), available) / scale
    return error


def rmsse(
    actual: np.ndarray, forecast: np.ndarray, scale: np.ndarray, available: np.ndarray | None = None
) -> np.ndarray:
    """Root mean squared scaled error, (S,), arguments as in `mase`; `scale` is `naive_error(history, 1, 2)`.

    Source: Makridakis, Spiliotis & Assimakopoulos (2022), M5 accuracy competition.
    """
    error: np.ndarray = np.sqrt(_mean((actual - forecast) ** 2, available) / scale)
    return error


def smape(actual: np.ndarray, forecast: np.ndarray, available: np.ndarray | None = None) -> np.ndarray:
    """Symmetric mean absolute percentage error, (S,), from 0 to 2: 2 |y - f| / (|y| + |f|).

    A step with y = f = 0 counts as 0. Source: Makridakis, Spiliotis & Assimakopoulos (2020), M4.
    """
    size = np.abs(actual) + np.abs(forecast)
    return _mean(2 * np.abs(actual - forecast) / np.where(size > 0, size, 1.0), available)


def pinball(
    actual: np.ndarray, quantile: np.ndarray, probs: np.ndarray, available: np.ndarray | None = None
) -> np.ndarray:
    """Quantile loss in units, (S,), mean over steps and quantiles: max(p (y - q), (p - 1) (y - q)).

    Parameters
    ----------
    actual : (S, H)
    quantile : (S, H, Q)
    probs : (Q,)
    available : bool (S, H), optional

    Notes
    -----
    Source: Koenker & Bassett (1978); divided by `naive_error(history, 1, 1)` it is the M5 uncertainty
    competition's scaled pinball loss.
    """
    error = actual[:, :, None] - quantile
    return _mean(np.maximum(probs * error, (probs - 1) * error).mean(axis=2), available)


def coverage(
    actual: np.ndarray, low: np.ndarray, high: np.ndarray, available: np.ndarray | None = None
) -> np.ndarray:
    """Share of steps within [low, high], (S,); all arguments (S, H)."""
    return _mean(((actual >= low) & (actual <= high)).astype(np.float64), available)


def interval_width(
    low: np.ndarray, high: np.ndarray, scale: np.ndarray, available: np.ndarray | None = None
) -> np.ndarray:
    """Mean width of [low, high], each (S, H), in units of `scale` (S,): (S,)."""
    width: np.ndarray = _mean(high - low, available) / scale
    return width


@dataclass(frozen=True)
class ForecastScores:
    """What a backtest found, per series.

    Each error is measured on the point forecast that it rewards (Gneiting 2011; Kolassa 2020): absolute
    errors on the median, squared errors and the bias on the mean. NaN where a series is too short to be
    split or has a constant history.

    Parameters
    ----------
    name : str
        The forecaster.
    horizon : int
        Steps held out.
    keys : Vocabulary (S,)
    mase, smape : float64 (S,)
        Of the median.
    rmsse : float64 (S,)
        Of the mean.
    pinball : float64 (S,)
        Mean over 0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975, in units of the seasonal naive error.
    coverage_80, coverage_95 : float64 (S,)
    width_80 : float64 (S,)
        In units of the seasonal naive error.
    step_coverage_80, step_coverage_95 : float64 (H,)
        Coverage of each step ahead, over the series; NaN where none was available.
    bias : float
        Sum of the mean forecasts over the sum of the actuals, less 1; all series together. NaN where
        nothing was sold.
    naive_mase, naive_rmsse, naive_pinball : float64 (S,)
        The same of the seasonal naive forecast.
    seconds : float
        Time to fit.
    sentence : str
        The result in plain words, and whether the seasonal naive forecast was beaten.
    """

    name: str
    horizon: int
    keys: Vocabulary
    mase: np.ndarray
    smape: np.ndarray
    rmsse: np.ndarray
    pinball: np.ndarray
    coverage_80: np.ndarray
    coverage_95: np.ndarray
    width_80: np.ndarray
    step_coverage_80: np.ndarray
    step_coverage_95: np.ndarray
    bias: float
    naive_mase: np.ndarray
    naive_rmsse: np.ndarray
    naive_pinball: np.ndarray
    seconds: float
    sentence: str

    def means(self) -> dict[str, float]:
        """Mean of every metric over the series where it is defined; NaN where that is none."""
        names = (
            "mase",
            "smape",
            "rmsse",
            "pinball",
            "coverage_80",
            "coverage_95",
            "width_80",
            "naive_mase",
            "naive_rmsse",
            "naive_pinball",
        )
        return {name: _defined_mean(getattr(self, name)) for name in names} | {"bias": self.bias}


def _defined_mean(value: np.ndarray) -> float:
    defined = value[np.isfinite(value)]
    return float(defined.mean()) if defined.size else float("nan")


def naive_season(panel: Panel, horizon: int) -> int:
    """Season of the naive forecast that a backtest is set against: 1 where two cycles were not seen."""
    season = SEASON[panel.step]
    return season if panel.length.max(initial=0) - horizon >= 2 * season else 1


def backtest(config: ForecasterConfig, panel: Panel, horizon: int) -> ForecastScores:
    """Hold out the last `horizon` steps of every series, forecast them from the rest, and score.

    Covariates of the steps held out are given to the forecast as if they had been planned.
    Steps that were not available are neither fitted as zero nor scored. The unit of MASE, the pinball
    loss and the width is the seasonal naive error of the history (7 days; 52 weeks, or 1 where no history
    is that long); that of RMSSE is the error of the last value.

    Raises
    ------
    FitError
        Where no series is longer than the horizon.
    RequestError
        Where the config's own horizon is shorter.
    """
    which = np.flatnonzero(panel.length > horizon)  # (n,)
    if not which.size:
        raise FitError(
            f"A backtest over {horizon} steps needs series longer than that; the longest of "
            f"{panel.n_series} has {panel.length.max(initial=0)}. Choose a shorter horizon."
        )
    whole = panel.take(which)
    history = whole.head(whole.length - horizon)
    future = whole.entries(whole.length - horizon, whole.length)
    actual = future.y.reshape(len(which), horizon)
    available = future.available.reshape(len(which), horizon)
    m = naive_season(panel, horizon)

    began = time.perf_counter()
    fitted = config.fit(history)
    seconds = time.perf_counter() - began
    exog = future.exog.reshape(len(which), horizon, -1) if panel.exog_names else None
    forecast = fitted.forecast(horizon, PROBS, exog)
    naive = SeasonalNaive(horizon=horizon, season_length=m).fit(history).forecast(horizon, PROBS)

    absolute, squared = naive_error(history, m, 1), naive_error(history, 1, 2)
    median = len(PROBS) // 2
    low_80, high_80 = forecast.interval(0.8)
    low_95, high_95 = forecast.interval(0.95)

    def spread(value: np.ndarray) -> np.ndarray:
        """Values of the split series (n,) among all series (S,)."""
        among = np.full(panel.n_series, np.nan)
        among[which] = value
        return among

    mase_ = spread(mase(actual, forecast.quantile[:, :, median], absolute, available))
    rmsse_ = spread(rmsse(actual, forecast.mean, squared, available))
    pinball_ = spread(pinball(actual, forecast.quantile, PROBS, available) / absolute)
    naive_mase = spread(mase(actual, naive.quantile[:, :, median], absolute, available))
    naive_rmsse = spread(rmsse(actual, naive.mean, squared, available))
    naive_pinball = spread(pinball(actual, naive.quantile, PROBS, available) / absolute)
    sold = actual[available].sum()
    name = type(config).__name__
    return ForecastScores(
        name=name,
        horizon=horizon,
        keys=panel.keys,
        mase=mase_,
        smape=spread(smape(actual, forecast.quantile[:, :, median], available)),
        rmsse=rmsse_,
        pinball=pinball_,
        coverage_80=spread(coverage(actual, low_80, high_80, available)),
        coverage_95=spread(coverage(actual, low_95, high_95, available)),
        width_80=spread(interval_width(low_80, high_80, absolute, available)),
        step_coverage_80=coverage(actual.T, low_80.T, high_80.T, available.T),
        step_coverage_95=coverage(actual.T, low_95.T, high_95.T, available.T),
        bias=float(forecast.mean[available].sum() / sold - 1) if sold > 0 else float("nan"),
        naive_mase=naive_mase,
        naive_rmsse=naive_rmsse,
        naive_pinball=naive_pinball,
        seconds=seconds,
        sentence=_sentence(name, horizon, panel.step, mase_, naive_mase),
    )


def _sentence(name: str, horizon: int, step: str, own: np.ndarray, naive: np.ndarray) -> str:
    scored = int(np.isfinite(own).sum())
    if scored == 0:
        return (
            f"{name} could not be scored: no series has a history that changes and steps that were available."
        )
    ours, theirs = _defined_mean(own), _defined_mean(naive)
    better = int((own[np.isfinite(own)] < naive[np.isfinite(own)]).sum())
    figures = (
        f"MASE {ours:.3f} against {theirs:.3f} on the last {horizon} {step}s, "
        f"better on {better} of {scored} series"
    )
    if ours < theirs:
        return f"{name} beats the seasonal naive forecast: {figures}."
    return (
        f"{name} does not beat the seasonal naive forecast: {figures}. "
        "Use the seasonal naive forecast, or look for what the model does not see."
    )


@dataclass(frozen=True)
class ForecastComparison:
    """Forecasters side by side, from the same rolling origins; all arrays (M,), one entry a forecaster.

    Parameters
    ----------
    name : tuple of M str
    origins : int
    mase, rmsse, pinball, coverage_80, coverage_95, bias : float64 (M,)
        Means over the origins of the means over the series.
    seconds : float64 (M,)
        Time of all fits.
    sentence : str
    """

    name: tuple[str, ...]
    origins: int
    mase: np.ndarray
    rmsse: np.ndarray
    pinball: np.ndarray
    coverage_80: np.ndarray
    coverage_95: np.ndarray
    bias: np.ndarray
    seconds: np.ndarray
    sentence: str


def compare(
    configs: Mapping[str, ForecasterConfig], panel: Panel, horizon: int, origins: int = 3
) -> ForecastComparison:
    """Backtest each forecaster from `origins` origins, each `horizon` steps before the next.

    Every origin is a `backtest` on the panel less the steps after it.

    Parameters
    ----------
    configs : name to config, at least one
    panel : Panel
    horizon : int
    origins : int

    Raises
    ------
    FitError
        Where no series is long enough for the earliest origin.
    """
    scores = []
    for origin in reversed(range(origins)):
        head = panel.head(np.maximum(panel.length - origin * horizon, 0))
        scores.append([backtest(config, head, horizon) for config in configs.values()])
    table = {
        metric: np.mean([[score.means()[metric] for score in row] for row in scores], axis=0)
        for metric in ("mase", "rmsse", "pinball", "coverage_80", "coverage_95", "bias")
    }
    seconds = np.sum([[score.seconds for score in row] for row in scores], axis=0)
    return ForecastComparison(
        name=tuple(configs),
        origins=origins,
        seconds=seconds,
        sentence=_verdict(
            tuple(configs), table["mase"], seconds, f"{origins} origins of {horizon} {panel.step}s"
        ),
        **table,
    )


def _verdict(name: tuple[str, ...], error: np.ndarray, seconds: np.ndarray, over: str) -> str:
    if not np.isfinite(error).all():
        return f"Nothing could be compared over {over}: at an origin no series has a history that changes."
    first, *others = np.argsort(error, kind="stable")
    verdict = (
        f"Over {over}, {name[first]} has the lowest error: MASE {error[first]:.3f} in {seconds[first]:.1f} s"
    )
    if others:
        next_, gap = others[0], 1 - error[first] / error[others[0]]
        verdict += f", {gap:.1%} below {name[next_]} with {error[next_]:.3f} in {seconds[next_]:.1f} s"
    return f"{verdict}."
