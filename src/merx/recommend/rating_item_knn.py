"""Item-based collaborative filtering on ratings: what the shopper said of the items that an item is like.

    score(u, i) = baseline(u, i) + sum_h s(h, i) d(u, h) / (damping + sum_h s(h, i))

over those items h, of the ones most like i, that the shopper rated; d is what a rating exceeds its baseline
by, and s how alike the deviations of two items are, over the shoppers who rated both. Sarwar et al.,
Item-based collaborative filtering recommendation algorithms, WWW (2001), with the baselines, the shrunk
similarity and the damped weights of Koren, Factor in the neighbors, ACM TKDD 4(1), 2010.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from merx.data.interactions import Interactions
from merx.data.results import Contributions
from merx.data.vocabulary import Vocabulary
from merx.kernels.ratings import common_sums
from merx.kernels.similarity import neighbours
from merx.recommend.ratings import MEASURES, Means, check_measure, pattern, ratings, ratings_to_fit
from merx.tunable import among, between


@dataclass(frozen=True)
class RatingItemKNN:
    """Neighbours among items, on ratings.

    Parameters
    ----------
    similarity : str
        Of two items, on the deviations d of the shoppers who rated both: "cosine" (the adjusted cosine),
        "pearson" (less their means over these shoppers) or "euclidean", 1 / (1 + r) with r the root of the
        mean square difference.
    neighbours : int
        How many of the most similar items of each item are kept.
    shrinkage : float
        With n common shoppers the similarity is multiplied by n / (n + shrinkage).
    overlap : int
        Items with fewer shoppers in common are no neighbours.
    damping : float
        Weight of the baseline in the mean over the neighbours, in units of similarity.
    mean_shrinkage : float
        Ratings at the common mean that are imagined for every item and every shopper.
    """

    similarity: str = among("cosine", "cosine", "pearson", "euclidean")
    neighbours: int = between(200, 20, 1000, log=True)
    shrinkage: float = between(300.0, 1.0, 1000.0, log=True)
    overlap: int = 2
    damping: float = between(0.1, 0.01, 5.0, log=True)
    mean_shrinkage: float = between(5.0, 1.0, 25.0, log=True)

    def __post_init__(self) -> None:
        check_measure(self.similarity)

    def fit(self, interactions: Interactions) -> "FittedRatingItemKNN":
        """Means, and the neighbours of every item. Raises FitError where the histories hold no ratings."""
        given = ratings_to_fit(interactions)  # (U, I)
        means = Means.of(given, self.mean_shrinkage)
        alike = neighbours(
            sparse.csr_array(means.deviations(given).T),
            self.neighbours,
            MEASURES[self.similarity],
            self.shrinkage,
            self.overlap,
        )
        return FittedRatingItemKNN(interactions.items, means, alike, self.damping)


@dataclass(frozen=True)
class FittedRatingItemKNN:
    """Parameters
    ----------
    items : Vocabulary (I,)
    means : Means
    neighbours : float32 CSR (I, I)
        s(h, i) at [i, h], where h is among the neighbours of i.
    damping : float
        Of the config.
    """

    items: Vocabulary
    means: Means
    neighbours: sparse.csr_array
    damping: float

    @cached_property
    def _speaks_for(self) -> sparse.csr_array:
        """s(h, i) at [h, i]."""
        return sparse.csr_array(self.neighbours.T)

    def score(self, histories: Interactions) -> np.ndarray:
        """Predicted stars float32 (U, I), not clipped; -inf for items and by shoppers without any rating."""
        given = ratings(histories)
        own = self.means.deviations(given)
        said = (own @ self._speaks_for).toarray()  # (U, I)
        weight = (pattern(own) @ self._speaks_for).toarray()
        return self.means.scores(given, said / (self.damping + weight))

    def predict(self, histories: Interactions, user: np.ndarray, item: np.ndarray) -> np.ndarray:
        """Predicted stars of n pairs, float64 (n,), within the scale seen."""
        given = ratings(histories)
        said, _, weight = common_sums(self.means.deviations(given), self.neighbours, user, item)
        return self.means.scale.clip(self.means.baseline(given, user, item) + said / (self.damping + weight))

    def baseline(self, histories: Interactions, user: np.ndarray, item: np.ndarray) -> np.ndarray:
        """What the means alone say of n pairs, float64 (n,)."""
        return self.means.baseline(ratings(histories), user, item)

    def explain(self, histories: Interactions, item: np.ndarray) -> Contributions:
        """What each rated item adds to the baseline: the terms of the sum, part (k, n)."""
        given = ratings(histories)  # (1, I)
        weight = self.neighbours[item][:, given.indices].toarray().astype(np.float64)  # (k, n)
        own = self.means.deviations(given).data  # (n,)
        part = weight * own / (self.damping + weight.sum(axis=1, keepdims=True))
        return Contributions(part, given.indices)
