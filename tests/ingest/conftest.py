import hashlib
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from merx.data.schema import TABLES
from merx.store.duckdb_engine import DuckDBEngine
from merx.store.tables import Part, Snapshot, Tables
from tests.ingest.shops import Open, Shop, clean_shop
from tests.ingest.world import World


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


@pytest.fixture
def open_shop(tmp_path: Path) -> Iterator[Open]:
    engines: list[DuckDBEngine] = []

    def write(shop: Shop) -> DuckDBEngine:
        tables = Tables(tmp_path / f"tables{len(engines)}")
        with tables.writing() as scratch:
            parts = {}
            for name, rows in shop.items():
                path = scratch / f"{name}.parquet"
                pq.write_table(pa.Table.from_pylist(rows, TABLES[name]), path)
                digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
                parts[Part(name, f"{digest}.parquet", len(rows))] = path
            tables.commit(Snapshot(tuple(parts)), parts)
        engines.append(DuckDBEngine(tables, tables.current()))
        return engines[-1]

    yield write
    for engine in engines:
        engine.close()


@pytest.fixture(scope="module")
def clean() -> Shop:
    return clean_shop()
