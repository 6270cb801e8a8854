"""One seasonal ARIMA with regressors: order given or searched, fitted, forecast, its residuals tested."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import chdtrc, ndtri

from merx.errors import ConfigError
from merx.forecast.log_series import SeriesFit

LAGS = 24
"""Autocorrelations of the residuals that are kept."""


@dataclass(frozen=True)
class Search:
    """Which orders are tried; a given `order` is fitted as it is.

    Parameters
    ----------
    order, seasonal_order : tuples of 3 int, or ()
        (p, d, q) and (P, D, Q). Without `order` both are chosen; with it and without `seasonal_order`
        there is no seasonal part.
    widest : int
        Largest p and q of the search; P and Q go to half of it.
    max_d : int
    drift : bool
        Whether a constant is tried where d + D = 1: a straight trend.
    """

    order: tuple[int, ...]
    seasonal_order: tuple[int, ...]
    widest: int
    max_d: int
    drift: bool

    def check(self) -> "Search":
        """Itself. Raises ConfigError where an order is impossible."""
        for name, order in (("order", self.order), ("seasonal_order", self.seasonal_order)):
            if len(order) not in (0, 3) or min(order, default=0) < 0:
                raise ConfigError(
                    f"{name} is {list(order)}; give three numbers from 0 on, such as [0, 1, 1], "
                    "or [] to have it chosen."
                )
        if self.seasonal_order and not self.order:
            raise ConfigError(
                f"seasonal_order is {list(self.seasonal_order)} and order is not given; give both or neither."
            )
        return self


@dataclass(frozen=True)
class ARIMADetail:
    """What is kept of one fit beside its forecast.

    Parameters
    ----------
    order : int64 (6,)
        p, d, q, P, D, Q.
    coefficient : float64 (K,)
        What one unit of each regressor adds on the scale of the fit; 0 for one that never changes or that
        the others make up.
    autocorrelation : float64 (LAGS,)
        Of the residuals at lags 1 to LAGS; 0 beyond the length of the series.
    p_value : float
        Ljung-Box: the chance of autocorrelations as large as these, were the residuals white noise.
    """

    order: np.ndarray
    coefficient: np.ndarray
    autocorrelation: np.ndarray
    p_value: float


@dataclass(frozen=True)
class Details:
    """The same of S series; all zeros, and p-values of 1, where no model was fitted.

    Parameters
    ----------
    order, seasonal_order : int64 (S, 3)
        (p, d, q) and (P, D, Q).
    coefficient : float64 (S, K)
    autocorrelation : float64 (S, LAGS)
    p_value : float64 (S,)
    """

    order: np.ndarray
    seasonal_order: np.ndarray
    coefficient: np.ndarray
    autocorrelation: np.ndarray
    p_value: np.ndarray

    @classmethod
    def of(cls, details: Sequence[ARIMADetail | None], covariates: int) -> "Details":
        """One record of many, None where no model was fitted."""
        none = ARIMADetail(np.zeros(6, dtype=np.int64), np.zeros(covariates), np.zeros(LAGS), 1.0)
        each = [none if detail is None else detail for detail in details]
        order = np.array([detail.order for detail in each], dtype=np.int64).reshape(-1, 6)
        return cls(
            order=order[:, :3],
            seasonal_order=order[:, 3:],
            coefficient=np.array([detail.coefficient for detail in each]).reshape(len(each), covariates),
            autocorrelation=np.array([detail.autocorrelation for detail in each]).reshape(-1, LAGS),
            p_value=np.array([detail.p_value for detail in each]),
        )

    def effect(self, exog: np.ndarray) -> np.ndarray:
        """What the covariates (S, H, K) add on the scale of the fit, (S, H)."""
        added: np.ndarray = np.einsum("shk,sk->sh", exog, self.coefficient)
        return added

    def diagnosis(self, s: int) -> dict[str, Any]:
        """Orders and residual test of one series as plain values."""
        return {
            "order": self.order[s].tolist(),
            "seasonal_order": self.seasonal_order[s].tolist(),
            "residual_autocorrelation": [round(r, 4) for r in self.autocorrelation[s].tolist()],
            "ljung_box_p": round(float(self.p_value[s]), 4),
        }


def fit_arima(
    z: np.ndarray, season_length: int, horizon: int, search: Search, exog: np.ndarray | None = None
) -> SeriesFit:
    """The ARIMA of z (n,), or of what is left of it by a regression on exog (n, K).

        z_t = x_t' b + n_t,   phi(B) Phi(B^m) (1 - B)^d (1 - B^m)^D n_t = c + theta(B) Theta(B^m) e_t

    b and the ARIMA are estimated together. `location` is that at x = 0: who forecasts adds x' b. The
    forecast's variance is that of n_t alone.

    Sources: Hyndman & Khandakar (2008) for the search; Box, Jenkins & Reinsel, Time Series Analysis, ch. 12,
    for the regression with ARIMA errors; Ljung & Box (1978). The fits are statsforecast's.
    """
    from statsforecast.arima import arima_string, forecast_arima

    x, used, centre, spread = _regressors(z, exog)
    with warnings.catch_warnings():
        # The search tries orders that don't converge, says so for each, and drops them.
        warnings.simplefilter("ignore")
        fit = _fit(z, season_length, search, x)
        ahead = forecast_arima(  # type: ignore[no-untyped-call]
            fit, horizon, level=[80], xreg=None if x is None else np.zeros((horizon, x.shape[1]))
        )
    scaled = np.array([fit["coef"][f"ex_{k + 1}"] for k in range(used.sum())])
    coefficient = np.zeros(len(used))
    coefficient[used] = scaled / spread[used]
    p, q, P, Q, m, d, D = (int(part) for part in fit["arma"])
    autocorrelation, p_value = residual_test(fit["residuals"][d + m * D :], p + q + P + Q, m)
    name = arima_string(fit).strip()  # type: ignore[no-untyped-call]
    if x is not None:
        drift = " with drift" if "drift" in fit["coef"] else ""
        name = f"{name.removeprefix('Regression with ').removesuffix(' errors')}{drift} + regression"
    return SeriesFit(
        location=ahead["mean"] - centre @ coefficient,
        scale=np.maximum((ahead["upper"]["80%"].to_numpy() - ahead["mean"]) / ndtri(0.9), 1e-9),
        fitted=z - fit["residuals"],
        specification=name,
        aicc=float(fit["aicc"]),
        detail=ARIMADetail(np.array([p, d, q, P, D, Q]), coefficient, autocorrelation, p_value),
    )


def _fit(z: np.ndarray, season_length: int, search: Search, x: np.ndarray | None) -> dict:  # type: ignore[type-arg]
    """statsforecast's record of the fit."""
    from statsforecast.arima import Arima, auto_arima_f

    if search.order:
        seasonal = search.seasonal_order if search.seasonal_order and season_length > 1 else (0, 0, 0)
        difference = search.order[1] + seasonal[1]
        fit: dict = Arima(  # type: ignore[no-untyped-call, type-arg]
            z,
            order=search.order,
            seasonal={"order": seasonal, "period": season_length},
            xreg=x,
            include_mean=difference == 0,
            include_drift=search.drift and difference == 1,
            method="CSS-ML",
        )
        return fit
    fit = auto_arima_f(  # type: ignore[no-untyped-call]
        z,
        period=season_length,
        max_d=search.max_d,
        max_p=search.widest,
        max_q=search.widest,
        max_P=search.widest // 2,
        max_Q=search.widest // 2,
        max_order=max(4, search.widest),
        allowdrift=search.drift,
        approximation=True,
        xreg=x,
    )
    return fit


def _regressors(
    z: np.ndarray, exog: np.ndarray | None
) -> tuple[np.ndarray | None, np.ndarray, np.ndarray, np.ndarray]:
    """The regressors to fit, standardised (n, used); which of the K those are; their means and spreads.

    One that is constant, also after a difference, or a sum of those before it is left out: its effect
    cannot be told.
    """
    exog = np.empty((len(z), 0)) if exog is None else exog
    centre, spread = exog.mean(axis=0), exog.std(axis=0)
    used = (spread > 1e-9) & (np.ptp(np.diff(exog, axis=0), axis=0) > 1e-9)
    scaled = (exog - centre) / np.where(spread > 0, spread, 1.0)
    for k in np.flatnonzero(used):
        before = scaled[:, :k][:, used[:k]]
        rest = scaled[:, k] - before @ np.linalg.lstsq(before, scaled[:, k], rcond=None)[0]
        used[k] = rest.std() > 1e-6
    room = max(len(z) // 5, 1)  # five steps a coefficient at the least
    used[np.flatnonzero(used)[room:]] = False
    return (scaled[:, used] if used.any() else None), used, centre, spread


def residual_test(residuals: np.ndarray, parameters: int, season_length: int) -> tuple[np.ndarray, float]:
    """Autocorrelations (LAGS,) of residuals (n,) and the p-value of their Ljung-Box test.

    Over min(10, n / 5) lags, or two seasons where there is one; the degrees of freedom are less the number
    of ARMA parameters. Source: Ljung & Box (1978); the lags are those of Hyndman & Athanasopoulos,
    Forecasting: Principles and Practice, 3rd ed., section 5.4.
    """
    n = len(residuals)
    error = residuals - residuals.mean() if n else residuals
    power = error @ error
    autocorrelation = np.zeros(LAGS)
    tested = max(min(2 * season_length if season_length > 1 else 10, n // 5), parameters + 1)
    if power <= 1e-12 * max(n, 1) or n <= tested:
        return autocorrelation, 1.0
    lags = np.arange(1, max(tested, min(LAGS, n - 1)) + 1)
    r = np.array([error[lag:] @ error[:-lag] for lag in lags]) / power
    autocorrelation[: min(LAGS, len(r))] = r[:LAGS]
    statistic = n * (n + 2) * (r[:tested] ** 2 / (n - lags[:tested])).sum()
    return autocorrelation, float(chdtrc(tested - parameters, statistic))
