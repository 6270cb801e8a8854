from collections.abc import Callable

from tests.ingest.dialects.reading import Read


def test_calls(reading: Callable[[str], Read]) -> None:
    at = "2024-01-05T10:11:12Z"
    order = {
        "event": "purchase",
        "user_id": "u1",
        "time": "2024-01-05T10:11:12.000Z",
        "currency": "USD",
        "transaction_id": "T-1",
    }
    assert reading("segment").lines == [
        {**order, "event_id": "m1", "item_id": "A", "quantity": "2", "price": "10", "value": "25.0"},
        {**order, "event_id": "m1", "item_id": "S-B", "price": "5"},
        {
            "event_id": "m2",
            "time": "2024-01-05T11:11:12+02:00",
            "event": "add_to_cart",
            "user_id": "a1",
            "item_id": "A",
            "quantity": "1",
            "price": "10",
        },
        {
            "event_id": "m3",
            "time": at,
            "event": "rate",
            "user_id": "u1",
            "item_id": "A",
            "value": "4",
        },
        {"event_id": "m4", "time": at, "event": "page_view", "user_id": "a1"},
        {"event_id": "m5", "time": at, "event": "identify", "user_id": "u1"},
        {"event_id": "m6", "time": at, "event": "Coupon Entered", "user_id": "u1"},
    ]
    assert reading("segment").products == [{"title": "Cup"}, {"title": "Pot"}]
