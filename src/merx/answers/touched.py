"""What a new price of one product does to the sales of others."""

from typing import Any

import numpy as np

from merx.answers.answer import Context
from merx.data.contracts import DemandModel
from merx.data.panel import PricePanel
from merx.price.cross_effects import cannibalised, cross_elasticities

ASKED = ("bought_together", "item_knn")
"""Kinds whose neighbours may be touched: what lies in the same basket, and what the same shoppers like."""

NEIGHBOURS = 8
"""Of each kind: the few pairs that are worth an estimate."""

TOLD = 3


def touched(
    context: Context, model: DemandModel, panel: PricePanel, item: int, price: float
) -> tuple[list[dict[str, Any]], str]:
    """What its neighbours sell more or less a week if an item (a place) moves to that price, and in words.

    One row a neighbour: item_id, elasticity (of its units to this price) and its standard error, units and
    profit (None where the cost is not known). No rows where no neighbour is known or the price stays.
    """
    others = _neighbours(context, panel, item)
    if not len(others) or price == panel.price_now[item]:
        return [], ""
    effects = cross_elasticities(panel, np.stack([others, np.full(len(others), item)], axis=1))
    units_now = model.demand(panel.price_now[:, None])[:, 0]
    moved = cannibalised(effects, panel, units_now, item, price)
    of = {int(other): place for place, other in enumerate(effects.sold)}
    ids = panel.items.ids
    rows = [
        {
            "item_id": ids[int(other)].as_py(),
            "elasticity": round(float(effects.mean[of[int(other)]]), 4),
            "error": round(float(effects.sd[of[int(other)]]), 4),
            "units": float(f"{units:.6g}"),
            "profit": float(f"{profit:.6g}") if np.isfinite(profit) else None,
        }
        for other, units, profit in zip(moved.item, moved.units, moved.profit, strict=True)
    ]
    return rows, _in_words(rows)


def _neighbours(context: Context, panel: PricePanel, item: int) -> np.ndarray:
    """Places (n,) of the products that are nearest to an item, by every kind that was fitted."""
    found: dict[int, None] = {}
    for kind in ASKED:
        if kind not in context.versions:
            continue
        near = context.model(kind, "recommend")
        code = near.items.code(panel.items.ids[item].as_py())
        if code < 0:
            continue
        alike = near.similarity
        score = alike[[code]].toarray()[0] + alike[:, [code]].toarray()[:, 0]  # (I of the kind,)
        score[code] = 0.0
        best = np.argsort(-score, kind="stable")[:NEIGHBOURS]
        places = panel.items.codes(near.items.ids.take(best[score[best] > 0]))
        found |= dict.fromkeys(int(place) for place in places if place >= 0 and place != item)
    return np.array(list(found), dtype=np.int64)


def _in_words(rows: list[dict[str, Any]]) -> str:
    """The largest effects that are more than their error, and the sum of all."""
    clear = [row for row in rows if abs(row["elasticity"]) > row["error"]][:TOLD]
    named = [
        f"{row['item_id']} {row['units']:+.2g} units"
        + ("" if row["profit"] is None else f" ({row['profit']:+.2f} profit)")
        for row in clear
    ]
    units = sum(row["units"] for row in rows)
    money = [row["profit"] for row in rows if row["profit"] is not None]
    total = f"{units:+.2g} units" + (f" and {sum(money):+.2f} profit" if money else "")
    told = f": {', '.join(named)}" if named else ", none of them clearly"
    near = f"Its {len(rows)} nearest products would sell {total} a week with it{told}."
    return f"{near} That is not in the profit above."
