"""What a shopper is about to buy again: how often and how lately, against how long the product lasts.

Bhagat, Muralidharan, Lobzhanidze & Vishwanath, Buy it again: modeling repeat purchase recommendations, KDD
(2018), section 3.4: the modified Poisson-Gamma model.

A shopper who bought a product on k days, the first and the last of them t_purch days apart and the last t
days ago, buys it again at the rate

    (k + alpha) / (t_purch + 2 |t_mean - t| + beta)    while t < 2 t_mean,
    (k + alpha) / (t_purch + t + beta)                 after that,

highest when t reaches t_mean, the days that the product lasts this shopper. The score is the share of its
buyers who ever buy the product again, times the probability of a purchase within the next `days` at that
rate. The paper fits alpha and beta of each product by maximum likelihood. Here alpha is one number and beta
follows from the product's mean interval, itself drawn to that of the shop: most products have few repeats.
"""

from dataclasses import dataclass

import numpy as np

from merx.data.interactions import Interactions
from merx.data.results import Contributions
from merx.data.schema import DAY, EVENT_CODE
from merx.data.vocabulary import Vocabulary
from merx.tunable import between

STRENGTH = 10.0  # intervals, or buyers, as which the shop's mean counts beside the product's own


@dataclass(frozen=True)
class BuyAgain:
    """The modified Poisson-Gamma model of repeat purchase.

    Parameters
    ----------
    alpha : float
        Purchases as which the product's mean interval counts beside the shopper's own.
    days : float
        How far ahead a purchase is looked for.
    """

    alpha: float = between(1.0, 0.1, 10.0, log=True)
    days: float = between(14.0, 1.0, 90.0, log=True)

    def fit(self, interactions: Interactions) -> "FittedBuyAgain":
        """Mean interval and share of repeat buyers of each item."""
        bought = purchases(interactions)
        repeats = bought.count - 1  # (P,) intervals between purchases
        n_items = interactions.n_items

        def of_item(values: np.ndarray) -> np.ndarray:
            return np.bincount(bought.item, values, n_items)  # (I,)

        intervals, span = of_item(repeats), of_item(bought.last - bought.first)
        mean = span.sum() / max(intervals.sum(), 1.0)  # days between two purchases, in the whole shop
        buyers, again = of_item(np.ones(len(repeats))), of_item(repeats > 0)
        share = again.sum() / max(buyers.sum(), 1.0)
        return FittedBuyAgain(
            items=interactions.items,
            interval=((span + STRENGTH * mean) / (intervals + STRENGTH)).astype(np.float32),
            repeat=((again + STRENGTH * share) / (buyers + STRENGTH)).astype(np.float32),
            until=float(interactions.time.max() / DAY) if len(interactions) else 0.0,
            alpha=self.alpha,
            days=self.days,
        )


@dataclass(frozen=True)
class Purchases:
    """Of each of P pairs of a user and an item: how often, first and last (days since 1970)."""

    user: np.ndarray
    item: np.ndarray
    count: np.ndarray
    first: np.ndarray
    last: np.ndarray


def purchases(histories: Interactions) -> Purchases:
    """Who bought what on how many days, in the order of users and items; what was sent back is left out."""
    kept = histories.keep(histories.event == EVENT_CODE["purchase"])
    pair = kept.user.astype(np.int64) * histories.n_items + kept.item
    liked = histories.matrix().tocoo()  # refunds counted
    pairs_liked = liked.coords[0].astype(np.int64) * histories.n_items + liked.coords[1]
    inside = np.isin(pair, pairs_liked)
    # of several purchases on one day one counts
    visits = np.unique(np.stack([pair[inside], kept.time[inside] // DAY]), axis=1)
    pair, start, count = np.unique(visits[0], return_index=True, return_counts=True)
    day = visits[1]
    first, last = (day[start], day[start + count - 1]) if len(pair) else (day, day)
    return Purchases(
        (pair // max(histories.n_items, 1)).astype(np.int32),
        (pair % max(histories.n_items, 1)).astype(np.int32),
        count.astype(np.float64),
        first.astype(np.float64),
        last.astype(np.float64),
    )


@dataclass(frozen=True)
class FittedBuyAgain:
    """Parameters
    ----------
    items : Vocabulary (I,)
    interval : float32 (I,)
        Mean days between two purchases by one shopper.
    repeat : float32 (I,)
        Share of the buyers who bought again.
    until : float
        The latest event fitted on, days since 1970.
    alpha, days : float
        As in BuyAgain.
    """

    items: Vocabulary
    interval: np.ndarray
    repeat: np.ndarray
    until: float
    alpha: float
    days: float

    def score(self, histories: Interactions) -> np.ndarray:
        """Probability of buying again, float32 (U, I); -inf for what a shopper never bought.

        Time is counted to the latest event fitted on, or to the shopper's own latest event where that is
        later.
        """
        bought = purchases(histories)
        now = np.full(histories.n_users, self.until)  # (U,)
        np.maximum.at(now, histories.user, histories.time / DAY)
        interval, repeat = self.interval[bought.item].astype(np.float64), self.repeat[bought.item]  # (P,)
        beta = self.alpha * interval
        span = bought.last - bought.first
        since = np.maximum(now[bought.user] - bought.last, 0.0)
        lasts = (span + beta) / (bought.count - 1 + self.alpha)
        waited = np.where(since < 2 * lasts, 2 * np.abs(lasts - since), since)
        elapsed = span + waited + beta
        rate = np.divide(bought.count + self.alpha, elapsed, out=np.zeros_like(elapsed), where=elapsed > 0)
        value = (repeat * -np.expm1(-rate * self.days)).astype(np.float32)
        score = np.full((histories.n_users, len(self.items)), -np.inf, np.float32)
        spoken = value > 0
        score[bought.user[spoken], bought.item[spoken]] = value[spoken]
        return score

    def explain(self, histories: Interactions, item: np.ndarray) -> Contributions:
        """All of an item's score comes from the shopper's own purchases of it: part (k, n)."""
        history = histories.matrix().indices.astype(np.int32)  # (n,)
        score = self.score(histories)[0][item].astype(np.float64)  # (k,)
        same = np.asarray(item)[:, None] == history[None, :]
        return Contributions(np.where(same, np.where(np.isfinite(score), score, 0.0)[:, None], 0.0), history)
