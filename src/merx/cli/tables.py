"""The plain tables of the command line."""

from typing import Any, Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

console = Console(markup=False, highlight=False)  # ids and titles may hold brackets


def table_of(*columns: str, whole: bool = False) -> Table:
    """A plain table; a column whose name ends in > is aligned to the right, and the first may stay whole."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for place, column in enumerate(columns):
        align: Literal["left", "right"] = "right" if column.endswith(">") else "left"
        table.add_column(column.rstrip(">"), justify=align, no_wrap=whole and place == 0)
    return table


def rules_and_id(result: dict[str, Any]) -> None:
    """The rules that were applied to a decision, and its id."""
    for rule in result["rules"]:
        console.print(Text(f"rule: {rule}", style="dim"))
    console.print(f"decision {result['id']}", style="dim")
