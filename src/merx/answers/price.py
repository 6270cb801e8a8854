"""What should these products cost?"""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from merx.answers.answer import Answer, Context
from merx.config import ShopConfig
from merx.errors import RequestError
from merx.price.limits import PriceRules
from merx.price.optimise import Objective, optimise
from merx.store.demand import demand, price_panel

PRICE_MODEL = "price_response"


@dataclass(frozen=True)
class PriceQuestion:
    """What was asked.

    Parameters
    ----------
    item : str or None
        One product; None: all that ever had a price.
    model : str
        Kind of the demand model.
    rules : PriceRules
    objective : "profit" or "revenue"
    """

    item: str | None
    model: str
    rules: PriceRules
    objective: str = "profit"

    @classmethod
    def of(cls, config: ShopConfig, item: str | None) -> "PriceQuestion":
        """What the shop's settings ask for one product or for all."""
        return cls(item=item, model=PRICE_MODEL, rules=config.price)


def price(context: Context, question: PriceQuestion) -> Answer:
    """The best price of one product or of all under the shop's rules, each with its reason.

    Raises
    ------
    RequestError
        The product never had a price.
    """
    model = context.model(question.model)
    panel = price_panel(context.engine, demand(context.engine))
    if question.item is not None and panel.items.code(question.item) < 0:
        raise RequestError(
            f"{question.item!r} never had a price over a whole week, so no price can be proposed; "
            "ingest its orders or a price list."
        )
    objective: Objective = "revenue" if question.objective == "revenue" else "profit"
    quotes = optimise(model, panel, question.rules, objective)
    rows = [_plain(row) for row in quotes.to_table().to_pylist()]
    if question.item is not None:
        rows = [row for row in rows if row["item_id"] == question.item]
    content = {
        "objective": objective,
        "grades": dict(sorted(Counter(r["grade"] for r in rows).items())),
        "rows": rows,
    }
    bound = Counter(rule for row in rows for rule in row["binding"].split("+") if rule)
    rules = tuple(
        f"{question.rules.in_words(rule)}: decided {count} of {len(rows)} prices"
        for rule, count in bound.most_common()
    )
    reasons = (
        tuple(f"{row['item_id']}: {row['reason']}" for row in rows) if question.item else (_summary(rows),)
    )
    return Answer(content, reasons, rules)


def _summary(rows: list[dict[str, Any]]) -> str:
    moved = [row for row in rows if row["price"] != row["price_now"]]
    gain = sum(row["profit"] - row["profit_now"] for row in moved if row["profit"] is not None)
    refused = sum(row["grade"] == "D" for row in rows)
    return (
        f"{len(moved)} of {len(rows)} prices change, for an expected {gain:+,.2f} profit a week; "
        f"{refused} are refused for want of evidence (grade D)."
    )


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Numbers to 6 digits; NaN as None."""
    return {
        key: (float(f"{value:.6g}") if np.isfinite(value) else None) if isinstance(value, float) else value
        for key, value in row.items()
    }
