"""Item-based collaborative filtering: what goes with the items that a shopper already has.

Deshpande & Karypis, "Item-based top-N recommendation algorithms", ACM TOIS 22(1), 2004; Sarwar, Karypis,
Konstan & Riedl, "Item-based collaborative filtering recommendation algorithms", WWW 2001.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from merx.data.interactions import Interactions
from merx.data.results import Contributions
from merx.data.vocabulary import Vocabulary
from merx.errors import ConfigError
from merx.kernels.products import sparse_scores
from merx.kernels.similarity import neighbours
from merx.recommend.damping import damped
from merx.recommend.terms import terms
from merx.recommend.weighting import MEASURES, WEIGHTINGS, Weighting, check_choices
from merx.tunable import among, between


@dataclass(frozen=True)
class ItemKNN:
    """Similarity between items over the shoppers who met them.

    Parameters
    ----------
    neighbours : int
        How many of the most similar items of each item are kept.
    measure : str
        "cosine", "jaccard" (of the shoppers, without weights), "euclidean" (1 / (1 + distance)) or "pearson"
        (the correlation over all shoppers: cosine, centred).
    weighting : str
        "log" of the weights; "tfidf" and "bm25" make shoppers who met less tell more.
    shrinkage : float
        Shoppers in common that are needed before a pair is half believed: added to the denominator of cosine
        and jaccard, to n in the factor n / (n + shrinkage) of the others.
    min_common : int
        Pairs with fewer shoppers in common are left out.
    normalise : float
        The similarities of an item's neighbours are divided by their sum to this power: at 0 items with many
        strong neighbours come first, at 1 those of whose few neighbours the shopper has most.
    """

    neighbours: int = between(100, 20, 500, log=True)
    measure: str = among("cosine", *MEASURES)
    weighting: str = among("tfidf", *WEIGHTINGS)
    shrinkage: float = between(30.0, 0.5, 500.0, log=True)
    min_common: int = 1
    normalise: float = between(0.25, 0.0, 1.0)

    def __post_init__(self) -> None:
        check_choices(self.measure, self.weighting)
        if min(self.neighbours, self.min_common) < 1 or min(self.shrinkage, self.normalise) < 0:
            raise ConfigError(
                "neighbours and min_common are at least 1; shrinkage and normalise are not below 0."
            )

    def fit(self, interactions: Interactions) -> "FittedItemKNN":
        """Similarities from the summed weights of the histories."""
        met = sparse.csr_array(interactions.matrix().T)  # (I, U)
        rows = Weighting.of(met, self.weighting).apply(met)
        nearest = neighbours(
            rows, self.neighbours, MEASURES[self.measure], self.shrinkage, self.min_common
        )  # (I, I), of each item i those that speak for it
        strength = np.maximum(nearest.sum(axis=1), 1e-9) ** -self.normalise  # (I,)
        similarity = sparse.csr_array((sparse.diags_array(strength) @ nearest).T, dtype=np.float32)
        return FittedItemKNN(interactions.items, similarity)


@dataclass(frozen=True)
class FittedItemKNN:
    """Parameters
    ----------
    items : Vocabulary (I,)
    similarity : float32 CSR (I, I)
        similarity[h, i]: how much having h speaks for i, where h is among the neighbours of i.
    """

    items: Vocabulary
    similarity: sparse.csr_array

    def profile(self, histories: Interactions) -> sparse.csr_array:
        """The damped weight of each item of the histories, float32 CSR (U, I)."""
        return damped(histories)

    def score(self, histories: Interactions) -> np.ndarray:
        """Scores float32 (U, I): the similarities of the history's items, weighted and summed."""
        return sparse_scores(self.profile(histories), self.similarity)

    def explain(self, histories: Interactions, item: np.ndarray) -> Contributions:
        """The terms of that sum: part (k, n) for the n distinct items of a batch of one."""
        return terms(self.profile(histories), self.similarity, item)
