"""How the results of `merx media` look in a terminal."""

from typing import Any

from rich.text import Text

from merx.cli.tables import console, table_of


def show_media(result: dict[str, Any]) -> None:
    """Products by kind, what was rejected and why, and what the network can tell apart."""
    if result["refused"]:
        console.print(Text(f"media: {result['refused']}", style="yellow"))
        return
    table = table_of("media", "products>", "elsewhere>", "rejected>")
    for kind, seen in result["kinds"].items():
        if seen["linked"]:
            counts = (f"{seen[name]:,}" for name in ("linked", "elsewhere", "rejected"))
            table.add_row(f"{kind}s", *counts)
    console.print(table)
    for reason, count in result["reasons"].items():
        examples = ", ".join(link for _, link, why, _ in result["rejected"] if why == reason)
        told = f"  {count:,} rejected: {reason}" + (f" ({examples})" if examples else "")
        console.print(Text(told, style="yellow"))
    console.print(
        Text(f"  {result['files']:,} files, {result['new']:,} of them new; {result['seconds']:.1f} s")
    )
    if result["encoder"]:
        console.print(Text(f"  network: {result['encoder']}", style="dim"))


def show_saliency(result: dict[str, Any]) -> None:
    """Where the picture is, and what it shows."""
    console.print(result["told"], soft_wrap=True)
