"""ARIMA: a seasonal ARIMA with regressors of series that are not sales: prices, economic series."""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from scipy.special import ndtri

from merx.data.contracts import Progress
from merx.data.panel import Panel
from merx.data.results import Forecast
from merx.data.vocabulary import Vocabulary
from merx.errors import ConfigError, FitError
from merx.forecast.arima_fit import Details, Search, fit_arima
from merx.forecast.covariates import Plan
from merx.forecast.log_series import SHORTEST, SeriesFit, fit_season
from merx.forecast.predictive import check_config, check_request
from merx.forecast.season import season_of

DECAY = 0.97
"""Of the weight of an error from step to step, where the spread is that of recent errors."""

LARGEST = 2.0
"""Standard deviations of a last error that the model answers to; what is beyond is a shift of the level."""


@dataclass(frozen=True)
class ARIMA:
    """Seasonal ARIMA(p, d, q)(P, D, Q)[m] of z less a regression, with e_t ~ N(0, sigma^2):

        z_t = x_t' b + n_t,   phi(B) Phi(B^m) (1 - B)^d (1 - B^m)^D n_t = c + theta(B) Theta(B^m) e_t

    where z is the series or its logarithm, and x are the panel's covariates, if it has any. There may be a
    trend (d <= 2) and a drift c. For series that are not sales: nothing is held for a closed day, and the
    zeros of slow products have a model of their own in `AutoARIMA`. Quantiles and mean are held to 0.

    The defaults are those of a market price: the random walk of the log with a share of the last step that
    is still to come, ARIMA(0,1,1) without drift, and `market`. For an economic series with a trend and a
    season of its own: order = (), drift = True, market = False.

    Parameters
    ----------
    horizon : int
        Steps ahead that the fitted model can answer.
    season_length : int
        Steps in a cycle; 0: found per series, 1: none.
    order : tuple of 3 int, or ()
        (p, d, q); (): chosen per series, by KPSS tests for d and a stepwise search by AICc with p, q <= 5 and
        P, Q <= 2. Market prices are forecast worse so.
    seasonal_order : tuple of 3 int, or ()
        (P, D, Q) where `order` is given; (): (0, 0, 0).
    scale : str
        "log": z = log y, for series above 0 that move in proportion to their level. "plain": z = y.
    drift : bool
        Whether there may be a drift c where d + D = 1; a given order then has one. Prices are forecast better
        without.
    market : bool
        Whether the errors are those of a market: calm and wild times follow one another, and single moves
        are very large. sigma^2 of the forecast is then the mean of past e_t^2 with weights that fall by 3 % a
        step, and with d = 1 and D = 0 the part of the last error beyond 2 sigma is a shift of the level:
        what the model makes of an error, it makes of the part within.

    Notes
    -----
    Sources: Hyndman & Khandakar, Automatic time series forecasting (2008); the fit is statsforecast's.
    Working, Note on the correlation of first differences of averages in a random chain (1960), for the
    positive moving average of prices that are means of a month. RiskMetrics, Technical Document (1996), for
    the weights of past errors. Gelper, Fried & Croux, Robust forecasting with exponential and Holt-Winters
    smoothing (2010), for the bound of 2 sigma.
    """

    horizon: int = 28
    season_length: int = 0
    order: tuple[int, ...] = (0, 1, 1)
    seasonal_order: tuple[int, ...] = ()
    scale: str = "log"
    drift: bool = False
    market: bool = True

    def fit(self, panel: Panel, progress: Progress | None = None) -> "FittedARIMA":
        """Fit every series of the panel on its own; steps that were not available are interpolated.

        `progress` is told after each series. Raises ConfigError on an impossible config, FitError where a
        series to be taken on the log scale is not above 0.
        """
        check_config(self.horizon, self.season_length)
        search = Search(self.order, self.seasonal_order, widest=5, max_d=2, drift=self.drift).check()
        if self.scale not in ("plain", "log"):
            raise ConfigError(f'scale is {self.scale!r}; it is "plain" or "log".')
        if self.scale == "log":
            _check_positive(panel)
        S, H = panel.n_series, self.horizon
        location, scale, aicc = np.empty((S, H)), np.empty((S, H)), np.empty(S)
        season, fits = np.ones(S, dtype=np.int64), []
        for s in range(S):
            entries = slice(panel.offsets[s], panel.offsets[s + 1])
            y, available = panel.y[entries], panel.available[entries]
            z = np.log(np.where(available, y, 1.0)) if self.scale == "log" else y
            known = np.flatnonzero(available)
            if len(known) < SHORTEST or np.ptp(z[known]) == 0:
                fit = _last(z[known], H, self.scale)
            else:
                z = np.interp(np.arange(len(z)), known, z[known])
                season[s] = season_of(z, panel.step, self.season_length)
                exog = panel.exog[entries] if len(panel.exog_names) else None
                # one step more, as the last response to an error is seen in the spread of the next step
                fit = fit_season(z, int(season[s]), H + 1, partial(fit_arima, search=search, exog=exog))
                if self.market:
                    fit = _as_market(z, fit)
                fit = replace(fit, location=fit.location[:H], scale=fit.scale[:H])
            location[s], scale[s], aicc[s] = fit.location, fit.scale, fit.aicc
            fits.append(fit)
            if progress is not None:
                progress("series", s + 1, S)
        return FittedARIMA(
            keys=panel.keys,
            start=panel.end,
            step=panel.step,
            location=location,
            spread=scale,
            scale=self.scale,
            specification=tuple(fit.specification for fit in fits),
            aicc=aicc,
            season_length=season,
            details=Details.of([fit.detail for fit in fits], len(panel.exog_names)),
            plan=Plan.of(panel),
        )


@dataclass(frozen=True)
class FittedARIMA:
    """The predictive distribution of every series over the fitted horizon, normal on the scale of the fit.

    Parameters
    ----------
    keys : Vocabulary (S,)
    start : int64 (S,)
        First step forecast, on the clock of the step (`merx.data.panel.CLOCK`) since 1970.
    step : "hour", "day", "week" or "month"
    location, spread : float64 (S, H)
        Mean, with all covariates at 0, and standard deviation, on the scale of the fit.
    scale : "plain" or "log"
    specification : tuple of S str
        Such as "ARIMA(1,1,0) with drift", with " + regression" where covariates were read, or "last value:
        ..." with the reason why no model was fitted.
    aicc : float64 (S,)
        Comparable only between models of equal d, D and scale; 0 where no model was fitted.
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
    location: np.ndarray
    spread: np.ndarray
    scale: str
    specification: tuple[str, ...]
    aicc: np.ndarray
    season_length: np.ndarray
    details: Details
    plan: Plan

    def forecast(self, horizon: int, probs: np.ndarray, exog: np.ndarray | None = None) -> Forecast:
        """The next `horizon` steps of every series: mean and quantiles.

        Parameters
        ----------
        exog : float64 (S, horizon, K), optional
            What the covariates will be; None: as the panel planned.

        Raises RequestError where the horizon is beyond the fitted one, a covariate is missing, or `probs`
        are not ascending between 0 and 1.
        """
        probs = check_request(horizon, self.location.shape[1], probs)
        location = self.location[:, :horizon] + self.details.effect(self.plan.ahead(horizon, exog))
        spread = self.spread[:, :horizon]
        mean, quantile = location, location[:, :, None] + spread[:, :, None] * ndtri(probs)
        if self.scale == "log":
            mean = np.exp(np.minimum(location + spread**2 / 2, 700.0))  # exp(710) overflows
            quantile = np.exp(np.minimum(quantile, 700.0))
        return Forecast(
            self.keys, self.start, self.step, np.maximum(mean, 0.0), np.maximum(quantile, 0.0), probs
        )


def _check_positive(panel: Panel) -> None:
    """Raise FitError where an available step is not above 0."""
    series = np.repeat(np.arange(panel.n_series), panel.length)
    low = panel.available & ~(panel.y > 0)
    if low.any():
        names = [str(panel.keys.ids[int(s)]) for s in np.unique(series[low])]
        raise FitError(
            f"{len(names)} of {panel.n_series} series are not above 0 throughout ({', '.join(names[:3])}); "
            'take scale = "plain" for them, or mark those steps as not available.'
        )


def _as_market(z: np.ndarray, fit: SeriesFit) -> SeriesFit:
    """The fit of z (n,) with the spread of recent errors, and less of a last error that is very large."""
    error = z - fit.fitted
    weight = DECAY ** np.arange(len(z))[::-1]
    recent = (weight @ error**2) / weight.sum()
    scale = np.maximum(fit.scale * np.sqrt(recent / max(np.mean(error**2), 1e-18)), 1e-9)
    location = fit.location.copy()
    _, d, _, _, D, _ = fit.detail.order
    if d == 1 and D == 0:
        beyond = error[-1] - np.clip(error[-1], -LARGEST * scale[0], LARGEST * scale[0])
        # sigma^2(h) = sigma^2 (1 + psi_1^2 + ... + psi_{h-1}^2), where psi_h of an error is in z_{t+h}
        response = np.sqrt(np.maximum(np.diff(fit.scale**2), 0.0)) / fit.scale[0]
        location[:-1] -= (response - 1) * beyond
    return replace(fit, location=location, scale=scale)


def _last(known: np.ndarray, horizon: int, scale: str) -> SeriesFit:
    """The last of the known values (n,), for series that carry no model.

    The spread is that of a random walk whose steps are those seen and one more, imagined, of a tenth of
    the last value.
    """
    n = len(known)
    last = known[-1] if n else 0.0
    imagined = 0.1 if scale == "log" else max(0.1 * abs(last), 1e-3)
    step = np.sqrt(((np.diff(known) ** 2).sum() + imagined**2) / max(n, 1))
    why = "no data" if n == 0 else "constant" if np.ptp(known) == 0 else f"{n} steps are too few"
    return SeriesFit(
        location=np.full(horizon, last),
        scale=step * np.sqrt(np.arange(1, horizon + 1)),
        fitted=np.concatenate([known[:1], known[:-1]]),
        specification=f"last value: {why}" if n else "none: no data",
        aicc=0.0,
    )
