"""How look-alikes and duplicates look in a terminal."""

from typing import Any

from rich.text import Text

from merx.cli.tables import console, table_of


def show_similar(result: dict[str, Any]) -> None:
    """One row a look-alike: how alike, in all and in each modality, and the words in common."""
    item, by = result["item"], result["by"]
    told = Text.assemble((item["title"] or item["item_id"], "bold"), f" ({item['item_id']})")
    console.print(told.append(f", by {' and '.join(by)}:"))
    apart = [
        name for name in ("text", "picture", "video") if any(row[name] is not None for row in result["rows"])
    ]
    apart = apart if len(apart) > 1 else []
    table = table_of("", "item", "title", "alike>", *(f"{name}>" for name in apart), "words in common")
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


def show_duplicates(result: dict[str, Any]) -> None:
    """Two lines a pair: what is known of either, and the words that only it has."""
    pairs, kind = result[result["shown"]], result["shown"]
    there = [("one", "only_one"), ("other", "only_other")]
    known = [
        name for name in ("brand", "category") if any(pair[side][name] for pair in pairs for side, _ in there)
    ]
    looks = any(pair["picture"] is not None for pair in pairs)
    table = table_of("score>", "item", "title", "price>", *known, *["picture>"] * looks, "only here")
    for pair in pairs[: result["count"]]:
        for place, (side, only) in enumerate(there):
            own = pair[side]
            picture = "" if place or pair["picture"] is None else f"{pair['picture']:.2f}"
            table.add_row(
                "" if place else f"{pair['score']:.2f}",
                own["item_id"],
                own["title"] or "",
                "" if own["price"] is None else f"{own['price']:,.2f}",
                *(own[name] or "" for name in known),
                *[picture] * looks,
                ", ".join(pair[only]),
            )
    if pairs:
        console.print(table)
    if len(pairs) > result["count"]:
        console.print(f"The first {result['count']} of {len(pairs):,} pairs; --json prints all.")
    same, variants = (len(result[name]) for name in ("duplicates", "variants"))
    products = f"{result['products']:,} products with a text"
    pairs = "1 pair" if same == 1 else f"{same:,} pairs"
    console.print(f"{pairs} of likely duplicates and {variants:,} of variants among {products}.")
    if kind == "duplicates" and result["variants"]:
        console.print("--variants shows those.", style="dim")
