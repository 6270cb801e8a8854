"""The command `merx media`: vectors of pictures and videos, and what the network looks at."""

from pathlib import Path

import click

from merx.cli.options import JSON, SHOP, print_result


@click.command()
@SHOP
@click.option("--train", is_flag=True, help="Train a new network, though the shop has one.")
@click.option("--item", help="With --saliency: the product whose picture it is.")
@click.option(
    "--saliency",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a PNG file with what the network looks at in the picture of --item.",
)
@JSON
def media(folder: Path, train: bool, item: str | None, saliency: Path | None, as_json: bool) -> None:
    """See what products look like: vectors of their pictures and videos, of the new ones alone.

    Trains a network where the shop has none. What gives no picture is told with its reason, and is in
    SHOP/rejected/media.csv. An interrupted run goes on where it stopped.
    """
    from merx.cli.show import progress_bar
    from merx.shop import Shop

    if (item is None) != (saliency is None):
        raise click.UsageError("--item and --saliency go together.")
    shop = Shop(folder)
    if item is not None and saliency is not None:
        print_result(shop.saliency(item, saliency), as_json, "saliency")
        return
    with progress_bar(quiet=as_json) as progress:
        report = shop.media(train=train, progress=progress)
    print_result(report.to_dict(), as_json, "media")
