"""Prices that learn while they earn: Thompson sampling over the allowed prices of each item's ladder.

One draw of the response is taken as the truth, and the price that is best under it is charged: a price is
tried as often as it may be the best (Thompson 1933; Russo et al., A Tutorial on Thompson Sampling, 2018).
"""

import numpy as np

from merx.data.contracts import DemandModel


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
