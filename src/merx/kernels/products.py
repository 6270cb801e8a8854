"""The largest entries of each row of a product, without the product: dense by dense and sparse by sparse."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from merx.kernels.topk import top_k

BLOCK = 1024  # rows worked on at once


@dataclass(frozen=True)
class Barred:
    """Columns that must not be chosen, ragged by row: row u's are column[offsets[u]:offsets[u + 1]].

    Parameters
    ----------
    offsets : int64 (U + 1,)
    column : int32 (N,), in any order, repeats allowed
    """

    offsets: np.ndarray
    column: np.ndarray


@dataclass(frozen=True)
class ProductIndex:
    """Vectors that are searched for the largest inner products.

    Parameters
    ----------
    vectors : float32 (I, F)
    """

    vectors: np.ndarray

    @classmethod
    def of(cls, vectors: np.ndarray) -> "ProductIndex":
        """The index of the vectors (I, F)."""
        return cls(np.ascontiguousarray(vectors, np.float32))

    def scores(self, queries: np.ndarray) -> np.ndarray:
        """All inner products, float32 (U, I); -inf where the query or the vector is zero."""
        product = queries @ self.vectors.T
        product[~queries.any(axis=1)] = -np.inf
        product[:, ~self.vectors.any(axis=1)] = -np.inf
        return np.asarray(product, np.float32)

    def top(
        self, queries: np.ndarray, k: int, barred: Barred | None = None, allowed: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The k largest inner products of each query: column int32 (U, k), score float32 (U, k).

        Ties go to the lower column; a row with fewer than k eligible columns is padded with -1 and NaN.

        Parameters
        ----------
        queries : float32 (U, F)
        k : int, at least 1
        barred : Barred, optional
        allowed : bool (I,), optional
            Only these columns may be chosen.
        """
        found = [
            _best(self.scores(queries[first : first + BLOCK]), first, k, barred, allowed)
            for first in range(0, max(1, len(queries)), BLOCK)
        ]
        return np.concatenate([pair[0] for pair in found]), np.concatenate([pair[1] for pair in found])


def top_sparse(
    left: sparse.csr_array,
    right: sparse.csr_array,
    k: int,
    barred: Barred | None = None,
    allowed: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The k largest entries above 0 of each row of left @ right: as `ProductIndex.top`.

    Parameters
    ----------
    left : float32 CSR (U, H)
    right : float32 CSR (H, I)
    """
    found = [
        _best(sparse_scores(left[first : first + BLOCK], right), first, k, barred, allowed)
        for first in range(0, max(1, left.shape[0]), BLOCK)
    ]
    return np.concatenate([pair[0] for pair in found]), np.concatenate([pair[1] for pair in found])


def sparse_scores(left: sparse.csr_array, right: sparse.csr_array) -> np.ndarray:
    """left @ right as float32 (U, I), -inf where it is not above 0."""
    score = np.asarray((left @ right).toarray(), np.float32)
    return np.where(score > 0, score, np.float32(-np.inf))


def _best(
    score: np.ndarray, first: int, k: int, barred: Barred | None, allowed: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    if allowed is not None:
        score[:, ~allowed] = -np.inf
    if barred is not None:
        offsets = barred.offsets[first : first + len(score) + 1]
        row = np.repeat(np.arange(len(score)), np.diff(offsets))
        score[row, barred.column[offsets[0] : offsets[-1]]] = -np.inf
    return top_k(score, k)
