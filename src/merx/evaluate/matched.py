"""Shoppers whose friend has just bought a product, beside others as likely to have such a friend.

Aral, Muchnik & Sundararajan, "Distinguishing influence-based contagion from homophily-driven diffusion in
dynamic networks", PNAS 106(51), 2009: a shopper whose friend bought is matched with those whose friends did
not, by the propensity to have such a friend, and what they did next is compared. Here it is compared for the
same product at the same moment, so its season and its promotions are the same for all. The propensity is a
logistic regression on taste (how well the product fits the shopper's other purchases, by the first directions
of all purchases), activity, earlier purchases of the product, and the number of friends. Those whose
propensity differs by more than a fifth of its standard deviation, on the logit scale, do not match (Austin,
"Optimal caliper widths for propensity-score matching", Pharmaceutical Statistics 10, 2011).

Likeness in what nobody recorded stays in what is left, so it leans towards more influence than there is.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import svds

from merx.data.interactions import Interactions
from merx.data.relations import Ties
from merx.data.schema import DAY
from merx.evaluate.influence import FEWEST, SIDE, two_way

TREATED = 5_000  # shoppers and products that are looked at, at most
DRAWN = 20  # others drawn for each, of whom those who match are compared
TASTES = 16  # directions of taste
CALIPER = 0.2
SEED = 0


@dataclass(frozen=True)
class Matched:
    """The chance of buying within the days after a friend did, and that of others; NaN: too few to say.

    Parameters
    ----------
    pairs : int
        Shoppers with a friend who bought, each with the others who match.
    after_friend, alike, unmatched : float
        The chance of those with such a friend, of those who match, and of others drawn at random.
    effect, low, high : float
        after_friend - alike, and its 95 % interval.
    """

    pairs: int
    after_friend: float
    alike: float
    unmatched: float
    effect: float
    low: float
    high: float


def matched(purchases: Interactions, about: tuple[np.ndarray, np.ndarray], ties: Ties, days: int) -> Matched:
    """Compare those whose friend bought with their likest; parameters as in `merx.evaluate.influence`."""
    rng = np.random.default_rng(SEED)
    span = days * DAY
    n_users, n_items = purchases.n_users, purchases.n_items
    felt = _Exposures.of(purchases, ties)
    # the first time that a friend of a shopper bought a product, while the shopper was about
    first = np.concatenate([[True], np.diff(felt.key) != 0]) if len(felt.key) else np.zeros(0, bool)
    user, item, time = felt.key[first] // n_items, felt.key[first] % n_items, felt.time[first]
    there = (about[0][user] <= time) & (about[1][user] >= time)
    user, item, time = user[there], item[there], time[there]
    nothing = Matched(0, *(float("nan"),) * 6)
    if len(user) < FEWEST or n_users < DRAWN:
        return nothing
    if len(user) > TREATED:
        some = np.sort(rng.choice(len(user), TREATED, replace=False))
        user, item, time = user[some], item[some], time[some]
    # others, as they were at the same moment
    other = rng.integers(n_users, size=(len(user), DRAWN))
    products, moments = (np.repeat(values[:, None], DRAWN, axis=1) for values in (item, time))
    fit = (about[0][other] <= moments) & (about[1][other] >= moments) & (other != user[:, None])
    fit &= ~felt.within(other * n_items + products, moments - span, moments)
    bought = _Exposures.itself(purchases)
    traits = _Traits.of(purchases, ties, bought)
    theirs = traits.at(other.ravel(), products.ravel(), moments.ravel()).reshape(len(user), DRAWN, -1)
    own = traits.at(user, item, time)
    weight = _propensity(own, theirs[fit])
    mine, rest = own @ weight, theirs @ weight  # logits, (n,) and (n, DRAWN)
    caliper = CALIPER * np.std(np.concatenate([mine, rest[fit]]))
    alike = fit & (np.abs(rest - mine[:, None]) <= caliper)
    kept = alike.any(axis=1)
    if kept.sum() < FEWEST:
        return nothing
    came = bought.within(user * n_items + item, time, time + span)[kept]
    others_came = bought.within(other * n_items + products, moments, moments + span)
    of_alike = (others_came & alike)[kept].sum(axis=1) / alike[kept].sum(axis=1)
    difference = came - of_alike
    effect = float(difference.mean())
    error = two_way(difference - effect, user[kept], item[kept]) / len(difference)
    return Matched(
        len(difference),
        float(came.mean()),
        float(of_alike.mean()),
        float(others_came[fit].mean()),
        effect,
        effect - SIDE * error,
        effect + SIDE * error,
    )


@dataclass(frozen=True)
class _Exposures:
    """Moments of each pair of shopper and product, key = user * I + item: sorted by key, then time (M,)."""

    key: np.ndarray
    time: np.ndarray

    @classmethod
    def of(cls, purchases: Interactions, ties: Ties) -> "_Exposures":
        """When friends bought."""
        length = np.diff(purchases.offsets)[ties.other]
        tie = np.repeat(np.arange(len(ties)), length)
        first = np.cumsum(length) - length
        entry = np.arange(length.sum()) + np.repeat(purchases.offsets[ties.other] - first, length)
        known = purchases.time[entry] >= ties.since[tie]
        key = ties.user[tie].astype(np.int64) * purchases.n_items + purchases.item[entry]
        return cls.sorted(key[known], purchases.time[entry][known])

    @classmethod
    def itself(cls, purchases: Interactions) -> "_Exposures":
        """When shoppers bought."""
        return cls.sorted(
            purchases.user.astype(np.int64) * purchases.n_items + purchases.item, purchases.time
        )

    @classmethod
    def sorted(cls, key: np.ndarray, time: np.ndarray) -> "_Exposures":
        """In order."""
        order = np.lexsort((time, key))
        return cls(key[order], time[order])

    def before(self, key: np.ndarray, time: np.ndarray) -> np.ndarray:
        """How many moments of each key lie at or before a time, int64 of that shape."""
        distinct, start = np.unique(self.key, return_index=True)
        place = np.searchsorted(distinct, key)
        found = np.append(distinct, -1)[np.minimum(place, len(distinct))] == key
        begin = np.append(start, len(self.key))[np.minimum(place, len(distinct))]
        # ranks of (key, time) among all moments, without a number that holds both
        both = np.concatenate([self.time, time.ravel()])
        rank = np.unique(both, return_inverse=True)[1].astype(np.int64)
        levels = int(rank.max(initial=0)) + 1
        ordered = np.searchsorted(distinct, self.key) * levels + rank[: len(self.time)]
        asked = place.ravel() * levels + rank[len(self.time) :]
        count = np.searchsorted(ordered, asked, side="right").reshape(key.shape) - begin
        return np.asarray(np.where(found, count, 0))

    def within(self, key: np.ndarray, after: np.ndarray, until: np.ndarray) -> np.ndarray:
        """Whether a moment of each key lies after a time and until another, bool of that shape."""
        return np.asarray(self.before(key, until) > self.before(key, after))


@dataclass(frozen=True)
class _Traits:
    """What makes a shopper likely to have friends who buy a product.

    Parameters
    ----------
    taste : float64 (U, F)
        Sum of the directions of what each bought.
    direction : float64 (I, F)
    count : float64 CSR (U, I)
    friends : float64 (U,)
    bought : _Exposures
    """

    taste: np.ndarray
    direction: np.ndarray
    count: sparse.csr_array
    friends: np.ndarray
    bought: _Exposures

    @classmethod
    def of(cls, purchases: Interactions, ties: Ties, bought: _Exposures) -> "_Traits":
        """Learnt from all purchases."""
        count = purchases.matrix().astype(np.float64)
        count.data[:] = 1.0
        directions = min(TASTES, min(count.shape) - 1)
        first = np.ones(min(count.shape))
        _, size, turned = svds(count, directions, v0=first, random_state=SEED)
        direction = turned.T * size  # (I, F)
        direction /= np.maximum(np.linalg.norm(direction, axis=1, keepdims=True), 1e-12)
        friends = np.bincount(ties.user, minlength=purchases.n_users).astype(np.float64)
        return cls(count @ direction, direction, count, friends, bought)

    def at(self, user: np.ndarray, item: np.ndarray, time: np.ndarray) -> np.ndarray:
        """1, taste, activity, earlier purchases and friends, float64 (n, 5): without the product itself."""
        own = np.asarray(self.count[user, item]).ravel()
        rest = self.taste[user] - own[:, None] * self.direction[item]
        length = np.maximum(np.linalg.norm(rest, axis=1), 1e-12)
        met = self.count.sum(axis=1)[user] - own
        earlier = self.bought.before(user * self.count.shape[1] + item, time)
        return np.column_stack(
            [
                np.ones(len(user)),
                (rest * self.direction[item]).sum(axis=1) / length,
                np.log1p(met),
                np.log1p(earlier),
                np.log1p(self.friends[user]),
            ]
        )


def _propensity(own: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Weights (K,) of a logistic regression of who had such a friend, by Newton's method."""
    x = np.concatenate([own, others])
    had = np.concatenate([np.ones(len(own)), np.zeros(len(others))])
    weight = np.zeros(x.shape[1])
    for _ in range(25):
        chance = 1 / (1 + np.exp(-np.clip(x @ weight, -30, 30)))
        normal = (x.T * (chance * (1 - chance))) @ x + 1e-6 * len(x) * np.eye(x.shape[1])
        weight += np.linalg.solve(normal, x.T @ (had - chance) - 1e-6 * len(x) * weight)
    return weight
