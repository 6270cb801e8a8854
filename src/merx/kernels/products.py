"""The largest entries of each row of a product, exact, without most of the product.

Dense: item vectors are sorted by norm, so that a query is done as soon as |query| |vector| falls below the
worst product it has kept. A product is only taken where a bound from the first principal directions lets it
be among the best. (Teflioudi, Gemulla & Mykytiuk, LEMP, SIGMOD 2015; Li, Chan, Yiu & Mamoulis, FEXIPRO,
SIGMOD 2017.)

Sparse: row by row (Gustavson, ACM TOMS 4(3), 1978), and of each row only the best are kept.

Nothing here calls BLAS: the threads are those of `merx.kernels.threads`, and an entry is the same number
whatever else is asked for with it.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numba import njit
from scipy import sparse

from merx.kernels.heap import best_first, push
from merx.kernels.sparse_rows import add_rows, most_terms
from merx.kernels.threads import over_rows

QUERIES, VECTORS = 512, 4096  # that a thread takes at a time
ROWS = 256  # of a sparse product, likewise
PANEL = 64  # vectors whose first directions stand side by side
DIRECTIONS = 32  # of which the bound is made


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

    @classmethod
    def itself(cls, n: int) -> "Barred":
        """Row i may not choose column i, of n."""
        return cls(np.arange(n + 1, dtype=np.int64), np.arange(n, dtype=np.int32))

    @classmethod
    def none(cls, rows: int) -> "Barred":
        """No column of any row."""
        return cls(np.zeros(rows + 1, np.int64), np.empty(0, np.int32))


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
    basis : float64 (F, D)
        The D <= 32 principal directions of the vectors, orthonormal; padded with zeros to a multiple of 8.
    head : float32 (P, D, 64)
        The vectors in that basis, 64 at a time.
    tail : float32 (P, 64)
        The norms of what the basis leaves over; -inf beyond the last vector.
    columns : int
        I, of all vectors.
    """

    vectors: np.ndarray
    column: np.ndarray
    norm: np.ndarray
    basis: np.ndarray
    head: np.ndarray
    tail: np.ndarray
    columns: int

    @classmethod
    def of(cls, vectors: np.ndarray) -> "ProductIndex":
        """The index of the vectors (I, F)."""
        norm = np.linalg.norm(vectors, axis=1).astype(np.float32)  # (I,)
        column = np.argsort(-norm, kind="stable")[: np.count_nonzero(norm)].astype(np.int32)
        ordered = np.ascontiguousarray(vectors[column], np.float32)  # (I', F)
        basis = _principal(ordered)  # (F, D)
        panels = -(-len(ordered) // PANEL)
        head = np.zeros((panels * PANEL, basis.shape[1]), np.float32)
        tail = np.full(panels * PANEL, -np.inf, np.float32)
        over_rows(
            len(ordered),
            VECTORS,
            lambda a, b: _turn(ordered[a:b], norm[column[a:b]], basis, head[a:b], tail[a:b]),
        )
        side_by_side = np.ascontiguousarray(head.reshape(panels, PANEL, basis.shape[1]).transpose(0, 2, 1))
        return cls(ordered, column, norm[column], basis, side_by_side, tail.reshape(-1, PANEL), len(vectors))

    @cached_property
    def row(self) -> np.ndarray:
        """Where each column's vector stands in `vectors`, int32 (I,); -1 where it is zero."""
        row = np.full(self.columns, -1, np.int32)
        row[self.column] = np.arange(len(self.column), dtype=np.int32)
        return row

    def scores(self, queries: np.ndarray) -> np.ndarray:
        """All inner products, float32 (U, I); -inf where the query or the vector is zero."""
        queries = np.ascontiguousarray(queries, np.float32)
        product = np.full((len(queries), self.columns), -np.inf, np.float32)
        over_rows(
            len(queries),
            QUERIES,
            lambda a, b: _multiply_all(queries, self.vectors, self.column, a, b, product),
        )
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
        column, score = _no_choice(len(queries), k)
        bars = barred or Barred.none(len(queries))
        free = np.ones(self.columns, np.bool_) if allowed is None else allowed
        index = (self.vectors, self.column, self.norm, self.basis, self.head, self.tail)
        over_rows(
            len(queries),
            QUERIES,
            lambda a, b: _search(queries, a, b, *index, bars.offsets, bars.column, free, column, score),
        )
        return column, score


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
    column, score = _no_choice(rows, k)
    bars = barred or Barred.none(rows)
    free = np.ones(columns, np.bool_) if allowed is None else allowed
    factors = (left.indptr, left.indices, left.data, right.indptr, right.indices, right.data)
    over_rows(
        rows,
        ROWS,
        lambda a, b: _multiply(*factors, columns, a, b, bars.offsets, bars.column, free, column, score),
    )
    return column, score


def kept_rows(column: np.ndarray, value: np.ndarray, columns: int) -> sparse.csr_array:
    """What a search for the k largest found, as CSR (U, columns), sorted.

    Parameters
    ----------
    column : int32 (U, k)
        -1 where fewer were found.
    value : float32 (U, k)
    """
    found = column >= 0
    offsets = np.concatenate([[0], np.cumsum(found.sum(axis=1))])
    rows = sparse.csr_array((value[found], column[found], offsets), shape=(len(column), columns))
    rows.sort_indices()
    return rows


def sparse_scores(left: sparse.csr_array, right: sparse.csr_array) -> np.ndarray:
    """left @ right as float32 (U, I), -inf where it is not above 0."""
    score = np.asarray((left @ right).toarray(), np.float32)
    score[score <= 0] = -np.inf
    return score


def _no_choice(rows: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Column and score (rows, k) of rows that have chosen nothing yet."""
    return np.full((rows, k), -1, np.int32), np.full((rows, k), np.nan, np.float32)


def _principal(vectors: np.ndarray) -> np.ndarray:
    """The first principal directions of the vectors (I', F), float64 (F, D), D a multiple of 8."""
    _, directions = np.linalg.eigh((vectors.T @ vectors).astype(np.float64))  # by rising variance
    first = directions[:, ::-1][:, :DIRECTIONS]
    return np.ascontiguousarray(np.pad(first, ((0, 0), (0, -first.shape[1] % 8))))


@njit(nogil=True, cache=True)
def _turn(vectors, norm, basis, head, tail):
    """Of each vector the part in the basis, and the norm of the rest, rounded up."""
    turned = np.empty(basis.shape[1])
    for i in range(len(vectors)):
        turned[:] = 0
        for f in range(len(basis)):
            part, direction = vectors[i, f], basis[f]
            for d in range(len(turned)):
                turned[d] += part * direction[d]
        inside = 0.0
        for d in range(len(turned)):
            head[i, d] = turned[d]
            inside += turned[d] * turned[d]
        whole = np.float64(norm[i]) * norm[i]
        tail[i] = np.sqrt(max(whole - inside, 0.0) + 1e-6 * whole)


@njit(nogil=True, cache=True, fastmath={"reassoc", "contract", "nsz"})
def _dot(a, b):
    total = np.float32(0)
    for f in range(len(a)):
        total += a[f] * b[f]
    return total


@njit(nogil=True, cache=True, fastmath={"contract"})
def _head_products(query, panel, product):
    """query (D,) @ panel (D, 64), eight directions at a time."""
    product[:] = 0
    for d in range(0, len(panel), 8):
        q, p = query[d : d + 8], panel[d : d + 8]
        q0, q1, q2, q3, q4, q5, q6, q7 = q[0], q[1], q[2], q[3], q[4], q[5], q[6], q[7]
        for j in range(PANEL):
            total = product[j] + q0 * p[0, j] + q1 * p[1, j] + q2 * p[2, j] + q3 * p[3, j]
            product[j] = total + q4 * p[4, j] + q5 * p[5, j] + q6 * p[6, j] + q7 * p[7, j]


@njit(nogil=True, cache=True)
def _reaching(bound, query_tail, tail, floor, reached):
    """List the places whose bound, with what the tails may add, reaches the floor; gives how many."""
    count = 0
    for j in range(PANEL):
        bound[j] += query_tail * tail[j]
        count += bound[j] >= floor
    if count == 0:  # the loop above takes many at a time, and most often this is all
        return 0
    listed = np.uint64(0)
    for j in range(PANEL):
        reached[listed] = j
        listed += np.uint64(bound[j] >= floor)  # without a branch, which would often be guessed wrong
    return count


@njit(nogil=True, cache=True)
def _search(
    queries, first, last, vectors, column, norms, basis, head, tail, offsets, bars, allowed, chosen, score
):
    """Panel by panel, so that its vectors are read once for all queries that are not done."""
    if not len(vectors):
        return
    k = chosen.shape[1]
    rounding = np.float32((2 * queries.shape[1] + 64) * 6e-8)  # of a product, relative to |query| |vector|
    n = last - first
    query_norm = np.empty(n, np.float32)
    query_head = np.empty((n, basis.shape[1]), np.float32)
    query_tail = np.empty(n, np.float32)
    for i in range(n):
        query_norm[i] = np.sqrt(_dot(queries[first + i], queries[first + i]))
    _turn(queries[first:last], query_norm, basis, query_head, query_tail)
    size = np.zeros(n, np.int64)
    left = np.flatnonzero(query_norm)  # the queries that are not done
    bound, reached = np.empty(PANEL, np.float32), np.empty(PANEL + 1, np.int64)
    for panel in range(len(head)):
        start = panel * PANEL
        going = 0
        for i in left:
            row = first + i
            longest = query_norm[i] * norms[start]
            margin = longest * rounding
            floor = score[row, 0] if size[i] == k else np.float32(-np.inf)
            if longest + margin < floor:
                continue
            left[going] = i
            going += 1
            _head_products(query_head[i], head[panel], bound)
            mine = bars[offsets[row] : offsets[row + 1]]
            for place in range(_reaching(bound, query_tail[i], tail[panel], floor - margin, reached)):
                vector = start + reached[place]
                if vector < len(vectors) and allowed[column[vector]]:
                    value = _dot(queries[row], vectors[vector])
                    if value >= floor and not _has(mine, column[vector]):
                        size[i] = push(score[row], chosen[row], size[i], value, column[vector])
                        if size[i] == k:
                            floor = score[row, 0]
        left = left[:going]
        if not going:
            break
    for i in range(n):
        best_first(score[first + i], chosen[first + i], size[i])


@njit(nogil=True, cache=True)
def _has(bars, col):
    """Whether a column is among those barred."""
    count = 0
    for bar in bars:
        count += bar == col
    return count > 0


@njit(nogil=True, cache=True)
def _multiply_all(queries, vectors, column, first, last, product):
    """Every product of the queries first..last."""
    some = first + np.flatnonzero(np.array([_dot(query, query) for query in queries[first:last]]))
    for start in range(0, len(vectors), PANEL):
        for row in some:
            for i in range(start, min(start + PANEL, len(vectors))):
                product[row, column[i]] = _dot(queries[row], vectors[i])


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
    chosen,
    score,
):
    total = np.zeros(columns, np.float32)
    touched = np.empty(most_terms(left_ptr, left_col, right_ptr, first, last) + 1, np.int32)
    k = chosen.shape[1]
    for row in range(first, last):
        mine = bars[offsets[row] : offsets[row + 1]]
        for col in mine:
            total[col] = -np.inf  # whatever is added to it
        entries = slice(left_ptr[row], left_ptr[row + 1])
        factors = (left_col[entries], left_data[entries], right_ptr, right_col, right_data)
        met = add_rows(*factors, total, touched)
        size = 0
        floor = np.float32(0)
        for place in range(met):
            col = np.uint64(touched[place])
            value = total[col]
            total[col] = 0
            if value >= floor and value > 0 and allowed[col]:
                size = push(score[row], chosen[row], size, value, touched[place])
                if size == k:
                    floor = score[row, 0]
        best_first(score[row], chosen[row], size)
        for col in mine:
            total[col] = 0
