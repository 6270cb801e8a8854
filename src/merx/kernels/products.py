"""The largest entries of each row of a product, exact, without most of the product.

Dense: vectors are sorted by norm, so that a query is done as soon as |query| |vector| falls below the worst
product it has kept (Cauchy-Schwarz; Teflioudi, Gemulla & Mykytiuk, "LEMP: Fast retrieval of large entries in
a matrix product", SIGMOD 2015). Sparse: row by row (Gustavson, ACM TOMS 4(3), 1978), and of each row only the
best are kept.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit
from scipy import sparse

from merx.kernels.heap import best_first, push
from merx.kernels.threads import over_rows

QUERIES, VECTORS = 1024, 2048  # of a block of products
SLACK = np.float32(1 + 1e-5)  # rounding must never hide a product that belongs to the best
ROWS = 256  # that a thread takes at a time


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

    def ascending(self) -> "Barred":
        """The same, sorted within each row."""
        column = self.column.copy()
        over_rows(len(self.offsets) - 1, ROWS, lambda a, b: _sort_rows(self.offsets, column, a, b))
        return Barred(self.offsets, column)


@dataclass(frozen=True)
class ProductIndex:
    """Vectors that are searched for the largest inner products; make one by `ProductIndex.of`.

    Parameters
    ----------
    vectors : float32 (I', F)
        Those that are not zero, by falling norm.
    column : int32 (I',)
        Their places among all.
    norm : float32 (I',)
        Rounded up.
    columns : int
        I, of all vectors.
    """

    vectors: np.ndarray
    column: np.ndarray
    norm: np.ndarray
    columns: int

    @classmethod
    def of(cls, vectors: np.ndarray) -> "ProductIndex":
        """The index of the vectors (I, F)."""
        norm = np.linalg.norm(vectors, axis=1).astype(np.float32)  # (I,)
        column = np.argsort(-norm, kind="stable")[: np.count_nonzero(norm)].astype(np.int32)
        sorted_vectors = np.ascontiguousarray(vectors[column], np.float32)
        return cls(sorted_vectors, column, norm[column] * SLACK, len(vectors))

    def scores(self, queries: np.ndarray) -> np.ndarray:
        """All inner products, float32 (U, I); -inf where the query or the vector is zero."""
        product = np.full((len(queries), self.columns), -np.inf, np.float32)
        some = np.flatnonzero(queries.any(axis=1))
        product[some[:, None], self.column] = np.asarray(queries[some], np.float32) @ self.vectors.T
        return product

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
        queries = np.ascontiguousarray(queries, np.float32)
        best = _Best.of(len(queries), k)
        limits = _limits(len(queries), self.columns, barred, allowed)
        norm = np.linalg.norm(queries, axis=1) * SLACK  # (U,)
        if len(queries) == 1:
            _search_one(queries[0], norm[0], self.vectors, self.column, self.norm, *limits, *best.arrays)
        for first in range(0, len(queries) if len(queries) > 1 else 0, QUERIES):
            rows = np.arange(first, min(first + QUERIES, len(queries)))
            self._search_many(queries, norm, rows[norm[rows] > 0], limits, best)
        return best.first()

    def _search_many(
        self,
        queries: np.ndarray,
        norm: np.ndarray,
        rows: np.ndarray,
        limits: tuple[np.ndarray, np.ndarray, np.ndarray],
        best: "_Best",
    ) -> None:
        """Search a block of vectors at a time for the queries of `rows` that are not done."""
        for start in range(0, len(self.column), VECTORS):
            floor = np.where(best.size[rows] == best.column.shape[1], best.score[rows, 0], -np.inf)
            rows = rows[norm[rows] * self.norm[start] >= floor]  # the others are done
            if not len(rows):
                return
            block = slice(start, start + VECTORS)
            product = queries[rows] @ self.vectors[block].T  # (rows, VECTORS)
            column = self.column[block]

            def scan(a: int, b: int, rows=rows, product=product, column=column) -> None:  # type: ignore[no-untyped-def]
                _offer(product, column, rows, a, b, *limits, *best.arrays)

            over_rows(len(rows), ROWS, scan)


@dataclass(frozen=True)
class _Best:
    """A heap of the best k for each row: score (U, k), column (U, k), and how many there are (U,)."""

    score: np.ndarray
    column: np.ndarray
    size: np.ndarray

    @classmethod
    def of(cls, rows: int, k: int) -> "_Best":
        return cls(
            np.full((rows, k), np.nan, np.float32), np.full((rows, k), -1, np.int32), np.zeros(rows, np.int64)
        )

    @property
    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self.score, self.column, self.size

    def first(self) -> tuple[np.ndarray, np.ndarray]:
        """Column and score, best first."""
        over_rows(len(self.size), 4096, lambda a, b: _sort_heaps(*self.arrays, a, b))
        return self.column, self.score


def _limits(
    rows: int, columns: int, barred: Barred | None, allowed: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Offsets and columns of what is barred, sorted within rows, and what is allowed."""
    bars = (
        Barred(np.zeros(rows + 1, np.int64), np.empty(0, np.int32)) if barred is None else barred.ascending()
    )
    return bars.offsets, bars.column, np.ones(columns, np.bool_) if allowed is None else allowed


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
    rows, columns = left.shape[0], right.shape[1]
    best = _Best.of(rows, k)
    limits = _limits(rows, columns, barred, allowed)
    factors = (left.indptr, left.indices, left.data, right.indptr, right.indices, right.data)
    over_rows(rows, ROWS, lambda a, b: _multiply(*factors, columns, a, b, *limits, *best.arrays))
    return best.first()


def sparse_scores(left: sparse.csr_array, right: sparse.csr_array) -> np.ndarray:
    """left @ right as float32 (U, I), -inf where it is not above 0."""
    score = np.asarray((left @ right).toarray(), np.float32)
    score[score <= 0] = -np.inf
    return score


@njit(nogil=True, cache=True)
def _sort_rows(offsets, column, first, last):
    for row in range(first, last):
        column[offsets[row] : offsets[row + 1]].sort()


@njit(nogil=True, cache=True)
def _sort_heaps(score, column, size, first, last):
    for row in range(first, last):
        best_first(score[row], column[row], size[row])


@njit(nogil=True, cache=True)
def _eligible(col, bars, allowed):
    """Whether a column may be chosen; `bars` ascend."""
    if not allowed[col]:
        return False
    place = np.searchsorted(bars, col)
    return place == len(bars) or bars[place] != col


@njit(nogil=True, cache=True)
def _offer(product, column, rows, first, last, offsets, bars, allowed, score, chosen, size):
    k = chosen.shape[1]
    for i in range(first, last):
        row = rows[i]
        mine = bars[offsets[row] : offsets[row + 1]]
        filled = size[row]
        floor = score[row, 0] if filled == k else np.float32(-np.inf)
        for j in range(product.shape[1]):
            value = product[i, j]
            if value >= floor and _eligible(column[j], mine, allowed):
                filled = push(score[row], chosen[row], filled, value, column[j])
                if filled == k:
                    floor = score[row, 0]
        size[row] = filled


@njit(nogil=True, cache=True, fastmath={"reassoc", "contract", "nsz"})
def _dot(a, b):
    total = np.float32(0)
    for f in range(len(a)):
        total += a[f] * b[f]
    return total


@njit(nogil=True, cache=True)
def _search_one(query, norm, vectors, column, norms, offsets, bars, allowed, score, chosen, size):
    k = chosen.shape[1]
    if norm == 0:
        return
    filled = 0
    floor = np.float32(-np.inf)
    for i in range(len(column)):
        if filled == k and norm * norms[i] < floor:
            break
        value = _dot(query, vectors[i])
        if value >= floor and _eligible(column[i], bars, allowed):
            filled = push(score[0], chosen[0], filled, value, column[i])
            if filled == k:
                floor = score[0, 0]
    size[0] = filled


@njit(nogil=True, cache=True)
def _multiply(
    left_ptr,
    left_col,
    left_data,
    right_ptr,
    right_col,
    right_data,
    columns,
    first,
    last,
    offsets,
    bars,
    allowed,
    score,
    chosen,
    size,
):
    total = np.zeros(columns, np.float32)
    owner = np.full(columns, -1, np.int32)  # the row that a total belongs to
    touched = np.empty(columns, np.int32)
    k = chosen.shape[1]
    for row in range(first, last):
        for place in range(offsets[row], offsets[row + 1]):
            owner[bars[place]] = row
            total[bars[place]] = -np.inf  # whatever is added to it
        met = 0
        for place in range(left_ptr[row], left_ptr[row + 1]):
            weight = left_data[place]
            h = left_col[place]
            for other in range(right_ptr[h], right_ptr[h + 1]):
                col = right_col[other]
                if owner[col] == row:
                    total[col] += weight * right_data[other]
                else:
                    owner[col] = row
                    total[col] = weight * right_data[other]
                    touched[met] = col
                    met += 1
        filled = 0
        floor = np.float32(0)
        for place in range(met):
            col = touched[place]
            value = total[col]
            if value >= floor and value > 0 and allowed[col]:
                filled = push(score[row], chosen[row], filled, value, col)
                if filled == k:
                    floor = score[row, 0]
        size[row] = filled
