"""How prices look in a terminal."""

from typing import Any

from rich.table import Table
from rich.text import Text

from merx.cli.tables import console, rules_and_id, table_of


def show_price(result: dict[str, Any]) -> None:
    """Prices now and proposed; of many, those that change for the largest gain."""
    rows = result["answer"]["rows"]
    shown = rows if len(rows) == 1 else sorted(rows, key=lambda row: -_gain(row))[:20]
    table = table_of("item", "now>", "proposed>", "units a week>", "profit a week>", "80 %", "grade", "rule")
    for row in shown:
        known = row["profit"] is not None
        table.add_row(
            row["item_id"],
            f"{row['price_now']:,.2f}",
            f"{row['price']:,.2f}",
            f"{row['units_now']:,.1f} -> {row['units']:,.1f}" if row["units"] is not None else "",
            f"{row['profit_now']:,.1f} -> {row['profit']:,.1f}" if known else "",
            f"{row['profit_low']:,.1f} .. {row['profit_high']:,.1f}" if known else "",
            row["grade"],
            row["binding"],
        )
    console.print(table)
    if steps := result["answer"].get("waterfall"):
        console.print(_waterfall(steps))
    if len(rows) > len(shown):
        console.print(f"The {len(shown)} with the largest gain of {len(rows)}; --json prints all.")
    for reason in result["reasons"]:
        console.print(Text(reason))
    rules_and_id(result)


def _waterfall(steps: list[dict[str, Any]]) -> Table:
    """From the price now to the price proposed."""
    table = table_of("step", "price>", "units a week>", "revenue>", "profit>", "80 %")
    for step in steps:
        table.add_row(
            step["words"],
            f"{step['price']:,.2f}",
            *(f"{step[name]:,.1f}" for name in ("units", "revenue", "profit")),
            f"{step['profit_low']:,.1f} .. {step['profit_high']:,.1f}",
        )
    return table


def show_what_if(result: dict[str, Any]) -> None:
    """What prices would do: the whole first, then the products that change most."""
    total, rows = result["total"], result["rows"]
    table = table_of("a week", "now>", "then>", "change>", "80 %")
    for name in ("units", "revenue", "profit"):
        now, then, change, low, high = (
            total[name + suffix] for suffix in ("_now", "", "_change", "_change_low", "_change_high")
        )
        table.add_row(name, f"{now:,.1f}", f"{then:,.1f}", f"{change:+,.1f}", f"{low:+,.1f} .. {high:+,.1f}")
    console.print(table)
    shown = sorted(rows, key=lambda row: -abs(_gain(row)))[:20]
    table = table_of("item", "now>", "then>", "units a week>", "profit a week>", "80 %", "grade")
    for row in shown:
        known = row["profit"] is not None
        table.add_row(
            row["item_id"],
            f"{row['price_now']:,.2f}",
            f"{row['price']:,.2f}",
            f"{row['units_now']:,.1f} -> {row['units']:,.1f}" if row["units"] is not None else "",
            f"{row['profit_now']:,.1f} -> {row['profit']:,.1f}" if known else "",
            f"{row['profit_low']:,.1f} .. {row['profit_high']:,.1f}" if known else "",
            row["grade"],
        )
    console.print(table)
    if len(rows) > len(shown):
        console.print(f"The {len(shown)} whose profit changes most of {len(rows)}; --json prints all.")
    if result["unsure"]:
        console.print(
            f"{result['unsure']} of these are graded D: past prices do not tell what theirs would do."
        )
    for note in result["notes"]:
        console.print(Text(f"note: {note}", style="dim"))


def _gain(row: dict[str, Any]) -> float:
    return 0.0 if row["profit"] is None else float(row["profit"] - row["profit_now"])


def show_prices(result: dict[str, Any]) -> None:
    """Steps of proposed prices, as they were written down."""
    table = table_of("proposal", "item", "before>", "price>", "step", "by", "guardrails", "why", whole=True)
    style = {"pass": "", "warn": "yellow", "block": "red"}
    for event in result["events"]:
        said = event["verdict"] + (f": {event['words']}" if event["words"] else "")
        table.add_row(
            event["proposal"] or "all",
            event["item"] or "",
            _money(event["price_now"]),
            _money(event["price"]),
            f"{event['state']} {event['time'][:16]}",
            event["by"],
            Text(said, style=style[event["verdict"]]),
            event["why"],
        )
    console.print(table)
    for rule in result["rules"]:
        console.print(Text(f"rule: {rule}", style="dim"))
    if stop := result["stopped"]:
        console.print(f"Prices are stopped, {stop['time']} by {stop['by']}: {stop['why']}", style="bold red")


def _money(value: float | None) -> str:
    return "" if value is None else f"{value:,.2f}"


def show_price_test(result: dict[str, Any]) -> None:
    """A test that was drawn, and what it can tell."""
    expected = result["expected"]
    clusters, blocks = len(result["arm"]), len(result["arm"][0])
    console.print(
        f"The test {result['name']}: {len(result['items'])} products in {clusters} clusters of substitutes, "
        f"{blocks} blocks from {result['start']} to {result['until']}, prices at "
        f"{' and '.join(f'{ratio:g}' for ratio in result['ratio'])} times those of now."
    )
    needed = f"{expected['weeks_needed']} weeks" if expected["weeks_needed"] else "no length up to a year"
    console.print(
        f"The elasticity will be known to ±{expected['error']:.2f} (standard error). One that is "
        f"{expected['difference']:g} off is told with a chance of {expected['power']:.0%}; {needed} would "
        f"make it 80%. {expected['interference']:.0%} of the likeness of the products lies between arms."
    )
    for warning in result["warnings"]:
        console.print(Text(warning, style="yellow"))


def show_price_test_result(result: dict[str, Any]) -> None:
    """What a test found."""
    console.print(
        f"The test {result['name']}: elasticity {result['elasticity']:.2f}, 95 % between {result['low']:.2f} "
        f"and {result['high']:.2f}, from {result['clusters']} clusters over {result['weeks']} weeks that "
        f"count; without any effect {result['chance']:.1%} of tests show as much."
    )
    console.print(
        f"The next fit is held against {result['tested_elasticity']:.2f} ± {result['tested_error']:.2f}."
    )
