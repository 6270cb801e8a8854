"""Histories smoothed over the graph of shoppers and items: a linear filter and an ideal low-pass one.

Shen et al., "How powerful is graph convolution for recommendation?", CIKM 2021 (GF-CF); the exponent of the
degrees as in Peng, Liu, Chang & Mine, "SGFCF: how powerful is graph filtering for recommendation", KDD 2024.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from merx.data.interactions import Interactions
from merx.data.results import Contributions
from merx.data.vocabulary import Vocabulary
from merx.kernels.products import kept_rows, sparse_scores
from merx.kernels.spectral import leading_right_vectors
from merx.kernels.topk import top_k
from merx.recommend.damping import damped
from merx.recommend.terms import terms
from merx.tunable import between

CELLS = 1 << 25  # of the filter's dense rows held at once
NOISE = np.float32(1e-5)  # of a row's largest entry: what is smaller is rounding


@dataclass(frozen=True)
class GraphFilter:
    """filter = R^T R + alpha D^-1/2 V V^T D^1/2, of each row the largest entries, divided by their sum.

    R = D_U^-exponent X D^-exponent, with the degrees D_U of shoppers and D of items, and V its leading right
    singular vectors. X holds log2(1 + weight). GF-CF has exponent 1/2 and keeps every entry; to keep the
    largest of each row, made to sum to 1, is more accurate, and leaves a sparse model.

    Parameters
    ----------
    factors : int
        Singular vectors of the low-pass filter.
    alpha : float
        Its weight beside the linear filter.
    exponent : float
        How much popular items and busy shoppers are held back.
    neighbours : int
        Entries kept of each row.
    """

    factors: int = between(64, 16, 256, log=True)
    alpha: float = between(0.3, 0.05, 1.0, log=True)
    exponent: float = between(0.4, 0.2, 0.6)
    neighbours: int = between(100, 50, 400, log=True)

    def fit(self, interactions: Interactions) -> "FittedGraphFilter":
        """Compute the filter a block of items at a time."""
        matrix = damped(interactions)  # (U, I)
        n_items = matrix.shape[1]
        per_user = np.maximum(matrix.sum(axis=1), 1e-12)
        per_item = np.maximum(matrix.sum(axis=0), 1e-12)
        row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
        scaled = matrix.copy()  # R
        scaled.data = (matrix.data * (per_user[row] * per_item[matrix.indices]) ** -self.exponent).astype(
            np.float32
        )
        vectors = leading_right_vectors(scaled, self.factors)  # (I, F)
        root = np.sqrt(per_item).astype(np.float32)[:, None]
        met = np.bincount(matrix.indices, minlength=n_items) > 0
        left = np.where(met[:, None], np.float32(self.alpha) * vectors / root, 0)
        right = np.where(met[:, None], vectors * root, 0).T  # (F, I)
        transposed = sparse.csr_array(scaled.T)
        size = max(1, CELLS // max(1, n_items))
        blocks = [
            self._rows(transposed, scaled, left, right, first, min(first + size, n_items))
            for first in range(0, n_items, size)
        ]
        return FittedGraphFilter(
            interactions.items, sparse.csr_array(sparse.vstack(blocks, format="csr", dtype=np.float32))
        )

    def _rows(
        self,
        transposed: sparse.csr_array,
        scaled: sparse.csr_array,
        left: np.ndarray,
        right: np.ndarray,
        first: int,
        last: int,
    ) -> sparse.csr_array:
        """The largest positive entries of the filter's rows first..last, each row divided by their sum."""
        dense = (transposed[first:last] @ scaled).toarray()  # (B, I)
        dense += left[first:last] @ right
        dense[np.arange(last - first), np.arange(first, last)] = 0
        dense[dense <= NOISE * dense.max(axis=1, keepdims=True, initial=0)] = -np.inf
        item, value = top_k(dense, self.neighbours)
        share = value / np.maximum(np.nansum(value, axis=1, keepdims=True), np.float32(1e-30))
        return kept_rows(item, share, dense.shape[1])


@dataclass(frozen=True)
class FittedGraphFilter:
    """Parameters
    ----------
    items : Vocabulary (I,)
    similarity : float32 CSR (I, I)
        similarity[h, i]: what of item h the filter passes on to item i; a row sums to 1 or is empty.
    """

    items: Vocabulary
    similarity: sparse.csr_array

    def profile(self, histories: Interactions) -> sparse.csr_array:
        """The damped weight of each item of the histories, float32 CSR (U, I)."""
        return damped(histories)

    def score(self, histories: Interactions) -> np.ndarray:
        """The filtered histories, float32 (U, I)."""
        return sparse_scores(self.profile(histories), self.similarity)

    def explain(self, histories: Interactions, item: np.ndarray) -> Contributions:
        """What each item of the history passes on: part (k, n)."""
        return terms(self.profile(histories), self.similarity, item)
