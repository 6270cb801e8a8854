"""Trend, seasons and holidays: the parts of demand that follow the date."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from merx.simulate.catalogue import CATEGORIES

# name: (month, first day, last day, factor on every item's demand)
HOLIDAYS: dict[str, tuple[int, int, int, float]] = {
    "New Year": (1, 1, 1, 0.55),
    "Valentine's Day": (2, 12, 14, 1.30),
    "Children's Day": (6, 1, 1, 1.20),
    "before Christmas": (12, 6, 18, 1.45),  # while parcels still arrive in time
    "Christmas": (12, 24, 26, 0.50),
}
BLACK_FRIDAY = (1.9, 1.5, 1.4, 1.7)  # the Friday after the fourth Thursday of November, to Cyber Monday


@dataclass(frozen=True)
class Calendar:
    """Multipliers of demand by date, over T days.

    Parameters
    ----------
    trend : float64 (T,)
        Growth of the whole shop, 1 on the first day.
    holiday : float64 (T,)
        1 on ordinary days.
    season : float64 (K, T)
        Per category: weekly pattern times yearly pattern, each of geometric mean 1 over its period.
    """

    trend: np.ndarray
    holiday: np.ndarray
    season: np.ndarray


def draw_calendar(start: date, days: int, rng: np.random.Generator) -> Calendar:
    """The multipliers of `days` days from `start` on."""
    time = np.arange(days)  # (T,)
    growth = rng.uniform(0.0, 0.2)  # log growth a year
    trend = np.exp(growth * time / 365.25)
    dates = [start + timedelta(days=int(t)) for t in time]
    holiday = np.array([_holiday(day) for day in dates])

    weekday = np.array([day.weekday() for day in dates])
    shop_week = np.array([0.05, -0.02, -0.06, -0.04, -0.08, 0.02, 0.13])  # log; Sunday evenings are busiest
    weekly = shop_week + rng.normal(0.0, 0.08, (len(CATEGORIES), 7))  # (K, 7)
    weekly -= weekly.mean(axis=1, keepdims=True)

    year = np.array([(day.timetuple().tm_yday - 1) / 365.25 for day in dates])  # (T,) in [0, 1)
    yearly = np.zeros((len(CATEGORIES), days))
    for harmonic, amplitude in ((1, 0.30), (2, 0.10)):
        height = amplitude * rng.uniform(0.3, 1.0, (len(CATEGORIES), 1))
        phase = rng.random((len(CATEGORIES), 1))
        yearly += height * np.cos(2 * np.pi * (harmonic * year - phase))
    return Calendar(trend, holiday, np.exp(weekly[:, weekday] + yearly))


def holidays(start: date, days: int) -> dict[str, tuple[str, ...]]:
    """The days of each holiday as in [forecast.holidays], those that move for one year more than simulated.

    They are what a shop knows of its calendar; how much is sold on them it has to find out.
    """
    fixed = {
        name: tuple(f"{month:02d}-{day:02d}" for day in range(low, high + 1))
        for name, (month, low, high, _) in HOLIDAYS.items()
    }
    years = range(start.year, (start + timedelta(days=days)).year + 2)
    moving = [
        str(_black_friday(year) + timedelta(days=since))
        for year in years
        for since in range(len(BLACK_FRIDAY))
    ]
    return {**fixed, "Black Friday": tuple(moving)}


def _black_friday(year: int) -> date:
    first = date(year, 11, 1)
    return first + timedelta(days=(3 - first.weekday()) % 7 + 22)


def _holiday(day: date) -> float:
    since = (day - _black_friday(day.year)).days
    if 0 <= since < len(BLACK_FRIDAY):
        return BLACK_FRIDAY[since]
    for month, low, high, factor in HOLIDAYS.values():
        if day.month == month and low <= day.day <= high:
            return factor
    return 1.0
