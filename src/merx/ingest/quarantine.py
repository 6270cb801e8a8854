"""Rejected lines: where they stand in the file, and the copy of them that can be mended."""

import csv
import io
import os
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from merx.ingest.preflight import Preflight
from merx.ingest.raw import QUARANTINE_COLUMNS, REJECTS, Raw
from merx.ingest.records import blocks, read_chunks
from merx.ingest.report import Example
from merx.ingest.sources import Source
from merx.ingest.sql import identifier, literal

MOST_REASONS = 30  # the rest are counted together in the report; the rejected file names each

_MISREAD = {
    "MISSING COLUMNS": "fewer cells than the header",
    "TOO MANY COLUMNS": "more cells than the header",
    "UNQUOTED VALUE": "text after a closing quote",
    "LINE SIZE OVER MAXIMUM": "line too long",
    "INVALID ENCODING": "not UTF-8",
}


@dataclass(frozen=True)
class Unread:
    """A record that the CSV reader could not read: its first byte (from 0), why, its text."""

    place: int
    reason: str
    text: str


def misread(connection: duckdb.DuckDBPyConnection) -> list[Unread]:
    """What the CSV reader put aside, in the file's order."""
    held = connection.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE table_name = ?", [REJECTS]
    ).fetchone()
    if held is None or not held[0]:
        return []
    found = connection.execute(
        "SELECT line_byte_position - 1, first(CAST(error_type AS VARCHAR)), first(csv_line) "  # noqa: S608
        f"FROM {REJECTS} GROUP BY line_byte_position ORDER BY line_byte_position"
    ).fetchall()
    return [Unread(place, _MISREAD.get(kind, kind.lower()), line or "") for place, kind, line in found]


def unclosed(source: Source, found: Preflight) -> list[Unread]:
    """The last record, where its quote never closes: the reader would drop it without a word."""
    if found.unclosed is None:
        return []
    place, left = found.unclosed[0], found.unclosed[0]
    text = b""
    for chunk in read_chunks(source.path, source.gzipped):
        text += chunk[max(left, 0) :]
        left -= len(chunk)
    return [Unread(place, "a quote that is not closed", text.decode("utf-8"))]


def quarantine(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    found: Preflight,
    raw: Raw,
    unread: list[Unread],
    path: Path,
) -> tuple[dict[str, int], dict[str, tuple[Example, ...]]]:
    """Write the rejected lines of a source to `path`; give the reasons with their counts and examples.

    The table `rejected` (`_row`, `reason`, `value`) holds the lines that could be read. The file appears
    whole or not at all.
    """
    columns = [name for name in raw.columns if name != "_not_json"]
    if "_not_json" in raw.columns:
        columns.append("_not_json")
    _number_lines(connection, source, found, raw, unread)
    texts = ", ".join(f"CAST(s.{identifier(name)} AS VARCHAR) AS {identifier(name)}" for name in columns)
    front = ", ".join(map(identifier, QUARANTINE_COLUMNS))
    connection.execute(
        "CREATE TABLE quarantined AS "  # noqa: S608
        f"SELECT {literal(source.name)} AS file, l.line, r.reason, r.value, {texts} FROM ({raw.query}) s "
        "JOIN (SELECT DISTINCT ON (_row) * FROM rejected ORDER BY _row, _part) r USING (_row) "
        "JOIN line_of l USING (_row)"
    )
    if unread:
        _add_unread(connection, source, found, columns, unread)
    listed = ", ".join(map(identifier, columns))
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".new")
    connection.execute(
        f"COPY (SELECT {front}, {listed} FROM quarantined ORDER BY line) TO {literal(str(part))} "  # noqa: S608
        "(FORMAT csv, HEADER true, DELIMITER ',')"
    )
    os.replace(part, path)
    return _reasons(connection)


def _number_lines(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    found: Preflight,
    raw: Raw,
    unread: list[Unread],
) -> None:
    """Make the tables `line_of` (`_row` -> line) and `line_of_unread` (place in `unread` -> line)."""
    rows = connection.execute("SELECT DISTINCT _row FROM rejected ORDER BY _row").fetchnumpy()["_row"]
    rows = np.asarray(rows, dtype=np.int64)
    places = np.array([each.place for each in unread], dtype=np.int64)
    lines, unread_lines = rows, places
    if found.shape is not None:
        lines, unread_lines = _lines(source, found, raw, rows, places)
        if found.unclosed is not None:
            unread_lines[-1] = found.unclosed[1]
    for name, keys, values in (
        ("line_of", rows, lines),
        ("line_of_unread", np.arange(len(places)), unread_lines),
    ):
        arrow = pa.table({"_row": pa.array(keys, pa.int64()), "line": pa.array(values, pa.int64())})
        connection.register("numbered", arrow)
        connection.execute(f"CREATE TABLE {name} AS SELECT * FROM numbered")  # noqa: S608
        connection.unregister("numbered")


def _lines(
    source: Source,
    found: Preflight,
    raw: Raw,
    rows: npt.NDArray[np.int64],
    places: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Physical lines of the `rows`-th readable records (from 1), and of the records at byte `places`."""
    assert found.shape is not None
    lines, unread_lines = np.zeros_like(rows), np.zeros_like(places)
    header = source.format == "csv"
    done, passed = 0, -1  # readable records so far; where the last of all starts
    for block in blocks(source.path, read_chunks(raw.path, raw.gzipped), found.shape):
        starts, numbers = (block.starts[1:], block.lines[1:]) if header else (block.starts, block.lines)
        header = False
        if not len(starts):
            continue
        # The reader may count blank lines before a record to it: the first start at or after the place.
        here = (places > passed) & (places <= starts[-1])
        passed = starts[-1]
        at = np.searchsorted(starts, places[here])
        unread_lines[here] = numbers[at]
        good = np.delete(numbers, at)
        within = (rows > done) & (rows <= done + len(good))
        lines[within] = good[rows[within] - done - 1]
        done += len(good)
    return lines, unread_lines


def _add_unread(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    found: Preflight,
    columns: list[str],
    unread: list[Unread],
) -> None:
    """Put the cells of unreadable records under the columns by their order; what is too much is joined."""
    assert found.shape is not None
    delimiter = found.shape.delimiter.decode()
    front = len(found.header) - len(columns) if found.header else 0
    cells: list[list[str | None]] = []
    for text in (each.text for each in unread):
        row = next(csv.reader(io.StringIO(text.lstrip("\r\n"), newline=""), delimiter=delimiter), [])[front:]
        if len(row) > len(columns):
            row = [*row[: len(columns) - 1], delimiter.join(row[len(columns) - 1 :])]
        cells.append([*row, *[None] * (len(columns) - len(row))])
    arrow = pa.table(
        {
            "_row": pa.array(range(len(unread)), pa.int64()),
            "reason": pa.array([each.reason for each in unread], pa.string()),
            "value": pa.array([each.text.strip()[:200] for each in unread], pa.string()),
            **{f"c{n}": pa.array([row[n] for row in cells], pa.string()) for n in range(len(columns))},
        }
    )
    connection.register("unread", arrow)
    listed = ", ".join(f"u.c{n}" for n in range(len(columns)))
    connection.execute(
        f"INSERT INTO quarantined SELECT {literal(source.name)}, l.line, u.reason, u.value, {listed} "  # noqa: S608
        "FROM unread u JOIN line_of_unread l USING (_row)"
    )
    connection.unregister("unread")


def _reasons(
    connection: duckdb.DuckDBPyConnection,
) -> tuple[dict[str, int], dict[str, tuple[Example, ...]]]:
    every = (
        "(SELECT reason, line, value FROM rejected JOIN line_of USING (_row) UNION ALL "
        "SELECT reason, line, value FROM quarantined WHERE NOT EXISTS "
        "(SELECT 1 FROM line_of WHERE line_of.line = quarantined.line))"
    )
    counted = connection.execute(
        f"SELECT reason, count(*), min(line) FROM {every} GROUP BY reason ORDER BY 2 DESC, 1"  # noqa: S608
    ).fetchall()
    reasons = {reason: count for reason, count, _ in counted[:MOST_REASONS]}
    if len(counted) > MOST_REASONS:
        reasons["other reasons"] = sum(count for _, count, _ in counted[MOST_REASONS:])
    found = connection.execute(
        f"SELECT reason, line, value FROM {every} WHERE list_contains(?, reason) "  # noqa: S608
        "QUALIFY row_number() OVER (PARTITION BY reason ORDER BY line) <= 3 ORDER BY line",
        [list(reasons)],
    ).fetchall()
    examples: dict[str, tuple[Example, ...]] = {}
    for reason, line, value in found:
        examples[reason] = (*examples.get(reason, ()), Example(line, value or ""))
    return reasons, examples
