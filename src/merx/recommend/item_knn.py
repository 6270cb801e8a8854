"""Item-based collaborative filtering: what goes with the items that a shopper already has.

Deshpande & Karypis, Item-based top-N recommendation algorithms, ACM TOIS 22 (2004).
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from merx.data.interactions import Interactions
from merx.data.results import Contributions
from merx.data.vocabulary import Vocabulary
from merx.kernels.products import sparse_scores
from merx.kernels.similarity import cosine_neighbours


@dataclass(frozen=True)
class ItemKNN:
    """Cosine between items over the users who met them.

    Parameters
    ----------
    neighbours : int
        How many of the most similar items of each item are kept.
    shrinkage : float
        Added to the cosine's denominator, so that pairs with little evidence count less.
    """

    neighbours: int = 100
    shrinkage: float = 10.0

    def fit(self, interactions: Interactions) -> "FittedItemKNN":
        """Similarities from the summed weights of the histories."""
        matrix = interactions.matrix()  # (U, I)
        # log: the tenth purchase of an item says less than the first
        matrix.data = np.log1p(matrix.data)
        similarity = cosine_neighbours(matrix, self.neighbours, self.shrinkage)
        return FittedItemKNN(interactions.items, sparse.csr_array(similarity.T))


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
        """The log-damped weight of each item of the histories, float32 CSR (U, I)."""
        matrix = histories.matrix()
        matrix.data = np.log1p(matrix.data)
        return matrix

    def score(self, histories: Interactions) -> np.ndarray:
        """Scores float32 (U, I): the similarities of the history's items, weighted and summed."""
        return sparse_scores(self.profile(histories), self.similarity)

    def explain(self, histories: Interactions, item: np.ndarray) -> Contributions:
        """The terms of that sum: share (k, n) for the n distinct items of a batch of one."""
        matrix = histories.matrix()
        weight = np.log1p(matrix.data)  # (n,)
        terms = self.similarity[matrix.indices][:, item].toarray()  # (n, k)
        return Contributions((weight[:, None] * terms).T.astype(np.float64), matrix.indices.astype(np.int32))
