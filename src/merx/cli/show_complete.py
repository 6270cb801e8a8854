"""How the result of `merx complete` looks in a terminal."""

from typing import Any

from rich.text import Text

from merx.cli.tables import console, table_of

NAME = 32  # signs of a product's id and title shown


def show_complete(result: dict[str, Any]) -> None:
    """Gaps and proposals by column, how good these are, and a few of them with what spoke for them."""
    if not result["columns"] and result["prices"] is None:
        console.print("Every product has a category and a brand: there are no gaps.")
        return
    least = f"{result['least']:.0%}"
    if result["columns"]:
        table = table_of("gaps", "known>", "missing>", "proposed>", "put right>", "balanced>", "calibration>")
        for one in result["columns"]:
            counts = [f"{one[name]:,}" for name in ("known", "missing", "proposed")]
            figures = [_share(one["accuracy"]), _share(one["balanced"]), _figure(one["calibration"])]
            table.add_row(one["column"], *counts, *figures)
        console.print(table)
    for one in result["columns"]:
        console.print(
            Text(f"  {one['column']}: {told(one, least)}", style="yellow" if one["refused"] else "")
        )
        if one["note"]:
            console.print(Text(f"  {one['column']}: {one['note']}", style="dim"))
    if result["prices"] is not None:
        console.print(Text(f"  price: {told_prices(result['prices'])}"))
    if result["examples"]:
        table = table_of("product", "", "inferred", "sure>", "because of")
        for row in result["examples"]:
            sure = "" if row["probability"] is None else f"{row['probability']:.0%}"
            name = f"{row['item_id']} {row['title']}".strip()
            name = name if len(name) <= NAME else f"{name[: NAME - 1]}…"
            table.add_row(name, row["column"], row["value"], sure, row["because"])
        console.print(table)
    if result["proposed"]:
        console.print(
            Text(
                f"  {result['proposed']:,} proposals in inferred.parquet, a sample above; what was given is "
                f"as it was. {result['seconds']:.1f} s",
                style="dim",
            )
        )


def told(one: dict[str, Any], least: str) -> str:
    """How good proposals of one column are, or why there are none."""
    if one["refused"]:
        return f"nothing is proposed. {one['refused']}"
    text = (
        f"of the {one['known']:,} known, each told as if it were missing, {_share(one['accuracy'])} are put "
        f"right (always the most frequent: {_share(one['trivial'])}); {_share(one['share'])} would get a "
        f"proposal of {least} or more"
    )
    if one["right"] is not None:
        text += f", and {_share(one['right'])} of these would be right"
    left = one["missing"] - one["proposed"]
    if left:
        text += f". {left:,} gaps stay open" + (
            f", {one['bare']:,} without anything to go by" * bool(one["bare"])
        )
    return f"{text}."


def told_prices(found: dict[str, Any]) -> str:
    """How many prices were proposed, and how far off such proposals are."""
    text = f"{found['missing']:,} products have no list price; {found['proposed']:,} are proposed one"
    if found["error"] is not None:
        text += (
            f". Of {found['judged']:,} known prices the median of alike products is {found['error']:.0%} "
            "off, in the median"
        )
    return f"{text}."


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.0%}"


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
