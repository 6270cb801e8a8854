"""What every command has: the shop's folder, and the choice between a table and JSON."""

import json
from pathlib import Path
from typing import Any

import click

SHOP = click.argument("folder", metavar="SHOP", type=click.Path(path_type=Path))
AS_JSON = "merx.as_json"  # whether the command runs for a machine, so that its error is JSON too


def _remember(context: click.Context, _: click.Parameter, as_json: bool) -> bool:
    context.find_root().meta[AS_JSON] = as_json
    return as_json


JSON = click.option(
    "--json", "as_json", is_flag=True, callback=_remember, help="Print one JSON object for machines."
)


def print_result(result: dict[str, Any], as_json: bool, what: str) -> None:
    """One JSON object, or a table for people."""
    if as_json:
        click.echo(json.dumps(result, allow_nan=False))
        return
    from merx.cli import show

    show.show(what, result)
