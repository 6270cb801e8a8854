"""What new prices do to the sales of other products."""

from typing import Any

import numpy as np

from merx.answers.answer import Context
from merx.data.panel import PricePanel
from merx.data.results import Quotes
from merx.price.candidates import candidates
from merx.price.confounding import find_confounding
from merx.price.cross_effects import CrossEffects, cannibalised, cross_elasticities

ASKED = ("bought_together", "item_knn")
"""Kinds whose neighbours may be touched: what lies in the same basket, and what the same shoppers like."""

SHOWN = 16
TOLD = 3


def near(context: Context, panel: PricePanel) -> tuple[np.ndarray, int]:
    """Pairs (n, 2) of places, whose units and whose price, of the kinds that were fitted; else none.

    And how many prices are in no pair because strong demand goes with a lower one (`discounted`): what makes
    orders large makes those of other products large, and their discount would be taken for its cause.
    """
    models = [context.model(kind, "recommend") for kind in ASKED if kind in context.versions]
    pairs = candidates(panel.items, [(model.items, model.similarity) for model in models])
    untold = find_confounding(panel).discounted(panel.category)
    told: np.ndarray = pairs[~untold[pairs[:, 1]]]
    return told, int(untold.sum())


def beside(panel: PricePanel, pairs: np.ndarray, item: int) -> CrossEffects:
    """The cross elasticities of the products that one item (a place) may touch, of all `near` pairs."""
    sold = pairs[pairs[:, 1] == item, 0]
    return cross_elasticities(panel, pairs[np.isin(pairs[:, 0], sold)])


def touched(
    effects: CrossEffects, panel: PricePanel, units_now: np.ndarray, item: int, price: float
) -> list[dict[str, Any]]:
    """What other products sell more or less a week if an item (a place) moves to that price, theirs as today.

    One row a product, most money first: item_id; elasticity of its units to this price, with its standard
    error and how probable its sign is; units; profit, None where the cost is not known. No rows where the
    price stays.

    Parameters
    ----------
    units_now : float64 (I,)
        Expected units a week at today's prices.
    """
    if price == panel.price_now[item]:
        return []
    moved = cannibalised(effects, panel, units_now, item, price)
    pair_of = {int(effects.sold[pair]): pair for pair in np.flatnonzero(effects.priced == item)}
    rows = []
    for other, units, profit in zip(moved.item[:SHOWN].tolist(), moved.units, moved.profit, strict=False):
        pair = pair_of[other]
        rows.append(
            {
                "item_id": panel.items.ids[other].as_py(),
                "elasticity": float(f"{effects.mean[pair]:.4g}"),
                "error": float(f"{effects.sd[pair]:.4g}"),
                "sure": float(f"{effects.sure[pair]:.4g}"),
                "clear": bool(effects.clear[pair]),
                "units": float(f"{units:.6g}"),
                "profit": float(f"{profit:.6g}") if np.isfinite(profit) else None,
            }
        )
    return rows


def crossed(
    effects: CrossEffects, panel: PricePanel, units_now: np.ndarray, quotes: Quotes
) -> dict[str, Any]:
    """How many pairs of a shop were looked at and are clear, and what these do at its new prices.

    Rows as of `touched`, with the product whose price moves as `priced`, that price moving alone.
    """
    clear = effects.only_clear()
    rows = [
        {"priced": panel.items.ids[int(item)].as_py()} | row
        for item in np.unique(clear.priced)
        for row in touched(clear, panel, units_now, int(item), float(quotes.price[item]))
    ]
    return _counts(effects) | {"rows": rows}


def _counts(effects: CrossEffects) -> dict[str, Any]:
    up = effects.mean[effects.clear] > 0
    return {"pairs": len(effects.mean), "substitutes": int(up.sum()), "complements": int((~up).sum())}


def of_all(found: dict[str, Any]) -> tuple[str, ...]:
    """The pairs of a whole shop in words."""
    if not found["pairs"]:
        return ()
    clear = found["substitutes"] + found["complements"]
    said = f"Of {found['pairs']:,} pairs of near products {clear:,} clearly move each other's sales"
    if not clear:
        return (f"{said.replace(' 0 ', ' none ')}: each price is chosen by itself.",)
    said += f" ({found['substitutes']:,} substitutes, {found['complements']:,} complements)"
    most = sorted(found["rows"], key=lambda row: -abs(row["profit"] or 0.0))[:TOLD]
    named = [f"{_named(row)} by the price of {row['priced']}" for row in most]
    return (f"{said}{': ' if named else ''}{', '.join(named)}.",)


def of_one(rows: list[dict[str, Any]], counted: bool) -> tuple[str, ...]:
    """The largest clear effects of one price, and the sum of all; `counted`: it was chosen with them."""
    if not rows:
        return ()
    named = [_named(row) for row in rows if row["clear"]][:TOLD]
    units = sum(row["units"] for row in rows)
    money = [row["profit"] for row in rows if row["profit"] is not None]
    total = f"{units:+.2g} units" + (f" and {sum(money):+.2f} profit" if money else "")
    told = f": {', '.join(named)}" if named else ", none of them clearly"
    near = f"Its {len(rows)} nearest products would sell {total} a week with it{told}."
    rest = "The price is chosen with what is clear of it. " if counted and named else ""
    return (f"{near} {rest}That is not in the profit above.",)


def _named(row: dict[str, Any]) -> str:
    money = "" if row["profit"] is None else f" ({row['profit']:+.2f} profit)"
    return f"{row['item_id']} {row['units']:+.2g} units{money}"
