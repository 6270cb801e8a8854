"""Writes the pages of the documentation that can be read off the code.

    python tools/reference.py            writes them
    python tools/reference.py --check    writes nothing; exits with status 1 where a page is out of date

docs/reference/cli.md        from the click commands
docs/reference/settings.md   from the settings dataclasses and the configs of the registered kinds
docs/reference/tables.md     from the Arrow schemas
docs/benchmarks.md           from benchmarks/results/*.json
"""

import dataclasses
import inspect
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import benchmarks_page
import click

from merx import registry
from merx.cli import main as merx
from merx.config import ShopConfig
from merx.data import schema
from merx.price.calendar import Clearance
from merx.price.shared import Capacity, IndexBand, Parity
from merx.recommend.rules import Rule
from merx.recommend.scenario import SCENARIOS
from merx.settings import DEFAULT_WEIGHTS, FileMapping

DOCS = Path(__file__).parents[1] / "docs"
WRITTEN = "<!-- Written by tools/reference.py; change the code, not this page. -->\n"

# What a column holds, where the schema's own comment does not say it to readers of the page.
COLUMNS: dict[str, str] = {
    "events.event": "one of the [names below](#names-of-events)",
    "events.time": "when it happened",
    "events.session_id": "the visit; null where the source has none",
    "events.currency": "ISO 4217 code, as the source wrote it",
    "events.transaction_id": "the order; lines of one order share it",
    "products.item_id": "the product's id, as the shop writes it",
    "products.title": "as shown to people",
    "products.description": "as shown to people",
    "products.brand": "the maker",
    "products.price": "regular price of one unit",
    "products.sale_price": "reduced price of one unit",
    "products.cost_of_goods_sold": "what one unit costs the shop",
    "products.image_link": "path or address of the picture",
    "products.video_link": "path of a video",
    "products.gtin": "global trade item number",
    "prices.item_id": "the product",
    "prices.price": "of one unit",
    "relations.user_id": "who follows, befriends, ...",
    "relations.other_user_id": "whom",
    "relations.weight": "strength of the tie, 1 where the source has none",
    "relations.time": "since when",
    "stock.item_id": "the product",
    "stock.available": "whether it could be bought",
}

TABLES: dict[str, str] = {
    "events": "What shoppers did: one row per shopper, product and act.",
    "products": "The catalogue: one row per product; where an id comes again, the newest row holds.",
    "prices": "What a product cost from when on; a row holds until the product's next one.",
    "relations": "Who is tied to whom.",
    "stock": "From when on a product could be bought or not. A day out of stock is not a day of no demand.",
}

# Lists of tables of shop.toml: [[price.index]] and others.
PRICE_TABLES = {
    "price.clearance": Clearance,
    "price.index": IndexBand,
    "price.parity": Parity,
    "price.capacity": Capacity,
}
LISTED = {"rules", *(name.partition(".")[2] for name in PRICE_TABLES)}


def parameters(documented: type) -> dict[str, tuple[str, str]]:
    """Name -> (type, meaning) from the Parameters section of a docstring in NumPy's form."""
    lines = inspect.cleandoc(documented.__doc__ or "").splitlines()
    found: dict[str, tuple[str, str]] = {}
    start = next((n for n, line in enumerate(lines) if line == "Parameters"), None)
    if start is None:
        return found
    names: list[str] = []
    for number, line in enumerate(lines[start + 2 :], start + 2):
        if number + 1 < len(lines) and re.fullmatch("-{4,}", lines[number + 1]):
            break  # the next section
        if line and not line.startswith(" "):
            head, _, kind = line.partition(" : ")
            names = [name.strip() for name in head.split(",")]
            found |= dict.fromkeys(names, (kind.strip(), ""))
        elif line:
            for name in names:
                kind, text = found[name]
                found[name] = (kind, f"{text} {line.strip()}".strip())
    return found


def summary(documented: object) -> str:
    """The first paragraph of a docstring, on one line."""
    text = inspect.getdoc(documented) or ""
    return " ".join(text.split("\n\n")[0].split())


def commands() -> Iterator[tuple[str, click.Context]]:
    """Every command of the command line with its name; a group, then its commands."""

    def below(group: click.Group, name: str, parent: click.Context) -> Iterator[tuple[str, click.Context]]:
        for command in group.commands.values():
            context = click.Context(command, info_name=command.name, parent=parent)
            yield f"{name} {command.name}", context
            if isinstance(command, click.Group):
                yield from below(command, f"{name} {command.name}", context)

    return below(merx, "merx", click.Context(merx, info_name="merx"))


def sections() -> dict[str, type]:
    """Every section of shop.toml that is a settings dataclass, in the file's order."""
    hints = inspect.get_annotations(ShopConfig)
    return {
        name: kind
        for name, kind in hints.items()
        if isinstance(kind, type) and dataclasses.is_dataclass(kind)
    }


def configs() -> dict[str, type]:
    """The config of every registered kind."""
    return {name: kind.load()[0] for name, kind in registry.KINDS.items()}


def column_meanings() -> dict[str, str]:
    """table.column -> meaning: from COLUMNS, else the comment beside it in the schema."""
    source = inspect.getsource(schema)
    found: dict[str, str] = {}
    for table in schema.TABLES:
        body = source.partition(f"{table.upper()}_TABLE = ")[2].partition("\n)\n")[0]
        for name, comment in re.findall(r'pa\.field\("(\w+)",.*?\),(?:  # (.*))?\n', body):
            found[f"{table}.{name}"] = COLUMNS.get(f"{table}.{name}", comment)
    return found


def undocumented() -> list[str]:
    """Every command, option, setting, config field and column that says nothing about itself."""
    missing = [name for name, context in commands() if not context.command.help]
    for name, context in commands():
        missing += [
            f"{name} {option.opts[0]}"
            for option in context.command.params
            if isinstance(option, click.Option) and not option.help
        ]
    for name, kind in {
        **sections(),
        "mappings.NAME": FileMapping,
        "recommend.rules": Rule,
        **PRICE_TABLES,
        **configs(),
    }.items():
        told = parameters(kind)
        # a "table of a -> b" says what it holds in its type
        missing += [
            f"{name}.{field.name}"
            for field in dataclasses.fields(kind)
            if not any(told.get(field.name, ("", ""))[1:]) and " -> " not in told.get(field.name, ("", ""))[0]
        ]
        missing += [name] if not summary(kind) else []
    missing += [name for name, meaning in column_meanings().items() if not meaning]
    return missing


def cli_page() -> str:
    """docs/reference/cli.md."""
    parts = [
        WRITTEN,
        "# Command line\n",
        "Each command calls one method of [`merx.Shop`](python.md) and shows what came back. `SHOP` is a "
        "shop's folder. With `--json` a command prints one JSON object on standard output and no progress "
        "bar.\n",
        "Exit status: 0 when all went well, 1 for an error (one paragraph on standard error; with `--json` "
        "also an object with `error` and `kind`) and for a decision that does not replay to the same answer, "
        "2 for a command that is spelled wrongly.\n",
        "| command | |",
        "|---|---|",
    ]
    parts += [
        f"| [`{name}`](#{name.replace(' ', '-')}) | {_cell(context.command.get_short_help_str(200))} |"
        for name, context in commands()
    ]
    for name, context in commands():
        command = context.command
        parts += [
            f"\n## {name}\n",
            _paragraphs(command.help or ""),
            f"\n```text\n{' '.join(command.get_usage(context).removeprefix('Usage: ').split())}\n```",
        ]
        options = [entry for entry in command.params if isinstance(entry, click.Option)]
        parts += ["\n| option | | default |", "|---|---|---|"] if options else []
        parts += [
            f"| {_option(option, context)} | {_cell(option.help or '')} | {_cli_default(option)} |"
            for option in options
        ]
    return "\n".join(parts) + "\n"


def settings_page() -> str:
    """docs/reference/settings.md."""
    parts = [
        WRITTEN,
        "# Settings: shop.toml\n",
        "A shop's folder holds one `shop.toml`. Everything in it is optional; what is absent has the default "
        "given here. An unknown key or an impossible value is an error that names the file, the key and the "
        "nearest known key. An answer's settings are written into its decision, so a later change of the "
        "file changes no decision that was given.\n",
        "Every setting at its default:\n",
        f"```toml\n{_toml()}```\n",
    ]
    for name, kind in sections().items():
        parts += [f"## [{name}]\n", _about(kind), _fields(kind)]
    parts += [
        "## [[recommend.rules]]\n",
        _about(Rule),
        "A rule does one thing with the products that it selects: all selectors that are given must hold. "
        "See [set the rules](../how-to/set-the-rules.md).\n",
        _fields(Rule),
        *(
            line
            for name, kind in PRICE_TABLES.items()
            for line in (f"## [[{name}]]\n", _about(kind), _fields(kind))
        ),
        "## [scenarios.NAME]\n",
        "The keys of `[recommend]`, where a scenario differs from it; `[[scenarios.NAME.rules]]` are added "
        "to those of `[recommend]`. Any other name makes a scenario of the shop's own. Every shop has these, "
        "with what they change of `[recommend]`:\n",
        "| scenario | |",
        "|---|---|",
        *(
            f"| `{name}` | {', '.join(f'`{key} = {_toml_value(value)}`' for key, value in changed.items())} |"
            for name, changed in SCENARIOS.items()
        ),
        "",
        "## [mappings.NAME]\n",
        _about(FileMapping),
        "A file whose header holds the mapped columns is read by it. See "
        "[your own data](../how-to/your-own-data.md).\n",
        _fields(FileMapping),
        "## [models.KIND]\n",
        "The hyper-parameters of one kind of model. The kinds are those of `merx.registry`; "
        "`horizon` and `season_length` of the forecasters come from `[forecast]` unless set here.\n",
        "```toml\n[models.item_knn]\nneighbours = 200\n```\n",
    ]
    for name, kind in configs().items():
        task = registry.KINDS[name].task
        parts += [f"### [models.{name}]\n", f"Task: {task}. {summary(kind)}\n", _fields(kind)]
    return "\n".join(parts)


def tables_page() -> str:
    """docs/reference/tables.md."""
    meanings = column_meanings()
    parts = [
        WRITTEN,
        "# Tables\n",
        "Everything that enters a shop is mapped to these tables once, when it is ingested. Times are UTC "
        "without a zone, to the microsecond. Prices are per unit. Ids are strings. An absent value is null, "
        "never an empty string and never a magic number. How files become rows: "
        "[ingestion](../explanation/ingest.md). Where the rows lie: [file formats](formats.md).\n",
    ]
    for table, columns in schema.TABLES.items():
        parts += [f"## {table}\n", f"{TABLES[table]}\n", "| column | type | null | |", "|---|---|---|---|"]
        parts += [
            f"| `{column.name}` | {column.type} | {'may be' if column.nullable else 'never'} "
            f"| {_cell(meanings[f'{table}.{column.name}'])} |"
            for column in columns
        ]
        parts.append("")
    parts += [
        "## Names of events\n",
        "The names are Google Analytics 4's, and `rate` for an explicit rating. Other spellings are mapped "
        "when a file is ingested. The weight is that of `[events.weights]` in "
        "[shop.toml](settings.md#events), as it is by default.\n",
        "| event | must name a product | default weight |",
        "|---|---|---|",
    ]
    for event in schema.EVENTS:
        weight = DEFAULT_WEIGHTS.get(event, 0.0)
        parts.append(f"| `{event}` | {'yes' if event in schema.ITEM_EVENTS else 'no'} | {weight:g} |")
    return "\n".join(parts) + "\n"


def _option(option: click.Option, context: click.Context) -> str:
    names = ", ".join(f"`{name}`" for name in option.opts)
    value = "" if option.is_flag else f" {option.make_metavar(context)}"
    return names + value


def _cli_default(option: click.Option) -> str:
    if option.required:
        return "needed"
    if option.is_flag:
        return "off"
    return f"`{option.default}`" if isinstance(option.default, str | int) and option.default != "" else ""


def _about(kind: type) -> str:
    """The docstring's first paragraph without the section's name."""
    text = re.sub(r"^\[[\w.]+\]: ", "", summary(kind))
    return f"{text[:1].upper()}{text[1:]}\n"


def _fields(kind: type) -> str:
    if not dataclasses.fields(kind):
        return "It has no settings.\n"
    told = parameters(kind)
    rows = ["| key | type | default | |", "|---|---|---|---|"]
    for field in dataclasses.fields(kind):
        type_in_words, meaning = told.get(field.name, ("", ""))
        type_in_words = type_in_words.removesuffix(", optional")
        rows.append(f"| `{field.name}` | {_cell(type_in_words)} | {_default(field)} | {_cell(meaning)} |")
    return "\n".join(rows) + "\n"


def _default(field: dataclasses.Field[Any]) -> str:
    if field.default_factory is not dataclasses.MISSING:
        return "see above"
    if field.default is dataclasses.MISSING:
        return "needed"
    return "none" if field.default is None else f"`{_toml_value(field.default)}`"


def _toml() -> str:
    """A shop.toml with every setting of its sections at its default."""
    lines: list[str] = []
    for name, kind in sections().items():
        made = kind()
        plain = {f.name: getattr(made, f.name) for f in dataclasses.fields(kind)}
        tables = {key: value for key, value in plain.items() if isinstance(value, dict)}
        values = {key: value for key, value in plain.items() if key not in {*tables, *LISTED}}
        if values:
            lines.append(f"[{name}]")
        for key, value in values.items():
            lines.append(f"{key} = {_toml_value(value)}" if value is not None else f"# {key} is not set")
        for key, table in tables.items():
            lines += [f"[{name}.{key}]", *(f"{entry} = {_toml_value(v)}" for entry, v in table.items())]
        lines.append("")
    return "\n".join(lines)


def _toml_value(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(_toml_value(entry) for entry in value)}]"
    return json.dumps(value)


def _paragraphs(text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in inspect.cleandoc(text).split("\n\n"))


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


PAGES: dict[Path, Callable[[], str]] = {
    DOCS / "reference" / "cli.md": cli_page,
    DOCS / "reference" / "settings.md": settings_page,
    DOCS / "reference" / "tables.md": tables_page,
    DOCS / "benchmarks.md": benchmarks_page.page,
}


def out_of_date() -> list[Path]:
    """The generated pages that are not what the code says today."""
    return [
        path
        for path, page in PAGES.items()
        if not path.exists() or path.read_text(encoding="utf-8") != page()
    ]


def main() -> None:
    """Write the pages, or check them."""
    if missing := undocumented():
        sys.exit(f"without documentation: {', '.join(missing)}")
    stale = out_of_date()
    if "--check" in sys.argv[1:]:
        if stale:
            sys.exit(f"out of date: {', '.join(map(str, stale))}; run python tools/reference.py")
        return
    for path in stale:
        path.write_text(PAGES[path](), encoding="utf-8")


if __name__ == "__main__":
    main()
