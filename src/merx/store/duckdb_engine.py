"""The embedded engine: DuckDB over the Parquet parts of one snapshot."""

import re
import tempfile
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from merx.data.schema import ADDED, TABLES
from merx.errors import DataError
from merx.store.queries import QUERIES
from merx.store.tables import Snapshot, Tables


class DuckDBEngine:
    """Meets `merx.store.engine.Engine`.

    Parameters
    ----------
    tables : Tables
    snapshot : Snapshot
        The state to read; later ingests do not show.

    Raises
    ------
    DataError
        A part is missing or damaged.
    """

    def __init__(self, tables: Tables, snapshot: Snapshot) -> None:
        self._spill = tempfile.TemporaryDirectory(prefix="merx-")
        self._connection = duckdb.connect(
            config={
                "memory_limit": "2GB",
                "temp_directory": self._spill.name,
                "autoinstall_known_extensions": "false",
            }
        )
        try:
            self._make_views(tables, snapshot)
        except duckdb.Error as error:
            self.close()
            raise _unreadable(error) from error

    def _make_views(self, tables: Tables, snapshot: Snapshot) -> None:
        self._connection.execute("SET TimeZone = 'UTC'")
        for name, schema in TABLES.items():
            self._connection.execute(
                f"CREATE VIEW {name} AS {_relation(tables.paths(snapshot, name), schema)}"
            )

    def query(self, name: str, **params: Any) -> pa.Table:
        """The result of a named query, cast to its declared schema.

        Raises DataError where a part is missing or damaged.
        """
        query = QUERIES[name]
        sql = query.sql
        for param in query.params:
            sql = re.sub(rf":{param}\b", f"${param}", sql)
        try:
            result: pa.Table = self._connection.sql(sql, params=params).to_arrow_table()
        except duckdb.Error as error:
            raise _unreadable(error) from error
        return result.cast(query.schema)

    def close(self) -> None:
        """Give back memory and files."""
        self._connection.close()
        self._spill.cleanup()


def _unreadable(error: duckdb.Error) -> DataError:
    return DataError(f"the tables cannot be read ({str(error).splitlines()[0]}); restore them from a backup.")


def _relation(paths: list[Path], schema: pa.Schema) -> str:
    """SQL over the parts of one table, or an empty relation of its schema; `version` grows with each row."""
    columns = ", ".join(schema.names)
    if not paths:
        empty = ", ".join(f"CAST(NULL AS {_sql_type(field.type)}) AS {field.name}" for field in schema)
        return f"SELECT {empty}, CAST(0 AS BIGINT) AS version WHERE false"
    files = ", ".join("'" + str(path).replace("'", "''") + "'" for path in paths)
    parts = f"read_parquet([{files}], filename = true, file_row_number = true)"
    lacked = (name for name in schema.names if name in ADDED)
    if added := ", ".join(f"CAST(NULL AS {ADDED[name]}) AS {name}" for name in lacked):
        parts = (
            f"(SELECT * FROM {parts[:-1]}, union_by_name = true) "  # noqa: S608
            f"UNION ALL BY NAME SELECT {added} WHERE false)"
        )
    # a part's place in the snapshot, then the row's place in the part
    return (
        f"SELECT {columns}, list_position([{files}], filename) * 1099511627776 + file_row_number AS version "  # noqa: S608
        f"FROM {parts}"
    )


def _sql_type(kind: pa.DataType) -> str:
    if pa.types.is_timestamp(kind):
        return "TIMESTAMP"
    if pa.types.is_boolean(kind):
        return "BOOLEAN"
    return "DOUBLE" if pa.types.is_floating(kind) else "VARCHAR"
