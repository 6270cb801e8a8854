"""User-based collaborative filtering on ratings: what shoppers of like taste said of an item.

    score(u, i) = baseline(u, i) + sum_v s(u, v) d(v, i) / (damping + sum_v s(u, v))

over those v, of the shoppers most like u, who rated i; d is what a rating exceeds its baseline by, and s how
alike the deviations are on the items that both rated. Resnick et al., GroupLens, CSCW (1994), with the
baselines, the shrunk similarity and the damped weights of Koren, Factor in the neighbors, ACM TKDD 4(1),
2010.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from merx.data.interactions import Interactions
from merx.data.results import Contributions
from merx.data.vocabulary import Vocabulary
from merx.kernels.ratings import common_sums
from merx.kernels.similarity import RowIndex
from merx.recommend.ratings import MEASURES, Means, check_measure, pattern, ratings, ratings_to_fit
from merx.tunable import among, between


@dataclass(frozen=True)
class RatingUserKNN:
    """Neighbours among shoppers, on ratings.

    Parameters
    ----------
    similarity : str
        Of two shoppers, on the deviations d of the items that both rated: "cosine", "pearson" (less their
        means over these items) or "euclidean", 1 / (1 + r) with r the root of the mean square difference.
    neighbours : int
        How many of the most similar shoppers are asked.
    shrinkage : float
        With n common items the similarity is multiplied by n / (n + shrinkage).
    overlap : int
        Shoppers with fewer items in common are not asked.
    damping : float
        Weight of the baseline in the mean over the neighbours, in units of similarity.
    mean_shrinkage : float
        Ratings at the common mean that are imagined for every item and every shopper.
    """

    similarity: str = among("cosine", "cosine", "pearson", "euclidean")
    neighbours: int = between(300, 20, 1000, log=True)
    shrinkage: float = between(100.0, 1.0, 1000.0, log=True)
    overlap: int = 2
    damping: float = between(0.5, 0.01, 5.0, log=True)
    mean_shrinkage: float = between(5.0, 1.0, 25.0, log=True)

    def __post_init__(self) -> None:
        check_measure(self.similarity)

    def fit(self, interactions: Interactions) -> "FittedRatingUserKNN":
        """Means and deviations; the neighbours are found when they are asked.

        Raises FitError where the histories hold no ratings.
        """
        given = ratings_to_fit(interactions)  # (U, I)
        means = Means.of(given, self.mean_shrinkage)
        return FittedRatingUserKNN(interactions.items, means, means.deviations(given), self)


@dataclass(frozen=True)
class FittedRatingUserKNN:
    """Parameters
    ----------
    items : Vocabulary (I,)
    means : Means
    deviations : float32 CSR (U, I)
        d(v, i) of the shoppers of the fit.
    settings : RatingUserKNN
    """

    items: Vocabulary
    means: Means
    deviations: sparse.csr_array
    settings: RatingUserKNN

    @cached_property
    def _shoppers(self) -> RowIndex:
        return RowIndex.of(self.deviations, MEASURES[self.settings.similarity])

    @cached_property
    def _by_item(self) -> sparse.csr_array:
        """d as float32 CSR (I, U)."""
        return sparse.csr_array(self.deviations.T)

    @cached_property
    def _rated(self) -> sparse.csr_array:
        """1 where there is a d, float32 CSR (U, I)."""
        return pattern(self.deviations)

    def _alike(self, given: sparse.csr_array) -> sparse.csr_array:
        """s(u, v) for the most similar v of each shopper, float32 CSR (U', U)."""
        settings = self.settings
        own = self.means.deviations(given)
        return self._shoppers.search(own, settings.neighbours, settings.shrinkage, settings.overlap)

    def score(self, histories: Interactions) -> np.ndarray:
        """Predicted stars float32 (U', I), not clipped; -inf for items and by shoppers without any rating."""
        given = ratings(histories)
        alike = self._alike(given)
        said = (alike @ self.deviations).toarray()  # (U', I)
        weight = (alike @ self._rated).toarray()
        return self.means.scores(given, said / (self.settings.damping + weight))

    def predict(self, histories: Interactions, user: np.ndarray, item: np.ndarray) -> np.ndarray:
        """Predicted stars of n pairs, float64 (n,), within the scale seen."""
        given = ratings(histories)
        said, weight, _ = common_sums(self._alike(given), self._by_item, user, item)
        change = said / (self.settings.damping + weight)
        return self.means.scale.clip(self.means.baseline(given, user, item) + change)

    def baseline(self, histories: Interactions, user: np.ndarray, item: np.ndarray) -> np.ndarray:
        """What the means alone say of n pairs, float64 (n,)."""
        return self.means.baseline(ratings(histories), user, item)

    def explain(self, histories: Interactions, item: np.ndarray) -> Contributions:
        """What each rated item adds to the baseline, by making shoppers neighbours: part (k, n).

        What a neighbour adds is shared out as the common items share in the similarity: a term of its sum, or
        for "euclidean", which is no sum, all alike.
        """
        given = ratings(histories)  # (1, I)
        rated = given.indices  # (n,)
        alike = self._alike(given)
        theirs = self.deviations[alike.indices]  # (V, I)
        there = self._rated[alike.indices]
        weight = alike.data[:, None] * theirs[:, item].toarray()  # (V, k)
        weight = weight / (self.settings.damping + alike.data @ there[:, item].toarray())
        own = self.means.deviations(given).data.astype(np.float64)  # (n,)
        common = there[:, rated].toarray()  # (V, n)
        share = _shares(own, theirs[:, rated].toarray(), common, self.settings.similarity)  # (V, n)
        return Contributions(weight.T @ share, rated)


def _shares(own: np.ndarray, theirs: np.ndarray, common: np.ndarray, similarity: str) -> np.ndarray:
    """What share each of n items has in the similarity of a shopper (n,) to others (V, n); rows add to 1."""
    if similarity == "euclidean":
        terms = common.astype(np.float64)
    elif similarity == "cosine":
        terms = own * theirs * common
    else:
        count = common.sum(axis=1, keepdims=True)
        mean, their_mean = ((of * common).sum(axis=1, keepdims=True) / count for of in (own, theirs))
        terms = (own - mean) * (theirs - their_mean) * common
    share: np.ndarray = terms / terms.sum(axis=1, keepdims=True)
    return share
