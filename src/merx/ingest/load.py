"""From files to the canonical tables: each file wholly or not at all, each line accounted for."""

import errno
import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb

from merx.data.contracts import Progress
from merx.errors import DataError
from merx.ingest import forms
from merx.ingest.checks import Reading, read_as
from merx.ingest.derive import derive_prices, derive_products
from merx.ingest.detect import detect
from merx.ingest.identity import find_duplicates, key, parquet
from merx.ingest.preflight import Preflight, delimiter_name, inspect
from merx.ingest.quarantine import Unread, misread, quarantine, unclosed
from merx.ingest.raw import REJECTS, SCANS, open_raw
from merx.ingest.report import FileReport, IngestReport
from merx.ingest.sources import Source, find_sources
from merx.ingest.sql import literal
from merx.store.tables import Part, Snapshot, Tables

MEMORY = 2 << 30  # bytes at most for DuckDB; the rest goes to the scratch folder
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
STEPS = ("checking", "reading", "comparing", "writing")


def ingest(
    tables: Tables,
    rejected: Path,
    sources: Sequence[str | Path],
    *,
    dialect: str | None = None,
    mappings: Mapping[str, Mapping[str, Any]] | None = None,
    progress: Progress | None = None,
) -> IngestReport:
    """Read files into the shop's tables.

    Parameters
    ----------
    tables : Tables
    rejected : Path
        The folder that rejected lines are written to, one file a source.
    sources : files, globs or folders of CSV, Parquet or JSON lines, plain or (the texts) gzipped
    dialect : str, optional
        How to read them; by default told by each file's columns.
    mappings : mapping of name -> {"table": str, "columns": {canonical: column of the file}}, optional
        Dialects of the shop's own.
    progress : callable of (text, done, total), optional
        Told before each step; `total` is the number of steps of all files.

    Each file is committed by itself. Raises DataError at the first file that cannot be read; the files
    before it are in.
    """
    found = find_sources(sources, apart=(tables.folder, rejected))
    reports: list[FileReport] = []
    with tables.writing() as scratch:
        for place, source in enumerate(found):

            def step(number: int, place: int = place, source: Source = source) -> None:
                if progress is not None:
                    done = place * len(STEPS) + number
                    progress(f"{source.name}: {STEPS[number]}", done, len(found) * len(STEPS))

            try:
                reports.append(_file(tables, rejected, scratch, source, dialect, mappings or {}, step))
            except DataError as error:
                raise DataError(f"{error}{_before(reports)}") from error
            except (duckdb.Error, OSError) as error:
                raise DataError(f"{source.path}: {_plain(error)}{_before(reports)}") from error
    return IngestReport(tuple(reports), tables.current().fingerprint)


def _file(
    tables: Tables,
    rejected: Path,
    scratch: Path,
    source: Source,
    dialect: str | None,
    mappings: Mapping[str, Mapping[str, Any]],
    step: Callable[[int], None],
) -> FileReport:
    step(0)
    found = inspect(source)
    database = scratch / "ingest.duckdb"
    connection = _connect(database, scratch)
    try:
        raw = open_raw(connection, source, found, scratch)
        header = tuple(name for name in raw.columns if name != "_not_json")
        chosen = detect(source.path, header, dialect, mappings)
        before = tables.current()
        if known := _read_before(before, found, chosen.name) if chosen.name not in mappings else None:
            return _nothing_new(source, known)
        step(1)
        reading = read_as(connection, raw, chosen)
        new = scratch / "new.parquet"
        accepted, refused, unread, read = _sift(connection, source, reading, found, new)
        if refused:
            other = replace(reading, forms=forms.reconsider(connection, reading.as_given(), reading.forms))
            if other != reading:
                reading = other
                accepted, refused, unread, read = _sift(connection, source, reading, found, new)
        step(2)
        duplicates, rule = find_duplicates(connection, chosen.table, new, tables.paths(before, chosen.table))
        if duplicates:
            new = _without(connection, new, scratch / "kept.parquet")
        step(3)
        derived = {}
        if chosen.table == "events" and accepted > duplicates:
            derived = _derived(connection, tables, before, reading, new, scratch)
        path = rejected / f"{source.path.stem}-{found.sha256[:8]}.csv"
        reasons, examples = (
            quarantine(connection, source, found, raw, unread, path) if refused or unread else ({}, {})
        )
        notes = [*_cut(found), *forms.notes(connection, reading.forms, new)]
        if renamed := reading.renamed_events(connection):
            notes.append(f"names of events read as others, in the first lines: {', '.join(renamed)}")
        notes.append(f"duplicates told {rule}: {duplicates:,} lines")
        notes += [
            f"{table} learned from the lines: {rows:,} rows" for table, (_, rows) in derived.items() if rows
        ]
        report = FileReport(
            path=str(source.path),
            sha256=found.sha256,
            format=source.format,
            dialect=chosen.name,
            table=chosen.table,
            read=read,
            accepted=accepted - duplicates,
            rejected=refused + len(unread),
            duplicates=duplicates,
            reasons=reasons,
            examples=examples,
            notes=tuple(notes),
            rejected_file=str(path) if reasons else None,
        )
        parts = {chosen.table: (new, report.accepted), **derived}
        _commit(tables, before, report, parts)
        return report
    finally:
        connection.close()
        for leftover in scratch.glob("ingest.duckdb*"):
            if leftover.is_file():
                leftover.unlink()


def _sift(
    connection: duckdb.DuckDBPyConnection, source: Source, reading: Reading, found: Preflight, new: Path
) -> tuple[int, int, list[Unread], int]:
    """Write the good rows with their keys to `new`, the others to the table `rejected`.

    Returns accepted, rejected, the records that could not be read, and how many lines there were.
    """
    one_to_one = reading.dialect.lines == "SELECT * FROM raw"
    # The reader keeps the file's order; what a dialect does to make lines of records may not.
    order = "" if one_to_one else " ORDER BY _row, _part"
    rows = f"SELECT {reading.accepted()}, _part FROM checked WHERE reason IS NULL{order}"  # noqa: S608
    copied = connection.execute(
        f"COPY ({reading.relations()} SELECT * EXCLUDE (_part), {key(reading.schema)} AS key FROM ({rows})) "  # noqa: S608
        f"TO {literal(str(new))} (FORMAT parquet, COMPRESSION zstd)"
    ).fetchone()
    assert copied is not None
    accepted = int(copied[0])
    connection.execute("DROP TABLE IF EXISTS rejected")
    if one_to_one and accepted == found.records:
        connection.execute("CREATE TABLE rejected (_row BIGINT, _part BIGINT, reason VARCHAR, value VARCHAR)")
        return accepted, 0, [], accepted
    for table in (REJECTS, SCANS):
        connection.execute(f"DROP TABLE IF EXISTS {table}")
    connection.execute(
        f"CREATE TABLE rejected AS {reading.relations(storing=True)} "  # noqa: S608
        "SELECT _row, CAST(_part AS BIGINT) AS _part, reason, "
        f"CAST({reading.offending()} AS VARCHAR) AS value FROM checked WHERE reason IS NOT NULL"
    )
    unread = [*misread(connection), *unclosed(source, found)]
    if one_to_one and found.regular:
        read = found.records
    else:
        counted = f"{reading.relations()} SELECT count(*) FROM lines"  # noqa: S608
        read = _count(connection, counted) + len(unread)
    if not one_to_one:
        read += _lineless(connection, reading)
    return accepted, _count(connection, "SELECT count(*) FROM rejected"), unread, read


def _lineless(connection: duckdb.DuckDBPyConnection, reading: Reading) -> int:
    """Reject the records of which the dialect makes no line at all; how many they are."""
    added = connection.execute(
        f"INSERT INTO rejected {reading.relations()} "  # noqa: S608
        "SELECT _row, 1, 'the record names nothing that can be a line', NULL FROM source "
        "WHERE _row NOT IN (SELECT _row FROM lines)"
    ).fetchone()
    return int(added[0]) if added else 0


def _without(connection: duckdb.DuckDBPyConnection, new: Path, kept: Path) -> Path:
    connection.execute(
        f"COPY (SELECT * EXCLUDE (file_row_number) FROM {parquet([new], numbered=True)} "  # noqa: S608
        "WHERE file_row_number NOT IN (SELECT place FROM dropped) ORDER BY file_row_number) "
        f"TO {literal(str(kept))} (FORMAT parquet, COMPRESSION zstd)"
    )
    return kept


def _derived(
    connection: duckdb.DuckDBPyConnection,
    tables: Tables,
    before: Snapshot,
    reading: Reading,
    new: Path,
    scratch: Path,
) -> dict[str, tuple[Path, int]]:
    """What the events say about products and prices, as parts of these tables."""
    products, prices = scratch / "products.parquet", scratch / "prices.parquet"
    known = {table: tables.paths(before, table) for table in ("events", "products", "prices")}
    return {
        "products": (products, derive_products(connection, reading, known["products"], products)),
        "prices": (prices, derive_prices(connection, new, known["events"], known["prices"], prices)),
    }


def _commit(
    tables: Tables, before: Snapshot, report: FileReport, new: Mapping[str, tuple[Path, int]]
) -> None:
    """Make the new rows part of the tables; a content that was read before stays one source."""
    parts: dict[Part, Path] = {}
    for table, (path, rows) in new.items():
        if rows:
            with open(path, "rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            parts[Part(table, f"{digest[:16]}.parquet", rows)] = path
    known = any(source["sha256"] == report.sha256 for source in before.sources)
    sources = before.sources if known else (*before.sources, report.to_dict())
    if parts or not known:
        tables.commit(Snapshot((*before.parts, *parts), sources), parts)


def _read_before(before: Snapshot, found: Preflight, dialect: str) -> Mapping[str, Any] | None:
    same = (known for known in before.sources if known["sha256"] == found.sha256)
    return next((known for known in same if known["dialect"] == dialect), None)


def _nothing_new(source: Source, known: Mapping[str, Any]) -> FileReport:
    read = int(known["read"])
    return FileReport(
        path=str(source.path),
        sha256=str(known["sha256"]),
        format=source.format,
        dialect=str(known["dialect"]),
        table=str(known["table"]),
        read=read,
        accepted=0,
        rejected=0,
        duplicates=read,
        notes=(f"the same content was ingested before, from {known['path']}",),
    )


def _cut(found: Preflight) -> list[str]:
    """Notes on how the text was cut into cells."""
    notes = []
    if found.shape is not None and found.header:
        notes.append(f"delimiter: {delimiter_name(found.shape)}")
    if not found.line_end:
        notes.append("line ends were mixed; a carriage return within a line was read as a blank")
    return notes


def _connect(database: Path, scratch: Path) -> duckdb.DuckDBPyConnection:
    memory = min(MEMORY, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * 2 // 5)
    spill = scratch / "spill"
    spill.mkdir(exist_ok=True)
    connection = duckdb.connect(
        str(database),
        config={
            "memory_limit": f"{memory // (1 << 20)}MiB",
            "temp_directory": str(spill),
            "autoinstall_known_extensions": "false",
            "TimeZone": "UTC",
            # It would make a join of each `IN (...)` of more than a few words.
            "disabled_optimizers": "in_clause",
        },
    )
    connection.execute("SET enable_progress_bar = false")
    return connection


def _count(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def _before(reports: Sequence[FileReport]) -> str:
    if not reports:
        return ""
    return f" The {len(reports)} file(s) before it are in; ingest the rest once it is mended."


def _plain(error: Exception) -> str:
    text = str(error).splitlines()[0]
    if (
        (isinstance(error, OSError) and error.errno in _FULL)
        or "No space left" in text
        or "File too large" in text
    ):
        return (
            "no space left on the disk of the shop's tables; they are as before. Free some and ingest again."
        )
    return f"it could not be ingested ({text}). The tables are as before."
