"""What would these prices do? Nothing is proposed and nothing is stored."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from merx.answers.answer import Context
from merx.answers.price import fitted_on_panel
from merx.errors import RequestError
from merx.price.confounding import find_confounding
from merx.price.grade import grade
from merx.price.limits import RANGE, PriceRules
from merx.price.optimise import local_elasticity
from merx.price.what_if import WhatIf, summary_of
from merx.price.worth import Terms

FIGURES = ("units", "revenue", "profit")


def read_prices(path: Path) -> dict[str, float]:
    """Prices by item from a CSV file with the columns item_id and price.

    Raises RequestError where there is no such file, it has no rows, a column is missing, a price is no number
    or an item has two.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"{path} cannot be read: {error}.") from None
    if not rows:
        raise RequestError(f"{path} names no price; write a line with item_id and price, then the prices.")
    prices: dict[str, float] = {}
    for number, row in enumerate(rows, start=2):
        try:
            if row["item_id"] in prices:
                raise RequestError(
                    f"{path}: line {number} has another price of {row['item_id']!r}; keep one."
                )
            prices[row["item_id"]] = float(row["price"])
        except KeyError:
            raise RequestError(
                f"{path} lacks a column item_id or price; its first line names them."
            ) from None
        except (TypeError, ValueError):
            raise RequestError(
                f"{path}: line {number} has the price {row['price']!r}; write 12.99."
            ) from None
    return prices


def what_if(context: Context, kind: str, rules: PriceRules, prices: Mapping[str, float]) -> dict[str, Any]:
    """What is expected a week at these prices, all others as they are now.

    Parameters
    ----------
    context : Context
    kind : str
        Of the demand model.
    rules : PriceRules
        For the assumed margin and the stock.
    prices : mapping of item id -> price

    Returns
    -------
    dict
        `total`: of each figure as it is now, as it would be, and of the difference the mean and the bounds
        of the central 80 %, over the products whose evidence carries an answer (grades A to C); profit over
        those whose cost is known. `rows`: the same of each product named. `unsure`: how many of these are
        graded D and have no figures. `notes`: what a reader must know of the model.

    Raises
    ------
    RequestError
        A product never had a price, came after the model was fitted, or its price is not above 0.
    """
    model, panel, facts, _ = fitted_on_panel(context, kind)
    unknown = [name for name in prices if panel.items.code(name) < 0]
    if unknown:
        raise RequestError(
            f"{len(unknown)} of {len(prices)} products are not known to {kind} (first: {unknown[0]!r}): they "
            "never had a price over a whole week, or came after the fit."
        )
    if wrong := [name for name, price in prices.items() if not 0 < price < np.inf]:
        raise RequestError(f"The price of {wrong[0]!r} is {prices[wrong[0]]}; it must be above 0.")
    named = np.array([panel.items.code(name) for name in prices], dtype=np.int64)
    now = panel.price_now
    asked = now.copy()
    asked[named] = list(prices.values())
    cost = np.where(
        np.isnan(panel.cost) & (rules.assumed_margin is not None),
        now * (1.0 - (rules.assumed_margin or 0.0)),
        panel.cost,
    )
    terms = Terms.of(cost, rules, facts)
    grades = grade(panel, local_elasticity(model, now), find_confounding(panel)).grade
    sure = np.flatnonzero([letter != "D" for letter in grades])
    place = np.full(len(now), -1)
    place[sure] = np.arange(len(sure))
    ready = WhatIf.of(model.take(sure))
    before, after = (ready.ask(price[sure], cost[sure], terms.most[sure]) for price in (now, asked))
    rows = []
    for i in named:
        row: dict[str, Any] = {
            "item_id": panel.items.ids[int(i)].as_py(),
            "price_now": float(now[i]),
            "price": float(asked[i]),
            "grade": grades[i],
        }
        for name in FIGURES:
            for suffix, outcome in (("_now", before), ("", after)):
                figures = getattr(outcome, name)[place[i]] if place[i] >= 0 else np.full(3, np.nan)
                row |= _three(name + suffix, figures)
        rows.append(row)
    total: dict[str, Any] = {}
    for suffix, drawn in (("_now", before.drawn), ("", after.drawn), ("_change", after.drawn - before.drawn)):
        for name, figures in zip(FIGURES, summary_of(drawn), strict=True):
            total |= _three(name + suffix, figures)
    far = np.flatnonzero(np.abs(np.log(asked / now)) > np.log(RANGE) + 1e-9)
    notes = list(context.notes)
    if len(far):
        notes.append(
            f"{len(far):,} of these prices are below half or above double today's (first: "
            f"{panel.items.ids[int(far[0])].as_py()!r}): no past price tells of demand there"
        )
    return {
        "total": total,
        "unsure": sum(grades[i] == "D" for i in named),
        "rows": rows,
        "notes": notes,
    }


def _three(name: str, figures: np.ndarray) -> dict[str, float | None]:
    """Mean, low and high to six digits; None where not known."""
    return {
        name + suffix: float(f"{value:.6g}") if np.isfinite(value) else None
        for suffix, value in zip(("", "_low", "_high"), figures, strict=True)
    }
