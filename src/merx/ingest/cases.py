"""The odd cases in a shop's data, each kind with its three worst examples."""

from collections.abc import Iterator
from typing import Any

from merx.ingest.facts import Facts
from merx.ingest.quality import ALARMS, Finding
from merx.ingest.words import count, examples, listed, money, on, share
from merx.store.engine import Engine

NEVER = 2**62  # as a threshold: no visitor has so many events


def look(engine: Engine, facts: Facts) -> Iterator[Finding]:
    """What single cases tell."""
    for find in (_currencies, _unlisted, _ids, _titles, _quantities, _prices, _price_steps, _bots):
        yield from find(engine, facts)


def _named(row: dict[str, Any]) -> str:
    """A product by its title and id."""
    return f"{row['title'].strip()} ({row['item_id']})" if row["title"] else str(row["item_id"])


def _currencies(engine: Engine, facts: Facts) -> Iterator[Finding]:
    rows = engine.query("quality_currencies").to_pylist()
    if len(rows) > 1:
        counted = listed([f"{row['currency']} ({row['n']:,})" for row in rows[:3]])
        yield Finding(
            f"{len(rows)} currencies are mixed",
            f"Events are priced in {counted}{' and others' if len(rows) > 3 else ''}. merx converts nothing: "
            "revenue adds unlike amounts, and a change of currency looks like a change of price. Convert the "
            "prices to one currency before ingesting, or keep a shop for each.",
            "serious",
        )


def _unlisted(engine: Engine, facts: Facts) -> Iterator[Finding]:
    if not facts.catalogue["products"]:
        return
    rows = engine.query("quality_unlisted").to_pylist()
    if not rows:
        return
    items, events, whole = rows[0]["items"], rows[0]["events"], facts.items["events"]
    worst = examples([f"{row['item_id']} ({count(row['n'], 'event')})" for row in rows], items)
    yield Finding(
        "Events of products that the catalogue lacks",
        f"{count(items, 'product')} with {count(events, 'event')} ({share(events, whole)}) are not in the "
        f"catalogue: {worst}. They are recommended, forecast and priced like the others, but by their id "
        'alone and in the category "(none)". Hand over their lines of the product list; if they are no '
        "products (postage, fees, vouchers), leave their events out.",
        "warning" if events > ALARMS.unlisted * whole else "info",
    )


def _ids(engine: Engine, facts: Facts) -> Iterator[Finding]:
    rows = engine.query("quality_ids").to_pylist()
    if rows:
        groups = rows[0]["groups_found"]
        worst = examples([f"{row['one']!r} and {row['other']!r}" for row in rows], groups)
        yield Finding(
            "Product ids that differ only in case or blanks",
            f"{count(rows[0]['ids_found'], 'id')} are {count(groups, 'id')} written differently: {worst}. "
            "merx takes each for a product of its own, so that histories, demand and prices are split. Write "
            "ids alike before ingesting.",
            "warning",
        )


def _titles(engine: Engine, facts: Facts) -> Iterator[Finding]:
    rows = engine.query("quality_titles").to_pylist()
    if rows:
        titles, products = rows[0]["titles"], rows[0]["products"]
        worst = examples(
            [
                f"{row['title'].strip()} ({row['one']}{' to' if row['n'] > 2 else ' and'} {row['other']})"
                for row in rows
            ],
            titles,
        )
        yield Finding(
            "Products that may be the same",
            f"{count(products, 'product')} share {count(titles, 'title')}: {worst}. merx takes "
            "each id for a product of its own. If they are one product, give them one id; if they are its "
            "variants, give them one item_group_id; if they are different, titles that say so help shoppers "
            "too.",
            "warning" if products > facts.catalogue["products"] / 10 else "info",
        )


def _quantities(engine: Engine, facts: Facts) -> Iterator[Finding]:
    rows = engine.query("quality_quantities", lines=ALARMS.lines, z=ALARMS.z, floor=ALARMS.spread).to_pylist()
    if not rows:
        return
    lines, units, returned = (rows[0][name] for name in ("lines_found", "units_found", "returned_found"))
    worst = examples(
        [
            f"{row['quantity']:,.0f} of {_named(row)} on {on(row['day'])} where {row['usual']:,.0f} is usual"
            f"{' (cancelled or returned)' if row['returned'] >= row['n'] else ''}"
            for row in rows
        ],
        rows[0]["cases_found"],
    )
    whole = facts.events["bought"]
    yield Finding(
        "Order lines of extreme quantity",
        f"{count(lines, 'order line')} with {share(units, whole)} of all units bought "
        f"{'is' if lines == 1 else 'are'} far above what is usual: {worst}. Of them, "
        f"{returned:,} {'was' if returned == 1 else 'were'} cancelled or returned in the same quantity. They "
        "count as sold on their day, less refunds booked on that day. Forecasts work on a log scale and "
        "the price response cuts off extreme weeks, so that one such order bends neither far. Check "
        "whether the largest are typing errors; if so, ingest the corrected orders into a new shop.",
        "warning" if units > whole / 100 else "info",
    )


def _prices(engine: Engine, facts: Facts) -> Iterator[Finding]:
    rows = engine.query("quality_prices", lines=ALARMS.lines, factor=ALARMS.factor * 0.97).to_pylist()
    if not rows:
        return
    lines, items, slips = (rows[0][name] for name in ("lines_found", "items_found", "slips_found"))
    worst = examples(
        [f"{_named(row)} at {money(row['price'])} instead of {money(row['usual'])}" for row in rows],
        rows[0]["cases_found"],
    )
    decimal = (
        f"; {slips:,} of them by ten or a hundred almost exactly, as when a decimal point slips"
        if slips
        else ""
    )
    yield Finding(
        "Prices far from the product's usual one",
        f"{count(lines, 'order line')} of {count(items, 'product')} "
        f"{'is' if lines == 1 else 'are'} priced some {ALARMS.factor:g} times or more above or below the "
        f"product's median{decimal}: {worst}. merx takes the median price of each day, so that a single line "
        "among many does no harm, but where it is the only sale of a day it counts as a change of price. "
        "Correct the prices that are wrong at their source; if these are other packs or conditions, give "
        "them their own id.",
        "warning" if lines > facts.events["purchases"] / 1000 or slips else "info",
    )


def _price_steps(engine: Engine, facts: Facts) -> Iterator[Finding]:
    rows = engine.query("quality_price_steps").to_pylist()
    if rows:
        steps = rows[0]["steps_found"]
        worst = examples(
            [
                f"{row['item_id']} from {money(row['before'])} to {money(row['price'])} on {on(row['day'])}"
                for row in rows
            ],
            steps,
        )
        yield Finding(
            "Jumps by ten or a hundred in the price list",
            f"{count(steps, 'step')} of the price list {'goes' if steps == 1 else 'go'} up or down by ten "
            f"or a hundred almost exactly, as when a decimal point slips: {worst}. merx takes them for real "
            "prices: the price response and the price now in force rest on them. Ingest the corrected list.",
            "serious",
        )


def _bots(engine: Engine, facts: Facts) -> Iterator[Finding]:
    if not facts.events["browsing"]:
        return
    timed = facts.events["midnight"] < facts.events["events"] / 2  # otherwise an "hour" is a day
    shops = facts.events["carts"] + facts.events["purchases"] > 0  # otherwise nobody ever acts
    rows = engine.query(
        "quality_bots",
        hourly=ALARMS.hourly if timed else NEVER,
        daily=ALARMS.daily if shops else NEVER,
    ).to_pylist()
    if not rows:
        return
    visitors, events, whole = rows[0]["visitors_found"], rows[0]["events_found"], facts.events["events"]
    worst = examples(
        [
            f"{row['visitor']} ({count(row['n'], 'event')}, "
            + (
                f"up to {row['in_an_hour']:,} in an hour)"
                if timed and row["in_an_hour"] > ALARMS.hourly
                else f"up to {row['idle_in_a_day']:,} in a day and nothing put in a cart)"
            )
            for row in rows
        ],
        visitors,
    )
    yield Finding(
        "Visitors that are hardly human",
        f"{count(visitors, 'visitor')} with {count(events, 'event')} ({share(events, whole)}) looked at more "
        f"than {ALARMS.hourly} products in an hour, or at more than {ALARMS.daily} in a day without ever "
        f"acting: {worst}. merx takes them for shoppers: where they bear a user_id they count in what is "
        "popular and in what goes with what, though not in demand or prices. Leave robots out at the "
        "source.",
        "warning" if events > whole / 20 else "info",
    )
