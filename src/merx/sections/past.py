"""What happened: a series taken apart, and the unusual days of late."""

from datetime import datetime

import numpy as np

from merx import report
from merx.data.panel import HOLIDAY, Panel, moments
from merx.decisions import Decision
from merx.forecast.change_points import ChangePoints
from merx.forecast.closed_days import WEEK, closed_steps, closed_weekdays
from merx.forecast.decompose import decompose
from merx.forecast.season import find_seasons
from merx.report.formats import day as day_of
from merx.report.formats import number

SEASONS = {
    ("hour", 24): "Day",
    ("hour", 168): "Week",
    ("day", 7): "Week",
    ("day", 365): "Year",
    ("week", 52): "Year",
    ("month", 12): "Year",
}
SHOWN = 20  # unusual days in the report


def decomposition(panel: Panel, s: int, title: str, season_length: int) -> report.Decomposition:
    """Series s of a panel taken apart; a season length of 0 is found from the data.

    Covariates whose name begins with HOLIDAY say which days are holidays. Single closed days are no part
    of trend and seasons; weekdays that are always closed are part of the week.
    """
    entries = slice(panel.offsets[s], panel.offsets[s + 1])
    y = panel.y[entries]
    names = np.full(len(y), "", dtype=object)
    for k, name in enumerate(panel.exog_names if panel.step == "day" else ()):
        if name.startswith(HOLIDAY):
            names[panel.exog[entries][:, k] > 0] = name.removeprefix(HOLIDAY)
    available = panel.available[entries]
    parts = decompose(
        y,
        season_length or find_seasons(np.log1p(np.maximum(y, 0.0)), panel.step),
        known=available & ~_closed(np.maximum(y, 0.0), available, panel.step),
        holidays=names.tolist(),
    )
    dates = moments(panel.start[s : s + 1], len(y), panel.step)[0]
    seasons = zip(parts.season_lengths, parts.seasons, parts.seasonal_strengths, strict=True)
    return report.Decomposition(
        dates=dates,
        observed=np.where(available, y, np.nan),
        trend=parts.trend,
        seasonal=parts.seasonal,
        remainder=parts.remainder,
        trend_strength=parts.trend_strength,
        seasonal_strength=parts.seasonal_strength,
        title=title,
        step=panel.step,
        seasons=tuple(
            report.Season(SEASONS.get((panel.step, m), f"Every {m} {panel.step}s"), values, strength)
            for m, values, strength in seasons
        ),
        holiday=parts.holiday if parts.holiday_effects else np.empty(0),
        holidays=tuple((found.name, found.effect) for found in parts.holiday_effects),
        changes=_changes(parts.changes, dates, panel.step),
        unusual=tuple(int(at) for at in parts.anomalies),
    )


def _closed(y: np.ndarray, available: np.ndarray, step: str) -> np.ndarray:
    """Steps on which nothing could be sold, but for weekdays that are always closed, bool (N,)."""
    week = WEEK if step == "day" else 1
    closed = closed_steps(y, available, step, week)
    if step == "day":
        closed &= ~closed_weekdays(y, available)[np.arange(len(y)) % WEEK]
    return closed


def _changes(found: ChangePoints, dates: np.ndarray, step: str) -> tuple[report.TrendChange, ...]:
    told = []
    for c, at in enumerate(found.at.tolist()):
        day = day_of(dates[at].astype("datetime64[s]").item())
        jump, before, after = found.jump[c], found.slope_before[c], found.slope_after[c]
        if found.is_level[c]:
            text = (
                f"{day}: the level {'rises' if jump > 0 else 'falls'} by {number(abs(jump))} units a {step}."
            )
        else:
            text = (
                f"{day}: the trend bends, from {_signed(before * 28)} to {_signed(after * 28)} units a "
                f"{step} over 28 {step}s."
            )
        told.append(report.TrendChange(at, text))
    return tuple(told)


def unusual_days(decision: Decision) -> report.UnusualDays:
    """The first of the unusual days of a decision."""
    rows = decision.answer["rows"]
    return report.UnusualDays(
        days=tuple(
            report.UnusualDay(
                date=datetime.fromisoformat(row["date"]),
                title=_title(row["key"], row["title"]),
                sold=row["sold"],
                expected=row["expected"],
                low=row["low"],
                high=row["high"],
                one_in=row["one_in"],
                reasons=tuple(row["reasons"]),
            )
            for row in rows[:SHOWN]
        ),
        sentence=decision.reasons[0],
        decision_id=decision.id,
    )


def _title(key: str, title: str) -> str:
    kind, _, name = key.partition(": ")
    return {"shop": "The whole shop", "category": f"Category {name}"}.get(kind, title)


def _signed(value: float) -> str:
    return f"{'+' if value > 0 else ''}{number(value)}"
