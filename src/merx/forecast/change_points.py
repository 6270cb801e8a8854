"""Where the trend of a series changes: level shifts and changes of slope."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from merx.forecast.stl import near_median

PENALTY = 3.5
"""Of a change, in log(n) times the variance. With 3, one or two of 100 series without a change had one (rho
.3 and .5), with 3.5 fewer than one; no more steps of three standard deviations are missed for it."""

CLIP = 3.0
"""Differences count as this many robust standard deviations, at most."""

KEPT = 0.99501
"""E[min(Z^2, CLIP^2)] of a standard normal Z."""


@dataclass(frozen=True)
class ChangePoints:
    """Where one straight line gives way to the next; all arrays (C,), in order of time.

    Parameters
    ----------
    at : int64 (C,)
        The first step of the new line.
    jump : float64 (C,)
        The new line less the old one there, in units of the series.
    slope_before, slope_after : float64 (C,)
        In units a step.
    is_level : bool (C,)
        The jump is more certain (larger against its standard error) than the change of slope.
    """

    at: np.ndarray
    jump: np.ndarray
    slope_before: np.ndarray
    slope_after: np.ndarray
    is_level: np.ndarray


def change_points(x: np.ndarray, shortest: int) -> ChangePoints:
    """The straight lines of at least `shortest` steps that fit x best, with a penalty on each.

    Minimised over the number C and the places of the change points is

        sum over lines of their squared errors + C * 3.5 log(n) s^2

    BIC has 3, one for each parameter of one more line (its place, level and slope); the half more pays for
    s^2 being an estimate. s^2 is the long-run variance of noise that is taken for autoregressive of order 1,
    sigma^2 (1 + rho) / (1 - rho): with that of independent noise, slow noise would be taken for changes. rho
    and sigma come from differences, each held to CLIP of their robust standard deviations, which neither
    changes nor outliers move far. For the same reason x is first brought within three sigma of its running
    median of seven steps, which keeps edges where they are.

    Parameters
    ----------
    x : float64 (n,)
        Trend and remainder: the series without its seasons.
    shortest : int
        2 or more.

    Notes
    -----
    Sources: PELT, Killick, Fearnhead & Eckley (2012), made exact for a shortest length by pruning that many
    steps later; rho, Chakar, Lebarbier, Lévy-Leduc & Robin (2017).
    """
    from merx.kernels.pelt import pelt  # brings numba

    x = np.asarray(x, dtype=np.float64)
    n = len(x)
    sigma, rho = _noise(x)
    if n < 2 * shortest or sigma <= 1e-9 * (1 + np.abs(x).max()):
        return _described(x, np.empty(0, np.int64), 1.0)
    x = near_median(x, 3 * sigma)
    long_run = sigma**2 * (1 + rho) / (1 - rho)
    places = pelt(x - x.mean(), shortest, PENALTY * np.log(n) * long_run)
    return _described(x, places, np.sqrt(long_run))


def _noise(x: np.ndarray) -> tuple[float, float]:
    """sigma and rho of AR(1) noise, from the clipped variances of differences at lags 1 and 2."""
    if len(x) < 3:
        return 0.0, 0.0
    one, two = (_clipped_variance(x[lag:] - x[:-lag]) for lag in (1, 2))
    if one == 0:
        return 0.0, 0.0
    rho = min(max(two / one - 1, 0.0), 0.9)
    return float(np.sqrt(one / (2 * (1 - rho)))), float(rho)


def _clipped_variance(x: np.ndarray) -> float:
    """The variance of normal values of mean 0, those far out held to CLIP robust standard deviations.

    Nearly twice as exact as that of the median of their sizes.
    """
    most = CLIP * 1.4826 * float(np.median(np.abs(x)))
    return float(np.minimum(x**2, most**2).mean()) / KEPT


def _described(x: np.ndarray, places: np.ndarray, noise: float) -> ChangePoints:
    """Jumps and slopes from a line fitted to each stretch; `noise` is the long-run standard deviation."""
    ends = [0, *places.tolist(), len(x)]
    lines = [np.polyfit(np.arange(a, b), x[a:b], 1) for a, b in pairwise(ends)] if len(places) else []
    lengths = np.diff(ends).astype(np.float64)
    slope = np.array([line[0] for line in lines])
    jump = np.array([np.polyval(lines[c + 1], at) - np.polyval(lines[c], at) for c, at in enumerate(places)])
    # variances of a fitted line's end and slope over n steps: 4 / n and 12 / n^3 times that of the noise
    of_jump = noise * np.sqrt(4 / lengths[:-1] + 4 / lengths[1:])
    of_slope = noise * np.sqrt(12 / lengths[:-1] ** 3 + 12 / lengths[1:] ** 3)
    return ChangePoints(
        at=places,
        jump=jump,
        slope_before=slope[:-1],
        slope_after=slope[1:],
        is_level=np.abs(jump) / of_jump >= np.abs(np.diff(slope)) / of_slope,
    )
