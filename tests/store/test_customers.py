"""From events to customers: against loops over the events."""

from datetime import date, datetime

import numpy as np
import pytest

from merx.data.schema import DAY
from merx.errors import DataError
from merx.store import assemble
from tests.store.rows import sale

START = (date(2024, 1, 1) - date(1970, 1, 1)).days


def until(day):
    return (START + day) * DAY


def order(day, name, **more):
    return {**sale(day, **more), "transaction_id": name}


def customers(engine, day=100):
    found = assemble.customers(engine, until(day))
    names = found.users.ids.to_pylist()
    columns = (found.frequency, found.recency, found.age, found.value, found.total)
    return {name: tuple(float(column[u]) for column in columns) for u, name in enumerate(names)}


def test_days_are_counted_from_the_first_purchase(tmp_path, engine_on):
    events = [
        sale(3, price=10.0), sale(3, "b", quantity=2.0, price=5.0, hour=20), sale(8, price=7.0),
        sale(20, price=9.0),
        sale(5, user="once", price=4.0), sale(6, user=None), sale(50, user="looks", event="view_item"),
    ]  # fmt: skip
    found = customers(engine_on(tmp_path, events=events))
    assert found["u"] == (2, 17, 96, 8, 36)
    assert found["once"][:3] == (0, 0, 94) and np.isnan(found["once"][3]) and found["once"][4] == 4
    assert set(found) == {"u", "once"}


def test_nothing_later_is_seen(tmp_path, engine_on):
    engine = engine_on(tmp_path, events=[sale(3), sale(8), sale(9), sale(9, user="later")])
    found = customers(engine, day=9)
    assert found["u"][:3] == (1, 5, 5)
    assert set(found) == {"u"}
    with pytest.raises(DataError, match="no purchase names a shopper"):
        assemble.customers(engine, until(3))


def test_an_order_sent_back_is_no_purchase(tmp_path, engine_on):
    """By its number where the refund names it, else the latest of the product."""
    events = [
        order(1, "A", quantity=2.0), order(5, "B", quantity=2.0), order(9, "C"),
        order(10, "A", quantity=2.0, event="refund"),
        order(1, "D", user="other"), order(4, "E", user="other"), order(4, "E", user="other", item="b"),
        order(7, "credit note", user="other", event="refund"),
        order(2, "F", user="gone"), order(3, "F", user="gone", event="refund"),
        order(2, "G", user="part", quantity=3.0), order(3, "x", user="part", quantity=2.0, event="refund"),
        order(3, "y", user="stranger", event="refund"),
    ]  # fmt: skip
    found = customers(engine_on(tmp_path, events=events))
    assert found["u"] == (1, 4, 94, 2, 6)
    assert found["other"] == (1, 3, 98, 2, 4)  # of order E product b was kept
    assert found["part"][4] == 2
    assert set(found) == {"u", "other", "part"}


def test_prices_that_are_not_known(tmp_path, engine_on):
    found = customers(engine_on(tmp_path, events=[sale(1, price=None), sale(2, price=None)]))
    assert found["u"][0] == 1 and np.isnan(found["u"][3]) and found["u"][4] == 0


@pytest.mark.parametrize("seed", range(3))
def test_by_definition_without_refunds(tmp_path, engine_on, seed):
    rng = np.random.default_rng(seed)
    events = [
        sale(
            int(rng.integers(60)),
            item=f"i{rng.integers(5)}",
            quantity=float(rng.integers(1, 4)),
            price=float(rng.integers(1, 9)),
            user=f"u{rng.integers(8)}",
            hour=int(rng.integers(24)),
        )
        for _ in range(80)
    ]
    found = customers(engine_on(tmp_path, events=events), day=60)
    days = {}
    for row in events:
        day = (row["time"] - datetime(2024, 1, 1)).days
        worth = days.setdefault(row["user_id"], {})
        worth[day] = worth.get(day, 0) + row["quantity"] * row["price"]
    for user, worth in days.items():
        first, last, later = min(worth), max(worth), len(worth) - 1
        total = sum(worth.values())
        mean = (total - worth[first]) / later if later else np.nan
        np.testing.assert_allclose(found[user], (later, last - first, 59 - first, mean, total))
    assert set(found) == set(days)


def test_activity_by_definition(tmp_path, engine_on):
    rng = np.random.default_rng(7)
    names = ["view_item", "add_to_cart", "purchase", "refund", "page_view"]
    events = [
        {
            **sale(int(rng.integers(9)), f"i{rng.integers(5)}", 2.0, 3.0, f"u{rng.integers(3)}", str(name)),
            "session_id": f"s{rng.integers(4)}",
            "transaction_id": f"t{rng.integers(3)}" if name == "purchase" else None,
        }
        for name in rng.choice(names, 120)
    ] + [sale(2, user=None, event="view_item"), sale(20)]
    found = assemble.activity(engine_on(tmp_path, events=events), until(9))
    assert (found.first, found.end) == (START, START + 9)
    expected = {}
    for row in events[:120]:
        if row["event"] != "refund":
            key = (row["user_id"], (row["time"] - datetime(2024, 1, 1)).days)
            expected.setdefault(key, []).append(row)
    users = found.users.ids.to_pylist()
    assert [(users[u], day - START) for u, day in zip(found.user, found.day, strict=True)] == sorted(expected)
    for place, key in enumerate(sorted(expected)):
        rows = expected[key]
        bought = [row for row in rows if row["event"] == "purchase"]
        counts = (
            len(rows),
            sum(row["event"] == "view_item" for row in rows),
            sum(row["event"] == "add_to_cart" for row in rows),
            len({row["transaction_id"] for row in bought}),
            len({row["item_id"] for row in rows}),
            len({row["session_id"] for row in rows}),
        )
        assert tuple(found.count[place]) == counts
        assert found.revenue[place] == 6 * len(bought)
