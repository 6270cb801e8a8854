"""The commands `merx similar` and `merx duplicates`: look-alikes, and products that are there twice."""

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


@click.command()
@SHOP
@click.option("--variants", is_flag=True, help="Show the pairs of mere variants in their place.")
@click.option("--count", default=20, show_default=True, help="Pairs shown, at most; --json holds all.")
@JSON
def duplicates(folder: Path, variants: bool, count: int, as_json: bool) -> None:
    """Products that seem to be in the catalogue twice, told from variants of one product.

    By their titles, word by word; where a word differs, a like picture or a code that both share must say the
    same. What differs by a number, a size, a colour or any word by which this catalogue's products differ, or
    by its brand, is a variant.
    """
    from merx.shop import Shop

    found = Shop(folder).duplicates()
    shown = {**found, "shown": "variants" if variants else "duplicates", "count": count}
    print_result(found if as_json else shown, as_json, "duplicates")
