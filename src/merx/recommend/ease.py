"""Each item told from the others by a ridge regression over shoppers.

Steck, "Embarrassingly shallow autoencoders for sparse data", WWW 2019: the closed form over all items. Steck,
"Markov random fields for collaborative filtering", NeurIPS 2019: the same on each item's neighbourhood alone.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from merx.data.interactions import Interactions
from merx.data.results import Contributions
from merx.data.vocabulary import Vocabulary
from merx.errors import FitError
from merx.kernels.products import sparse_scores
from merx.kernels.ridge import neighbourhood_ridge, ridge_inverse
from merx.kernels.similarity import neighbours
from merx.recommend.damping import damped
from merx.recommend.terms import terms
from merx.tunable import between

BLOCK = 1024  # rows of the dense inverse turned into weights at once


@dataclass(frozen=True)
class EASE:
    """B = argmin |X - X B|^2 + regularization |B|^2 with a zero diagonal; the scores are X B.

    X holds log2(1 + weight), so that a weight of 1 counts 1. Up to `exact_items` items that were met, B is
    solved in closed form, B = I - P / diag(P) with P = (X^T X + regularization I)^-1, which takes
    4 n^2 bytes. Beyond, no dense matrix is made: each item is told from its `neighbours` most similar items
    alone (by the cosine), which is the same where these are all others.

    Parameters
    ----------
    regularization : float
        In units of a shopper with weight 1.
    neighbours : int
        Items that each item is told from; of the exact solution, those with the largest weights are kept.
    exact_items : int
        0.4 GB at 10,000, 6.7 GB at 41,000; while fitting about 1 and 4 GB more.
    """

    regularization: float = between(100.0, 10.0, 1000.0, log=True)
    neighbours: int = between(200, 50, 500, log=True)
    exact_items: int = 5_000

    def fit(self, interactions: Interactions) -> "FittedEASE":
        """Raises FitError where the closed form breaks down, for want of regularization."""
        matrix = damped(interactions)  # (U, I)
        met = np.flatnonzero(np.bincount(matrix.indices, minlength=matrix.shape[1]))  # (n,)
        exact = len(met) <= self.exact_items
        similarity = self._exact(matrix, met) if exact else self._of_neighbours(matrix)
        similarity.sort_indices()
        return FittedEASE(interactions.items, similarity)

    def _exact(self, matrix: sparse.csr_array, met: np.ndarray) -> sparse.csr_array:
        """The closed form over the items met, its largest weights kept."""
        few = sparse.csr_array(matrix[:, met])  # (U, n)
        try:
            inverse = ridge_inverse(sparse.csr_array(few.T @ few), self.regularization)  # P (n, n), symmetric
        except np.linalg.LinAlgError:
            raise FitError(
                f"ease: X^T X + {self.regularization:g} I is not positive definite in single precision; "
                "set a larger regularization."
            ) from None
        kept = sparse.coo_array(largest_weights(inverse, self.neighbours))
        pairs = (met[kept.row], met[kept.col])
        return sparse.csr_array((kept.data, pairs), shape=(matrix.shape[1],) * 2, dtype=np.float32)

    def _of_neighbours(self, matrix: sparse.csr_array) -> sparse.csr_array:
        """The ridge regression of each item on its most similar items."""
        transposed = sparse.csr_array(matrix.T)  # (I, U)
        nearest = neighbours(transposed, self.neighbours, "cosine")
        gram = sparse.csr_array(transposed @ matrix)
        gram.sort_indices()
        return sparse.csr_array(neighbourhood_ridge(gram, nearest, self.regularization).T)


@dataclass(frozen=True)
class FittedEASE:
    """Parameters
    ----------
    items : Vocabulary (I,)
    similarity : float32 CSR (I, I)
        similarity[h, i]: the weight of item h in the regression of item i; it may be negative.
    """

    items: Vocabulary
    similarity: sparse.csr_array

    def profile(self, histories: Interactions) -> sparse.csr_array:
        """The damped weight of each item of the histories, float32 CSR (U, I)."""
        return damped(histories)

    def score(self, histories: Interactions) -> np.ndarray:
        """What the regressions foretell, float32 (U, I)."""
        return sparse_scores(self.profile(histories), self.similarity)

    def explain(self, histories: Interactions, item: np.ndarray) -> Contributions:
        """The terms of the regressions: part (k, n)."""
        return terms(self.profile(histories), self.similarity, item)


def largest_weights(inverse: np.ndarray, most: int) -> sparse.csr_array:
    """Of B = I - P / diag(P) the `most` weights of largest size in each column.

    Parameters
    ----------
    inverse : float32 (n, n), symmetric
        P.
    most : int, at least 1

    Returns
    -------
    float32 CSR (n, n)
    """
    n = len(inverse)
    parts = []
    for first in range(0, n, BLOCK):
        part = inverse[first : first + BLOCK]  # (B, n): as P is symmetric, B[:, i] lies along row i
        item = np.arange(first, first + len(part))
        weight = part / -part[np.arange(len(part)), item][:, None]
        weight[np.arange(len(part)), item] = 0
        if most < n:
            size = np.abs(weight)
            weight[size < np.partition(size, n - most, axis=1)[:, [n - most]]] = 0
        parts.append(sparse.csr_array(weight))
    kept = sparse.vstack(parts, format="csr") if parts else sparse.csr_array((0, 0), dtype=np.float32)
    return sparse.csr_array(kept.T)
