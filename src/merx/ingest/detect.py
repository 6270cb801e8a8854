"""Which dialect a file is of: by name, by its header, or by a mapping in shop.toml."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from merx.data.schema import TABLES
from merx.errors import ConfigError, DataError
from merx.ingest.dialect import Dialect
from merx.ingest.dialects import DIALECTS
from merx.ingest.sql import identifier


def mapped(name: str, mapping: Mapping[str, Any]) -> Dialect:
    """Make a dialect of a `[mappings.NAME]` of shop.toml: `table`, and `columns` canonical -> of the file.

    Events of a file without a column for what happened are purchases where it has a quantity or a price,
    ratings where it has a value, and views otherwise, as in the plain dialects.

    Raises ConfigError for an unknown table or column.
    """
    table = mapping.get("table", "events")
    if table not in TABLES:
        raise ConfigError(f"shop.toml: [mappings.{name}] table = {table!r} is none of {', '.join(TABLES)}.")
    columns = dict(mapping.get("columns", {}))
    unknown = sorted(columns.keys() - set(TABLES[table].names))
    if unknown or not columns:
        wrong = f"{unknown[0]!r} is no column" if unknown else "`columns` is empty"
        raise ConfigError(
            f"shop.toml: [mappings.{name}]: {wrong}; {table} has {', '.join(TABLES[table].names)}."
        )
    expressions = {canonical: identifier(str(column)) for canonical, column in columns.items()}
    if table == "events" and "event" not in columns:
        sold, rated = {"quantity", "price"} & columns.keys(), "value" in columns
        expressions["event"] = "'purchase'" if sold else "'rate'" if rated else "'view_item'"
    return Dialect(
        name=name,
        title=f"The mapping {name} of shop.toml",
        signature=(frozenset(map(str, columns.values())),),
        table=table,
        columns=expressions,
    )


def detect(
    path: Path, header: Sequence[str], named: str | None, mappings: Mapping[str, Mapping[str, Any]]
) -> Dialect:
    """Find the dialect of a file with this header. A mapping goes before the built-in dialects.

    Raises DataError where none or more than one fits, or the file lacks columns of the one named.
    """
    own = {name: mapped(name, mapping) for name, mapping in mappings.items()}
    known = {**DIALECTS, **own}
    if named is not None:
        if named not in known:
            raise DataError(f"--dialect {named}: there is no such dialect; there are {', '.join(known)}.")
        if not known[named].match(header):
            raise DataError(f"{path}: {_lacking(known[named], header)}\n{_how_to_map(header)}")
        return known[named]
    return _best(path, header, own) or _best(path, header, DIALECTS) or _none_fits(path, header, known)


def _best(path: Path, header: Sequence[str], known: Mapping[str, Dialect]) -> Dialect | None:
    sizes = {name: size for name, dialect in known.items() if (size := dialect.match(header))}
    best = [name for name, size in sizes.items() if size == max(sizes.values())]
    if len(best) > 1:
        raise DataError(
            f"{path}: the columns fit more than one dialect ({', '.join(best)}); "
            f"say which: --dialect {best[0]}."
        )
    return known[best[0]] if best else None


def _none_fits(path: Path, header: Sequence[str], known: Mapping[str, Dialect]) -> Dialect:
    nearest = min(known.values(), key=lambda dialect: len(_missing(dialect, header)))
    raise DataError(
        f"{path}: its columns ({_listed(header)}) are of no dialect that merx knows. "
        f"{_lacking(nearest, header)}\n{_how_to_map(header)}"
    )


def _lacking(dialect: Dialect, header: Sequence[str]) -> str:
    missing = _missing(dialect, header)
    if missing:
        return f"The dialect {dialect.name} misses the columns {_listed(sorted(missing))}."
    barred = sorted(dialect.read_as(header).keys() & dialect.without)
    return f"The dialect {dialect.name} is for files without the columns {_listed(barred)}."


def _missing(dialect: Dialect, header: Sequence[str]) -> frozenset[str]:
    held = dialect.read_as(header).keys()
    return min((columns - held for columns in dialect.signature), key=len)


def _how_to_map(header: Sequence[str]) -> str:
    return (
        f"Say in shop.toml which of {_listed(header)} is which (`event` only where a column says it):\n"
        "[mappings.my_orders]\n"
        'table = "events"\n'
        'columns = { time = "...", user_id = "...", item_id = "...", quantity = "...", price = "..." }'
    )


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    return ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
