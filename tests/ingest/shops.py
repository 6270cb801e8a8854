"""A clean shop as rows, faults to plant in it, and what is said of it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from merx.ingest.capabilities import Capability
from merx.ingest.quality import Finding
from merx.ingest.readiness import Readiness
from merx.store.duckdb_engine import DuckDBEngine

START = datetime(2025, 1, 6)  # a Monday
DAYS = 120
PRODUCTS = 30
SHOPPERS = 1200

Rows = list[dict[str, Any]]
Shop = dict[str, Rows]
Open = Callable[[Shop], DuckDBEngine]


def event(
    name: str, time: datetime, item: str | None, user: str | None = None, **rest: Any
) -> dict[str, Any]:
    bought = {"price": 5.0, "currency": "EUR"} if name in ("purchase", "refund") else {}
    return {
        "event": name,
        "time": time,
        "item_id": item,
        "user_id": user,
        "quantity": 1.0,
        **bought,
        **rest,
    }


def price_of(product: int, day: int) -> float:
    """Each product has four prices, 5 % apart, in turns of four weeks."""
    return round((2.0 + product) * (1.0, 1.05, 0.95, 1.1)[(day // 28 + product) % 4], 2)


def clean_shop() -> Shop:
    """Views, carts and purchases of 120 days, a catalogue without gaps, prices, stock; nothing odd."""
    rng = np.random.default_rng(7)
    events: Rows = []
    for day in range(DAYS):
        for visit in range(40):
            user, session = f"u{rng.integers(SHOPPERS)}", f"s{day}-{visit}"
            hour = START + timedelta(days=day, hours=8 + 14 * (visit + rng.random()) / 40)
            for look in range(3):
                product = int(rng.integers(PRODUCTS))
                time = hour + timedelta(seconds=40 * look)
                item = f"p{product}"
                events.append(event("view_item", time, item, user, session_id=session))
                if look < 2:
                    events.append(event("add_to_cart", time, item, user, session_id=session))
                    quantity = float(rng.integers(1, 4))
                    bought = {"quantity": quantity, "price": price_of(product, day), "session_id": session}
                    events.append(event("purchase", time, item, user, **bought))
    products = [
        {
            "item_id": f"p{n}",
            "title": f"Product number {n}",
            "category": f"Kind {n % 3}",
            "price": price_of(n, DAYS),
            "cost_of_goods_sold": 0.5 * price_of(n, 0),
        }
        for n in range(PRODUCTS)
    ]
    prices = [
        {
            "item_id": f"p{n}",
            "time": START + timedelta(days=day),
            "price": price_of(n, day),
            "from_orders": False,
        }
        for n in range(PRODUCTS)
        for day in range(0, DAYS, 28)
    ]
    stock = [{"item_id": f"p{n}", "time": START, "available": True} for n in range(PRODUCTS)]
    return {"events": events, "products": products, "prices": prices, "stock": stock}


def planted(shop: Shop, table: str, rows: Rows) -> Shop:
    return {**shop, table: [*shop.get(table, []), *rows]}


def found(readiness: Readiness, title: str) -> Finding:
    matching = [finding for finding in readiness.findings if title in finding.title]
    assert len(matching) == 1, [finding.title for finding in readiness.findings]
    return matching[0]


def titles(readiness: Readiness) -> str:
    return "; ".join(finding.title for finding in readiness.findings)


def capability(readiness: Readiness, name: str) -> Capability:
    return next(entry for entry in readiness.capabilities if name in entry.name)


def states(readiness: Readiness) -> dict[str, str]:
    return {entry.name: entry.state for entry in readiness.capabilities}
