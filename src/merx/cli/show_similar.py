"""How look-alikes look in a terminal."""

from typing import Any

from rich.text import Text

from merx.cli.tables import console, table_of


def show_similar(result: dict[str, Any]) -> None:
    """One row a look-alike: how alike, in all and in each modality, and by which words."""
    item, by = result["item"], result["by"]
    told = Text.assemble((item["title"] or item["item_id"], "bold"), f" ({item['item_id']})")
    console.print(told.append(f", by {' and '.join(by)}:"))
    apart = [
        name for name in ("text", "picture", "video") if any(row[name] is not None for row in result["rows"])
    ]
    apart = apart if len(apart) > 1 else []
    table = table_of("", "item", "title", "alike>", *(f"{name}>" for name in apart), "by the words")
    for row in result["rows"]:
        table.add_row(
            str(row["rank"]),
            row["item_id"],
            row["title"] or "",
            f"{row['similarity']:.2f}",
            *("" if row[name] is None else f"{row[name]:.2f}" for name in apart),
            ", ".join(f"{one['word']} {one['share']:.0%}" for one in row["words"]),
        )
    console.print(table)
