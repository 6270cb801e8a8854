"""The group `merx prices`: each command takes proposed prices a step further and shows what was written."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from merx.cli.options import JSON, SHOP, print_result

if TYPE_CHECKING:
    from merx.governing import Prices
    from merx.price.events import Event

BY = click.option("--by", required=True, help="Who takes this step.")
WHY = click.option("--why", required=True, help="Why.")
IDS = click.argument("proposals", nargs=-1)


@click.group()
@SHOP
@click.pass_context
def prices(context: click.Context, folder: Path) -> None:
    """Prices on their way to the shop: proposed, reviewed, approved, exported, applied.

    Nothing is exported or applied that nobody approved. Each step says who takes it and why, and is written
    into SHOP/prices.sqlite for good.
    """
    context.obj = folder


@prices.command()
@click.option("--item", help="The product's id; default: every price that `merx price` would change.")
@click.option("--explore", is_flag=True, help="Draw prices to learn from, where [governance] allows it.")
@BY
@WHY
@JSON
@click.pass_obj
def propose(folder: Path, item: str | None, explore: bool, by: str, why: str, as_json: bool) -> None:
    """Propose the prices that `merx price` would change.

    A new proposal takes the place of an older one of the same product that nobody approved.
    """
    from merx.shop import Shop

    shop = Shop(folder)
    events = shop.prices.propose(by=by, why=why, item=item, explore=explore)
    show_events(shop.prices, events, as_json, shop.ledger.get(events[-1].decision).rules)


@prices.command()
@IDS
@BY
@WHY
@JSON
@click.pass_obj
def review(folder: Path, proposals: tuple[str, ...], by: str, why: str, as_json: bool) -> None:
    """Say that these proposals were looked at; without ids, all that wait for it."""
    desk = _desk(folder)
    show_events(desk, desk.review(proposals, by=by, why=why), as_json)


@prices.command()
@IDS
@BY
@WHY
@JSON
@click.pass_obj
def approve(folder: Path, proposals: tuple[str, ...], by: str, why: str, as_json: bool) -> None:
    """Approve reviewed prices; without ids, all that no guardrail warns of.

    A price that a guardrail warns of is approved by its id alone; one that it blocks is not approved.
    """
    desk = _desk(folder)
    show_events(desk, desk.approve(proposals, by=by, why=why), as_json)


@prices.command()
@IDS
@BY
@WHY
@JSON
@click.pass_obj
def reject(folder: Path, proposals: tuple[str, ...], by: str, why: str, as_json: bool) -> None:
    """Drop proposals that are not applied; without ids, all of them."""
    desk = _desk(folder)
    show_events(desk, desk.reject(proposals, by=by, why=why), as_json)


@prices.command()
@click.argument("proposal")
@click.option("--price", type=float, required=True, help="The price to approve instead.")
@BY
@WHY
@JSON
@click.pass_obj
def override(folder: Path, proposal: str, price: float, by: str, why: str, as_json: bool) -> None:
    """Approve another price than the proposed one, within the guardrails."""
    desk = _desk(folder)
    show_events(desk, desk.override(proposal, price, by=by, why=why), as_json)


@prices.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@BY
@WHY
@JSON
@click.pass_obj
def export(folder: Path, file: Path, by: str, why: str, as_json: bool) -> None:
    """Write the approved prices to FILE, as CSV for the shop platform.

    They become applied by `merx prices SHOP apply` alone.
    """
    desk = _desk(folder)
    show_events(desk, desk.export(file, by=by, why=why), as_json)


@prices.command()
@IDS
@BY
@WHY
@JSON
@click.pass_obj
def apply(folder: Path, proposals: tuple[str, ...], by: str, why: str, as_json: bool) -> None:
    """Say that approved prices now stand in the shop; without ids, all approved ones."""
    desk = _desk(folder)
    show_events(desk, desk.apply(proposals, by=by, why=why), as_json)


@prices.command()
@click.argument("proposals", nargs=-1, required=True)
@BY
@WHY
@JSON
@click.pass_obj
def rollback(folder: Path, proposals: tuple[str, ...], by: str, why: str, as_json: bool) -> None:
    """Say that applied prices are taken back, and show the prices to go back to."""
    desk = _desk(folder)
    show_events(desk, desk.roll_back(proposals, by=by, why=why), as_json)


@prices.command()
@BY
@WHY
@JSON
@click.pass_obj
def stop(folder: Path, by: str, why: str, as_json: bool) -> None:
    """The kill switch: nothing is approved, exported or applied any more."""
    desk = _desk(folder)
    show_events(desk, [desk.stop(by=by, why=why)], as_json)


@prices.command()
@BY
@WHY
@JSON
@click.pass_obj
def resume(folder: Path, by: str, why: str, as_json: bool) -> None:
    """Lift the stop."""
    desk = _desk(folder)
    show_events(desk, [desk.resume(by=by, why=why)], as_json)


@prices.command()
@click.option("--item", help="Of one product alone.")
@click.option("--waiting", is_flag=True, help="Only the proposals that wait for a step, as they stand.")
@JSON
@click.pass_obj
def history(folder: Path, item: str | None, waiting: bool, as_json: bool) -> None:
    """Every step of every price, oldest first."""
    desk = _desk(folder)
    events = desk.waiting() if waiting else desk.history(item)
    show_events(desk, [event for event in events if item is None or event.item == item], as_json)


def _desk(folder: Path) -> "Prices":
    from merx.shop import Shop

    return Shop(folder).prices


def show_events(
    desk: "Prices", events: "Sequence[Event]", as_json: bool, rules: "Sequence[str]" = ()
) -> None:
    """Events, the rules that decided prices, and the stop in force."""
    stopped = desk.stopped()
    result: dict[str, Any] = {
        "events": [event.to_dict() for event in events],
        "rules": list(rules),
        "stopped": stopped.to_dict() if stopped else None,
    }
    print_result(result, as_json, "prices")
