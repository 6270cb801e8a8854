from collections.abc import Callable

from tests.ingest.dialects.reading import Read

Reading = Callable[[str], Read]


def test_user_events(reading: Reading) -> None:
    order = {
        "time": "2024-01-05T10:12:12.000Z",
        "event": "purchase",
        "user_id": "u1",
        "session_id": "s1",
        "currency": "USD",
        "transaction_id": "T-1",
    }
    assert reading("google_retail").lines == [
        {"time": "2024-01-05T10:11:12.000Z", "event": "page_view", "user_id": "v1"},
        {**order, "item_id": "A", "quantity": "2", "price": "10", "value": "25"},
        {**order, "item_id": "B", "quantity": "1"},
    ]


def test_merchant_feed(reading: Reading) -> None:
    cup, pot = reading("google_merchant").lines
    assert cup == {
        "item_id": "A",
        "title": "Cup",
        "description": "A red cup",
        "brand": "Acme",
        "category": "Home > Kitchen",
        "price": "12.50 GBP",
        "sale_price": "9.99 GBP",
        "cost_of_goods_sold": "4.00 GBP",
        "availability": "in_stock",
        "image_link": "https://shop.example/a.png",
        "item_group_id": "cups",
        "gtin": "4006381333931",
    }
    assert (pot["price"], pot["category"]) == ("USD 5", "Home & Garden")
