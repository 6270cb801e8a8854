"""Non-negative factorisation of ratings: every shopper and every item is made up of a few tastes.

    score(u, i) = p_u . q_i,   p, q >= 0

minimises the squared errors over the ratings, plus regularization (|p_u - p|^2 + |q_i - q|^2) over shoppers
and items, with p and q their means. Lee & Seung, Learning the parts of objects by non-negative matrix
factorization, Nature 401 (1999); by exact coordinate descent, Hsieh & Dhillon, KDD (2011). Drawn to 0, as is
usual, who has rated little is predicted to like little; drawn to the mean, he is the mean shopper.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from merx.data.interactions import Interactions
from merx.data.results import Contributions
from merx.data.vocabulary import Vocabulary
from merx.kernels.products import ProductIndex
from merx.kernels.ratings import nonnegative_rows
from merx.recommend.ratings import Means, Scale, leading_tastes, ratings, ratings_to_fit
from merx.tunable import between

START = 0.3  # share of a taste that the first factors have
SWEEPS = 6  # over the factors of a row in each epoch; the next epoch starts from there
MEAN_SHRINKAGE = 5.0  # of the means above which the tastes are sought
FOLD_IN_SWEEPS, TOLERANCE = 200, 1e-5  # of the factors of a new shopper


@dataclass(frozen=True)
class RatingNMF:
    """Non-negative factors of shoppers and items, on ratings.

    Parameters
    ----------
    factors : int
        Multiples of 8 are the fastest.
    regularization : float
        How strongly factors are drawn to their mean; the same for everybody.
    epochs : int
        Each improves all shoppers, then all items, then their means.
    seed : int
        Of the search for the leading tastes.
    """

    factors: int = between(24, 4, 64, log=True)
    regularization: float = between(14.0, 1.0, 100.0, log=True)
    epochs: int = 3
    seed: int = 0

    def fit(self, interactions: Interactions) -> "FittedRatingNMF":
        """Factors from the ratings, by two to begin with: what a taste likes, and what it does not.

        Raises FitError where the histories hold none.
        """
        given = ratings_to_fit(interactions)  # (U, I)
        turned = sparse.csr_array(given.T)  # (I, U)
        means = Means.of(given, MEAN_SHRINKAGE)
        even = np.sqrt(max(means.scale.mean, 0) / self.factors)
        users = np.full((given.shape[0], self.factors), even, np.float32)
        tastes = START * leading_tastes(means.deviations(given), self.factors // 2, self.seed)
        items = np.full((given.shape[1], self.factors), even, np.float32)
        items[:, : 2 * tastes.shape[1]] += np.column_stack([tastes, -tastes])
        items = np.maximum(items, 0)
        for _ in range(self.epochs):
            users, items = improve(given, turned, users, items, self.regularization)
        mean_user = mean_row(given, users)
        return FittedRatingNMF(
            interactions.items, means.scale, items, means.rated, mean_user, self.regularization
        )


def improve(
    given: sparse.csr_array, turned: sparse.csr_array, users: np.ndarray, items: np.ndarray, pull: float
) -> tuple[np.ndarray, np.ndarray]:
    """Better factors of all shoppers (U, F), then of all items (I, F); rows without ratings get the mean.

    Parameters
    ----------
    given, turned : float32 CSR (U, I) and (I, U)
        The ratings.
    users, items : float32 (U, F), (I, F)
    pull : float
        The regularization, towards the mean of the rows as they come in.
    """
    users = nonnegative_rows(given, items, pull, mean_row(given, users), users, SWEEPS)
    items = nonnegative_rows(turned, users, pull, mean_row(turned, items), items, SWEEPS)
    return users, items


def mean_row(given: sparse.csr_array, rows: np.ndarray) -> np.ndarray:
    """The mean of the rows (U, F) of those with ratings, float32 (F,)."""
    mean: np.ndarray = rows[np.diff(given.indptr) > 0].mean(axis=0, dtype=np.float64).astype(np.float32)
    return mean


@dataclass(frozen=True)
class FittedRatingNMF:
    """Parameters
    ----------
    items : Vocabulary (I,)
    scale : Scale
    vectors : float32 (I, F)
        q_i, at least 0; the mean item for one that nobody rated.
    rated : bool (I,)
    mean_user : float32 (F,)
        p, the mean shopper.
    regularization : float
        Of the config.
    """

    items: Vocabulary
    scale: Scale
    vectors: np.ndarray
    rated: np.ndarray
    mean_user: np.ndarray
    regularization: float

    @cached_property
    def index(self) -> ProductIndex:
        """q_i of each item, (I, F); zeros for an item that nobody rated."""
        return ProductIndex.of(np.where(self.rated[:, None], self.vectors, np.float32(0)))

    def embed(self, histories: Interactions) -> np.ndarray:
        """p_u of each shopper, float32 (U, F); zeros for one without ratings."""
        given = ratings(histories)
        users = self._users(given)
        users[np.diff(given.indptr) == 0] = 0
        return users

    def _users(self, given: sparse.csr_array) -> np.ndarray:
        """p_u that fits the ratings best, the items as they are, float32 (U, F); the mean without ratings."""
        start = np.tile(self.mean_user, (given.shape[0], 1))
        rest = (self.regularization, self.mean_user, start, FOLD_IN_SWEEPS, TOLERANCE)
        return nonnegative_rows(given, self.vectors, *rest)

    def score(self, histories: Interactions) -> np.ndarray:
        """Predicted stars float32 (U, I), not clipped; -inf for items and by shoppers without any rating."""
        return self.index.scores(self.embed(histories))

    def predict(self, histories: Interactions, user: np.ndarray, item: np.ndarray) -> np.ndarray:
        """Predicted stars of n pairs, float64 (n,), within the scale seen."""
        users = self._users(ratings(histories))  # (U, F)
        pair = np.einsum("nf,nf->n", users[user], self.vectors[item], dtype=np.float64)
        return self.scale.clip(pair)

    def baseline(self, histories: Interactions, user: np.ndarray, item: np.ndarray) -> np.ndarray:
        """What the mean shopper would give, in the tastes that the shopper has at all: n pairs, float64."""
        users = self._users(ratings(histories))
        mean = np.where(users > 0, self.mean_user, 0.0)  # (U, F)
        pair: np.ndarray = np.einsum("nf,nf->n", mean[user], self.vectors[item])
        return pair

    def explain(self, histories: Interactions, item: np.ndarray) -> Contributions:
        """What each rated item adds to the baseline, part (k, n).

        In the tastes that the shopper has, p_u > 0, the answer is that of least squares without a bound:
        p_u - p = A^-1 sum_h q_h (r_h - p . q_h), so that h adds its term.
        """
        given = ratings(histories)  # (1, I)
        rated = given.indices  # (n,)
        has = self._users(given)[0] > 0  # (F,), S of them true
        mean, q = self.mean_user[has].astype(np.float64), self.vectors[rated][:, has].astype(np.float64)
        rest = given.data - q @ mean  # (n,)
        share = np.linalg.solve(q.T @ q + self.regularization * np.eye(len(mean)), q.T * rest)  # (S, n)
        return Contributions(self.vectors[item][:, has].astype(np.float64) @ share, rated)
