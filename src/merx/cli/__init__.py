"""The command line: each command calls one method of Shop and shows what came back."""

import csv
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from merx.cli.complete import complete
from merx.cli.media import media
from merx.cli.options import AS_JSON, JSON, SHOP, print_result
from merx.cli.price_tests import price_test
from merx.cli.prices import prices
from merx.cli.similar import duplicates, similar
from merx.errors import MerxError


class Ids(click.ParamType[tuple[str, ...]]):
    """Item ids between commas; one that holds a comma stands in double quotes, as in CSV."""

    name = "ids"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """The ids."""
        return tuple(name.strip() for name in next(csv.reader([value]), [])) if value else ()


IDS = Ids()


class Merx(click.Group):
    """The group of all commands, which turns every error of merx into one paragraph and exit status 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except (MerxError, OSError) as error:  # OSError: what the system refuses, with the file's name
            if ctx.find_root().meta.get(AS_JSON):
                click.echo(json.dumps({"error": str(error), "kind": type(error).__name__}))
            click.echo(f"merx: {error}", err=True)
            ctx.exit(1)


@click.group(cls=Merx, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="merx")
def main() -> None:
    """The open decision engine for online shops.

    What should this shopper see? What will shoppers do? What should this product cost?
    A shop is a folder: make one with `merx init`, or simulate one with `merx simulate`.
    """


@main.command()
@SHOP
@click.option("--name", default="", help="The shop's name in reports; default: the folder's name.")
@click.option("--currency", default="", help="ISO 4217 code of the prices, such as EUR.")
@JSON
def init(folder: Path, name: str, currency: str, as_json: bool) -> None:
    """Make a new shop."""
    from merx.shop import Shop

    shop = Shop.init(folder, name=name, currency=currency)
    print_result({"shop": str(shop.folder), "name": shop.name}, as_json, "made")


@main.command()
@SHOP
@click.argument("files", nargs=-1, required=True)
@click.option("--dialect", help="Whose files these are; default: found from their header.")
@JSON
def ingest(folder: Path, files: tuple[str, ...], dialect: str | None, as_json: bool) -> None:
    """Read files, globs or folders into the shop's tables.

    CSV, Parquet and JSON lines, plain or gzipped. Lines that cannot be accepted go to SHOP/rejected with
    their reason: accepted + rejected + duplicates = read.
    """
    from merx.shop import Shop

    shop = Shop(folder)
    with _progress(as_json) as progress:
        report = shop.ingest(*files, dialect=dialect, progress=progress)
    print_result(report.to_dict(), as_json, "ingest")


@main.command()
@SHOP
@JSON
def check(folder: Path, as_json: bool) -> None:
    """What the tables can carry, what is missing, and what is odd about them."""
    from merx.shop import Shop

    print_result(Shop(folder).check().to_dict(), as_json, "check")


@main.command()
@SHOP
@click.option(
    "--only", "kinds", multiple=True, help="A kind to fit, repeatable; default: all but [fit] skip."
)
@click.option("--update", is_flag=True, help="Keep what earlier fits chose and learnt, where a kind can.")
@JSON
def fit(folder: Path, kinds: tuple[str, ...], update: bool, as_json: bool) -> None:
    """Fit every kind of model that the tables can carry."""
    from merx.shop import Shop

    shop = Shop(folder)
    with _progress(as_json) as progress:
        report = shop.fit(*kinds, update=update, progress=progress)
    print_result(report.to_dict(), as_json, "fit")


@main.command()
@SHOP
@JSON
def evaluate(folder: Path, as_json: bool) -> None:
    """Judge every kind of model on days it has not seen, against the trivial one."""
    from merx.shop import Shop

    shop = Shop(folder)
    with _progress(as_json) as progress:
        report = shop.evaluate(progress=progress)
    print_result(report.to_dict(), as_json, "evaluate")


@main.command()
@SHOP
@click.option(
    "--model", "models", multiple=True, help="A kind to tune, repeatable; default: all recommenders."
)
@click.option("--trials", default=50, show_default=True, help="Settings tried of each kind.")
@click.option("--patience", default=15, show_default=True, help="Stop after so many without a better one.")
@click.option("--minutes", default=30.0, show_default=True, help="Time for each kind.")
@JSON
def tune(
    folder: Path, models: tuple[str, ...], trials: int, patience: int, minutes: float, as_json: bool
) -> None:
    """Seek better settings of the recommenders, and keep them in SHOP/tuned.toml.

    Chosen on the days before the last [evaluate] days, reported once on those. A search that was interrupted
    goes on where it stopped.
    """
    from merx.shop import Shop
    from merx.tuning import Search

    shop = Shop(folder)
    search = Search(trials=trials, patience=patience, minutes=minutes)
    try:
        with _progress(as_json) as progress:
            found = shop.tune(*models, search=search, progress=progress)
    except KeyboardInterrupt:
        raise click.ClickException(
            "interrupted. The trials are kept: the same command goes on where it stopped."
        ) from None
    print_result(found.to_dict(), as_json, "tune")


@main.command()
@SHOP
@JSON
def report(folder: Path, as_json: bool) -> None:
    """Write SHOP/report.html: one file that opens offline."""
    from merx.shop import Shop

    print_result({"report": str(Shop(folder).report())}, as_json, "report")


@main.command()
@SHOP
@click.argument("files", nargs=-1)
@click.option("--dialect", help="Whose files these are; default: found from their header.")
@JSON
def run(folder: Path, files: tuple[str, ...], dialect: str | None, as_json: bool) -> None:
    """Everything in order: ingest FILES, check, see the media, fit, evaluate, and write the report.

    Makes the shop if it is not there yet.
    """
    from merx.shop import Shop

    shop = Shop(folder) if (folder / "shop.toml").exists() else Shop.init(folder)

    def finished(step: str, result: Any) -> None:
        if step not in ("anomalies", "shoppers", "report") and result is not None:
            print_result(result.to_dict(), False, step)

    with _progress(as_json) as progress:
        if as_json:
            print_result(shop.run(*files, dialect=dialect, progress=progress).to_dict(), True, "run")
        else:
            done = shop.run(*files, dialect=dialect, progress=progress, finished=finished)
            print_result(done.to_dict(), False, "run")


@main.command()
@SHOP
@click.option("--users", default=2000, show_default=True, help="Shoppers.")
@click.option("--items", default=200, show_default=True, help="Products.")
@click.option("--days", default=364, show_default=True, help="Length of the history.")
@click.option("--seed", default=0, show_default=True, help="Equal seeds give equal shops.")
@click.option(
    "--prices",
    "price_policy",
    default="random",
    show_default=True,
    help="How prices move: random, follows_last_week, follows_demand or few_changes.",
)
@click.option("--cost-shifters", is_flag=True, help="Costs move over time, and prices partly with them.")
@click.option(
    "--price-jitter",
    default=0.0,
    show_default=True,
    help="Random weekly moves of every price on top, such as 0.03 for 3 %.",
)
@click.option("--cross-effects", is_flag=True, help="Products take sales from each other, and bring them.")
@click.option(
    "--influence",
    default=0.25,
    show_default=True,
    help="Share of units offered to a follower of a recent buyer; 0: friends do not move each other.",
)
@JSON
def simulate(folder: Path, as_json: bool, **config: Any) -> None:
    """Make a shop whose truth is known, and ingest its files.

    The truth is written to SHOP-truth, apart from the tables; `merx evaluate` measures against it.
    """
    from merx.simulating import simulate as simulate_shop

    with _progress(as_json) as progress:
        made = simulate_shop(folder, progress=progress, **config)
    print_result(made.to_dict(), as_json, "ingest")


@main.command()
@SHOP
@click.option("--user", help="The shopper's id; default: an anonymous visitor.")
@click.option(
    "--scenario",
    help="Where the list stands: home, product, cart, again, trending, or one of [scenarios]; default: "
    "product with --item, cart with --cart, else home.",
)
@click.option("--item", help="The product whose page it is.")
@click.option("--cart", type=IDS, default="", help="What lies in the cart: ID,ID,...")
@click.option("--recent", type=IDS, default="", help="What was looked at just now, newest last: ID,ID,...")
@click.option("--without", type=IDS, default="", help="Products not to show: ID,ID,...")
@click.option("--without-category", multiple=True, help="A category not to show, repeatable.")
@click.option("--category", help="Only this category and those below it.")
@click.option("-k", type=int, help="Items in the list.")
@click.option("--model", help="The kind of model that answers.")
@JSON
def recommend(folder: Path, user: str | None, as_json: bool, **chosen: Any) -> None:
    """What should this shopper see?"""
    from merx.shop import Shop

    print_result(Shop(folder).recommend(user, **chosen).to_dict(), as_json, "recommend")


@main.command()
@SHOP
@click.option("--item", help="The product's id.")
@click.option("--category", help="A category; with neither, the whole shop.")
@click.option("--price", is_flag=True, help="The price of --item instead of the demand.")
@click.option("--competitor", help="Whose price; default: the shop's own.")
@click.option("--horizon", type=int, help="Steps ahead.")
@click.option("--model", help="The kind of model that answers.")
@JSON
def forecast(
    folder: Path,
    item: str | None,
    category: str | None,
    price: bool,
    competitor: str | None,
    horizon: int | None,
    model: str | None,
    as_json: bool,
) -> None:
    """What will shoppers do? The demand over the next days or weeks, with intervals; or a price."""
    from merx.shop import Shop

    decision = Shop(folder).forecast(
        item=item, category=category, price=price, competitor=competitor, horizon=horizon, model=model
    )
    print_result(decision.to_dict(), as_json, "forecast")


@main.command()
@SHOP
@click.option("--days", type=int, help="The last days that are looked at; default: 7.")
@JSON
def anomalies(folder: Path, days: int | None, as_json: bool) -> None:
    """What was unusual lately? Days of unexpected sales, with what was expected and the likely reason."""
    from merx.shop import Shop

    print_result(Shop(folder).anomalies(days=days).to_dict(), as_json, "anomalies")


@main.command()
@SHOP
@click.option("--user", help="The shopper's id; default: all, by segment.")
@click.option(
    "--csv", type=click.Path(path_type=Path, dir_okay=False), help="Write one row for each shopper there."
)
@JSON
def shoppers(folder: Path, user: str | None, csv: Path | None, as_json: bool) -> None:
    """Who will buy, who stays away, what is each worth? Segments with an action, or one shopper."""
    from merx.shop import Shop

    print_result(Shop(folder).shoppers(user, csv=csv).to_dict(), as_json, "shoppers")


@main.command()
@SHOP
@click.option("--item", help="The product's id; default: all products.")
@click.option(
    "--what-if",
    "prices",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A CSV file with item_id and price: what would these prices do? Nothing is stored.",
)
@JSON
def price(folder: Path, item: str | None, prices: Path | None, as_json: bool) -> None:
    """What should this product cost? The best price under the shop's rules, graded by its evidence."""
    from merx.shop import Shop

    if prices is not None:
        print_result(Shop(folder).what_if(prices), as_json, "what_if")
        return
    print_result(Shop(folder).price(item=item).to_dict(), as_json, "price")


@main.command()
@SHOP
@JSON
def influence(folder: Path, as_json: bool) -> None:
    """Do friends move each other, or are they only alike? What is owed to friends, with its interval."""
    from merx.shop import Shop

    print_result(Shop(folder).influence().to_dict(), as_json, "influence")


@main.command()
@SHOP
@click.option("--user", required=True, help="The shopper's id.")
@click.option("--yes", is_flag=True, help="Do not ask before.")
@JSON
def erase(folder: Path, user: str, yes: bool, as_json: bool) -> None:
    """Take a shopper out of the shop's folder: events stay as nobody's, relations and decisions go."""
    from merx.shop import Shop

    shop = Shop(folder)
    if not yes:
        click.confirm(f"Erase the shopper {user} from {folder}? It cannot be undone.", abort=True, err=True)
    print_result(shop.erase(user).to_dict(), as_json, "erase")


main.add_command(media)
main.add_command(similar)
main.add_command(duplicates)
main.add_command(complete)
main.add_command(prices)
main.add_command(price_test)


@main.command()
@SHOP
@click.argument("decision_id")
@JSON
def why(folder: Path, decision_id: str, as_json: bool) -> None:
    """Show a decision with its reasons, and replay it to the same answer."""
    from merx.shop import Shop

    replay = Shop(folder).why(decision_id)
    print_result({**replay.decision.to_dict(), "replays_to_the_same_answer": replay.same}, as_json, "why")
    if not replay.same:
        click.get_current_context().exit(1)


@contextmanager
def _progress(as_json: bool) -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar on stderr with rate and time left; silent for machines."""
    from merx.cli.show import progress_bar

    with progress_bar(quiet=as_json) as report:
        yield report
