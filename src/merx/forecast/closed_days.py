"""Days on which a series cannot sell: weekdays that are always closed, and single closed days."""

from dataclasses import dataclass

import numpy as np
from scipy.special import betainc

from merx.forecast.filling import local_level

WEEK = 7

RECENT_WEEKS = 13
"""Closed weekdays are judged on the last quarter, so that a change of opening hours is followed."""

FEWEST = 8
"""A weekday is called closed after this many available ones, at least."""

HARDLY = 0.1
"""A closed weekday may have sold on this share of its days, but not on the last."""

BUSY = 0.9
"""Only a series that sells on this share of its other days has closed weekdays."""

STEADY = 0.8
"""Only a series that sells on this share of its steps has single closed ones. On others, zeros are ordinary:
many a product sells in packs of 25 on one day of three."""

NOTHING = 0.05
"""This share of what is usual, or less, is next to nothing."""

NEVER = 1e-4
"""Next to nothing is no low demand, but a closed day, where it is less probable than this."""

LONGEST_CLOSURE: dict[str, int] = {"hour": 0, "day": 14, "week": 2, "month": 0}
"""More such steps in a row than this are an end of sales, and count as what was sold."""


@dataclass(frozen=True)
class Opening:
    """One series less its closed weekdays, with its single closed days marked as not available.

    Parameters
    ----------
    y : float64 (n,)
        The steps on open weekdays.
    available : bool (n,)
        False for stock-outs and for single closed days.
    week : int
        Steps in a week of `y`: 7 less the closed weekdays, 1 for week series.
    ahead : bool (H,)
        Which of the next H steps are on open weekdays.
    past : bool (N,)
        Which steps of the whole history are; n of them.
    """

    y: np.ndarray
    available: np.ndarray
    week: int
    ahead: np.ndarray
    past: np.ndarray

    def spread(self, value: np.ndarray) -> np.ndarray:
        """Values of the open steps ahead, at least as many as there are, among all H; 0 on closed ones."""
        among = np.zeros(len(self.ahead))
        among[self.ahead] = value[: np.count_nonzero(self.ahead)]
        return among


def opening(y: np.ndarray, available: np.ndarray, step: str, season_length: int, horizon: int) -> Opening:
    """When one series sells.

    Weekdays are left in where a season is asked for that is no whole number of weeks.

    Parameters
    ----------
    y : float64 (n,)
        Units, 0 or more.
    available : bool (n,)
    step : "hour", "day", "week" or "month"
    season_length : int
        As asked for; 0: to be found, 1: none.
    horizon : int
        H.
    """
    closed = np.zeros(WEEK if step == "day" else 1, dtype=bool)
    if step == "day" and (season_length <= 1 or season_length % WEEK == 0):
        closed = closed_weekdays(y, available)
    is_open = ~closed[np.arange(len(y) + horizon) % len(closed)]  # (n + H,)
    past, week = is_open[: len(y)], int((~closed).sum())
    y, available = y[past], available[past]
    return Opening(
        y=y,
        available=available & ~closed_steps(y, available, step, week),
        week=week,
        ahead=is_open[len(past) :],
        past=past,
    )


def closed_weekdays(y: np.ndarray, available: np.ndarray) -> np.ndarray:
    """Weekdays that hardly ever sold in the last quarter of a series that sells on most others, bool (7,).

    Entry i belongs to the days i, i + 7, ... of y (n,). A slow series has none.
    """
    recent = np.arange(max(0, len(y) - WEEK * RECENT_WEEKS), len(y))
    recent = recent[available[recent]]
    days = np.bincount(recent % WEEK, minlength=WEEK)
    sold = np.bincount(recent[y[recent] > 0] % WEEK, minlength=WEEK)
    closed = (sold <= HARDLY * days) & (days >= FEWEST)
    last = recent[-WEEK:]
    closed[last[y[last] > 0] % WEEK] = False
    if closed.all() or sold[~closed].sum() < BUSY * days[~closed].sum():
        return np.zeros(WEEK, dtype=bool)
    return closed


def closed_steps(y: np.ndarray, available: np.ndarray, step: str, week: int) -> np.ndarray:
    """Steps with next to nothing sold that a series of this level would practically never have, bool (n,).

    The other steps give what is usual around each (`local_level`) and s^2, the variance of log(1 + y) around
    that. A count with that mean mu and that spread is negative binomial with shape k = 1 / (exp(s^2) - 1);
    where so low a count has a probability below NEVER, the step was closed. A series that sells on less
    than STEADY of its steps has none.

    Parameters
    ----------
    y : float64 (n,)
    available : bool (n,)
    step : "hour", "day", "week" or "month"
    week : int
        Steps in a week of y.
    """
    selling = available & (y > 0)
    none = np.zeros(len(y), dtype=bool)
    if np.count_nonzero(selling) < max(STEADY * np.count_nonzero(available), 2 * week):
        return none
    log = np.log1p(y)
    low = available & (y <= NOTHING * np.expm1(local_level(log, selling, step, week)))
    selling = available & ~low
    if not low.any() or not selling.any():
        return none
    usual = local_level(log, selling, step, week)
    shape = 1 / max(np.expm1(np.var((log - usual)[selling])), 1e-6)
    chance = betainc(shape, y + 1, shape / (shape + np.expm1(usual)))  # of y or less, (n,)
    # Runs of low steps, told by the number of selling steps before them.
    run = np.cumsum(selling)
    length = np.bincount(run[low], minlength=run[-1] + 1)[run]
    closed: np.ndarray = low & (chance < NEVER) & (length <= LONGEST_CLOSURE[step])
    return closed
