"""What the models of log(1 + y) share: filling stock-outs, one series after the other, the way back."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from merx.data.contracts import Progress
from merx.data.panel import Panel
from merx.data.results import Forecast
from merx.data.vocabulary import Vocabulary
from merx.forecast.closed_days import Opening, opening
from merx.forecast.filling import fill
from merx.forecast.predictive import LogNormal, calibrate
from merx.forecast.season import season_of, seasonal_profile, seasons_of

SHORTEST = 10
"""Fewer available steps than this carry no model: the mean is forecast, with a wide interval."""

LONGEST_SEASON = 24
"""A longer season is taken off as a profile and added back, not fitted with a state for each step."""


@dataclass(frozen=True)
class SeriesFit:
    """One fitted series on the log scale: what `fit_one` gives for (log (n,), season_length, horizon).

    Parameters
    ----------
    location, scale : float64 (H,)
        Predictive mean and standard deviation of the next H steps.
    fitted : float64 (n,)
        One-step forecasts over the history.
    specification : str
        What was chosen, such as "ETS(A,N,A)[7]".
    aicc : float
    detail : anything, optional
        What else a kind keeps of its fit; None where no model was fitted.
    """

    location: np.ndarray
    scale: np.ndarray
    fitted: np.ndarray
    specification: str
    aicc: float
    detail: Any = None


FitOne = Callable[..., SeriesFit]
"""Of (log (n,), season_length, horizon), and `exog` (n, K) of a kind that reads covariates.

A kind of several seasons is given all their lengths, a tuple of ints, in place of one."""


@dataclass(frozen=True)
class PanelFit:
    """Every series of a panel, fitted; all but `predictive` with one entry (S,) a series."""

    predictive: LogNormal
    specification: tuple[str, ...]
    aicc: np.ndarray
    season_length: np.ndarray
    detail: tuple[Any, ...]


@dataclass(frozen=True)
class FittedLogSeries:
    """The predictive distribution of every series over the fitted horizon.

    Parameters
    ----------
    keys : Vocabulary (S,)
    start : int64 (S,)
        First step forecast, on the clock of the step (`merx.data.panel.CLOCK`) since 1970.
    step : "hour", "day", "week" or "month"
    predictive : LogNormal (S, H)
    specification : tuple of S str
        What was fitted, such as "ETS(A,N,A)[7]", or "mean: ..." with the reason why no model was.
    aicc : float64 (S,)
        On the log scale; 0 where no model was fitted, or the kind has none.
    season_length : int64 (S,)
        The shortest season; 1 where there is none.
    """

    keys: Vocabulary
    start: np.ndarray
    step: str
    predictive: LogNormal
    specification: tuple[str, ...]
    aicc: np.ndarray
    season_length: np.ndarray

    @classmethod
    def of(cls, panel: Panel, fit: PanelFit) -> "FittedLogSeries":
        """The series of a panel as they were fitted."""
        return cls(
            panel.keys, panel.end, panel.step, fit.predictive, fit.specification, fit.aicc, fit.season_length
        )

    def forecast(self, horizon: int, probs: np.ndarray, exog: np.ndarray | None = None) -> Forecast:
        """The next `horizon` steps of every series: mean and quantiles in units; covariates are not read.

        Raises RequestError where the horizon is beyond the fitted one, or `probs` are not ascending
        between 0 and 1.
        """
        return self.predictive.forecast(self.keys, self.start, self.step, horizon, probs)


def mean_fit(log: np.ndarray, available: np.ndarray, horizon: int) -> SeriesFit:
    """The mean of the available steps, for series that carry no model.

    The variance is that of the steps together with one more, imagined, step at distance 1 from the mean,
    times 1 + 1/n for the mean's own error: wide after few steps, narrow after many equal ones.
    """
    known = log[available]
    n = len(known)
    mean = known.mean() if n else 0.0
    scale = np.sqrt((((known - mean) ** 2).sum() + 1.0) / max(n, 1) * (1 + 1 / max(n, 1)))
    if n == 0:
        specification = "none: no data"
    elif known.max() == known.min():
        specification = "mean: nothing sold" if mean == 0 else "mean: constant"
    else:
        specification = f"mean: {n} steps are too few"
    return SeriesFit(
        np.full(horizon, mean), np.full(horizon, scale), np.full(len(log), mean), specification, 0.0
    )


def fit_season(z: np.ndarray, season_length: int, horizon: int, fit_one: FitOne) -> SeriesFit:
    """z (n,) fitted by `fit_one` with its season, or a long season taken off as a profile and added back."""
    m, n = season_length, len(z)
    if m <= LONGEST_SEASON:
        return fit_one(z, m, horizon)
    profile = seasonal_profile(z, m)
    seasonal = profile[np.arange(n + horizon) % m]  # (n + H,)
    part = fit_one(z - seasonal[:n], 1, horizon)
    # The profile has about m / 3 free values: the errors look too small by what it fitted of them,
    # and it carries its own error into the forecast.
    share = m / 3 / n
    return replace(
        part,
        location=part.location + seasonal[n:],
        scale=part.scale * np.sqrt((1 + share) / (1 - share)),
        fitted=part.fitted + seasonal[:n],
        specification=f"profile[{m}] + {part.specification}",
    )


def _fit_series(
    series: Opening, step: str, horizon: int, season_length: int, fit_one: FitOne, several: bool
) -> tuple[SeriesFit, int]:
    """The fit of one series less its closed weekdays, and its (shortest) season length."""
    log, available = np.log1p(series.y), series.available
    known = log[available]
    if len(known) < SHORTEST or known.max() == known.min():
        return mean_fit(log, available, horizon), 1
    log = fill(log, available, step, series.week)
    if several:
        seasons = seasons_of(log, step, season_length, series.week)
        m, fit = min(seasons, default=1), fit_one(log, seasons, horizon)
    else:
        m = season_of(log, step, season_length, series.week)
        fit = fit_season(log, m, horizon, fit_one)
    if not available.all():  # filled steps fit too well: widen to the error on the true ones
        error = (log - fit.fitted) ** 2
        widen = np.sqrt(error[available].mean() / max(error.mean(), 1e-12))
        fit = replace(fit, scale=fit.scale * max(widen, 1.0))
    return fit, m


def fit_panel(
    panel: Panel,
    horizon: int,
    season_length: int,
    fit_one: FitOne,
    progress: Progress | None,
    reads_exog: bool = False,
    several: bool = False,
) -> PanelFit:
    """Fit log(1 + y) of every series with `fit_one`, and calibrate the mean in units.

    Weekdays on which a series is always closed are left out of its fit and forecast as 0, without doubt.
    Values below 0 (more refunds than sales) count as 0. `progress` is told after each series.
    """
    S = panel.n_series
    location, scale = np.empty((S, horizon)), np.empty((S, horizon))
    excess, usual, ceiling, aicc = np.empty(S), np.empty(S), np.empty(S), np.empty(S)
    season = np.empty(S, dtype=np.int64)
    specification, detail = [], []
    for s in range(S):
        entries = slice(panel.offsets[s], panel.offsets[s + 1])
        series = opening(
            np.maximum(panel.series(s), 0.0),
            panel.available[entries],
            panel.step,
            season_length,
            horizon,
        )
        fit_this = fit_one
        if reads_exog and len(panel.exog_names):
            fit_this = partial(fit_one, exog=panel.exog[entries][series.past])
        fit, season[s] = _fit_series(series, panel.step, horizon, season_length, fit_this, several)
        sold = series.y[series.available]
        ceiling[s] = 2 * sold.max(initial=0.0)
        # A location far outside the history is a fit gone wrong; it is held to the ceiling. One that the
        # covariates are still to be added to can be anywhere.
        low, high = (-np.inf, np.inf) if reads_exog else (-1.0, np.log1p(ceiling[s]))
        location[s] = series.spread(np.clip(fit.location, low, high))
        scale[s] = series.spread(fit.scale)
        inside = np.clip(fit.fitted[series.available], -1.0, np.log1p(ceiling[s]))
        median = np.maximum(np.expm1(inside), 0.0)
        excess[s], usual[s] = calibrate(median, sold)
        aicc[s] = fit.aicc
        specification.append(fit.specification)
        detail.append(fit.detail)
        if progress is not None:
            progress("series", s + 1, S)
    predictive = LogNormal(location, scale, excess, usual, ceiling)
    return PanelFit(predictive, tuple(specification), aicc, season, tuple(detail))
