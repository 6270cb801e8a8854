"""Matrix factorisation of ratings with biases, by alternating least squares.

    score(u, i) = mean + b_u + b_i + p_u . q_i

minimises the squared errors over the ratings, plus regularization (|p|^2 + |q|^2) and bias_regularization b^2
over shoppers and items. Given the items, each shopper's b and p are one small ridge regression, and the other
way round; it starts from the leading tastes in what the biases leave. Koren, Bell & Volinsky, Matrix
factorization techniques for recommender systems, IEEE Computer 42(8), 2009; Zhou et al., Large-scale parallel
collaborative filtering for the Netflix prize, AAIM (2008).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from merx.data.interactions import Interactions
from merx.data.results import Contributions
from merx.data.vocabulary import Vocabulary
from merx.kernels.products import ProductIndex
from merx.kernels.ratings import ridge_rows
from merx.recommend.ratings import Means, Scale, leading_tastes, ratings, ratings_to_fit
from merx.tunable import between


@dataclass(frozen=True)
class RatingALS:
    """Factors of shoppers and items, and their biases, on ratings.

    Parameters
    ----------
    factors : int
        With the bias it is one more, and multiples of 8 are the fastest.
    regularization : float
        The same for everybody. Zhou et al. multiply it by the number of ratings; that did less well.
    bias_regularization : float
        The same for the biases.
    epochs : int
        Each solves all shoppers, then all items.
    seed : int
        Of the search for the leading tastes.
    """

    factors: int = between(15, 4, 64, log=True)
    regularization: float = between(14.0, 1.0, 100.0, log=True)
    bias_regularization: float = between(3.0, 0.5, 25.0, log=True)
    epochs: int = 3
    seed: int = 0

    def fit(self, interactions: Interactions) -> "FittedRatingALS":
        """Factors from the ratings. Raises FitError where the histories hold none."""
        given = ratings_to_fit(interactions)  # (U, I)
        turned = sparse.csr_array(given.T)  # (I, U)
        means = Means.of(given, self.bias_regularization)
        tastes = leading_tastes(means.deviations(given), self.factors, self.seed)
        items = np.column_stack([tastes, means.item.astype(np.float32)])  # (I, F + 1): q, b
        penalty = np.full(self.factors + 1, self.regularization, np.float32)
        penalty[-1] = self.bias_regularization
        for _ in range(self.epochs):
            users = _solve(given, items, means.scale.mean, penalty)
            items = _solve(turned, users, means.scale.mean, penalty)
        return FittedRatingALS(interactions.items, means.scale, items, means.rated, penalty)


@dataclass(frozen=True)
class FittedRatingALS:
    """Parameters
    ----------
    items : Vocabulary (I,)
    scale : Scale
    vectors : float32 (I, F + 1)
        q_i, and b_i in the last column; zeros for an item that nobody rated.
    rated : bool (I,)
    penalty : float32 (F + 1,)
        Of each of them in the least squares.
    """

    items: Vocabulary
    scale: Scale
    vectors: np.ndarray
    rated: np.ndarray
    penalty: np.ndarray

    @cached_property
    def index(self) -> ProductIndex:
        """q_i, b_i and 1 for each item, (I, F + 2); zeros for an item that nobody rated."""
        return ProductIndex.of(np.column_stack([self.vectors, self.rated]))

    def embed(self, histories: Interactions) -> np.ndarray:
        """p_u, 1 and mean + b_u of each shopper, float32 (U, F + 2); zeros for one without ratings."""
        given = ratings(histories)
        users = self._users(given)  # (U, F + 1)
        rest = np.column_stack([np.ones(len(users)), self.scale.mean + users[:, -1]])
        embedding = np.column_stack([users[:, :-1], rest]).astype(np.float32)
        embedding[np.diff(given.indptr) == 0] = 0
        return embedding

    def _users(self, given: sparse.csr_array) -> np.ndarray:
        """p_u and b_u that fit the ratings best, the items as they are: float32 (U, F + 1)."""
        return _solve(given, self.vectors, self.scale.mean, self.penalty)

    def score(self, histories: Interactions) -> np.ndarray:
        """Predicted stars float32 (U, I), not clipped; -inf for items and by shoppers without any rating."""
        return self.index.scores(self.embed(histories))

    def predict(self, histories: Interactions, user: np.ndarray, item: np.ndarray) -> np.ndarray:
        """Predicted stars of n pairs, float64 (n,), within the scale seen."""
        users = self._users(ratings(histories))  # (U, F + 1)
        taste = np.einsum("nf,nf->n", users[user, :-1], self.vectors[item, :-1], dtype=np.float64)
        return self.scale.clip(self.scale.mean + users[user, -1] + self.vectors[item, -1] + taste)

    def baseline(self, histories: Interactions, user: np.ndarray, item: np.ndarray) -> np.ndarray:
        """What the biases alone say of n pairs, float64 (n,)."""
        users = self._users(ratings(histories))
        pair: np.ndarray = self.scale.mean + users[user, -1] + self.vectors[item, -1].astype(np.float64)
        return pair

    def explain(self, histories: Interactions, item: np.ndarray) -> Contributions:
        """What each rated item adds to the baseline, part (k, n): p_u . q_i is linear in the ratings.

        With z_h = (q_h, 1), (p_u, b_u) = A^-1 sum_h z_h (r_h - mean - b_h), so that h adds its share of p_u.
        """
        given = ratings(histories)  # (1, I)
        rated = given.indices  # (n,)
        z = _with_one(self.vectors[rated]).astype(np.float64)  # (n, F + 1)
        rest = given.data - self.scale.mean - self.vectors[rated, -1]  # (n,)
        share = np.linalg.solve(z.T @ z + np.diag(self.penalty), z.T * rest)  # (F + 1, n)
        return Contributions(self.vectors[item, :-1].astype(np.float64) @ share[:-1], rated)


def _with_one(vectors: np.ndarray) -> np.ndarray:
    """The factors, and 1 in place of the bias: what the bias of the other side is multiplied by."""
    return np.column_stack([vectors[:, :-1], np.ones(len(vectors), np.float32)])


def _solve(given: sparse.csr_array, vectors: np.ndarray, mean: float, penalty: np.ndarray) -> np.ndarray:
    """Factors and bias of every row of the ratings, those of the columns (I, F + 1) as they are."""
    rest = given.data - np.float32(mean) - vectors[given.indices, -1]
    target = sparse.csr_array((rest, given.indices, given.indptr), shape=given.shape)
    return ridge_rows(target, _with_one(vectors), penalty)
