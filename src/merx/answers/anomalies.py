"""What was unusual lately? Days on which the shop, a category or a product sold what was not expected."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow.compute as pc

from merx.answers.answer import Answer, Context
from merx.answers.likely import Day, Tables, likely
from merx.config import ShopConfig
from merx.data.panel import Panel, moments, stack
from merx.errors import DataError, RequestError
from merx.forecast.unusual import Unusual, unusual
from merx.store.demand import Demand, best_sellers, demand, demand_panel, group_panel
from merx.store.drivers import drivers
from merx.store.engine import Engine

SELDOM = 1_000_000
"""One day in so many is the least probable that is told: tails are not known further."""


@dataclass(frozen=True)
class AnomaliesQuestion:
    """Parameters
    ----------
    days : int
        The last days that are looked at.
    one_in : int
        A day is unusual where so much or more, or so little or less, is sold on one day in so many.
    items : int
        How many of the best-selling products are looked at, beside the shop and its categories; 0: all.
    holidays : table of lists of str
        See [forecast] holidays.
    """

    days: int
    one_in: int
    items: int
    holidays: dict[str, tuple[str, ...]]

    @classmethod
    def of(cls, config: ShopConfig) -> "AnomaliesQuestion":
        """What the shop's settings ask for."""
        return cls(days=7, one_in=1000, items=500, holidays=config.forecast.holidays)


def anomalies(context: Context, question: AnomaliesQuestion) -> Answer:
    """The unusual days of the shop, its categories and its best sellers, each with its likely reasons.

    Raises
    ------
    RequestError
        Nothing was sold, or an impossible number was asked for.
    """
    if question.days < 1:
        raise RequestError(f"days is {question.days}; look at 1 or more.")
    try:
        sold = demand(context.engine)
    except DataError as error:
        raise RequestError(f"no day can be called unusual: {error}") from None
    tables = _tables(context.engine, sold, question)
    panel = tables.panel
    # A stock-out of these days is told as a day of few sales with its reason, not left out as unknown.
    late = np.minimum(panel.length, question.days)
    judged = replace(panel, available=panel.available | (_to_end(panel) <= np.repeat(late, panel.length)))
    found = unusual(judged, question.days, 1 / question.one_in)
    days = [
        Day(int(s), int(t), float(actual), float(expected))
        for s, t, actual, expected in zip(found.series, found.step, found.actual, found.expected, strict=True)
    ]
    rows = _rows(context.engine, tables, found, days)
    content = {
        "days": question.days,
        "until": str(np.datetime64(sold.first_day + sold.days - 1, "D")),
        "series": panel.n_series,
        "judged": found.judged,
        "rows": rows,
    }
    return Answer(content, _sentences(content, question.one_in), ())


def _tables(engine: Engine, sold: Demand, question: AnomaliesQuestion) -> Tables:
    known = drivers(engine, sold, 0, question.holidays)
    which = np.sort(best_sellers(sold, question.items))
    groups = group_panel(sold, "day", known)
    every = np.arange(len(sold.items))
    members = [every, *(np.flatnonzero(sold.category == code) for code in range(groups.n_series - 1))]
    return Tables(
        panel=stack([groups, demand_panel(sold, "day", which, known)]),
        demand=sold,
        item=np.concatenate([np.full(groups.n_series, -1), which]),
        members=[*members, *(np.array([code]) for code in which)],
        largest=_largest_orders(engine, sold, question.days),
    )


def _to_end(panel: Panel) -> np.ndarray:
    """Of each entry of a panel, how many there are from it to the end of its series, itself included."""
    left: np.ndarray = np.repeat(panel.offsets[1:], panel.length) - np.arange(len(panel.y))
    return left


def _largest_orders(engine: Engine, sold: Demand, days: int) -> np.ndarray:
    """Units of the largest order line of each product on each of the last days, float64 (I, days)."""
    first = sold.first_day + sold.days - days
    orders = engine.query("largest_orders", day=str(np.datetime64(first, "D")))
    largest = np.zeros((len(sold.items), days))
    item = pc.index_in(orders["item_id"], sold.items.ids).to_numpy()
    day = orders["day"].cast("int32").to_numpy() - first
    inside = (item >= 0) & (day < days)
    largest[item[inside].astype(np.int64), day[inside]] = orders["units"].to_numpy()[inside]
    return largest


def _rows(engine: Engine, tables: Tables, found: Unusual, days: list[Day]) -> list[dict[str, Any]]:
    """One row a day and series: the latest day first, groups before products, the least probable first."""
    panel = tables.panel
    products = engine.query("products")
    titles = dict(zip(products["item_id"].to_pylist(), products["title"].to_pylist(), strict=True))
    keys = panel.keys.ids.to_pylist()
    when = [int(panel.start[day.s]) + day.t for day in days]
    unusual_groups = {
        (day.s, at, day.more) for day, at in zip(days, when, strict=True) if tables.item[day.s] < 0
    }
    rows = []
    for place, (day, at) in enumerate(zip(days, when, strict=True)):
        above = [s for s in _above(tables, day.s) if (s, at, day.more) in unusual_groups]
        names = ["the whole shop" if keys[s] == "shop" else keys[s] for s in above]
        _, _, item = keys[day.s].partition("item: ")
        rows.append(
            {
                "key": keys[day.s],
                "title": titles.get(item) or keys[day.s],
                "date": str(moments(panel.start[day.s : day.s + 1] + day.t, 1, panel.step)[0, 0]),
                "sold": round(day.actual, 4),
                "expected": round(day.expected, 4),
                "low": round(float(found.low[place]), 4),
                "high": round(float(found.high[place]), 4),
                "one_in": round(float(np.exp(min(-found.log_chance[place], np.log(SELDOM))))),
                "reasons": list(likely(tables, day, names)),
            }
        )
    order = sorted(
        range(len(rows)), key=lambda i: (-when[i], tables.item[days[i].s] >= 0, found.log_chance[i])
    )
    return [rows[i] for i in order]


def _above(tables: Tables, s: int) -> list[int]:
    """The places of the groups that series s is part of."""
    if s == 0:
        return []
    if tables.item[s] < 0:
        return [0]
    groups = int(np.count_nonzero(tables.item < 0))
    return [0, 1 + int(tables.demand.category[tables.item[s]])] if groups > 1 else [0]


def _sentences(content: dict[str, Any], one_in: int) -> tuple[str, ...]:
    rows, judged = content["rows"], content["judged"]
    days = content["days"]
    if not judged:
        return ("No day could be judged: no series has eight weeks of history before.",)
    last = f"{days} days" if days > 1 else "day"
    first = (
        f"{len(rows)} unusual {'day' if len(rows) == 1 else 'days'} among {judged:,}: the last {last} up to "
        f"{content['until']} of {content['series']:,} series (the shop, its categories, its best sellers). "
        f"By chance alone it would be about {2 * judged / one_in:.0f}."
    )
    return (first, *(_told(row) for row in rows[:3]))


def _told(row: dict[str, Any]) -> str:
    because = "; ".join(row["reasons"]) or "no reason stands in the tables"
    seldom = f"one day in {row['one_in']:,}" if row["one_in"] < SELDOM else f"less than one day in {SELDOM:,}"
    return (
        f"{row['date']}, {row['title']}: {row['sold']:,.0f} sold, {row['expected']:,.0f} expected "
        f"(95 %: {row['low']:,.0f} to {row['high']:,.0f}), as on {seldom}. Likely: {because}."
    )
