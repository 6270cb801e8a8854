"""What lines of events say in passing: how products are called, and what they cost on which day."""

from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from merx.data.schema import PRICES_TABLE, PRODUCTS_TABLE
from merx.ingest.checks import Reading, sql_type
from merx.ingest.identity import key, latest_products, parquet
from merx.ingest.sql import identifier, literal
from merx.ingest.values import number


def derive_products(
    connection: duckdb.DuckDBPyConnection, reading: Reading, before: Sequence[Path], out: Path
) -> int:
    """Write to `out` the products rows that the accepted lines add to the tables; how many.

    Per product and column the most frequent value counts, of equally frequent ones the first in order. It
    fills what the product's latest row (`before`: the parts of the products table) leaves empty; it never
    replaces what a catalogue said.
    """
    named = [field for field in PRODUCTS_TABLE if field.name in reading.about]
    if not named:
        return 0
    about = ", ".join(identifier("about_" + field.name) for field in named)
    connection.execute(
        f"CREATE OR REPLACE TABLE about AS {reading.relations()} "  # noqa: S608
        f"SELECT item_id, {about}, count(*) AS times FROM checked "
        "WHERE reason IS NULL AND item_id IS NOT NULL GROUP BY ALL"
    )
    said = "(SELECT DISTINCT item_id FROM about)"
    for field in named:
        said = f"({_most_frequent(said, field)})"
    latest = latest_products(before) if before else _none_of(PRODUCTS_TABLE)
    values = [
        f"coalesce(l.{column}, s.{identifier('said_' + field.name)}) AS {column}"
        if field in named
        else f"l.{column}"
        for field in PRODUCTS_TABLE
        if (column := identifier(field.name)) != '"item_id"'
    ]
    new = " OR ".join(
        f"l.{identifier(field.name)} IS NULL AND s.{identifier('said_' + field.name)} IS NOT NULL"
        for field in named
    )
    rows = (
        f"SELECT s.item_id, {', '.join(values)} "  # noqa: S608
        f"FROM {said} s LEFT JOIN ({latest}) l ON l.item_id = s.item_id WHERE {new}"
    )
    return _write(connection, PRODUCTS_TABLE, rows, "item_id", out)


def _most_frequent(said: str, field: pa.Field) -> str:
    """SQL: the relation `said` with one more column, the most frequent value of one column of `about`."""
    column = identifier("about_" + field.name)
    value = number(column, "VARCHAR", False) if pa.types.is_floating(field.type) else column
    return (
        f"SELECT said.*, best.{column} AS {identifier('said_' + field.name)} FROM {said} said LEFT JOIN ("  # noqa: S608
        f"SELECT item_id, {value} AS {column} FROM about WHERE {value} IS NOT NULL GROUP BY 1, 2 "
        f"QUALIFY row_number() OVER (PARTITION BY item_id ORDER BY sum(times) DESC, {value}) = 1"
        ") best ON best.item_id = said.item_id"
    )


def derive_prices(
    connection: duckdb.DuckDBPyConnection,
    new: Path,
    events: Sequence[Path],
    prices: Sequence[Path],
    out: Path,
) -> int:
    """Write to `out` the price changes that the purchases in `new` show; how many.

    A product's price of a day is the median over that day's order lines, of all parts (`events`) and the
    new one; a row is written where it differs from that of the product's previous day with orders. Days
    that the tables (`prices`) know are written again only where they now read differently.
    """
    sold = "event = 'purchase' AND price IS NOT NULL AND item_id IS NOT NULL"
    if prices:
        known = (
            "SELECT item_id, time, last(price ORDER BY place) AS price FROM ("  # noqa: S608
            + " UNION ALL ".join(
                f"SELECT item_id, time, price, {place} AS place FROM {parquet([path])} WHERE from_orders"  # noqa: S608
                for place, path in enumerate(prices)
            )
            + ") GROUP BY item_id, time"
        )
    else:
        known = _none_of(PRICES_TABLE)
    changes = (
        f"WITH touched AS (SELECT item_id, min(date_trunc('day', time)) AS since FROM {parquet([new])} "  # noqa: S608
        f"WHERE {sold} GROUP BY item_id), "
        f"known AS ({known}), "
        "daily AS (SELECT item_id, date_trunc('day', time) AS time, median(price) AS price "
        f"FROM {parquet([*events, new])} JOIN touched USING (item_id) WHERE {sold} AND time >= since "
        "GROUP BY ALL), "
        "earlier AS (SELECT item_id, arg_max(price, time) AS price FROM known JOIN touched USING (item_id) "
        "WHERE time < since GROUP BY item_id), "
        "steps AS (SELECT d.item_id, d.time, d.price, k.price AS known, "
        "coalesce(lag(d.price) OVER (PARTITION BY d.item_id ORDER BY d.time), e.price) AS before "
        "FROM daily d LEFT JOIN earlier e ON e.item_id = d.item_id "
        "LEFT JOIN known k ON k.item_id = d.item_id AND k.time = d.time) "
        "SELECT item_id, CAST(time AS TIMESTAMP) AS time, price, CAST(NULL AS DOUBLE) AS cost, "
        "CAST(NULL AS BOOLEAN) AS promotion, CAST(NULL AS VARCHAR) AS competitor, true AS from_orders "
        "FROM steps WHERE (known IS NOT NULL OR before IS NULL OR before <> price) "
        "AND known IS DISTINCT FROM price"
    )
    return _write(connection, PRICES_TABLE, changes, "item_id, time", out)


def _write(connection: duckdb.DuckDBPyConnection, schema: pa.Schema, rows: str, order: str, out: Path) -> int:
    copied = connection.execute(
        f"COPY (SELECT *, {key(schema)} AS key FROM ({rows}) ORDER BY {order}) "  # noqa: S608
        f"TO {literal(str(out))} (FORMAT parquet, COMPRESSION zstd)"
    ).fetchone()
    assert copied is not None
    return int(copied[0])


def _none_of(schema: pa.Schema) -> str:
    columns = ", ".join(
        f"CAST(NULL AS {sql_type(field.type)}) AS {identifier(field.name)}" for field in schema
    )
    return f"SELECT {columns} WHERE false"
