"""Trend, seasons, holidays and remainder of one series; where its trend changes and what was unusual."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from merx.forecast.change_points import ChangePoints, change_points
from merx.forecast.stl import LONG, mstl

UNUSUAL = 4.5
"""So many robust standard deviations from its median, a remainder is an anomaly: up to three days in 1,000
of steady sales, normal or Poisson. 3.5 would be ten: a season fitted to noise leaves heavy tails."""


@dataclass(frozen=True)
class HolidayEffect:
    """What the days of one name add to a step, in units: the mean over them and its standard error."""

    name: str
    effect: float
    error: float
    steps: int


@dataclass(frozen=True)
class Decomposition:
    """One series as the sum of its parts: observed = trend + seasonal + holiday + remainder.

    Parameters
    ----------
    observed, remainder : float64 (N,)
        In the units of the series; NaN where it is not known (a stock-out).
    trend, seasonal, holiday : float64 (N,)
        `seasonal` is the sum of all seasons; 0 where there is none.
    seasons : float64 (M, N)
        One row for each season.
    season_lengths : tuple of M ints, ascending
    trend_strength, seasonal_strength : float
        0 (none) to 1 (all): the share of the variance of trend + remainder (season + remainder) that is
        not remainder's.
    seasonal_strengths : tuple of M floats
    holiday_effects : tuple of HolidayEffect, by name
    changes : ChangePoints
        Of the trend.
    score : float64 (N,)
        (remainder - its median) / spread, where the spread is the distance of its 5 % and 95 % quantiles over
        3.29, the standard deviation of a normal; NaN where not known, 0 where the spread is 0.
    anomalies : int64 (A,)
        Steps where the score is above UNUSUAL or below -UNUSUAL.
    """

    observed: np.ndarray
    trend: np.ndarray
    seasonal: np.ndarray
    holiday: np.ndarray
    remainder: np.ndarray
    seasons: np.ndarray
    season_lengths: tuple[int, ...]
    trend_strength: float
    seasonal_strength: float
    seasonal_strengths: tuple[float, ...]
    holiday_effects: tuple[HolidayEffect, ...]
    changes: ChangePoints
    score: np.ndarray
    anomalies: np.ndarray


def decompose(
    y: np.ndarray,
    season_lengths: int | Sequence[int],
    known: np.ndarray | None = None,
    holidays: Sequence[str] | None = None,
) -> Decomposition:
    """Split y into trend, seasons, holidays and remainder.

    With a season: MSTL in its robust form, so that one large order goes to the remainder and bends neither
    trend nor season; in its plain form where more than a quarter of the steps are 0, as the robust form would
    take every sale of a slow product for an outlier. Without one (or with fewer than two full cycles): the
    trend is a local line over a quarter of the series, the rest is remainder.

    Steps that are not known and holidays do not enter trend and seasons. They are first filled by a line
    between their neighbours on the profile of the shortest season, then by the trend and seasons found, which
    are sought once more. What a holiday adds is the mean over the days of its name of observed - trend -
    seasonal.

    Parameters
    ----------
    y : float64 (N,)
        Finite where known. Zeros are fine; N may be 0.
    season_lengths : int or ints
        Steps in a cycle: 7 for the week of a day series, (7, 365) for its week and year, (24, 168) for the
        day and week of an hour series. Lengths of 1 and of more than N / 2 are left out.
    known : bool (N,), optional
        False where the value is not known, such as out of stock: no zero demand. All are by default.
    holidays : N strings, optional
        The name of each holiday, "" on ordinary steps. None by default.

    Notes
    -----
    Sources: MSTL, Bandara, Hyndman & Bergmeir (2021), see `merx.forecast.stl`; the strengths,
    F_T = max(0, 1 - Var(R) / Var(T + R)) and F_S = max(0, 1 - Var(R) / Var(S + R)),
    Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., section 4.3.
    """
    y = np.asarray(y, dtype=np.float64)
    known = np.ones(len(y), dtype=bool) if known is None else np.asarray(known, dtype=bool)
    names = np.full(len(y), "") if holidays is None else np.asarray(holidays, dtype=np.str_)
    given = {season_lengths} if isinstance(season_lengths, int) else set(season_lengths)
    lengths = tuple(sorted(m for m in given if m > 1 and len(y) >= 2 * m))
    ordinary = known & (names == "")
    if not ordinary.any():
        ordinary = known
    whole, trend, seasons = _fitted(y, lengths, ordinary)
    seasonal = seasons.sum(axis=0)
    holiday, effects = _holidays(y - trend - seasonal, names, known)
    remainder = np.where(known, y - trend - seasonal - holiday, np.nan)
    rest = remainder[known]
    score = _score(remainder, known)
    shortest = max(12, 2 * lengths[0]) if lengths and lengths[0] <= LONG else 12
    return Decomposition(
        observed=np.where(known, y, np.nan),
        trend=trend,
        seasonal=seasonal,
        holiday=holiday,
        remainder=remainder,
        seasons=seasons,
        season_lengths=lengths,
        trend_strength=_strength(trend[known], rest),
        seasonal_strength=_strength(seasonal[known], rest),
        seasonal_strengths=tuple(_strength(season[known], rest) for season in seasons),
        holiday_effects=effects,
        changes=change_points(np.where(ordinary, y, whole) - seasonal, shortest),
        score=score,
        anomalies=np.flatnonzero(np.nan_to_num(np.abs(score)) > UNUSUAL),
    )


def _fitted(
    y: np.ndarray, lengths: tuple[int, ...], usable: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The series with its gaps filled (N,), trend (N,) and seasons (M, N)."""
    if not usable.any():
        return np.zeros_like(y), np.zeros_like(y), np.zeros((len(lengths), len(y)))
    robust = bool(np.mean(y[usable] == 0) <= 0.25)
    whole = y if usable.all() else _filled(y, lengths[0] if lengths else 1, usable)
    for _ in range(1 if usable.all() else 2):
        if lengths:
            trend, seasons = mstl(whole, lengths, robust)
        else:
            trend, seasons = _local_line(whole), np.zeros((0, len(y)))
        whole = np.where(usable, y, trend + seasons.sum(axis=0))
    return whole, trend, seasons


def _filled(y: np.ndarray, m: int, usable: np.ndarray) -> np.ndarray:
    """Gaps bridged by a line between their neighbours, on the mean profile of a season of m steps."""
    place, phase = np.flatnonzero(usable), np.arange(len(y)) % m
    count = np.bincount(phase[place], minlength=m)
    profile = np.bincount(phase[place], y[place], m) / np.maximum(count, 1)
    profile = np.where(count > 0, profile - y[place].mean(), 0.0)
    level = np.interp(np.arange(len(y)), place, y[place] - profile[phase[place]])
    filled: np.ndarray = np.where(usable, y, level + profile[phase])
    return filled


def _local_line(y: np.ndarray) -> np.ndarray:
    from scipy.signal import savgol_filter  # half a second to import

    window = max(3, len(y) // 4) | 1  # odd
    if len(y) < window:
        return np.full_like(y, y.mean() if len(y) else 0.0)
    line: np.ndarray = savgol_filter(y, window, polyorder=1)
    return line


def _holidays(
    rest: np.ndarray, names: np.ndarray, known: np.ndarray
) -> tuple[np.ndarray, tuple[HolidayEffect, ...]]:
    """What holidays add at each step (N,) and by name, from what trend and seasons leave (N,)."""
    holiday, effects = np.zeros(len(rest)), []
    noise = float(np.std(rest[known & (names == "")])) if (known & (names == "")).any() else 0.0
    for name in np.unique(names[names != ""]):
        seen = known & (names == name)
        if not seen.any():
            continue
        effect = float(rest[seen].mean())
        holiday[names == name] = effect
        steps = int(seen.sum())
        effects.append(HolidayEffect(str(name), effect, noise / steps**0.5, steps))
    return holiday, tuple(effects)


def _score(remainder: np.ndarray, known: np.ndarray) -> np.ndarray:
    if not known.any():
        return np.full_like(remainder, np.nan)
    low, middle, high = np.quantile(remainder[known], [0.05, 0.5, 0.95])
    spread = (high - low) / 3.29
    # a spread of rounding errors is none
    if spread <= 1e-9 * (1 + np.abs(remainder[known]).max()):
        return np.where(known, 0.0, np.nan)
    score: np.ndarray = (remainder - middle) / spread
    return score


def _strength(part: np.ndarray, remainder: np.ndarray) -> float:
    whole = np.var(part + remainder) if len(part) else 0.0
    if whole <= 1e-12:
        return 0.0
    return float(max(0.0, 1 - np.var(remainder) / whole))
