from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from merx.data.schema import TABLES
from merx.ingest.dialects import DIALECTS
from tests.ingest.dialects.reading import Read, header, read

Reading = Callable[[str], Read]


def test_events_under_their_own_names(reading: Reading) -> None:
    first, second, third = reading("plain_events").lines
    assert first == {
        "event_id": "e1",
        "time": "2024-01-05 10:11:12",
        "event": "view_item",
        "user_id": "u1",
        "session_id": "s1",
        "item_id": "A",
    }
    assert (second["quantity"], second["price"], second["transaction_id"]) == ("2", "10.00", "T-1")
    assert third["user_id"] == "17850"  # once a float
    assert reading("plain_events").products[0] == {"title": "Cup"}


def test_lines_of_orders_are_purchases(reading: Reading) -> None:
    line = {"user_id": "u1", "item_id": "A", "price": "10", "transaction_id": "T-1"}
    assert reading("plain_purchases").lines == [
        {**line, "time": "2024-01-05", "event": "purchase", "quantity": "2"},
        {**line, "time": "2024-01-06", "event": "purchase", "quantity": "-1"},
    ]


def test_stars_are_ratings(reading: Reading) -> None:
    (line,) = reading("plain_ratings").lines
    assert (line["event"], line["value"]) == ("rate", "4.5")


def test_no_more_than_shopper_product_and_time_is_a_view(reading: Reading) -> None:
    (line,) = reading("plain_views").lines
    assert line == {
        "time": "1704449472123",
        "event": "view_item",
        "user_id": "u1",
        "item_id": "A",
    }


def test_products(reading: Reading) -> None:
    assert reading("plain_products").lines == [
        {
            "item_id": "A",
            "title": "Cup",
            "category": "Home > Kitchen",
            "price": "10",
            "cost_of_goods_sold": "4",
            "availability": "in_stock",
        }
    ]


def test_prices(reading: Reading) -> None:
    assert reading("plain_prices").lines == [
        {
            "item_id": "A",
            "time": "2024-01-05",
            "price": "10",
            "cost": "4",
            "promotion": "true",
        }
    ]


def test_relations_have_a_kind(reading: Reading) -> None:
    assert reading("plain_relations").lines == [
        {"user_id": "u1", "other_user_id": "u2", "kind": "follows", "weight": "2"},
        {"user_id": "u1", "other_user_id": "u3", "kind": "related"},
    ]


def test_stock_is_a_yes_or_a_count_and_anything_else_is_passed_on(reading: Reading) -> None:
    assert [line["available"] for line in reading("plain_stock").lines] == ["true", "false", "x"]


@pytest.mark.parametrize("table", sorted(TABLES))
def test_a_table_under_the_names_of_its_schema_is_plain(table: str) -> None:
    names = TABLES[table].names
    matches = {name: size for name, dialect in DIALECTS.items() if (size := dialect.match(names))}
    assert max(matches, key=lambda name: matches[name]) == f"plain_{table}"
    assert set(names) == set(DIALECTS[f"plain_{table}"].columns)


def test_typed_columns_read_as_text_does(tmp_path: Path) -> None:
    path = tmp_path / "events.parquet"
    duckdb.sql(
        "SELECT 17850.0 AS customer_id, 7 AS item, TIMESTAMP '2024-01-05 10:11:12' AS date, "
        "-2 AS quantity, 2.5 AS price"
    ).write_parquet(str(path))
    assert DIALECTS["plain_purchases"].match(header(path))
    assert read("plain_purchases", path).lines == [
        {
            "time": "2024-01-05 10:11:12",
            "event": "purchase",
            "user_id": "17850",
            "item_id": "7",
            "quantity": "-2",
            "price": "2.5",
        }
    ]


def test_orders_with_a_status_are_not_taken_for_sales(tmp_path: Path) -> None:
    """Some of them were cancelled or never paid, and the plain dialect could not tell."""
    path = tmp_path / "orders.csv"
    path.write_text("Order ID,Order Status,Date,SKU,Quantity,Price\n1,refunded,2024-01-05,A,1,2\n")
    assert not [name for name, dialect in DIALECTS.items() if dialect.match(header(path))]
