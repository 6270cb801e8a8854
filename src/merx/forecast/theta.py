"""Theta: the dynamic optimised theta model of log(1 + y)."""

from dataclasses import dataclass

import numpy as np

from merx.data.contracts import Progress
from merx.data.panel import Panel
from merx.forecast.log_series import FittedLogSeries, SeriesFit, fit_panel
from merx.forecast.predictive import check_config


@dataclass(frozen=True)
class Theta:
    """Exponential smoothing with a drift that is half the slope of a line, or as much as fits best.

    z = log(1 + y), less its season (the mean of each place in the cycle around a moving average), is forecast
    by the dynamic optimised theta model: level, smoothing alpha and theta are fitted. The spread h steps
    ahead is that of the exponential smoothing to which it comes down, sigma sqrt(1 + (h - 1) alpha^2).

    Parameters
    ----------
    horizon : int
        Steps ahead that the fitted model can answer.
    season_length : int
        Steps in a cycle; 0: found per series, 1: none.

    Notes
    -----
    Sources: Fiorucci, Pellegrini, Louzada, Petropoulos & Koehler (2016), Models for optimising the theta
    method and their relationship to state space models; Hyndman & Billah (2003) for the spread. The fit is
    statsforecast's.
    """

    horizon: int = 28
    season_length: int = 0

    def fit(self, panel: Panel, progress: Progress | None = None) -> FittedLogSeries:
        """Fit every series of the panel on its own.

        Steps that were not available (stock-outs) and single closed days are filled before the fit, not read
        as zero; a closed weekday is forecast as 0 (`merx.forecast.closed_days`).
        `progress` is told after each series. Raises ConfigError on an impossible config.
        """
        check_config(self.horizon, self.season_length)
        fit = fit_panel(panel, self.horizon, self.season_length, _fit_one, progress)
        return FittedLogSeries.of(panel, fit)


FittedTheta = FittedLogSeries


def _fit_one(log: np.ndarray, season_length: int, horizon: int) -> SeriesFit:
    from statsforecast.theta import forecast_theta, thetamodel

    n, free = len(log), np.nan
    seasonal = np.zeros(season_length)
    if season_length > 1:
        seasonal = _seasonal_means(log, season_length)
    place = np.arange(n + horizon) % season_length
    # auto_theta takes a season off too, but its residuals then hold the season (statsforecast 2.1.1).
    fit = thetamodel(log - seasonal[place[:n]], 1, "DOTM", free, free, free, nmse=3)
    alpha = fit["par"]["alpha"]
    sigma = np.std(fit["residuals"][3:], ddof=3)  # the first three start the recursion
    return SeriesFit(
        location=forecast_theta(fit, horizon)["mean"] + seasonal[place[n:]],  # type: ignore[no-untyped-call]
        scale=sigma * np.sqrt(1 + np.arange(horizon) * alpha**2),
        fitted=log - fit["residuals"],
        specification=f"Theta[{season_length}]" if season_length > 1 else "Theta",
        aicc=0.0,
    )


def _seasonal_means(log: np.ndarray, m: int) -> np.ndarray:
    """What each place of a cycle of m adds, (m,), with mean 0: classical decomposition."""
    weight = np.ones(m) if m % 2 else np.concatenate([[0.5], np.ones(m - 1), [0.5]])
    level = np.convolve(log, weight / m, mode="valid")
    first = (len(log) - len(level)) // 2
    place = (np.arange(len(level)) + first) % m
    error = log[first : first + len(level)] - level
    mean: np.ndarray = np.bincount(place, error, m) / np.bincount(place, minlength=m)
    mean -= mean.mean()
    return mean
