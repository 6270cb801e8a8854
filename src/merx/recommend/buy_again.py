"""What a shopper is about to buy again, learnt from what the shop's shoppers did buy again.

That recency and the quality of the product decide is Anderson, Kumar, Tomkins & Vassilvitskii, The dynamics
of repeat consumption, WWW (2014). The share of a product's buyers who ever buy it again is the repeat
customer probability of Bhagat, Muralidharan, Lobzhanidze & Vishwanath, Buy it again: modeling repeat purchase
recommendations, KDD (2018).

The probability that a shopper who bought a product on k days, last t days ago, buys it again within `days` is

    1 / (1 + exp(-(w_0 + w_1 log k + w_2 log(1 + t) + w_3 log(p + 0.01) + w_4 log q))),

p being what the product sells of late and q the share of its buyers who bought it again. The weights are
those of the largest likelihood on the last `days` days, given all before, drawn a little to weights found on
other shops.
"""

from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from merx.data.interactions import Interactions
from merx.data.results import Contributions
from merx.data.schema import DAY, EVENT_CODE
from merx.data.vocabulary import Vocabulary
from merx.tunable import between

BUYERS = 10.0  # as which the shop's share of repeat buyers counts beside the product's own
PRIOR = np.array([-3.5, 1.1, -0.15, 0.3, 0.15])  # between UCI Online Retail and a simulated shop
STRENGTH = 5.0  # precision of the prior


@dataclass(frozen=True)
class BuyAgain:
    """A logistic regression of repeat purchase on how often, how lately, and what the product is.

    Parameters
    ----------
    days : float
        How far ahead a purchase is looked for, and how many of the last days it is learnt on.
    half_life : float
        Days after which a purchase counts half for what the product sells of late.
    """

    days: float = between(28.0, 7.0, 90.0, log=True)
    half_life: float = between(14.0, 3.0, 365.0, log=True)

    def fit(self, interactions: Interactions) -> "FittedBuyAgain":
        """Learn the weights on the last days, then describe the items as they are now."""
        until = interactions.time.max(initial=0) / DAY
        cut = until - self.days
        early = interactions.time <= cut * DAY
        before, after = purchases(interactions.keep(early)), purchases(interactions.keep(~early))
        n = interactions.n_items
        sales, repeat = self._describe(interactions.keep(early), before, cut)
        bought = np.isin(before.user * n + before.item, after.user * n + after.item)
        weights = _logistic(_features(before, cut - before.last, sales, repeat), bought)
        sales, repeat = self._describe(interactions, purchases(interactions), until)
        return FittedBuyAgain(interactions.items, sales, repeat, weights, float(until))

    def _describe(
        self, interactions: Interactions, bought: "Purchases", now: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """What each item sells of late, and its share of repeat buyers: (I,), (I,)."""
        sold = interactions.keep(interactions.event == EVENT_CODE["purchase"])
        weight = 0.5 ** ((now - sold.time / DAY) / self.half_life)
        sales = np.bincount(sold.item, weight, interactions.n_items)
        buyers = np.bincount(bought.item, minlength=interactions.n_items)
        again = np.bincount(bought.item, bought.count > 1, interactions.n_items)
        share = (again.sum() + 1) / (buyers.sum() + 2)  # above 0, also in a shop without repeats
        return sales, (again + BUYERS * share) / (buyers + BUYERS)


@dataclass(frozen=True)
class Purchases:
    """Of each of P pairs of a user and an item: on how many days, and when last (days since 1970)."""

    user: np.ndarray
    item: np.ndarray
    count: np.ndarray
    last: np.ndarray


def purchases(histories: Interactions) -> Purchases:
    """Who bought what on how many days, in the order of users and items; what was sent back is left out."""
    n_items = max(histories.n_items, 1)
    kept = histories.keep(histories.event == EVENT_CODE["purchase"])
    pair = kept.user.astype(np.int64) * n_items + kept.item
    traded = np.isin(histories.event, [EVENT_CODE["purchase"], EVENT_CODE["refund"]])
    liked = histories.keep(traded).matrix().tocoo()
    inside = np.isin(pair, liked.coords[0].astype(np.int64) * n_items + liked.coords[1])
    pair, day = pair[inside], kept.time[inside] // DAY
    order = np.lexsort((day, pair))
    pair, day = pair[order], day[order]
    new = np.append(True, (np.diff(pair) != 0) | (np.diff(day) != 0))[: len(pair)]
    pair, day = pair[new], day[new]  # of several purchases on one day one counts
    pair, start, count = np.unique(pair, return_index=True, return_counts=True)
    last = day[start + count - 1].astype(np.float64)
    return Purchases(pair // n_items, pair % n_items, count.astype(np.float64), last)


def _features(bought: Purchases, since: np.ndarray, sales: np.ndarray, repeat: np.ndarray) -> np.ndarray:
    """What the probability depends on, float64 (P, 5); `since` (P,) are the days since the last purchase."""
    return np.stack(
        [
            np.ones(len(since)),
            np.log(bought.count),
            np.log1p(np.maximum(since, 0.0)),
            np.log(sales[bought.item] + 0.01),
            np.log(repeat[bought.item]),
        ],
        axis=1,
    )


def _logistic(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Weights (5,) of the largest posterior; x (P, 5), y bool (P,)."""

    def loss(weights: np.ndarray) -> float:
        away = weights - PRIOR
        log_likelihood = special.log_expit(np.where(y, 1, -1) * (x @ weights)).sum()
        return float(0.5 * STRENGTH * away @ away - log_likelihood)

    def slope(weights: np.ndarray) -> np.ndarray:
        return np.asarray(STRENGTH * (weights - PRIOR) + x.T @ (special.expit(x @ weights) - y))

    def curvature(weights: np.ndarray) -> np.ndarray:
        p = special.expit(x @ weights)
        return np.asarray(STRENGTH * np.eye(len(PRIOR)) + (x * (p * (1 - p))[:, None]).T @ x)

    found = optimize.minimize(loss, PRIOR, method="trust-exact", jac=slope, hess=curvature)
    return np.asarray(found.x)


@dataclass(frozen=True)
class FittedBuyAgain:
    """Parameters
    ----------
    items : Vocabulary (I,)
    sales, repeat : float64 (I,)
        What each item sells of late; the share of its buyers who bought it again.
    weights : float64 (5,)
    until : float
        The latest event fitted on, days since 1970.
    """

    items: Vocabulary
    sales: np.ndarray
    repeat: np.ndarray
    weights: np.ndarray
    until: float

    def score(self, histories: Interactions) -> np.ndarray:
        """Probability of buying again, float32 (U, I); -inf for what a shopper never bought.

        Time is counted to the latest event fitted on, or to the shopper's own latest event where that is
        later.
        """
        bought = purchases(histories)
        now = np.full(histories.n_users, self.until)  # (U,)
        np.maximum.at(now, histories.user, histories.time / DAY)
        x = _features(bought, now[bought.user] - bought.last, self.sales, self.repeat)
        score = np.full((histories.n_users, len(self.items)), -np.inf, np.float32)
        score[bought.user, bought.item] = special.expit(x @ self.weights)
        return score

    def explain(self, histories: Interactions, item: np.ndarray) -> Contributions:
        """All of an item's score comes from the shopper's own purchases of it: part (k, n)."""
        history = histories.matrix().indices.astype(np.int32)  # (n,)
        score = self.score(histories)[0][item].astype(np.float64)  # (k,)
        same = np.asarray(item)[:, None] == history[None, :]
        return Contributions(np.where(same, np.where(np.isfinite(score), score, 0.0)[:, None], 0.0), history)
