"""The command `merx similar`: the products most like one."""

from pathlib import Path

import click

from merx.cli.options import JSON, SHOP, print_result


@click.command()
@SHOP
@click.argument("item")
@click.option(
    "--by",
    type=click.Choice(["both", "text", "picture", "video"]),
    default="both",
    show_default=True,
    help="What is compared; both: text, picture and video, as far as the shop has them.",
)
@click.option("--count", default=10, show_default=True, help="Look-alikes, at most.")
@JSON
def similar(folder: Path, item: str, by: str, count: int, as_json: bool) -> None:
    """The products most like ITEM, how alike they are, and the words that made them so."""
    from merx.shop import Shop

    print_result(Shop(folder).similar(item, by=by, count=count), as_json, "similar")
