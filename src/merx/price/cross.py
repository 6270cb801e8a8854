"""Prices of products that take sales from each other, or bring them: a search on top of the choice without.

With s_j the log of price j over today's and e_ij the cross elasticity, units of i are those at its own
price times exp(sum_j e_ij s_j). What item i brings at another price, all others as chosen, is then known
exactly: what it does to its own value and to that of the items it touches. In each round every item is
scored so, and the best scores are chosen at once (the whole linearised at the prices so far), under the
rules that tie products together. Where items that move together undo each other's gain, only the half of
the moves that promise most is made, and so on down to one: no round loses. The problem is not concave, and
no bound is proven.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from merx.price.coupling import Coupling
from merx.price.solve import Solution, solve

ROUNDS = 20
SINGLE = 200  # items that are moved one at a time in a round
LEAST = 1e-6  # of the value: a smaller gain ends the search


@dataclass(frozen=True)
class Substitutes:
    """The value of any choice where products touch each other.

    Parameters
    ----------
    value : float64 (I, G)
        Of each point with all others as today; -inf where it is not allowed.
    step : float64 (I, G)
        log(price / today's).
    cross : sparse array (I, I)
        [i, j]: d log units of i / d log price of j; its diagonal is 0.
    """

    value: np.ndarray
    step: np.ndarray
    cross: sparse.csr_array

    def each(self, place: np.ndarray) -> np.ndarray:
        """The value of each item at the points (I,), float64 (I,)."""
        items = np.arange(len(place))
        each: np.ndarray = self.value[items, place] * np.exp(self.cross @ self.step[items, place])
        return each

    def scores(self, place: np.ndarray) -> np.ndarray:
        """The value of each item, and what the whole gains if it alone takes another point, float64 (I, G).

        -inf where a point is not allowed.
        """
        items = np.arange(len(place))
        factor = np.exp(self.cross @ self.step[items, place])
        each = self.value[items, place] * factor
        own = self.value * factor[:, None]
        touched = self.cross.tocoo()  # (row: whose units, col: whose price)
        away = self.step[touched.col] - self.step[touched.col, place[touched.col]][:, None]  # (n, G)
        gain = each[touched.row][:, None] * np.expm1(touched.data[:, None] * away)
        shape = (len(place), len(touched.data))
        onto = sparse.csr_array((np.ones(shape[1]), (touched.col, np.arange(shape[1]))), shape=shape)
        scores: np.ndarray = own + onto @ gain
        return scores


def refine(shop: Substitutes, place: np.ndarray, tied: Coupling) -> np.ndarray:
    """Points (I,) that are worth at least as much as those given, and keep the rules `tied` if those do."""
    items = np.arange(len(place))
    worth = float(shop.each(place).sum())
    for _ in range(ROUNDS):
        scores = shop.scores(place)
        found = solve(scores, tied, rough=np.inf)
        if not isinstance(found, Solution):
            break
        moved = np.flatnonzero(found.place != place)
        gain = scores[moved, found.place[moved]] - scores[moved, place[moved]]
        moved = moved[np.argsort(-gain, kind="stable")]
        better = False
        while len(moved):
            tried = place.copy()
            tried[moved] = found.place[moved]
            reached = float(shop.each(tried).sum())
            kept = (tied.usage(tried) <= tied.bound + 1e-6 * tied.scale).all()
            if kept and reached > worth + LEAST * abs(worth):
                place, worth, better = tried, reached, True
                break
            moved = moved[: len(moved) // 2]
        if not better:
            break
    # Moves of single items, as long as one gains: what the rounds cannot find where moves undo each other.
    for _ in range(ROUNDS):
        scores = shop.scores(place)
        top = scores.argmax(axis=1)
        gain = scores[items, top] - scores[items, place]
        movers = np.flatnonzero(gain > LEAST * abs(worth) / max(len(items), 1))
        start = worth
        for i in movers[np.argsort(-gain[movers], kind="stable")][:SINGLE]:
            tried = place.copy()
            tried[i] = top[i]
            reached = float(shop.each(tried).sum())
            if reached > worth and (tied.usage(tried) <= tied.bound + 1e-6 * tied.scale).all():
                place, worth = tried, reached
        if worth <= start + LEAST * abs(start):
            break
    return place
