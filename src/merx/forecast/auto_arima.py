"""AutoARIMA: a seasonal ARIMA of log(1 + y) with regressors, its orders found per series; for sales."""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from merx.data.contracts import Progress
from merx.data.panel import Panel
from merx.data.results import Forecast
from merx.data.vocabulary import Vocabulary
from merx.forecast.arima_fit import Details, Search, fit_arima
from merx.forecast.covariates import Plan
from merx.forecast.log_series import fit_panel
from merx.forecast.predictive import LogNormal, check_config, check_request


@dataclass(frozen=True)
class AutoARIMA:
    """Seasonal ARIMA(p, d, q)(P, D, Q)[m] of z = log(1 + y) less a regression, with e_t ~ N(0, sigma^2):

        z_t = x_t' b + n_t,   phi(B) Phi(B^m) (1 - B)^d (1 - B^m)^D n_t = c + theta(B) Theta(B^m) e_t

    where x are the panel's covariates, if it has any. d <= 1 comes from KPSS tests, D <= 1 from the strength
    of the season; the orders from a stepwise search by AICc with p, q <= 2 and P, Q <= 1. A constant c only
    where d + D = 0: no drift. A wider search and drift were measured to cost more and forecast no better.
    Series that are not sales (prices, economic series) are for `ARIMA`.

    It costs some thirty times the time of AutoETS: for few series, or where it has been measured to
    forecast better.

    Parameters
    ----------
    horizon : int
        Steps ahead that the fitted model can answer.
    season_length : int
        Steps in a cycle; 0: found per series, 1: none.
    order : tuple of 3 int, or ()
        (p, d, q); (): chosen per series.
    seasonal_order : tuple of 3 int, or ()
        (P, D, Q) where `order` is given; (): (0, 0, 0).

    Notes
    -----
    Source: Hyndman & Khandakar, Automatic time series forecasting (2008); the fit is statsforecast's.
    """

    horizon: int = 28
    season_length: int = 0
    order: tuple[int, ...] = ()
    seasonal_order: tuple[int, ...] = ()

    def fit(self, panel: Panel, progress: Progress | None = None) -> "FittedAutoARIMA":
        """Fit every series of the panel on its own.

        Steps that were not available (stock-outs) and single closed days are filled before the fit, not read
        as zero; a closed weekday is forecast as 0 (`merx.forecast.closed_days`).
        `progress` is told after each series. Raises ConfigError on an impossible config.
        """
        check_config(self.horizon, self.season_length)
        search = Search(self.order, self.seasonal_order, widest=2, max_d=1, drift=False).check()
        fit_one = partial(fit_arima, search=search)
        fit = fit_panel(panel, self.horizon, self.season_length, fit_one, progress, reads_exog=True)
        return FittedAutoARIMA(
            keys=panel.keys,
            start=panel.end,
            step=panel.step,
            predictive=fit.predictive,
            specification=fit.specification,
            aicc=fit.aicc,
            season_length=fit.season_length,
            details=Details.of(fit.detail, len(panel.exog_names)),
            plan=Plan.of(panel),
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
        With all covariates at 0.
    specification : tuple of S str
        Such as "ARIMA(0,1,1)(0,1,1)[7]", with " + regression" where covariates were read, or "mean: ..." with
        the reason why no model was fitted.
    aicc : float64 (S,)
        On the log scale, comparable only between models of equal d and D; 0 where no model was fitted.
    season_length : int64 (S,)
        1 where there is none.
    details : Details
        Orders, coefficients and the test of the residuals.
    plan : Plan
        What the panel planned of its covariates.
    """

    keys: Vocabulary
    start: np.ndarray
    step: str
    predictive: LogNormal
    specification: tuple[str, ...]
    aicc: np.ndarray
    season_length: np.ndarray
    details: Details
    plan: Plan

    def forecast(self, horizon: int, probs: np.ndarray, exog: np.ndarray | None = None) -> Forecast:
        """The next `horizon` steps of every series: mean and quantiles in units.

        Parameters
        ----------
        exog : float64 (S, horizon, K), optional
            What the covariates will be; None: as the panel planned.

        Raises RequestError where the horizon is beyond the fitted one, a covariate is missing, or `probs`
        are not ascending between 0 and 1.
        """
        check_request(horizon, self.predictive.location.shape[1], probs)
        effect = self.details.effect(self.plan.ahead(horizon, exog))  # (S, horizon)
        location, scale = self.predictive.location[:, :horizon], self.predictive.scale[:, :horizon]
        location = np.clip(location + effect, -1.0, np.log1p(self.predictive.ceiling)[:, None])
        location = np.where(scale > 0, location, 0.0)  # closed weekdays
        predictive = replace(self.predictive, location=location, scale=scale)
        return predictive.forecast(self.keys, self.start, self.step, horizon, probs)
