"""SeasonalNaive: what was sold at this point of the last cycle; the forecast that others must beat."""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from merx.data.contracts import Progress
from merx.data.panel import Panel
from merx.data.results import Forecast
from merx.data.vocabulary import Vocabulary
from merx.forecast.closed_days import Opening, opening
from merx.forecast.filling import fill
from merx.forecast.predictive import check_config, check_request
from merx.forecast.season import season_of


@dataclass(frozen=True)
class SeasonalNaive:
    """The last cycle, repeated; without a season, the last value.

    With k the number of full cycles between the last value used and the step forecast, and e the
    in-sample errors y_t - y_{t-m}, the forecast is normal in units, with variance mean(e^2) (k + 1); its
    quantiles are held to 0.

    Parameters
    ----------
    horizon : int
        Steps ahead that the fitted model can answer.
    season_length : int
        Steps in a cycle; 0: found per series, 1: none.

    Notes
    -----
    Source: Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., sections 5.2 and 5.5.
    """

    horizon: int = 28
    season_length: int = 0

    def fit(self, panel: Panel, progress: Progress | None = None) -> "FittedSeasonalNaive":
        """Fit every series of the panel on its own.

        Steps that were not available (stock-outs) and single closed days are filled, and left out of the
        errors; a closed weekday is forecast as 0 (`merx.forecast.closed_days`). Values below 0 count as 0.
        `progress` is told after each series. Raises ConfigError on an
        impossible config.
        """
        check_config(self.horizon, self.season_length)
        S, H = panel.n_series, self.horizon
        location, scale = np.zeros((S, H)), np.ones((S, H))
        season, specification = np.ones(S, dtype=np.int64), []
        for s in range(S):
            series = opening(
                np.maximum(panel.series(s), 0.0),
                panel.available[panel.offsets[s] : panel.offsets[s + 1]],
                panel.step,
                self.season_length,
                H,
            )
            if series.available.any():
                ahead, spread, season[s] = _repeat(series, panel.step, self.season_length, H)
                location[s], scale[s] = series.spread(ahead), series.spread(spread)
                specification.append(f"SNaive[{season[s]}]" if season[s] > 1 else "Naive")
            else:
                specification.append("none: no data")
            if progress is not None:
                progress("series", s + 1, S)
        return FittedSeasonalNaive(
            panel.keys, panel.end, panel.step, location, scale, tuple(specification), season
        )


@dataclass(frozen=True)
class FittedSeasonalNaive:
    """The last cycle of every series and the error around it.

    Parameters
    ----------
    keys : Vocabulary (S,)
    start : int64 (S,)
        First step forecast, on the clock of the step (`merx.data.panel.CLOCK`) since 1970.
    step : "hour", "day", "week" or "month"
    location, scale : float64 (S, H)
        Mean and standard deviation in units; both 0 on closed weekdays.
    specification : tuple of S str
        "SNaive[7]", "Naive" (no season), or "none: no data".
    season_length : int64 (S,)
        1 where there is none.
    """

    keys: Vocabulary
    start: np.ndarray
    step: str
    location: np.ndarray
    scale: np.ndarray
    specification: tuple[str, ...]
    season_length: np.ndarray

    def forecast(self, horizon: int, probs: np.ndarray, exog: np.ndarray | None = None) -> Forecast:
        """The next `horizon` steps of every series: mean and quantiles in units.

        Raises RequestError where the horizon is beyond the fitted one, or `probs` are not ascending
        between 0 and 1.
        """
        probs = check_request(horizon, self.location.shape[1], probs)
        mean = self.location[:, :horizon].copy()
        quantile = np.maximum(mean[:, :, None] + self.scale[:, :horizon, None] * ndtri(probs), 0.0)
        return Forecast(self.keys, self.start, self.step, mean, quantile, probs)


def _repeat(
    series: Opening, step: str, season_length: int, horizon: int
) -> tuple[np.ndarray, np.ndarray, int]:
    """Location (H,), scale (H,) and season length of one series less its closed weekdays."""
    y, available = series.y, series.available
    log = fill(np.log1p(y), available, step, series.week)
    m = season_of(log, step, season_length, series.week)
    filled = np.where(available, y, np.expm1(log))
    ahead = np.arange(horizon)
    error = (filled[m:] - filled[:-m])[available[m:] & available[:-m]]
    # One more, imagined, error of 1 unit keeps short and constant series from claiming certainty.
    variance = ((error**2).sum() + 1.0) / (len(error) + 1)
    return filled[-m + ahead % m], np.sqrt(variance * (ahead // m + 1)), m
