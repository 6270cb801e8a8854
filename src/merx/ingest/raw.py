"""The relation `raw` over one file: its records as the dialect's SQL sees them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from merx.errors import DataError
from merx.ingest.dialect import Dialect, folded
from merx.ingest.preflight import Preflight
from merx.ingest.records import MAX_RECORD, even_line_ends, first_bytes, read_chunks
from merx.ingest.sources import Source
from merx.ingest.sql import identifier, literal

QUARANTINE_COLUMNS = ("file", "line", "reason")  # what a rejected file has before the source's own columns
REJECTS, SCANS = "misread", "misread_scans"  # where the CSV reader puts the records that it cannot read


@dataclass(frozen=True)
class Raw:
    """One file as a relation.

    Parameters
    ----------
    path, gzipped : Path, bool
        What is read: a link to the file, or a copy of it with even line ends and without an unclosed record.
    columns : mapping of column -> DuckDB type
        As the file names them, without those that a rejected file has in front.
    query : str
        Gives `columns` and `_row`, the record's place among those that could be read, from 1.
    storing : str
        The same; what cannot be read is also put into the table `misread`.
    """

    path: Path
    gzipped: bool
    columns: Mapping[str, str]
    query: str
    storing: str


def open_raw(connection: duckdb.DuckDBPyConnection, source: Source, found: Preflight, scratch: Path) -> Raw:
    """Make a source readable in SQL.

    The file is reached through a link of a plain name, since a name like `a[1].csv` is a pattern to the
    reader.
    """
    mended = not found.line_end or found.unclosed is not None
    gzipped = source.gzipped and not mended
    suffix = ".parquet" if source.format == "parquet" else ".csv"
    path = scratch / f"source{suffix}{'.gz' if gzipped else ''}"
    path.unlink(missing_ok=True)
    if mended:
        chunks = read_chunks(source.path, source.gzipped)
        if found.unclosed is not None:
            chunks = first_bytes(chunks, found.unclosed[0])
        with open(path, "wb") as file:
            file.writelines(chunks if found.line_end else even_line_ends(chunks))
    else:
        path.symlink_to(source.path.resolve())
    if source.format == "parquet":
        return _parquet(connection, source, path)
    text = _Text(path, gzipped, found)
    return _csv(text) if source.format == "csv" else _json_lines(connection, source, text)


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


@dataclass(frozen=True)
class _Text:
    """A text file for the CSV reader."""

    path: Path
    gzipped: bool
    found: Preflight

    def reading(self, names: Sequence[str], storing: bool) -> str:
        """SQL of the relation of its records; with `storing`, unreadable ones go to the table `misread`."""
        shape = self.found.shape
        assert shape is not None
        types = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
        newline = {"\r": "\\r", "\r\n": "\\r\\n"}.get(self.found.line_end, "\\n")
        # A parallel reader may begin within a quoted cell.
        parallel = self.found.regular and not self.found.spans and not self.gzipped
        quote = '"' if shape.quoted else ""
        options = {
            "auto_detect": "false",
            "columns": f"{{{types}}}",
            "header": "true" if shape.quoted else "false",
            "delim": literal(shape.delimiter.decode()),
            "quote": literal(quote),
            "escape": literal(quote),
            "new_line": literal(newline),
            "skip": str(self.found.leading),
            "max_line_size": str(MAX_RECORD + 1),
            "compression": literal("gzip" if self.gzipped else "none"),
            "parallel": "true" if parallel else "false",
        }
        if storing:
            options |= {
                "store_rejects": "true",
                "rejects_table": literal(REJECTS),
                "rejects_scan": literal(SCANS),
                "rejects_limit": "0",
                "rejects_line_size_limit": str(MAX_RECORD),
            }
        else:
            options["ignore_errors"] = "true"
        listed = ", ".join(f"{name} = {value}" for name, value in options.items())
        return f"read_csv({literal(str(self.path))}, {listed})"


def _csv(text: _Text) -> Raw:
    columns = _own_columns(dict.fromkeys(text.found.header, "VARCHAR"))

    def query(storing: bool) -> str:
        listed = ", ".join(map(identifier, columns))
        reading = text.reading(text.found.header, storing)
        return f"SELECT {listed}, row_number() OVER () AS _row FROM {reading}"  # noqa: S608

    return Raw(text.path, text.gzipped, columns, query(False), query(True))


def _parquet(connection: duckdb.DuckDBPyConnection, source: Source, link: Path) -> Raw:
    # Statistics of the file say nothing of NaN; without `can_have_nan` they are taken to exclude it.
    options = "file_row_number = true, binary_as_string = true, can_have_nan = true"
    reading = f"read_parquet({literal(str(link))}, {options})"
    try:
        described = connection.execute(f"DESCRIBE SELECT * FROM {reading}").fetchall()  # noqa: S608
    except duckdb.Error as error:
        raise DataError(f"{source.path}: it cannot be read as Parquet ({error}).") from None
    columns = _own_columns({name: kind for name, kind, *_ in described if name != "file_row_number"})
    free = {name: f"{name}_2" if name.lower() == "_row" else name for name in columns}
    listed = ", ".join(f"{identifier(name)} AS {identifier(given)}" for name, given in free.items())
    columns = {free[name]: kind for name, kind in columns.items()}
    query = f"SELECT {listed}, file_row_number + 1 AS _row FROM {reading}"  # noqa: S608
    return Raw(link, False, columns, query, query)


def _json_lines(connection: duckdb.DuckDBPyConnection, source: Source, text: _Text) -> Raw:
    """Each line as text, then as one struct whose type covers all valid lines of the file."""

    def lines(storing: bool) -> str:
        reading = text.reading(("text",), storing)
        return f"(SELECT text, row_number() OVER () AS _row FROM {reading} WHERE text IS NOT NULL)"  # noqa: S608

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

    return Raw(text.path, text.gzipped, {**columns, "_not_json": "VARCHAR"}, query(False), query(True))
