"""MSTL: several seasons taken off by loess and repeated, the rest by exponential smoothing or ARIMA."""

from dataclasses import dataclass
from functools import partial

import numpy as np

from merx.data.contracts import Progress
from merx.data.panel import Panel
from merx.errors import ConfigError
from merx.forecast.arima_fit import Search, fit_arima
from merx.forecast.auto_ets import fit_ets
from merx.forecast.log_series import FittedLogSeries, SeriesFit, fit_panel
from merx.forecast.predictive import check_config
from merx.forecast.stl import mstl, share_fitted


@dataclass(frozen=True)
class MSTL:
    """The last cycle of each season, repeated, on a forecast of the rest: z = log(1 + y) = rest + seasons.

    The seasons are those of MSTL (`merx.forecast.stl`): hours have a day and a week, days a week and a year.
    For days over several years, where other kinds see the week alone; for hours `SeasonalAR` is better.

    Parameters
    ----------
    horizon : int
        Steps ahead that the fitted model can answer.
    season_length : int
        Steps in the only cycle; 0: all are found per series, 1: none.
    rest : str
        "ets": exponential smoothing without a trend. "trend": with a damped trend, where AICc prefers it.
        "arima": as `AutoARIMA` without a season; some ten times slower.

    Notes
    -----
    Source: Bandara, Hyndman & Bergmeir, MSTL: a seasonal-trend decomposition algorithm for time series with
    multiple seasonal patterns (2021).
    """

    horizon: int = 28
    season_length: int = 0
    rest: str = "ets"

    def fit(self, panel: Panel, progress: Progress | None = None) -> FittedLogSeries:
        """Fit every series of the panel on its own.

        Steps that were not available (stock-outs) and single closed days are filled before the fit, not read
        as zero; a closed weekday is forecast as 0 (`merx.forecast.closed_days`).
        `progress` is told after each series. Raises ConfigError on an impossible config.
        """
        check_config(self.horizon, self.season_length)
        if self.rest not in ("ets", "trend", "arima"):
            raise ConfigError(f'rest is {self.rest!r}; it is "ets", "trend" or "arima".')
        fit_one = partial(_fit_one, rest=self.rest)
        fit = fit_panel(panel, self.horizon, self.season_length, fit_one, progress, several=True)
        return FittedLogSeries.of(panel, fit)


FittedMSTL = FittedLogSeries


def _fit_one(log: np.ndarray, season_lengths: tuple[int, ...], horizon: int, rest: str) -> SeriesFit:
    if not season_lengths:
        return _fit_rest(log, horizon, rest)
    n = len(log)
    _, seasons = mstl(log, season_lengths, robust=False)
    past = seasons.sum(axis=0)
    fit = _fit_rest(log - past, horizon, rest)
    cycles = [
        season[n - m + np.arange(horizon) % m] for m, season in zip(season_lengths, seasons, strict=True)
    ]
    # The errors look too small by what the seasons fitted of them, and seasons carry errors of their own.
    share = share_fitted(n, season_lengths)
    return SeriesFit(
        location=fit.location + np.sum(cycles, axis=0),
        scale=fit.scale * np.sqrt((1 + share) / (1 - share)),
        fitted=fit.fitted + past,
        specification=f"MSTL[{','.join(map(str, season_lengths))}] + {fit.specification}",
        aicc=fit.aicc,
    )


def _fit_rest(z: np.ndarray, horizon: int, rest: str) -> SeriesFit:
    if np.ptp(z) <= 1e-9:  # nothing but the seasons
        return SeriesFit(np.full(horizon, z[-1]), np.full(horizon, 1e-3), z.copy(), "constant", 0.0)
    if rest == "arima":
        return fit_arima(z, 1, horizon, Search((), (), widest=2, max_d=1, drift=False))
    return fit_ets(z, 1, horizon, trend=rest == "trend")
