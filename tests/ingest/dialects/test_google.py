from collections.abc import Callable

from reading import Read

Reading = Callable[[str], Read]


def test_user_events(reading: Reading) -> None:
    order = {
        "time": "2024-01-05 10:12:12+00:00",
        "event": "purchase",
        "user_id": "u1",
        "session_id": "s1",
        "currency": "USD",
        "transaction_id": "T-1",
    }
    assert reading("google_retail").lines == [
        {"time": "2024-01-05 10:11:12+00:00", "event": "page_view", "user_id": "v1", "quantity": "1"},
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
        "price": "12.50",
        "sale_price": "9.99",
        "cost_of_goods_sold": "4.00",
        "availability": "in_stock",
        "image_link": "https://shop.example/a.png",
        "item_group_id": "cups",
        "gtin": "4006381333931",
    }
    assert (pot["price"], pot["category"]) == ("5", "Home & Garden")
