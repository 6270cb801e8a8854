"""The relation `raw` over one file: its records as the dialect's SQL sees them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from merx.errors import DataError
from merx.ingest.dialect import Dialect, folded
from merx.ingest.preflight import Preflight
from merx.ingest.records import MAX_RECORD
from merx.ingest.sources import Source
from merx.ingest.sql import identifier, literal

QUARANTINE_COLUMNS = ("file", "line", "reason")  # what a rejected file has before the source's own columns
REJECTS, SCANS = "misread", "misread_scans"  # where the CSV reader puts the records that it cannot read


@dataclass(frozen=True)
class Raw:
    """One file as a relation.

    Parameters
    ----------
    columns : mapping of column -> DuckDB type
        As the file names them, without those that a rejected file has in front.
    query : str
        Gives `columns` and `_row`, the record's place among those that could be read, from 1.
    storing : str
        The same; what cannot be read is also put into the table `misread`.
    """

    columns: Mapping[str, str]
    query: str
    storing: str


def open_raw(connection: duckdb.DuckDBPyConnection, source: Source, found: Preflight, scratch: Path) -> Raw:
    """Make a source readable in SQL.

    The file is reached through a link of a plain name, since a name like `a[1].csv` is a pattern to the
    reader.
    """
    suffix = {"csv": ".csv", "jsonl": ".csv", "parquet": ".parquet"}[source.format]
    link = scratch / f"source{suffix}{'.gz' if source.gzipped else ''}"
    link.unlink(missing_ok=True)
    link.symlink_to(source.path.resolve())
    if source.format == "parquet":
        return _parquet(connection, source, link)
    if source.format == "jsonl":
        return _json_lines(connection, source, found, link)
    return _csv(source, found, link)


def view(raw: Raw, dialect: Dialect) -> str:
    """Columns renamed to what the dialect's SQL calls them; what the file lacks is null."""
    known = dialect.read_as(raw.columns)
    selected = [f"{identifier(column)} AS {identifier(name)}" for name, column in sorted(known.items())]
    selected += [
        f"CAST(NULL AS VARCHAR) AS {identifier(name)}" for name in sorted(dialect.names - known.keys())
    ]
    taken = {folded(name) for name in dialect.names | known.keys()}
    for column in raw.columns:
        if column not in known.values() and folded(column) not in taken and column != "_row":
            selected.append(identifier(column))
    return f"SELECT {', '.join(selected)}, _row FROM source"  # noqa: S608


def _own_columns(columns: Mapping[str, str]) -> dict[str, str]:
    names = tuple(columns)
    mended = tuple(name.lower() for name in names[:3]) == QUARANTINE_COLUMNS
    return {name: columns[name] for name in (names[3:] if mended else names)}


def _csv(source: Source, found: Preflight, link: Path) -> Raw:
    columns = _own_columns(dict.fromkeys(found.header, "VARCHAR"))
    assert found.shape is not None
    reading = _reader(source, found, link, found.header, found.shape.delimiter.decode(), '"')
    selected = f"SELECT {', '.join(map(identifier, columns))}, row_number() OVER () AS _row FROM "
    return Raw(columns, f"{selected}{reading(False)}", f"{selected}{reading(True)}")


def _reader(source: Source, found: Preflight, link: Path, names: tuple[str, ...], delimiter: str, quote: str):  # type: ignore[no-untyped-def]
    assert found.shape is not None
    types = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
    newline = ", new_line = '\\r'" if found.shape.newline == b"\r" else ""
    safe = found.regular and not found.spans and not source.gzipped

    def reading(storing: bool) -> str:
        problems = (
            f"store_rejects = true, rejects_table = '{REJECTS}', rejects_scan = '{SCANS}', rejects_limit = 0, "
            f"rejects_line_size_limit = {MAX_RECORD}"
            if storing
            else "ignore_errors = true"
        )
        return (
            f"read_csv({literal(str(link))}, auto_detect = false, columns = {{{types}}}, "
            f"header = {'true' if quote else 'false'}, delim = {literal(delimiter)}, quote = {literal(quote)}, "
            f"escape = {literal(quote)}{newline}, max_line_size = {MAX_RECORD + 1}, "
            f"compression = '{'gzip' if source.gzipped else 'none'}', parallel = {'true' if safe else 'false'}, "
            f"{problems})"
        )

    return reading


def _parquet(connection: duckdb.DuckDBPyConnection, source: Source, link: Path) -> Raw:
    reading = f"read_parquet({literal(str(link))}, file_row_number = true, binary_as_string = true)"
    try:
        described = connection.execute(f"DESCRIBE SELECT * FROM {reading}").fetchall()  # noqa: S608
    except duckdb.Error as error:
        raise DataError(f"{source.path}: it cannot be read as Parquet ({error}).") from None
    columns = _own_columns({name: kind for name, kind, *_ in described if name != "file_row_number"})
    query = f"SELECT {', '.join(map(identifier, columns))}, file_row_number + 1 AS _row FROM {reading}"  # noqa: S608
    return Raw(columns, query, query)


def _json_lines(connection: duckdb.DuckDBPyConnection, source: Source, found: Preflight, link: Path) -> Raw:
    """Each line as text, then as one struct whose type covers all valid lines of the file."""
    reading = _reader(source, found, link, ("text",), "\x1f", "")

    def lines(storing: bool) -> str:
        return f"(SELECT text, row_number() OVER () AS _row FROM {reading(storing)} WHERE text IS NOT NULL)"

    whole = "json_valid(text) AND json_type(text) = 'OBJECT'"
    structure = connection.execute(
        f"SELECT json_group_structure(CAST(text AS JSON)) FROM {lines(False)} WHERE {whole}"  # noqa: S608
    ).fetchone()
    if structure is None or structure[0] is None:
        raise DataError(f"{source.path}: no line of it is a JSON object; merx reads one object a line.")
    parsed = f"from_json(CASE WHEN {whole} THEN text END, {literal(structure[0])})"
    described = connection.execute(
        f"DESCRIBE SELECT unnest(o) FROM (SELECT {parsed} AS o FROM {lines(False)} LIMIT 0)"  # noqa: S608
    ).fetchall()
    columns = _own_columns({name: kind for name, kind, *_ in described})

    def query(storing: bool) -> str:
        fields = ", ".join(
            f"(o.{identifier(name)} ->> '$') AS {identifier(name)}"
            if kind == "JSON"
            else f"o.{identifier(name)}"
            for name, kind in columns.items()
        )
        return (
            f"SELECT {fields}, _row, CASE WHEN o IS NULL THEN text END AS _not_json "  # noqa: S608
            f"FROM (SELECT {parsed} AS o, text, _row FROM {lines(storing)})"
        )

    return Raw({**columns, "_not_json": "VARCHAR"}, query(False), query(True))
