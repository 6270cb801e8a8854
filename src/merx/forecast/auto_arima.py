"""AutoARIMA: a seasonal ARIMA of log(1 + y), its orders found per series."""

import warnings
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from merx.data.contracts import Progress
from merx.data.panel import Panel
from merx.data.results import Forecast
from merx.data.vocabulary import Vocabulary
from merx.forecast.log_series import SeriesFit, fit_panel
from merx.forecast.predictive import LogNormal, check_config


@dataclass(frozen=True)
class AutoARIMA:
    """Seasonal ARIMA(p, d, q)(P, D, Q)[m] of z = log(1 + y), with e_t ~ N(0, sigma^2):

        phi(B) Phi(B^m) (1 - B)^d (1 - B^m)^D z_t = c + theta(B) Theta(B^m) e_t

    d <= 1 comes from KPSS tests, D <= 1 from the strength of the season; the orders from a stepwise
    search by AICc with p, q <= 2 and P, Q <= 1. A constant c only where d + D = 0: no drift. A wider
    search and drift were measured to cost more and forecast no better.

    It costs some thirty times the time of AutoETS: for few series, or where it has been measured to
    forecast better.

    Parameters
    ----------
    horizon : int
        Steps ahead that the fitted model can answer.
    season_length : int
        Steps in a cycle; 0: found per series, 1: none.

    Notes
    -----
    Source: Hyndman & Khandakar, Automatic time series forecasting (2008); the fit is statsforecast's.
    """

    horizon: int = 28
    season_length: int = 0

    def fit(self, panel: Panel, progress: Progress | None = None) -> "FittedAutoARIMA":
        """Fit every series of the panel on its own.

        Steps that were not available (stock-outs) and single closed days are filled before the fit, not read
        as zero; a closed weekday is forecast as 0 (`merx.forecast.closed_days`).
        `progress` is told after each series. Raises ConfigError on an impossible config.
        """
        check_config(self.horizon, self.season_length)
        fit = fit_panel(panel, self.horizon, self.season_length, _fit_one, progress)
        return FittedAutoARIMA(
            keys=panel.keys,
            start=panel.end,
            step=panel.step,
            predictive=fit.predictive,
            specification=fit.specification,
            aicc=fit.aicc,
            season_length=fit.season_length,
        )


@dataclass(frozen=True)
class FittedAutoARIMA:
    """The predictive distribution of every series over the fitted horizon.

    Parameters
    ----------
    keys : Vocabulary (S,)
    start : int64 (S,)
        First step forecast, on the clock of the step (`merx.data.panel.CLOCK`) since 1970.
    step : "hour", "day", "week" or "month"
    predictive : LogNormal (S, H)
    specification : tuple of S str
        Such as "ARIMA(0,1,1)(0,1,1)[7]", or "mean: ..." with the reason why no model was fitted.
    aicc : float64 (S,)
        On the log scale, comparable only between models of equal d and D; 0 where no model was fitted.
    season_length : int64 (S,)
        1 where there is none.
    """

    keys: Vocabulary
    start: np.ndarray
    step: str
    predictive: LogNormal
    specification: tuple[str, ...]
    aicc: np.ndarray
    season_length: np.ndarray

    def forecast(self, horizon: int, probs: np.ndarray, exog: np.ndarray | None = None) -> Forecast:
        """The next `horizon` steps of every series: mean and quantiles in units.

        Raises RequestError where the horizon is beyond the fitted one, or `probs` are not ascending
        between 0 and 1.
        """
        return self.predictive.forecast(self.keys, self.start, self.step, horizon, probs)


def _fit_one(log: np.ndarray, season_length: int, horizon: int) -> SeriesFit:
    from statsforecast.arima import arima_string, auto_arima_f, forecast_arima

    with warnings.catch_warnings():
        # The search tries orders that don't converge, says so for each, and drops them.
        warnings.simplefilter("ignore")
        fit = auto_arima_f(  # type: ignore[no-untyped-call]
            log,
            period=season_length,
            max_d=1,
            max_p=2,
            max_q=2,
            max_P=1,
            max_Q=1,
            max_order=4,
            allowdrift=False,
            approximation=True,
        )
        ahead = forecast_arima(fit, horizon, level=[80])  # type: ignore[no-untyped-call]
    return SeriesFit(
        location=ahead["mean"],
        scale=(ahead["upper"]["80%"].to_numpy() - ahead["mean"]) / ndtri(0.9),
        fitted=log - fit["residuals"],
        specification=arima_string(fit).strip(),  # type: ignore[no-untyped-call]
        aicc=float(fit["aicc"]),
    )
