"""SeasonalAR: a regression on the last steps and on those around the same point of the last cycles."""

from dataclasses import dataclass
from functools import partial

import numpy as np

from merx.data.contracts import Progress
from merx.data.panel import Panel
from merx.forecast.log_series import FittedLogSeries, SeriesFit, fit_panel
from merx.forecast.predictive import check_config

AROUND = 2
"""Steps before and after the same point of a cycle that are read."""

HOURS = (24, 168)
"""The seasons of hours: a day and a week."""

ROWS = 5
"""Steps to fit for each coefficient, at the least; a season that leaves fewer is not read."""


@dataclass(frozen=True)
class SeasonalAR:
    """Autoregression of z = log(1 + y) on few lags, with e_t ~ N(0, sigma^2):

        z_t = c + sum_l phi_l z_{t-l} + e_t

    where l goes over 1 and 2, m - 2 to m + 2, 2m - 2 to 2m + 2, and M - 2 to M + 2; m is the shortest season
    and M each longer one. For series by the hour: these are read at a day (24) and a week (168) without a
    test, as least squares leaves lags of no use near 0. The fit takes a millisecond a series.

    Parameters
    ----------
    horizon : int
        Steps ahead that the fitted model can answer.
    season_length : int
        Steps in the only cycle, 1: none; 0: a day and a week of hours, of other steps all that are found.

    Notes
    -----
    Source: McClave, Subset autoregression (1975); Box, Jenkins & Reinsel, Time Series Analysis, ch. 5, for
    the forecast and its variance, sigma^2 (1 + psi_1^2 + ... + psi_{h-1}^2).
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
        always = HOURS if panel.step == "hour" and self.season_length == 0 else ()
        fit_one = partial(_fit_one, always=always)
        fit = fit_panel(panel, self.horizon, self.season_length, fit_one, progress, several=True)
        return FittedLogSeries.of(panel, fit)


FittedSeasonalAR = FittedLogSeries


def lags_of(season_lengths: tuple[int, ...]) -> np.ndarray:
    """The lags that are read, ascending, of seasons with the shortest first."""

    centres = (*season_lengths, *(2 * m for m in season_lengths[:1]))
    around = [range(max(m - AROUND, 1), m + AROUND + 1) for m in (0, *centres)]
    return np.unique(np.concatenate([np.array(lags, dtype=np.int64) for lags in around]))


def _fit_one(
    log: np.ndarray, season_lengths: tuple[int, ...], horizon: int, always: tuple[int, ...]
) -> SeriesFit:
    from scipy.signal import lfilter  # half a second to import

    n = len(log)
    season_lengths = always or season_lengths
    lags = lags_of(season_lengths)
    while season_lengths and n - lags[-1] < ROWS * (len(lags) + 1):
        season_lengths = season_lengths[:-1]
        lags = lags_of(season_lengths)
    longest = int(lags[-1])
    level = log.mean()
    z = log - level
    past = np.stack([z[longest - lag : n - lag] for lag in lags] + [np.ones(n - longest)], axis=1)
    coefficient = np.linalg.lstsq(past, z[longest:], rcond=None)[0]
    error = z[longest:] - past @ coefficient
    rows, k = past.shape
    # The errors look too small by the k coefficients, and these carry errors of their own into the forecast.
    sigma = np.sqrt((error @ error) / max(rows - k, 1) * (1 + k / rows))
    ahead = np.concatenate([z, np.zeros(horizon)])
    for t in range(n, n + horizon):
        ahead[t] = ahead[t - lags] @ coefficient[:-1] + coefficient[-1]
    polynomial = np.zeros(longest + 1)
    polynomial[0], polynomial[lags] = 1.0, -coefficient[:-1]
    psi = lfilter([1.0], polynomial, np.arange(horizon) == 0)
    return SeriesFit(
        location=ahead[n:] + level,
        scale=np.maximum(sigma * np.sqrt(np.cumsum(psi**2)), 1e-9),
        fitted=np.concatenate([log[:longest], log[longest:] - error]),  # the first steps have no forecast
        specification=f"AR[{','.join(map(str, season_lengths))}]" if season_lengths else "AR",
        aicc=0.0,
    )
