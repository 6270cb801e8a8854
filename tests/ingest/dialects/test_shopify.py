from collections.abc import Callable
from pathlib import Path

from merx.ingest.dialects import DIALECTS
from tests.ingest.dialects.examples import FILES
from tests.ingest.dialects.reading import Read, header, read

Reading = Callable[[str], Read]

NEWER = {
    "Handle": "URL handle",
    "Body (HTML)": "Description",
    "Product Category": "Product category",
    "Published": "Published on online store",
    "Option1 Name": "Option1 name",
    "Option1 Value": "Option1 value",
    "Option2 Name": "Option2 name",
    "Option2 Value": "Option2 value",
    "Variant SKU": "SKU",
    "Variant Inventory Tracker": "Inventory tracker",
    "Variant Inventory Qty": "Inventory quantity",
    "Variant Inventory Policy": "Continue selling when out of stock",
    "Variant Price": "Price",
    "Variant Compare At Price": "Compare-at price",
    "Variant Barcode": "Barcode",
    "Image Src": "Product image URL",
    "Variant Image": "Variant image URL",
}


def test_variants_take_what_is_said_once_per_product(reading: Reading) -> None:
    red, blue, picture, pot = reading("shopify_products").lines
    product = {
        "title": "Cup",
        "description": "A fine cup",
        "brand": "Acme",
        "category": "Home > Kitchen",
        "item_group_id": "cup",
        "price": "10.00",
    }
    assert red == {
        **product,
        "item_id": "0012",
        "sale_price": "8.00",
        "cost_of_goods_sold": "4.00",
        "availability": "in_stock",
        "image_link": "https://shop.example/1.png",
        "gtin": "4006381333931",
    }
    assert blue == {
        **product,
        "item_id": "Cup - Blue / M",
        "availability": "out_of_stock",
        "image_link": "https://shop.example/b.png",
    }
    assert picture == {"reject": "only a picture, no variant"}
    assert pot == {
        "item_id": "Pot",
        "title": "Pot",
        "brand": "Acme",
        "category": "Pots",
        "price": "5.00",
        "item_group_id": "pot",
    }


def test_the_newer_column_names_read_as_the_older(reading: Reading, tmp_path: Path) -> None:
    names, rows = FILES["shopify_products"][1].split("\n", 1)
    path = tmp_path / "newer.csv"
    path.write_text(",".join(NEWER.get(name, name) for name in names.split(",")) + "\n" + rows)
    assert DIALECTS["shopify_products"].match(header(path)) == 6
    assert read("shopify_products", path) == reading("shopify_products")


def test_order_lines_take_what_stands_on_the_orders_first_row(reading: Reading) -> None:
    order = {"time": "2024-01-05 15:11:12+00:00", "event": "purchase", "user_id": "ann@example.com"}
    known = {"currency": "USD", "transaction_id": "#1001"}
    assert reading("shopify_orders").lines[:2] == [
        {**order, **known, "item_id": "CUP-R", "quantity": "2", "price": "10.00"},
        {**order, **known, "item_id": "Pot", "quantity": "1", "price": "5.00"},
    ]


def test_refunded_and_cancelled_orders_are_a_purchase_and_a_refund(reading: Reading) -> None:
    *lines, unpaid = reading("shopify_orders").lines[2:]
    assert [(line["transaction_id"], line["event"], line["time"][:10]) for line in lines] == [
        ("#1002", "purchase", "2024-01-06"),
        ("#1002", "refund", "2024-01-07"),
        ("#1003", "purchase", "2024-01-06"),
        ("#1003", "refund", "2024-01-08"),
    ]
    assert lines[0]["user_id"] == "+44 1"
    assert unpaid == {"reject": "the order was not paid"}
