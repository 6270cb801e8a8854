"""Prices that learn while they earn: Thompson sampling over the allowed prices of each item's ladder.

One draw of the response is taken as the truth, and the price that is best under it is charged: a price is
tried as often as it may be the best (Thompson 1933; Russo et al., A Tutorial on Thompson Sampling, 2018).
"""

import numpy as np

from merx.data.contracts import DemandModel
from merx.data.panel import PricePanel
from merx.data.price_facts import PriceFacts
from merx.price.limits import RULES, PriceRules, ladder


def thompson(
    model: DemandModel, price: np.ndarray, allowed: np.ndarray, cost: np.ndarray, seed: int
) -> np.ndarray:
    """A price for each of I items, as places in its ladder, int64 (I,).

    Parameters
    ----------
    model : DemandModel
        Its draws are the posterior.
    price : float64 (I, G)
        The first is today's, and stays where no price is allowed.
    allowed : bool (I, G)
        Prices that the rules and the guardrails allow. Nothing else is ever drawn.
    cost : float64 (I,)
    seed : int
        Equal seeds draw equally; take another each time that prices are set.
    """
    units = model.draws(price)  # (draws, I, G)
    which = np.random.default_rng(seed).integers(0, len(units), len(price))
    profit = units[which, np.arange(len(price))] * (price - cost[:, None])
    place: np.ndarray = np.where(allowed, profit, -np.inf).argmax(axis=1)
    return np.where(allowed.any(axis=1), place, 0).astype(np.int64)


def explored(
    model: DemandModel, panel: PricePanel, rules: PriceRules, facts: PriceFacts, most: float, seed: int
) -> np.ndarray:
    """A price to learn from for each item of the panel, float64 (I,).

    It keeps every rule of its own but `min_confidence`, and moves by a share of `most` at most. Rules that
    tie products together are not looked at. The price of an item without a cost stays.
    """
    now, cost = panel.price_now, panel.cost.copy()
    if rules.assumed_margin is not None:
        cost = np.where(np.isnan(cost), now * (1.0 - rules.assumed_margin), cost)
    steps = ladder(now, cost, rules, facts)
    allowed = (steps.barred & ~np.uint32(1 << RULES.index("min_confidence"))) == 0
    allowed &= np.abs(steps.price / now[:, None] - 1.0) <= most
    allowed &= ~np.isnan(cost)[:, None]
    place = thompson(model, steps.price, allowed, np.nan_to_num(cost), seed)
    chosen: np.ndarray = steps.price[np.arange(len(now)), place]
    return chosen
