"""What a report says of what happened: a series taken apart, and unusual days."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from merx.report.values import NAN, Dates, Floats, same_length


@dataclass(frozen=True)
class Season:
    """One season of a decomposition, (N,): what it adds, and how strong it is, 0..1."""

    name: str
    values: Floats
    strength: float = NAN


@dataclass(frozen=True)
class TrendChange:
    """Where the trend of a decomposition changes: its place in the series, and how, in words."""

    at: int
    text: str


@dataclass(frozen=True)
class Decomposition:
    """observed = trend + seasonal + holiday + remainder, each (N,); strengths in 0..1 (FPP3, 4.3).

    `seasonal` is the sum of `seasons`; `holiday` is empty where the shop names none. `unusual` has the places
    of unusual steps.
    """

    dates: Dates
    observed: Floats
    trend: Floats
    seasonal: Floats
    remainder: Floats
    trend_strength: float = NAN
    seasonal_strength: float = NAN
    title: str = "Whole shop"
    unit: str = "units"
    step: str = "day"
    seasons: tuple[Season, ...] = ()
    holiday: Floats = field(default_factory=lambda: np.empty(0))
    holidays: tuple[tuple[str, float], ...] = ()  # what the days of each name add to a step
    changes: tuple[TrendChange, ...] = ()
    unusual: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        same_length(self, "decomposition", "dates", "observed", "trend", "seasonal", "remainder")


@dataclass(frozen=True)
class UnusualDay:
    """A day on which something sold what was not expected; `low` and `high`: the 95 % interval."""

    date: datetime
    title: str
    sold: float
    expected: float
    low: float
    high: float
    one_in: int
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class UnusualDays:
    """The unusual days of late, the latest first, in one sentence too."""

    days: tuple[UnusualDay, ...]
    sentence: str
    decision_id: str = ""
