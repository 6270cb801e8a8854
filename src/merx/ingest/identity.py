"""What makes two lines the same, and which lines of a file the tables hold already."""

from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from merx.data.schema import ADDED
from merx.ingest.sql import identifier, literal

_SEPARATOR, _NULL = "chr(31)", "chr(30)"


def key(schema: pa.Schema) -> str:
    """SQL over a canonical row (and `_part`): 128 bits, equal for equal rows in any format and run.

    It hashes the given event id where there is one (with the line's place, from the second on, where one
    event gives several lines), otherwise all values.
    """
    # `event_id` is null where all values are hashed, so it is left out.
    written = ", ".join(
        f"coalesce({_written(field)}, {_NULL})" for field in schema if field.name != "event_id"
    )
    every = _hash(f"concat_ws({_SEPARATOR}, {written})")
    if "event_id" not in schema.names:
        return every
    place = "CASE WHEN _part > 1 THEN chr(31) || CAST(_part AS VARCHAR) ELSE '' END"
    by_id = _hash(f"'id' || {_SEPARATOR} || event_id || {place}")
    return f"CASE WHEN event_id IS NULL THEN {every} ELSE {by_id} END"


def _hash(text: str) -> str:
    """MD5 of a text as a UUID; its bytes stand in reverse, which spares the detour over hex digits."""
    return f"CAST(md5_number({text}) AS UUID)"


def _written(field: pa.Field) -> str:
    column = identifier(field.name)
    if pa.types.is_timestamp(field.type):
        return f"CAST(epoch_us({column}) AS VARCHAR)"
    return column if pa.types.is_string(field.type) else f"CAST({column} AS VARCHAR)"


def parquet(paths: Sequence[Path], numbered: bool = False) -> str:
    """SQL of the relation that some Parquet files hold."""
    listed = ", ".join(literal(str(path)) for path in paths)
    return f"read_parquet([{listed}]{', file_row_number = true' if numbered else ''})"


def find_duplicates(
    connection: duckdb.DuckDBPyConnection, table: str, new: Path, before: Sequence[Path]
) -> tuple[int, str]:
    """Put the rows of `new` that are nothing new into the table `dropped` (their `file_row_number`).

    Returns how many, and the rule in words. Rules:

    - events with an id: the first one counts, in the file or in the tables;
    - events without: what the tables hold m times, the first m of the file are;
    - products: a line that equals the product's latest state, or that a later line of the file replaces;
    - prices, stock, relations: equal rows, in the file or in the tables.
    """
    query, rule = {"events": _events, "products": _products}.get(table, _states)(connection, new, before)
    connection.execute("DROP TABLE IF EXISTS dropped")
    connection.execute(f"CREATE TABLE dropped AS {query}")
    count = connection.execute("SELECT count(*) FROM dropped").fetchone()
    assert count is not None
    return int(count[0]), rule


def _events(connection: duckdb.DuckDBPyConnection, new: Path, before: Sequence[Path]) -> tuple[str, str]:
    span = connection.execute(
        f"SELECT min(time), max(time), count(event_id), count(*) FROM {parquet([new])}"  # noqa: S608
    ).fetchone()
    assert span is not None
    first, last, with_id, rows = span
    if not before or not rows:
        known = "SELECT NULL::UUID AS key, NULL::BIGINT AS times WHERE false"
    else:
        same_time = f"time BETWEEN TIMESTAMP {literal(str(first))} AND TIMESTAMP {literal(str(last))}"
        wanted = f"event_id IS NOT NULL OR {same_time}" if with_id else f"event_id IS NULL AND {same_time}"
        known = (
            f"SELECT key, count(*) AS times FROM {parquet(before)} WHERE ({wanted}) "  # noqa: S608
            f"AND key IN (SELECT key FROM {parquet([new])}) GROUP BY key"
        )
    connection.execute(f"CREATE OR REPLACE TABLE known AS {known}")
    held = connection.execute("SELECT count(*) FROM known").fetchone()
    repeated = (
        connection.execute(
            f"SELECT count(*) - count(DISTINCT key) FROM {parquet([new])} WHERE event_id IS NOT NULL"  # noqa: S608
        ).fetchone()
        if with_id
        else (0,)
    )
    assert held is not None and repeated is not None
    rule = (
        "by event_id"
        if rows and with_id == rows
        else "by all values"
        if not with_id
        else "by event_id, else by all values"
    )
    if not held[0] and not repeated[0]:
        return "SELECT 0::BIGINT AS place WHERE false", rule
    candidates = ["key IN (SELECT key FROM known)", *(["event_id IS NOT NULL"] if repeated[0] else [])]
    return (
        "SELECT place FROM (SELECT file_row_number AS place, key, event_id, "  # noqa: S608
        "row_number() OVER (PARTITION BY key ORDER BY file_row_number) AS nth "
        f"FROM {parquet([new], numbered=True)} WHERE {' OR '.join(candidates)}) LEFT JOIN known USING (key) "
        "WHERE CASE WHEN event_id IS NULL THEN nth <= times ELSE times IS NOT NULL OR nth > 1 END"
    ), rule


def _products(connection: duckdb.DuckDBPyConnection, new: Path, before: Sequence[Path]) -> tuple[str, str]:
    latest = (
        f"({latest_products(before)})"
        if before
        else "(SELECT NULL AS item_id, NULL::UUID AS key WHERE false)"
    )
    return (
        "SELECT place FROM (SELECT file_row_number AS place, item_id, key, "  # noqa: S608
        "row_number() OVER (PARTITION BY item_id ORDER BY file_row_number DESC) AS nth "
        f"FROM {parquet([new], numbered=True)}) n LEFT JOIN {latest} l USING (item_id) "
        "WHERE nth > 1 OR n.key = l.key"
    ), "by product: equal to its latest state, or replaced by a later line"


def _states(connection: duckdb.DuckDBPyConnection, new: Path, before: Sequence[Path]) -> tuple[str, str]:
    known = f"SELECT key FROM {parquet(before)}" if before else "SELECT NULL::UUID AS key WHERE false"  # noqa: S608
    return (
        "SELECT place FROM (SELECT file_row_number AS place, key, "  # noqa: S608
        "row_number() OVER (PARTITION BY key ORDER BY file_row_number) AS nth "
        f"FROM {parquet([new], numbered=True)}) WHERE nth > 1 OR key IN ({known})"
    ), "by all values"


def latest_products(paths: Sequence[Path]) -> str:
    """SQL: the latest row of each product over parts in order of ingestion."""
    parts = " UNION ALL BY NAME ".join(
        f"SELECT *, {place} AS _part_place FROM {parquet([path], numbered=True)}"  # noqa: S608
        for place, path in enumerate(paths)
    )
    added = ", ".join(f"CAST(NULL AS {kind}) AS {name}" for name, kind in ADDED.items())
    parts += f" UNION ALL BY NAME SELECT {added} WHERE false"
    return (
        f"SELECT * EXCLUDE (_part_place, file_row_number) FROM ({parts}) "  # noqa: S608
        "QUALIFY row_number() OVER (PARTITION BY item_id ORDER BY _part_place DESC, file_row_number DESC) = 1"
    )
