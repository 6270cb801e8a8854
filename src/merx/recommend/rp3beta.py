"""A random walk of three steps from an item to its neighbours, popular ones held back.

Paudel, Christoffel, Newell & Bernstein, "Updatable, accurate, diverse, and scalable recommendations for
interactive applications", ACM TiiS 7(1), 2016; rows made to sum to 1 as in Dacrema, Cremonesi & Jannach, "Are
we really making much progress?", RecSys 2019.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from merx.data.interactions import Interactions
from merx.data.results import Contributions
from merx.data.vocabulary import Vocabulary
from merx.kernels.products import Barred, kept_rows, sparse_scores, top_sparse
from merx.recommend.damping import damped
from merx.recommend.terms import terms
from merx.tunable import between


@dataclass(frozen=True)
class RP3Beta:
    """similarity(h, i) = sum over u of p(h -> u)^alpha p(u -> i)^alpha / d_i^beta, rows then summing to 1.

    p(h -> u) is the share of shopper u in the weight of item h, p(u -> i) that of item i in the weight of
    shopper u, d_i the weight of item i. A weight w counts log2(1 + w).

    Parameters
    ----------
    neighbours : int
        How many items each item leads to.
    alpha : float
        Below 1, rare steps count more than their probability.
    beta : float
        How much popular items are held back.
    """

    neighbours: int = between(100, 20, 500, log=True)
    alpha: float = between(0.6, 0.2, 1.5)
    beta: float = between(0.35, 0.0, 1.0)

    def fit(self, interactions: Interactions) -> "FittedRP3Beta":
        """Walk from every item to a shopper and on to another item."""
        matrix = damped(interactions)  # (U, I)
        per_user = np.maximum(matrix.sum(axis=1), 1e-12)  # (U,)
        per_item = np.maximum(matrix.sum(axis=0), 1e-12)  # (I,)
        row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
        to_user = matrix.copy()  # p(h -> u)^alpha at [u, h]
        to_user.data = (matrix.data / per_item[matrix.indices]) ** np.float32(self.alpha)
        to_item = matrix.copy()  # p(u -> i)^alpha / d_i^beta
        to_item.data = (matrix.data / per_user[row]) ** np.float32(self.alpha)
        to_item.data /= per_item[matrix.indices] ** np.float32(self.beta)
        itself = Barred.itself(interactions.n_items)
        item, walk = top_sparse(sparse.csr_array(to_user.T), to_item, self.neighbours, itself)
        share = walk / np.nansum(walk, axis=1, keepdims=True)
        similarity = kept_rows(item, share, interactions.n_items)
        return FittedRP3Beta(interactions.items, similarity)


@dataclass(frozen=True)
class FittedRP3Beta:
    """Parameters
    ----------
    items : Vocabulary (I,)
    similarity : float32 CSR (I, I)
        similarity[h, i]: where a walk from h ends; a row sums to 1 or is empty.
    """

    items: Vocabulary
    similarity: sparse.csr_array

    def profile(self, histories: Interactions) -> sparse.csr_array:
        """The damped weight of each item of the histories, float32 CSR (U, I)."""
        return damped(histories)

    def score(self, histories: Interactions) -> np.ndarray:
        """Scores float32 (U, I): the walks from the history's items, weighted and summed."""
        return sparse_scores(self.profile(histories), self.similarity)

    def explain(self, histories: Interactions, item: np.ndarray) -> Contributions:
        """The terms of that sum: part (k, n)."""
        return terms(self.profile(histories), self.similarity, item)
