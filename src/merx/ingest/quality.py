"""What is odd about a shop's data: how much of it, three examples at most, what merx does about it."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

import numpy as np

from merx.ingest.facts import Facts
from merx.ingest.words import count, examples, listed, on, share

Severity = Literal["info", "warning", "serious"]

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True)
class Alarms:
    """From where on something is worth a merchant's time. Shares are of 1.

    Parameters
    ----------
    usual : float
        A weekday that has events in so large a share of the weeks is open: its empty days are gaps. Nine
        public holidays a year that all fall on one weekday leave .83.
    closed : float
        A weekday with events in at most so large a share of the weeks is closed: two Saturdays of 53 may be
        a stocktaking.
    weeks : int
        Fewer weeks tell of no habit.
    gap : int
        Open days in a row without events: more than a holiday and its bridge days.
    missing : float
        Share of open days without events from which on a forecast is about the gaps, not the shop.
    z : float
        Robust z of log quantity. At 5 a wholesaler's everyday large orders are still caught, at 6 some 80 in
        a million lines are.
    spread : float
        Least standard deviation of log quantity: where nearly all lines are of one piece, z = 6 then
        is twentyfold, a crate instead of a bottle.
    lines : int
        Order lines from which on a product's own median is trusted, rather than the shop's.
    factor : float
        Price over its median, or under: ten is a decimal point in the wrong place, and no sale goes so deep.
    hourly : int
        Products looked at in one hour: one every six seconds, without a rest.
    daily : int
        Products looked at in one day by a visitor who never put anything in a cart, wished for or
        bought anything: long lists are read by people, but not three hundred pages in vain.
    busiest : float
        Share of one shopper in the events of all known ones; with `times`, a sign of an id that stands
        for many people (a till, a guest account).
    times : int
        ... and so many times the events of the mean shopper.
    anonymous : float
        From here on most of what happens teaches nothing about single shoppers.
    few : int
        Events of a product below which hardly anything can be learnt from its own.
    scarce : float
        Share of products (shoppers) with few events (one event) that makes the shop a sparse one.
    concentrated : float
        Share of the events of the most popular hundredth of the products. A tenth is usual in shops.
    returned : float
        Units returned per unit bought. Fashion shops see a third and more; elsewhere it's a few percent.
    unlisted : float
        Share of events whose product the catalogue lacks: above, a part of the catalogue was not handed over.
    unpriced : float
        Share of purchases without a price: above, revenue and prices paid are guesses.
    """

    usual: float = 0.8
    closed: float = 0.05
    weeks: int = 4
    gap: int = 7
    missing: float = 0.2
    z: float = 6.0
    spread: float = 0.5
    lines: int = 20
    factor: float = 10.0
    hourly: int = 600
    daily: int = 300
    busiest: float = 0.05
    times: int = 20
    anonymous: float = 0.5
    few: int = 5
    scarce: float = 0.5
    concentrated: float = 0.5
    returned: float = 0.3
    unlisted: float = 0.05
    unpriced: float = 0.05


ALARMS = Alarms()


@dataclass(frozen=True)
class Finding:
    """Something in the data that the merchant should know.

    Parameters
    ----------
    title, text : str
        `text` says how much there is of it, what merx does about it, and what the shop can do.
    severity : "info", "warning" or "serious"
        Nothing to do; worth a look; answers are wrong until it is mended.
    """

    title: str
    text: str
    severity: Severity = "info"


def look(facts: Facts) -> Iterator[Finding]:
    """What the counts alone tell."""
    for find in (_gaps, _last_day, _clock, _anonymous, _busiest, _sparse, _popular, _balance, _refunds):
        yield from find(facts)
    for find in (_unpriced, _catalogue):
        yield from find(facts)


@dataclass(frozen=True)
class Calendar:
    """The shop's week, and the holes in its days.

    Parameters
    ----------
    closed : tuple of int
        Weekdays (0 is Monday) that the shop is closed on.
    open_days : int
        Days of the span on which the shop usually has events.
    runs : tuple of (first day, last day, open days)
        Open days in a row without events, the longest first.
    """

    closed: tuple[int, ...]
    open_days: int
    runs: tuple[tuple[date, date, int], ...]

    @property
    def missing(self) -> int:
        """Open days without events."""
        return sum(run[2] for run in self.runs)


def calendar(seen: list[date]) -> Calendar:
    """The week and the holes of a shop with events on the days `seen` (ascending, not empty).

    Habits are told by the weeks that have any event, so that a hole of months changes none.
    """
    there, weeks = set(seen), {_monday(day) for day in seen}
    every = [seen[0] + timedelta(days=n) for n in range((seen[-1] - seen[0]).days + 1)]
    held = Counter(day.weekday() for day in seen)
    of = Counter(day.weekday() for day in every if _monday(day) in weeks)
    known = [weekday for weekday in range(7) if of[weekday] >= ALARMS.weeks]
    is_open = {weekday for weekday in known if held[weekday] >= ALARMS.usual * of[weekday]}
    closed = tuple(w for w in known if is_open and held[w] <= ALARMS.closed * of[w])
    runs: list[tuple[date, date, int]] = []
    run: list[date] = []
    for day in every:
        if day in there:
            if run:
                runs.append((run[0], run[-1], len(run)))
            run = []
        elif day.weekday() in is_open:
            run.append(day)
    runs.sort(key=lambda hole: (-hole[2], hole[0]))
    return Calendar(closed, sum(day.weekday() in is_open for day in every), tuple(runs))


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _gaps(facts: Facts) -> Iterator[Finding]:
    week = calendar([row["day"] for row in facts.days])
    if week.closed:
        names = listed([f"{WEEKDAYS[weekday]}s" for weekday in week.closed])
        yield Finding(
            f"Closed on {names}",
            f"There are hardly any events on {names}, so these days are not counted as gaps. Forecasts by "
            "day learn it as part of the week where they find a weekly season; nothing needs doing.",
        )
    if not week.runs:
        return
    longest = week.runs[0][2]
    holes = examples(
        [
            f"{on(first)} ({n})" if first == last else f"{on(first)} to {on(last)} ({n})"
            for first, last, n in week.runs[:3]
        ],
        len(week.runs),
    )
    severity: Severity = "info"
    if longest >= ALARMS.gap or week.missing > ALARMS.missing * week.open_days:
        severity = "serious" if week.missing > ALARMS.missing * week.open_days else "warning"
    yield Finding(
        f"{count(week.missing, 'open day')} without any event",
        f"Of {count(week.open_days, 'day')} on which the shop usually has events, {week.missing:,} have "
        f"none; the longest gaps: {holes}. merx counts them as days without a sale, and forecasts take them "
        "for such. If the shop was closed, nothing needs doing; if an export is incomplete, ingest the rest.",
        severity,
    )


def _last_day(facts: Facts) -> Iterator[Finding]:
    sold = [row["last_purchase"] for row in facts.days if row["last_purchase"] is not None]
    if len(sold) < 8:
        return
    closing = [(time - datetime.combine(time, datetime.min.time())).total_seconds() for time in sold]
    usual = float(np.quantile(closing[:-1], 0.1))
    last = sold[-1]
    if closing[-1] < usual - 2 * 3600:  # as in merx.store.demand
        yield Finding(
            f"The last day, {on(last)}, breaks off",
            f"Its last sale is at {last:%H:%M}; on nine in ten other days sales go on until "
            f"{int(usual) // 3600:02d}:{int(usual) // 60 % 60:02d} or later. merx leaves this day out of "
            "demand, forecasts and prices, and keeps its events for recommendations. Ingest the rest of the "
            "day once it is over.",
        )


def _clock(facts: Facts) -> Iterator[Finding]:
    events = facts.events
    if events["midnight"] == events["events"]:
        yield Finding(
            "Times are whole days",
            "Every event is at midnight, so that the order of events within a day is not known: merx takes "
            "them by product id. Demand by day and prices are not touched by it. Hand over the time of "
            "day where the shop has it.",
        )
    elif events["hours"] == 1 and facts.span > 1:
        yield Finding(
            "All events lie in one hour of the day",
            f"All {count(events['events'], 'event')} of {count(facts.span, 'day')} lie between "
            f"{events['first_time']:%H}:00 and {events['first_time']:%H}:59. Probably the time of day was "
            "lost in an export. merx takes the times as they are: only whole days can be relied on.",
            "warning",
        )
    elif events["midnight"] > events["events"] / 2:
        yield Finding(
            "Most events are at midnight",
            f"{share(events['midnight'], events['events'])} of the events are at 00:00:00, the others are "
            "not. Probably two exports were mixed, one without the time of day. merx takes the times as "
            "they are.",
            "warning",
        )


def _anonymous(facts: Facts) -> Iterator[Finding]:
    events, unknown = facts.events["events"], facts.events["anonymous"]
    if not unknown:
        return
    yield Finding(
        "Events without a shopper",
        f"{unknown:,} of {count(events, 'event')} ({share(unknown, events)}) name no shopper (user_id), "
        f"{facts.events['anonymous_purchases']:,} of {count(facts.events['purchases'], 'purchase')} among "
        "them. They count in demand, forecasts and prices; they do not count in what is popular nor in what "
        "goes with what, which rest on the others. Hand over an id of the shopper or of the browser with "
        "each event where the shop has one.",
        "warning" if unknown > ALARMS.anonymous * events else "info",
    )


def _busiest(facts: Facts) -> Iterator[Finding]:
    users, n = facts.users["users"], facts.users["most_events"]
    known = facts.events["events"] - facts.events["anonymous"]
    if users > 1 and n > ALARMS.busiest * known and n > ALARMS.times * known / users:
        yield Finding(
            "One shopper id stands for many events",
            f"The id {facts.users['busiest']!r} has {n:,} of {count(known, 'event')} of known shoppers "
            f"({share(n, known)}), {n * users / known:,.0f} times the mean. It may be a guest account, a "
            "till or a test. merx takes it for one shopper. If it is none, leave the id of its "
            "events empty and ingest them anew.",
            "warning",
        )


def _sparse(facts: Facts) -> Iterator[Finding]:
    items, few = facts.items["items"], facts.items["few"]
    if few:
        yield Finding(
            "Products with few events",
            f"{few:,} of {count(items, 'product')} ({share(few, items)}) have fewer than {ALARMS.few} "
            "events. They are seldom recommended, as similarities that few shoppers back are pulled down; "
            "their price response is drawn towards that of their category; with fewer than ten days since "
            "the first sale their forecast is the mean, with a wide interval. Nothing needs doing.",
            "warning" if few > ALARMS.scarce * items else "info",
        )
    users, one = facts.users["users"], facts.users["one_event"]
    if one:
        yield Finding(
            "Shoppers with one event",
            f"{one:,} of {count(users, 'shopper')} ({share(one, users)}) have a single event. They count "
            "in what is popular but cannot tell which products go together; their own lists rest on one "
            "product. If shoppers come back under new ids, hand over an id that stays.",
            "warning" if one > ALARMS.scarce * users else "info",
        )


def _popular(facts: Facts) -> Iterator[Finding]:
    items, events, top = (facts.items[name] for name in ("items", "events", "top_events"))
    if items < 100:
        return
    yield Finding(
        "How much a few products draw",
        f"The most popular hundredth of the products ({-(-items // 100):,} of {items:,}) have "
        f"{share(top, events)} of the events (Gini coefficient {facts.items['gini']:.2f}, where 0 is "
        "all alike and 1 all on one). The more a few products draw, the better a list of what is popular "
        "does: merx judges every recommender against that list and says which do not beat it.",
        "warning" if top > ALARMS.concentrated * events else "info",
    )


def _balance(facts: Facts) -> Iterator[Finding]:
    views, carts, bought = (facts.events[name] for name in ("views", "carts", "purchases"))
    if views and bought:
        carted = f", {carts:,} times a product was put into a cart" if carts else ""
        yield Finding(
            "Views and purchases",
            f"There are {count(views, 'view')} of products{carted}, and {count(bought, 'purchase')}: "
            f"{100 * bought / views:.3g} purchases per 100 views. So that views do not drown purchases, a "
            "purchase weighs more in recommendations ([events.weights] in shop.toml). Demand and prices "
            "rest on purchases alone.",
        )
    elif views:
        yield Finding(
            "Views but no purchases",
            f"There are {count(views, 'view')} and no purchase. merx recommends by what was viewed; it can "
            "forecast no demand and propose no price. Hand over the orders.",
            "warning",
        )


def _refunds(facts: Facts) -> Iterator[Finding]:
    bought, returned = facts.events["bought"], facts.events["returned"]
    if returned:
        yield Finding(
            "Refunds",
            f"{count(returned, 'unit')} were returned or cancelled and {count(bought, 'unit')} bought "
            f"({share(returned, bought) if bought else 'no purchase'}). merx takes a refund off the sales of "
            "the day it is booked on, never below zero, so that an order cancelled on a later day stays a "
            "sale; and off the shopper's interest in the product.",
            "warning" if returned > ALARMS.returned * bought else "info",
        )


def _unpriced(facts: Facts) -> Iterator[Finding]:
    bought, unpriced = facts.events["purchases"], facts.events["unpriced"]
    if unpriced:
        yield Finding(
            "Purchases without a price",
            f"{unpriced:,} of {count(bought, 'purchase')} ({share(unpriced, bought)}) have no price. Their "
            "units count in demand; they count in no revenue and tell of no price. Hand over the price paid "
            "per unit, or a price list.",
            "warning" if unpriced > ALARMS.unpriced * bought else "info",
        )


def _catalogue(facts: Facts) -> Iterator[Finding]:
    products, sold = facts.catalogue["products"], facts.sales["items"]
    if not products:
        yield Finding(
            "There is no catalogue",
            "Products appear by their id alone, all in one category, and none has a cost. Hand over a "
            "product list: id, title, category, price, cost of goods sold, availability.",
            "warning",
        )
        return
    lacking = [
        f"{products - facts.catalogue[column]:,} of {count(products, 'product')} lack a {noun} ({effect})"
        for column, noun, effect in (
            ("titled", "title", "they appear by their id"),
            (
                "categorised",
                "category",
                'together they form the category "(none)", with one mean price response',
            ),
        )
        if facts.catalogue[column] < products
    ]
    if facts.sales["with_cost"] < sold:
        lacking.append(
            f"{sold - facts.sales['with_cost']:,} of {count(sold, 'product')} that sold lack a cost (no "
            "price is proposed for them unless [price] assumed_margin is set)"
        )
    if lacking:
        yield Finding(
            "The catalogue has gaps",
            f"{'; '.join(lacking)}. Hand over a product list that has them.",
        )
