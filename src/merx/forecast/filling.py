"""What is usual around a step: the filling of steps whose value is not known."""

import numpy as np

REACH = {"hour": 12, "day": 7, "week": 4, "month": 3}  # steps on each side that say what is usual


def local_level(log: np.ndarray, known: np.ndarray, step: str, week: int) -> np.ndarray:
    """What is usual at each step, (n,), 0 or more: from the known steps around it and on its weekday.

    The mean of the known steps nearest before and after, up to REACH each, plus what this day of
    the week usually adds.

    Parameters
    ----------
    log : float64 (n,)
    known : bool (n,), at least one
    step : "hour", "day", "week" or "month"
    week : int
        Steps in a week of the series.
    """
    reach = REACH[step]
    phase = np.arange(len(log)) % week
    place = np.flatnonzero(known)
    count = np.bincount(phase[place], minlength=week)
    profile = np.bincount(phase[place], log[place], minlength=week) / np.maximum(count, 1)
    profile = np.where(count > 0, profile - log[place].mean(), 0.0)  # (week,)
    total = np.concatenate([[0.0], np.cumsum(log[place] - profile[phase[place]])])
    at = np.searchsorted(place, np.arange(len(log)))
    first, last = np.maximum(at - reach, 0), np.minimum(at + reach, len(place))
    level: np.ndarray = np.maximum((total[last] - total[first]) / (last - first) + profile[phase], 0.0)
    return level


def fill(log: np.ndarray, available: np.ndarray, step: str, week: int) -> np.ndarray:
    """log (n,) with each step that was not available replaced by what was usual around it.

    See `local_level`. Without any available step: zeros.
    """
    if available.all():
        return log.copy()
    if not available.any():
        return np.zeros_like(log)
    filled: np.ndarray = np.where(available, log, local_level(log, available, step, week))
    return filled
