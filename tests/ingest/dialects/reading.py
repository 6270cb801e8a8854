"""Reads a file the way a dialect says, without the casts and checks that follow."""

from dataclasses import dataclass
from pathlib import Path

import duckdb

from merx.ingest.dialect import Dialect
from merx.ingest.dialects import DIALECTS

Line = dict[str, str]


@dataclass(frozen=True)
class Read:
    """Lines as texts, nulls left out. A rejected one holds the reason only, under `reject`."""

    lines: list[Line]
    products: list[Line]


def header(path: Path) -> list[str]:
    with duckdb.connect() as connection:
        return _source(connection, path).columns


def read(name: str, path: Path) -> Read:
    dialect = DIALECTS[name]
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        _source(connection, path).create_view("source")
        connection.execute(f"CREATE VIEW raw AS {_raw(connection, dialect)}")
        connection.execute(f"CREATE TABLE lines AS {dialect.lines}")
        reason = "NULL"
        for why, predicate in reversed(dialect.reject.items()):
            reason = f"CASE WHEN {predicate} THEN '{why}' ELSE {reason} END"
        order = "_row, _part" if "_part" in connection.table("lines").columns else "_row"

        def texts(columns: dict[str, str]) -> list[Line]:
            selected = ", ".join(f"CAST(({sql}) AS VARCHAR) AS {column}" for column, sql in columns.items())
            rows = connection.execute(f"SELECT {selected} FROM lines ORDER BY {order}").fetchall()
            return [{c: v for c, v in zip(columns, row, strict=True) if v is not None} for row in rows]

        lines = texts({**dialect.columns, "reject": reason})
        products = texts(dict(dialect.products)) if dialect.products else []
    return Read(
        [{"reject": line["reject"]} if "reject" in line else line for line in lines],
        [product for product in products if product],
    )


def _source(connection: duckdb.DuckDBPyConnection, path: Path) -> duckdb.DuckDBPyRelation:
    if path.suffix == ".parquet":
        return connection.sql(f"SELECT * FROM read_parquet('{path}')")
    if path.suffix == ".jsonl":
        return connection.sql(
            f"SELECT * FROM read_json('{path}', format = 'newline_delimited', timestampformat = 'none')"
        )
    return connection.sql(f"SELECT * FROM read_csv('{path}', all_varchar = true, header = true)")


def _raw(connection: duckdb.DuckDBPyConnection, dialect: Dialect) -> str:
    found = dialect.read_as(connection.table("source").columns)
    selected = [
        f'"{found[name]}" AS "{name}"' if name in found else f'CAST(NULL AS VARCHAR) AS "{name}"'
        for name in dialect.names
    ]
    return f"SELECT row_number() OVER () AS _row, {', '.join(selected)} FROM source"
