"""MSTL: trend and several seasons of one series by loess."""

from collections.abc import Sequence

import numpy as np

PASSES = 3
"""Of the robust form."""

LONG = 24
"""A season of more steps has few cycles, so that its profile is smoothed (see `mstl`)."""


def mstl(y: np.ndarray, season_lengths: Sequence[int], robust: bool) -> tuple[np.ndarray, np.ndarray]:
    """Trend (N,) and seasonal (M, N) of a series without gaps; what they leave is the remainder.

    The seasons are taken off in turn, the shortest first, each by STL on the series less the others; with
    several, twice over. Four choices differ from the usual defaults:

    - Each loess is evaluated at every tenth of its window, and at every second step at most, and interpolated
      between, as in the first STL.
    - The robust form makes one inner and three outer passes. Cleveland et al. (section 3.3) call five very
      safe; after the step below, they find trend and seasons no better than three. Plain, it makes two inner
      ones, which they find enough for convergence.
    - Before the robust form, steps more than ten robust standard deviations from the running median of the
      series less its median profile are brought that near: the passes do not free themselves of one order a
      hundred times the rest.
    - Of a long season with fewer than four cycles, such as a year of days, each step is the mean of two or
      three values. It is smoothed by a mean over m/17 steps (three weeks): single days (holidays) belong to
      the remainder.

    Parameters
    ----------
    y : float64 (N,)
    season_lengths : M ints, ascending, each above 1 and at most N / 2
    robust : bool
        Weigh down outliers.

    Notes
    -----
    Sources: STL, Cleveland, Cleveland, McRae & Terpenning (1990); MSTL, Bandara, Hyndman & Bergmeir (2021).
    The loess passes are statsmodels'.
    """
    if robust:
        y = _without_extremes(y, season_lengths[0])
    seasonal = np.zeros((len(season_lengths), len(y)))
    trend = np.zeros_like(y)
    for _ in range(2 if len(season_lengths) > 1 else 1):
        for i, m in enumerate(season_lengths):
            rest = y - seasonal.sum(axis=0) + seasonal[i]
            trend, seasonal[i] = _stl(rest, m, _window(i), robust)
            if _is_smoothed(len(y), m):
                level = trend + seasonal[i]
                seasonal[i] = _smooth(seasonal[i], _tight(m))
                trend = trend + (level - trend - seasonal[i]).mean()
    return trend, seasonal


def share_fitted(n: int, season_lengths: Sequence[int]) -> float:
    """About which share of a series' noise (n,) its seasons take up: what a step weighs in its own season.

    A window of w cycles has tricube weights whose mean is 0.58 of the largest.
    """
    shares = 0.0
    for i, m in enumerate(season_lengths):
        shares += 1 / (0.58 * min(_window(i), n / m)) / (_tight(m) if _is_smoothed(n, m) else 1)
    return min(shares, 0.9)


def _window(place: int) -> int:
    """Cycles in the seasonal window of the season at that place, the shortest first."""
    return 11 + 4 * place


def _is_smoothed(n: int, m: int) -> bool:
    return m > LONG and n < 4 * m


def _tight(m: int) -> int:
    return max(m // 17 | 1, 3)


def near_median(x: np.ndarray, reach: float) -> np.ndarray:
    """x (n,) brought within `reach` of its running median of seven steps, which keeps edges in place."""
    median = _running_median(x)
    within: np.ndarray = np.clip(x, median - reach, median + reach)
    return within


def _running_median(x: np.ndarray) -> np.ndarray:
    """Of seven steps, (n,); both ends are mirrored."""
    around = np.lib.stride_tricks.sliding_window_view(np.pad(x, 3, mode="reflect"), 7)
    median: np.ndarray = np.sort(around, axis=1)[:, 3]
    return median


def _without_extremes(y: np.ndarray, m: int) -> np.ndarray:
    if len(y) < 7:
        return y
    profile = np.array([np.median(y[phase::m]) for phase in range(m)])[np.arange(len(y)) % m]
    rest = y - profile
    around = _running_median(rest)
    spread = 1.4826 * np.median(np.abs(rest - around))
    return profile + np.clip(rest, around - 10 * spread, around + 10 * spread) if spread > 0 else y


def _stl(y: np.ndarray, m: int, window: int, robust: bool) -> tuple[np.ndarray, np.ndarray]:
    """Trend and seasonal, both (N,), of STL with a seasonal window of that many cycles."""
    from statsmodels.tsa.stl._stl import STL

    trend = int(np.ceil(1.5 * m / (1 - 1.5 / window))) | 1
    low_pass = (m + 1) | 1
    model = STL(
        y,
        period=m,
        seasonal=window,
        trend=trend,
        low_pass=low_pass,
        seasonal_deg=0,
        robust=robust,
        seasonal_jump=_tenth(window),
        trend_jump=_tenth(trend),
        low_pass_jump=_tenth(low_pass),
    )
    parts = model.fit(1, PASSES) if robust else model.fit(2, 0)
    return np.array(parts.trend), np.array(parts.seasonal)


def _tenth(window: int) -> int:
    return max(-(-window // 10), 2)


def _smooth(values: np.ndarray, window: int) -> np.ndarray:
    """The centred mean over an odd window, (N,); the ends are repeated."""
    around = np.pad(values, window // 2, mode="edge")
    smooth: np.ndarray = np.convolve(around, np.full(window, 1 / window), "valid")
    return smooth
