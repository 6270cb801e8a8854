"""How results look in a terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

console = Console()


def show(what: str, result: dict[str, Any]) -> None:
    """Print the result of a verb for people."""
    SHOW[what](result)


def show_made(result: dict[str, Any]) -> None:
    """A new shop."""
    console.print(
        f"Made the shop {result['name']} in {result['shop']}. Next: merx ingest {result['shop']} FILES"
    )


def show_fit(result: dict[str, Any]) -> None:
    """One row per kind of model."""
    table = _table("model", "fitted on", "seconds>")
    for entry in result["fits"]:
        what = (
            Text(f"refused: {entry['refused']}", style="yellow") if entry["refused"] else entry["fitted_on"]
        )
        table.add_row(entry["kind"], what, f"{entry['seconds']:.1f}")
    console.print(table)


def show_recommend(result: dict[str, Any]) -> None:
    """A list with its reasons."""
    answer = result["answer"]
    table = _table("", "item", "title", "score>", "because of")
    for row in answer["rows"]:
        because = (
            ", ".join(f"{_name(why)} {why['share']:.0%}" for why in row["reasons"]) or "popular with all"
        )
        table.add_row(str(row["rank"]), row["item_id"], row["title"] or "", f"{row['score']:.3g}", because)
    console.print(f"For {answer['user_id']} by {answer['model']}, from {answer['history']} events:")
    console.print(table)
    _rules_and_id(result)


def show_forecast(result: dict[str, Any]) -> None:
    """The steps ahead with their intervals."""
    answer = result["answer"]
    table = _table("from" if answer["step"] == "week" else "day", "expected>", "80 %>", "95 %>")
    for row in answer["rows"]:
        table.add_row(
            row["date"],
            f"{row['mean']:,.1f}",
            f"{row['q0.1']:,.0f} .. {row['q0.9']:,.0f}",
            f"{row['q0.025']:,.0f} .. {row['q0.975']:,.0f}",
        )
    console.print(table)
    for reason in result["reasons"]:
        console.print(Text(reason))
    _rules_and_id(result)


def show_price(result: dict[str, Any]) -> None:
    """Prices now and proposed; of many, those that change for the largest gain."""
    rows = result["answer"]["rows"]
    shown = rows if len(rows) == 1 else sorted(rows, key=lambda row: -_gain(row))[:20]
    table = _table("item", "now>", "proposed>", "units a week>", "profit a week>", "80 %", "grade", "rule")
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
    if len(rows) > len(shown):
        console.print(f"The {len(shown)} with the largest gain of {len(rows)}; --json prints all.")
    for reason in result["reasons"]:
        console.print(Text(reason))
    _rules_and_id(result)


def _gain(row: dict[str, Any]) -> float:
    return 0.0 if row["profit"] is None else float(row["profit"] - row["profit_now"])


def show_why(result: dict[str, Any]) -> None:
    """A decision, as it was given."""
    SHOW[result["verb"]](result)
    models = ", ".join(f"{kind} {version}" for kind, version in result["models"].items())
    console.print(
        f"Given {result['time']} by merx {result['merx']}, models: {models}, data: {result['data']}."
    )
    if result["replays_to_the_same_answer"]:
        console.print("Replayed now from the same data and models: the same answer.", style="green")
    else:
        console.print("Replayed now from the same data and models: ANOTHER answer.", style="bold red")


def _name(entry: dict[str, Any]) -> str:
    return str(entry["title"] or entry["item_id"])


def _table(*columns: str) -> Table:
    """A plain table; a column whose name ends in > is aligned to the right."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column.rstrip(">"), justify="right" if column.endswith(">") else "left")
    return table


def _rules_and_id(result: dict[str, Any]) -> None:
    for rule in result["rules"]:
        console.print(Text(f"rule: {rule}", style="dim"))
    console.print(f"decision {result['id']}", style="dim")


SHOW: dict[str, Callable[[dict[str, Any]], None]] = {
    "made": show_made,
    "fit": show_fit,
    "recommend": show_recommend,
    "forecast": show_forecast,
    "price": show_price,
    "why": show_why,
}


@contextmanager
def progress_bar(*, quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """A bar on stderr for each piece of work, with time spent and left; gives the function that moves it."""
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True, quiet=quiet),
        transient=True,
    )
    with progress:
        task = progress.add_task("", total=None)

        def report(what: str, done: int, total: int) -> None:
            progress.update(task, description=what, completed=done, total=total)

        yield report
