from collections.abc import Callable

from tests.ingest.dialects.reading import Read

Reading = Callable[[str], Read]


def test_orders(reading: Reading) -> None:
    first = {
        "time": "2024-01-05T10:11:12+00:00",
        "event": "purchase",
        "user_id": "26",
        "currency": "USD",
        "transaction_id": "727",
    }
    lines = reading("woocommerce_orders").lines
    assert lines[:2] == [
        {**first, "item_id": "94", "quantity": "2", "price": "9.5"},
        {**first, "item_id": "22", "quantity": "1", "price": "5.0"},
    ]
    assert [(line["event"], line["item_id"], line["time"][:10]) for line in lines[2:6]] == [
        ("purchase", "22", "2024-01-07"),
        ("purchase", "23", "2024-01-07"),
        ("refund", "22", "2024-01-09"),
        ("refund", "23", "2024-01-09"),
    ]
    assert lines[2]["user_id"] == "bob@example.com"
    assert lines[6:] == [{"reject": "the order was not paid"}]


def test_variations_take_from_their_parent(reading: Reading) -> None:
    cup, red, blue, pot = reading("woocommerce_products").lines
    inherited = {"description": "A fine cup", "brand": "Acme", "category": "Home > Kitchen"}
    picture = "https://shop.example/1.png"
    assert cup == {
        **inherited,
        "item_id": "93",
        "title": "Cup",
        "availability": "in_stock",
        "image_link": picture,
    }
    assert red == {
        **inherited,
        "item_id": "94",
        "title": "Cup - Red",
        "price": "10",
        "sale_price": "8",
        "cost_of_goods_sold": "4",
        "availability": "in_stock",
        "image_link": picture,
        "item_group_id": "93",
        "gtin": "4006381333931",
    }
    assert (blue["item_group_id"], blue["image_link"]) == ("93", "https://shop.example/b.png")
    assert pot == {
        "item_id": "22",
        "title": "Pot",
        "description": "Short",
        "category": "Pots, Pans > Iron",
        "price": "5",
        "availability": "backorder",
    }
