from collections.abc import Callable
from pathlib import Path

import duckdb

from merx.ingest.dialects import DIALECTS
from tests.ingest.dialects.examples import FILES
from tests.ingest.dialects.reading import Read, header, read

Reading = Callable[[str], Read]


def test_online_retail(reading: Reading) -> None:
    purchase, refund, *rest = reading("uci_online_retail").lines
    assert purchase == {
        "time": "12/1/2010 8:26",
        "event": "purchase",
        "user_id": "100",
        "item_id": "10001A",
        "quantity": "6",
        "price": "2.55",
        "currency": "GBP",
        "transaction_id": "1",
    }
    assert refund == {
        **purchase,
        "time": "12/2/2010 9:30",
        "event": "refund",
        "quantity": "-2",
        "transaction_id": "C2",
    }
    assert [line.get("reject", "") for line in rest] == [
        "the code is no product",
        "the invoice adjusts a bad debt",
        "",
        "the code is no product",
    ]
    assert reading("uci_online_retail").products[0] == {"title": "RED CUP"}


def test_online_retail_ii_has_other_names(reading: Reading, tmp_path: Path) -> None:
    path = tmp_path / "ii.csv"
    text = FILES["uci_online_retail"][1]
    for name, other in {"InvoiceNo": "Invoice", "UnitPrice": "Price", "CustomerID": "Customer ID"}.items():
        text = text.replace(name, other, 1)
    path.write_text(text)
    assert DIALECTS["uci_online_retail"].match(header(path)) == 7
    assert read("uci_online_retail", path) == reading("uci_online_retail")


def test_online_retail_as_parquet(tmp_path: Path) -> None:
    path = tmp_path / "retail.parquet"
    duckdb.sql(
        "SELECT '1' AS InvoiceNo, '10001a' AS StockCode, ' CUP ' AS Description, -3 AS Quantity, "
        "TIMESTAMP '2010-12-01 08:26:00' AS InvoiceDate, 2.5::DOUBLE AS UnitPrice, 100 AS CustomerID"
    ).write_parquet(str(path))
    (line,) = read("uci_online_retail", path).lines
    assert (line["event"], line["quantity"], line["item_id"]) == ("purchase", "-3", "10001A")
    assert (line["time"], line["user_id"]) == ("2010-12-01 08:26:00", "100")


def test_retailrocket(reading: Reading) -> None:
    lines = reading("retailrocket").lines
    assert [line["event"] for line in lines] == ["view_item", "add_to_cart", "purchase"]
    assert lines[2] == {
        "time": "1704449472003",
        "event": "purchase",
        "user_id": "2",
        "item_id": "100",
        "transaction_id": "234",
    }


def test_movielens(reading: Reading) -> None:
    assert reading("movielens_ratings").lines == [
        {
            "time": "1704449472",
            "event": "rate",
            "user_id": "1",
            "item_id": "31",
            "value": "2.5",
        }
    ]
    assert reading("movielens_movies").lines == [
        {
            "item_id": "1",
            "title": "A Film, A (1999)",
            "description": "Comedy, Drama",
            "category": "Comedy",
        },
        {"item_id": "2", "title": "B (2000)"},
    ]
