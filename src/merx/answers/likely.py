"""The likely reasons of an unusual day: what the tables say happened on it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from merx.data.panel import HOLIDAY, Panel
from merx.store.demand import Demand

LATELY = 28
"""Days before that say what is usual."""

MOVED = 0.03
"""A price is called lower or higher from this change of its logarithm on."""

MOST = 0.5
"""What makes up this share of a surplus or of what is missing is a reason for it."""

ELASTICITY = 5.0
"""A price move counts as a reason only where this elasticity would explain half of the change in sales."""

A_YEAR = (364, 365)
"""The same weekday, and the same date, a year before."""


@dataclass(frozen=True)
class Day:
    """One unusual day of series s of a panel, at its step t: what was sold, and what was expected."""

    s: int
    t: int
    actual: float
    expected: float

    @property
    def more(self) -> bool:
        """Whether more was sold than expected."""
        return self.actual > self.expected


@dataclass(frozen=True)
class Tables:
    """What reasons are taken from.

    Parameters
    ----------
    panel : Panel
        By day, with the covariates that the shop knows.
    demand : Demand
    item : int64 (S,)
        The product of each series, -1 for a group.
    members : tuple of S int64 arrays
        The products of each series.
    largest : float64 (I, days)
        Units of the largest order of each product on each of the last days of the demand.
    """

    panel: Panel
    demand: Demand
    item: np.ndarray
    members: Sequence[np.ndarray]
    largest: np.ndarray


def likely(tables: Tables, day: Day, groups: Sequence[str]) -> tuple[str, ...]:
    """Reasons why so much, or so little, was sold, in words; the most direct ones first.

    Parameters
    ----------
    groups : names of the groups above this series that were unusual on the same day in the same direction
    """
    date = int(tables.panel.start[day.s]) + day.t - tables.demand.first_day  # place among the demand's days
    item = int(tables.item[day.s])
    found = _stock_and_orders(tables, day, item, date) if item >= 0 else _mover(tables, day, date)
    found += _covariates(tables.panel, day, item >= 0)
    if item >= 0 and "log_price" not in tables.panel.exog_names:
        found += _paid(tables.demand, day, item, date)
    found += _a_year_ago(tables.panel, day)
    found += [f"{name} was unusual in the same way" for name in groups]
    return tuple(found)


def _stock_and_orders(tables: Tables, day: Day, item: int, date: int) -> list[str]:
    available = tables.demand.available[item]
    if not day.more:
        return ["out of stock"] if not available[date] else []
    found = []
    biggest = tables.largest[item, date - tables.demand.days]
    if biggest >= MOST * (day.actual - day.expected):
        found.append(f"one order of {biggest:,.0f}")
    if date and not available[date - 1]:
        days = int(np.argmax(np.append(available[date - 1 :: -1], True)))
        found.append(f"back in stock after {days} day{'s' if days > 1 else ''}")
    return found


def _mover(tables: Tables, day: Day, date: int) -> list[str]:
    """The one product that makes up most of what a group sold more or less than it does."""
    members = tables.members[day.s]
    units = tables.demand.units[members]
    usual = units[:, max(0, date - LATELY) : date].mean(axis=1) if date else np.zeros(len(members))
    change = (units[:, date] - usual) * (1 if day.more else -1)
    top = int(change.argmax())
    if change[top] < MOST * abs(day.actual - day.expected):
        return []
    name = tables.demand.items.ids[int(members[top])].as_py()
    return [f"mostly item {name}: {units[top, date]:,.0f} sold, {usual[top]:,.1f} a day before"]


def _covariates(panel: Panel, day: Day, one: bool) -> list[str]:
    """Prices and promotions that are not as in the weeks before, and holidays."""
    entries = slice(panel.offsets[day.s], panel.offsets[day.s + 1])
    change = abs(np.log1p(day.actual) - np.log1p(day.expected))
    found = []
    for k, name in enumerate(panel.exog_names):
        now = float(panel.exog[entries][day.t, k])
        before = panel.exog[entries][max(0, day.t - LATELY) : day.t, k]
        if name == "log_price" and len(before):
            moved = now - float(np.median(before))
            if abs(moved) >= MOVED and (moved < 0) == day.more and ELASTICITY * abs(moved) >= MOST * change:
                whose = "its price was" if one else "prices were"
                found.append(
                    f"{whose} {abs(np.expm1(moved)):.0%} {'lower' if moved < 0 else 'higher'} than usual"
                )
        elif name == "promotion" and len(before):
            usual = float(before.mean())
            if abs(now - usual) >= 0.2 and (now > usual) == day.more:
                found.append(
                    ("under promotion" if day.more else "no longer under promotion")
                    if one
                    else f"{now:.0%} of it under promotion, {usual:.0%} before"
                )
        elif name.startswith(HOLIDAY) and now > 0:
            found.append(name.removeprefix(HOLIDAY))
    return found


def _paid(demand: Demand, day: Day, item: int, date: int) -> list[str]:
    """What was paid a unit, where the shop brings no price list."""
    before = slice(max(0, date - LATELY), date)
    units, revenue = demand.units[item], demand.revenue[item]
    if units[date] <= 0 or revenue[date] <= 0 or units[before].sum() <= 0 or revenue[before].sum() <= 0:
        return []
    ratio = revenue[date] / units[date] / (revenue[before].sum() / units[before].sum())
    if abs(np.log(ratio)) < MOVED or (ratio < 1) != day.more:
        return []
    return [
        f"{abs(ratio - 1):.0%} {'less' if ratio < 1 else 'more'} paid a unit than in the four weeks before"
    ]


def _a_year_ago(panel: Panel, day: Day) -> list[str]:
    """Whether the same day stood out in the same way a year before."""
    y = panel.series(day.s)
    for year in A_YEAR:
        t = day.t - year
        if t < LATELY:
            continue
        around = np.delete(y[t - LATELY // 2 : t + LATELY // 2 + 1], LATELY // 2)
        usual, ratio = around.mean(), day.actual / max(day.expected, 1e-9)
        if usual > 0 and (y[t] > 1.3 * usual if ratio > 1 else y[t] < 0.7 * usual):
            return [f"it was so a year before too ({y[t]:,.0f}, {usual:,.0f} around it)"]
    return []
