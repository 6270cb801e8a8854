from collections.abc import Callable
from pathlib import Path

import duckdb

from tests.ingest.dialects.reading import Read, read

Example = Callable[[str], Path]

ORDER = {
    "time": "1704449472000001",
    "event": "purchase",
    "user_id": "u1",
    "session_id": "d1.77",
    "currency": "EUR",
    "transaction_id": "T-1",
}
LINES = [
    {**ORDER, "item_id": "A", "quantity": "2", "price": "10.0", "value": "35.5"},
    {**ORDER, "item_id": "B", "price": "15.5"},
    {
        "time": "1704449473000000",
        "event": "page_view",
        "user_id": "d1",
        "session_id": "d1.77",
    },
]


def test_a_line_per_item_and_one_for_an_event_without(reading: Callable[[str], Read]) -> None:
    assert reading("ga4").lines == LINES
    assert reading("ga4").products == [{"title": "Cup", "brand": "Acme", "category": "Home > Kitchen"}]


def test_nested_parquet_reads_as_json_does(example: Example, tmp_path: Path) -> None:
    path = tmp_path / "ga4.parquet"
    duckdb.sql(f"SELECT * FROM read_json('{example('ga4')}')").write_parquet(str(path))
    assert read("ga4", path).lines == LINES


def test_parquet_that_spells_out_list_and_element(example: Example, tmp_path: Path) -> None:
    path = tmp_path / "ga4.parquet"

    def spelt(column: str) -> str:
        return f"{{'list': [{{'element': x}} FOR x IN {column}]}} AS {column}"

    duckdb.sql(
        f"SELECT * REPLACE ({spelt('items')}, {spelt('event_params')}) FROM read_json('{example('ga4')}')"
    ).write_parquet(str(path))
    assert read("ga4", path).lines == LINES
