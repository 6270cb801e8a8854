"""The command `merx complete`: gaps in the catalogue, and what most likely belongs there."""

from pathlib import Path

import click

from merx.cli.options import JSON, SHOP, print_result


@click.command()
@SHOP
@click.option(
    "--least", default=0.8, show_default=True, help="Probability from which on a value is proposed."
)
@click.option("--prices", is_flag=True, help="Propose prices too, for products without a list price.")
@click.option(
    "--to", type=click.Path(path_type=Path, dir_okay=False), help="Write one row a proposal to a CSV file."
)
@JSON
def complete(folder: Path, least: float, prices: bool, to: Path | None, as_json: bool) -> None:
    """What the catalogue lacks: a likely category and brand for each gap, with its probability.

    Told from words, pictures and other attributes of products that have one. Proposals are written to
    SHOP/inferred.parquet, marked as inferred; what was given is never changed.
    """
    from merx.cli.show import progress_bar
    from merx.shop import Shop

    shop = Shop(folder)
    with progress_bar(quiet=as_json) as progress:
        report = shop.complete(least=least, prices=prices, to=to, progress=progress)
    print_result(report.to_dict(), as_json, "complete")
