"""An engine on tables of a few rows."""

import pytest

from merx.store.duckdb_engine import DuckDBEngine

from .rows import tables_of


@pytest.fixture
def engine_on():
    """Opens an engine on tables made of lists of dicts, and closes it after the test."""
    engines = []

    def opened(tmp_path, **rows):
        engines.append(DuckDBEngine(*tables_of(tmp_path, **rows)))
        return engines[-1]

    yield opened
    for engine in engines:
        engine.close()
