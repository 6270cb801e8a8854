"""What should these products cost?"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from merx.answers.answer import Answer, Context
from merx.answers.touched import beside, crossed, near, of_all, of_one, touched
from merx.config import ShopConfig
from merx.data.panel import PricePanel
from merx.data.price_facts import PriceFacts
from merx.data.results import Together
from merx.errors import RequestError
from merx.price.cross_effects import CrossEffects, cross_elasticities
from merx.price.limits import RULES, PriceRules, without_effect
from merx.price.optimise import optimise
from merx.price.thompson import explored
from merx.price.waterfall import Step, in_words, waterfall
from merx.store.demand import demand, price_panel
from merx.store.price_facts import price_facts

UNTOLD = (
    "strong weeks go with lower prices of {count:,} of {of:,} products, as where large orders are "
    "discounted, so what these prices do to others is not told"
)


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
    """

    item: str | None
    model: str
    rules: PriceRules

    @classmethod
    def of(cls, config: ShopConfig, item: str | None) -> "PriceQuestion":
        """What the shop's settings ask for one product or for all."""
        return cls(item=item, model=config.price.model, rules=config.price)


def price(context: Context, question: PriceQuestion) -> Answer:
    """The best price of one product or of all under the shop's rules, each with its reason.

    Raises
    ------
    RequestError
        The product never had a price, or came after the model was fitted.
    """
    model, panel, facts, newer = fitted_on_panel(context, question.model)
    if question.item is not None and model.items.code(question.item) < 0:
        raise RequestError(
            f"{question.item!r} came after {question.model} was fitted; run `merx fit`."
            if question.item in newer
            else f"{question.item!r} never had a price over a whole week, so no price can be proposed; "
            "ingest its orders or a price list."
        )
    which = None if question.item is None else np.array([model.items.code(question.item)])
    pairs, untold = near(context, panel)
    counted = question.rules.cross_effects
    effects = cross_elasticities(panel, pairs) if counted else None
    quotes = optimise(model, panel, question.rules, facts, which, _clear(effects))
    rows = [_plain(row) for row in quotes.to_table().to_pylist()]
    grades = dict(sorted(Counter(row["grade"] for row in rows).items()))
    content: dict[str, Any] = {"objective": question.rules.objective, "grades": grades}
    if quotes.together is not None:
        content["together"] = _figures(quotes.together)
    content["rows"] = rows
    steps: tuple[Step, ...] = ()
    if which is not None and rows[0]["grade"] != "D":
        by_others = float(quotes.by_others[0])
        steps = waterfall(model, panel, question.rules, facts, int(which[0]), rows[0]["price"], by_others)
        content["waterfall"] = [step.to_dict() for step in steps]
    units_now = model.demand(panel.price_now[:, None])[:, 0]
    if which is None:
        if effects is not None:
            content["cross"] = crossed(effects, panel, units_now, quotes)
    else:
        item = int(which[0])
        shown = beside(panel, pairs, item) if effects is None else effects
        content["touched"] = touched(shown, panel, units_now, item, rows[0]["price"])
    bound = Counter(rule for row in rows for rule in row["binding"].split("+") if rule in RULES)
    rules = tuple(
        f"{question.rules.in_words(rule)}: decided {count} of {len(rows)} prices"
        for rule, count in bound.most_common()
    )
    notes = [
        *context.notes,
        *without_effect(question.rules, facts),
        *([UNTOLD.format(count=untold, of=panel.n_items)] if counted and untold else []),
        *([f"{len(newer):,} products came after the fit and have no quote"] if newer else []),
    ]
    reasons = (
        tuple(f"{row['item_id']}: {row['reason']}" for row in rows)
        if question.item
        else (_summary(rows, question.rules),)
    )
    if which is not None and hasattr(model, "why"):
        reasons += (model.why(int(which[0])),)
    if steps:
        reasons += (in_words(steps),)
    if "touched" in content:
        reasons += of_one(content["touched"], counted)
    if "cross" in content:
        reasons += of_all(content["cross"])
    if quotes.together is not None:
        reasons += _together(quotes.together, question.rules.objective)
        rules += quotes.together.held
    return Answer(content, reasons, (*rules, *notes))


def fitted_on_panel(context: Context, kind: str) -> tuple[Any, PricePanel, PriceFacts, set[str]]:
    """The demand model, the price panel and the facts of its items; and items that came after the fit.

    Raises RequestError where the model was fitted on items that the tables do not hold.
    """
    model = context.model(kind, "price")
    sold = demand(context.engine)
    panel = price_panel(context.engine, sold)
    place = panel.items.codes(model.items.ids)  # of the model's items in the panel
    if (place < 0).any():
        raise RequestError(f"{kind} was fitted on products that the tables do not hold; fit it again.")
    newer = set(panel.items.ids.to_pylist()) - set(model.items.ids.to_pylist())
    panel = panel.take(place)
    return model, panel, price_facts(context.engine, sold, panel), newer


def explored_prices(
    context: Context, config: ShopConfig, seed: int, movable: Collection[str]
) -> dict[str, float]:
    """A price to learn from for every item (`merx.price.thompson.explored`); only the movable ones move."""
    model, panel, facts, _ = fitted_on_panel(context, config.price.model)
    fixed = ~np.isin(np.array(model.items.ids.to_pylist(), dtype=object), list(movable))
    effects = cross_elasticities(panel, near(context, panel)[0]) if config.price.cross_effects else None
    most = config.governance.block_change
    prices = explored(model, panel, config.price, facts, most, seed, fixed, _clear(effects))
    return dict(zip(model.items.ids.to_pylist(), prices.tolist(), strict=True))


def _clear(effects: CrossEffects | None) -> sparse.csr_array | None:
    """The cross elasticities that count: those that are clearly there, if any is."""
    return effects.only_clear().matrix() if effects is not None and effects.clear.any() else None


def _figures(together: Together) -> dict[str, Any]:
    numbers = {name: getattr(together, name) for name in ("free", "value", "bound", "gap", "ignoring")}
    return {name: value if np.isfinite(value) else None for name, value in numbers.items()} | {
        "held": list(together.held),
        "conflict": list(together.conflict),
        "cheapest": together.cheapest,
    }


def _together(together: Together, objective: str) -> tuple[str, ...]:
    """What the rules that tie products together come to, in words."""
    if together.conflict:
        named = ", ".join(f"'{name}'" for name in together.conflict)
        way = f" It costs least to give up {together.cheapest}." if together.cheapest else ""
        told = (
            "No prices were found that keep these rules"
            if not together.proven
            else "These rules cannot all be kept"
            if len(together.conflict) > 1
            else "This rule cannot be kept together with those of single products"
        )
        return (f"{told}, so no price changes: {named}.{way}",)
    if np.isfinite(together.ignoring):
        return (
            f"With what products take from each other, {objective} is {together.value:,.2f} a week; prices "
            f"chosen without regard to it would bring {together.ignoring:,.2f} "
            f"({together.value - together.ignoring:+,.2f}). No bound is proven.",
        )
    return (
        f"The rules that tie products together hold {objective} at {together.value:,.2f} a week of "
        f"{together.free:,.2f} without them; no prices that keep them exceed {together.bound:,.2f} (a proven "
        f"gap of {together.gap:.3%}).",
    )


def _summary(rows: list[dict[str, Any]], rules: PriceRules) -> str:
    moved = [row for row in rows if row["price"] != row["price_now"]]
    gain = sum(row["profit"] - row["profit_now"] for row in rows if row["profit"] is not None)
    refused = sum(row["grade"] == "D" for row in rows)
    unknown = sum(row["cost"] is None and row["grade"] != "D" for row in rows)
    stay = f" {unknown} stay for want of a cost: give it, or [price] assumed_margin." if unknown else ""
    of = "" if rules.quantile is None else f"the {rules.quantile:.0%} quantile of "
    named = (
        f"{of}a mix of {', '.join(rules.weights)}" if rules.objective == "mix" else f"{of}{rules.objective}"
    )
    sought = "" if named == "profit" else f"The prices are to make {named} highest. "
    return (
        f"{sought}{len(moved)} of {len(rows)} prices change, for an expected {gain:+,.2f} profit a week; "
        f"{refused} {'is' if refused == 1 else 'are'} refused for want of evidence (grade D).{stay}"
    )


EXACT = (
    "price_now",
    "price",
    "cost",
    "prior_price",
)  # what is charged is never rounded; what is expected is, to 6 digits


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """The row as JSON: NaN becomes None."""

    def value(name: str, number: float) -> float | None:
        if not np.isfinite(number):
            return None
        return round(number, 6) if name in EXACT else float(f"{number:.6g}")

    return {name: value(name, cell) if isinstance(cell, float) else cell for name, cell in row.items()}
