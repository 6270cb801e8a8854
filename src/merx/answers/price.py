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
    objective: Objective = "profit"

    @classmethod
    def of(cls, config: ShopConfig, item: str | None) -> "PriceQuestion":
        """What the shop's settings ask for one product or for all."""
        return cls(item=item, model=PRICE_MODEL, rules=config.price)


def price(context: Context, question: PriceQuestion) -> Answer:
    """The best price of one product or of all under the shop's rules, each with its reason.

    Raises
    ------
    RequestError
        The product never had a price, or came after the model was fitted.
    """
    model = context.model(question.model, "price")
    panel = price_panel(context.engine, demand(context.engine))
    place = panel.items.codes(model.items.ids)  # of the model's items in the panel
    if (place < 0).any():
        raise RequestError(
            f"{question.model} was fitted on products that the tables do not hold; fit it again."
        )
    newer = set(panel.items.ids.to_pylist()) - set(model.items.ids.to_pylist())
    if question.item is not None and model.items.code(question.item) < 0:
        raise RequestError(
            f"{question.item!r} came after {question.model} was fitted; run `merx fit`."
            if question.item in newer
            else f"{question.item!r} never had a price over a whole week, so no price can be proposed; "
            "ingest its orders or a price list."
        )
    which = None if question.item is None else np.array([model.items.code(question.item)])
    quotes = optimise(model, panel.take(place), question.rules, question.objective, which)
    rows = [_plain(row) for row in quotes.to_table().to_pylist()]
    grades = dict(sorted(Counter(row["grade"] for row in rows).items()))
    content = {"objective": question.objective, "grades": grades, "rows": rows}
    bound = Counter(rule for row in rows for rule in row["binding"].split("+") if rule)
    rules = tuple(
        f"{question.rules.in_words(rule)}: decided {count} of {len(rows)} prices"
        for rule, count in bound.most_common()
    )
    notes = [
        *context.notes,
        *([f"{len(newer):,} products came after the fit and have no quote"] if newer else []),
    ]
    reasons = (
        tuple(f"{row['item_id']}: {row['reason']}" for row in rows) if question.item else (_summary(rows),)
    )
    return Answer(content, reasons, (*rules, *notes))


def _summary(rows: list[dict[str, Any]]) -> str:
    moved = [row for row in rows if row["price"] != row["price_now"]]
    gain = sum(row["profit"] - row["profit_now"] for row in moved if row["profit"] is not None)
    refused = sum(row["grade"] == "D" for row in rows)
    return (
        f"{len(moved)} of {len(rows)} prices change, for an expected {gain:+,.2f} profit a week; "
        f"{refused} are refused for want of evidence (grade D)."
    )


EXACT = ("price_now", "price", "cost")  # what is charged is never rounded; what is expected is, to 6 digits


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """The row as JSON: NaN becomes None."""

    def value(name: str, number: float) -> float | None:
        if not np.isfinite(number):
            return None
        return round(number, 6) if name in EXACT else float(f"{number:.6g}")

    return {name: value(name, cell) if isinstance(cell, float) else cell for name, cell in row.items()}
