"""What a place in a list is worth to the shop, and how much relevance may be given up for it.

The relevance of a product is the discount of its place r in the model's order, 1 / log2(1 + r): scores of
different models have no common scale, places have. It stands in for the probability that a shopper who sees
the product takes it.

A list x_1, x_2, ... shows place p to the share d_p = 1 / log2(1 + p) of shoppers. Its relevance is
R(x) = sum of d_p r(x_p), its worth is W(x) = sum of d_p r(x_p) v(x_p), where v is the purchase rate of a
product or its profit. The list of the largest W with R >= (1 - give_up) R(best) is sought by its Lagrangian:
the maximum of (1 - w) W + w R for a weight w is a list sorted by r ((1 - w) v + w), and the least w that
gives up no more than allowed is found by bisection. w = 1 is the list by relevance alone, which always
does.
"""

from collections.abc import Callable

import numpy as np

from merx.errors import RequestError

OBJECTIVES = ("relevance", "conversion", "profit")
VIEWS = 100.0  # the shop's mean counts as much as so many views of an item
SALES = 20.0  # and as so many units sold, for its returns
HALVINGS = 24


def discount(n: int) -> np.ndarray:
    """1 / log2(1 + place) of the places 1..n, float64 (n,)."""
    return np.asarray(1 / np.log2(np.arange(2, n + 2)))


def shrunk(part: np.ndarray, whole: np.ndarray, strength: float) -> np.ndarray:
    """part / whole of each item, drawn to the rate of all by `strength` more trials, 0..1, (n,).

    Parameters
    ----------
    part, whole : float64 (n,)
        Of all items of the shop: the rate of all is taken from them.
    """
    rate = part.sum() / whole.sum() if whole.sum() > 0 else 0.0
    found: np.ndarray = np.clip((part + strength * rate) / (whole + strength), 0.0, 1.0)
    return found


def profit(
    price: np.ndarray, cost: np.ndarray, returned: np.ndarray, assumed_margin: float | None, names: list[str]
) -> np.ndarray:
    """What a sale of each of n items leaves: (price - cost) (1 - rate of returns), (n,).

    Parameters
    ----------
    price, cost : float64 (n,)
        NaN where not known.
    returned : float64 (n,)
        The rate of returns.
    assumed_margin : float, optional
        (price - cost) / price where the cost is not known.
    names : the ids of the items, for the error

    Raises
    ------
    RequestError
        A price is not known, or a cost is not known and no margin is assumed.
    """
    if assumed_margin is not None:
        cost = np.where(np.isnan(cost), price * (1 - assumed_margin), cost)
    for what, values, remedy in (
        ("price", price, "ingest a catalogue or orders with prices"),
        ("cost", cost, "ingest costs (cost_of_goods_sold), or set [price] assumed_margin"),
    ):
        unknown = np.flatnonzero(np.isnan(values))
        if len(unknown):
            examples = ", ".join(repr(names[entry]) for entry in unknown[:3])
            raise RequestError(
                f'objective = "profit": the {what} of {len(unknown)} of {len(names)} products that may be '
                f"shown is not known (first: {examples}); {remedy}."
            )
    return np.asarray((price - cost) * (1 - returned))


def trade(
    arrange: Callable[[np.ndarray], np.ndarray],
    relevance: np.ndarray,
    worth: np.ndarray,
    kept: Callable[[np.ndarray], float],
    give_up: float,
) -> np.ndarray:
    """The list of the largest worth that gives up at most so much relevance: places in the pool (m,).

    Parameters
    ----------
    arrange : value (n,) -> list (m,)
        The list by a value of each product, under all other rules.
    relevance, worth : float64 (n,)
    kept : list -> float
        The relevance of a list.
    give_up : float, 0..1
    """
    scale = np.abs(worth).mean() if len(worth) else 0.0
    if not scale > 0:
        return arrange(relevance)
    worth = worth / scale  # so that a typical product's value stays near its relevance

    def by(weight: float) -> np.ndarray:
        return arrange(relevance * ((1 - weight) * worth + weight))

    best = by(1.0)
    least = (1 - give_up) * kept(best)

    def allowed(candidate: np.ndarray) -> bool:
        return kept(candidate) >= least - 1e-12 and len(candidate) == len(best)

    if allowed(greediest := by(0.0)):
        return greediest
    low, high, found = 0.0, 1.0, best  # `found` is the list at `high`
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if allowed(candidate := by(middle)):
            high, found = middle, candidate
        else:
            low = middle
    return found
