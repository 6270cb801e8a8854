"""Trend, season and remainder of one series."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Decomposition:
    """One series as the sum of its parts: observed = trend + seasonal + remainder.

    Parameters
    ----------
    observed, trend, seasonal, remainder : float64 (N,)
        In the units of the series; `seasonal` is 0 where there is no season.
    season_length : int
        1 where there is no season.
    trend_strength, seasonal_strength : float
        0 (none) to 1 (all): the share of the variance of trend + remainder (season + remainder) that is
        not remainder's.
    """

    observed: np.ndarray
    trend: np.ndarray
    seasonal: np.ndarray
    remainder: np.ndarray
    season_length: int
    trend_strength: float
    seasonal_strength: float


def decompose(y: np.ndarray, season_length: int) -> Decomposition:
    """Split y into trend, season and remainder.

    With a season: STL (seasonal and trend decomposition by loess) in its robust form, so that one large
    order goes to the remainder and bends neither trend nor season; in its plain form where more than a
    quarter of the steps are 0, as the robust form would take every sale of a slow product for an
    outlier. Without one (`season_length` 1, or
    fewer than two full cycles): the trend is a local line over a quarter of the series, the rest is
    remainder.

    Parameters
    ----------
    y : float64 (N,)
        Finite. Zeros are fine; N may be 0.
    season_length : int
        Steps in a cycle: 7 for the week of a day series, 52 for the year of a week series.

    Notes
    -----
    Sources: STL, Cleveland, Cleveland, McRae & Terpenning (1990); the strengths,
    F_T = max(0, 1 - Var(R) / Var(T + R)) and F_S = max(0, 1 - Var(R) / Var(S + R)),
    Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., section 4.3.
    """
    y = np.asarray(y, dtype=np.float64)
    if season_length > 1 and len(y) >= 2 * season_length:
        trend, seasonal = _stl(y, season_length)
    else:
        season_length = 1
        trend, seasonal = _local_line(y), np.zeros_like(y)
    remainder = y - trend - seasonal
    return Decomposition(
        observed=y.copy(),
        trend=trend,
        seasonal=seasonal,
        remainder=remainder,
        season_length=season_length,
        trend_strength=_strength(trend, remainder),
        seasonal_strength=_strength(seasonal, remainder),
    )


def _stl(y: np.ndarray, season_length: int) -> tuple[np.ndarray, np.ndarray]:
    from statsforecast.mstl import mstl

    parts = mstl(y, season_length, stl_kwargs={"robust": np.mean(y == 0) <= 0.25})
    return parts["trend"].to_numpy(np.float64, copy=True), parts["seasonal"].to_numpy(np.float64, copy=True)


def _local_line(y: np.ndarray) -> np.ndarray:
    from scipy.signal import savgol_filter  # half a second to import

    window = max(3, len(y) // 4) | 1  # odd
    if len(y) < window:
        return np.full_like(y, y.mean() if len(y) else 0.0)
    line: np.ndarray = savgol_filter(y, window, polyorder=1)
    return line


def _strength(part: np.ndarray, remainder: np.ndarray) -> float:
    whole = np.var(part + remainder) if len(part) else 0.0
    if whole <= 1e-12:
        return 0.0
    return float(max(0.0, 1 - np.var(remainder) / whole))
