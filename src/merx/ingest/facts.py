"""What a shop's tables hold, counted once for the readiness check."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from merx.price.grade import BAR
from merx.store.engine import Engine

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Facts:
    """What the tables hold, counted: the rows of the queries of the same names (`quality_...`)."""

    events: Row
    users: Row
    sessions: Row
    items: Row
    sales: Row
    price_moves: Row
    catalogue: Row
    relations: Row
    days: list[Row]

    @property
    def span(self) -> int:
        """Days from the first event to the last, both counted."""
        return (self.days[-1]["day"] - self.days[0]["day"]).days + 1 if self.days else 0


def gather(engine: Engine, few: int, shared: int, sale_days: int, sale_span: int) -> Facts:
    """Count what is in the tables.

    Parameters
    ----------
    few : int
        Products with fewer events count as `few`.
    shared : int
        Shoppers a product must have met to count as `shared`.
    sale_days, sale_span : int
        Days with a sale, and days since the first one, that a product needs to count as `steady`.
    """
    days = engine.query("quality_days").to_pylist()
    last = days[-1]["day"] if days else date(1970, 1, 1)

    def row(name: str, **params: Any) -> Row:
        found: Row = engine.query(f"quality_{name}", **params).to_pylist()[0]
        return found

    return Facts(
        events=row("events"),
        users=row("users"),
        sessions=row("sessions"),
        items=row("items", few=few, shared=shared),
        sales=row("sales", days=sale_days, since=last - timedelta(days=sale_span - 1)),
        price_moves=row(
            "price_moves",
            prices=BAR.prices[2],
            units=BAR.units[2],
            since=last - timedelta(weeks=BAR.weeks[2]),
        ),
        catalogue=row("catalogue"),
        relations=row("relations"),
        days=days,
    )
