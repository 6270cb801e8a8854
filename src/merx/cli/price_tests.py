"""The group `merx price-test`: design a test of prices, propose its prices, read off what it found."""

from pathlib import Path
from typing import Any

import click

from merx.cli.options import JSON, SHOP, print_result
from merx.cli.prices import BY, WHY, show_events


@click.group()
@SHOP
@click.pass_context
def price_test(context: click.Context, folder: Path) -> None:
    """Tests of prices: some products dearer, some cheaper, drawn at random, for some weeks.

    Substitutes stay together. A test's prices are approved and exported by `merx prices` like any other.
    """
    context.obj = folder


@price_test.command()
@click.argument("name")
@click.option("--category", help="Products of this category and those below it; default: of the whole shop.")
@click.option(
    "--similar",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A CSV file with item_id, other_id, similarity; default: products of one category are alike.",
)
@click.option(
    "--kind",
    type=click.Choice(["switchback", "clusters"]),
    default="switchback",
    show_default=True,
    help="Every cluster through all prices in turn, or each at one price for the whole test.",
)
@click.option(
    "--ratio",
    multiple=True,
    type=float,
    default=(0.95, 1.05),
    help="A price over the price of now, repeatable; default: 0.95 and 1.05.",
)
@click.option("--weeks", default=8, show_default=True, help="Length of the test.")
@click.option("--block", default=2, show_default=True, help="Weeks between two draws of a switchback.")
@click.option("--washout", default=1, show_default=True, help="First weeks of a block that do not count.")
@click.option(
    "--difference",
    default=1.0,
    show_default=True,
    help="How far apart two elasticities are that it must tell.",
)
@click.option("--seed", default=0, show_default=True, help="Equal seeds draw equal tests.")
@BY
@WHY
@JSON
@click.pass_obj
def design(folder: Path, /, name: str, as_json: bool, **chosen: Any) -> None:
    """Draw the test NAME, and say what it can tell before it begins; nothing is proposed yet."""
    from merx.shop import Shop

    print_result(Shop(folder).price_tests.design(name, **chosen), as_json, "price_test")


@price_test.command()
@click.argument("name")
@click.option("--block", type=int, help="Which block, from 1; default: the one that comes next.")
@BY
@WHY
@JSON
@click.pass_obj
def propose(folder: Path, name: str, block: int | None, by: str, why: str, as_json: bool) -> None:
    """Propose the prices of the next block; `merx prices` reviews, approves and exports them."""
    from merx.shop import Shop

    shop = Shop(folder)
    show_events(shop.prices, shop.price_tests.propose(name, by=by, why=why, block=block), as_json)


@price_test.command()
@click.argument("name")
@JSON
@click.pass_obj
def analyse(folder: Path, name: str, as_json: bool) -> None:
    """The elasticity that the test NAME found; the next fit is held against it."""
    from merx.shop import Shop

    print_result(Shop(folder).price_tests.analyse(name), as_json, "price_test_result")
