"""The most similar rows of each row of a sparse matrix; never all pairs at once.

One row at a time is multiplied with all others (Gustavson, ACM TOMS 4(3), 1978), and of it only the best are
kept. Two rows that have no column in common are no neighbours, whatever the measure says.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from scipy import sparse

from merx.kernels.heap import push
from merx.kernels.threads import over_rows

ROWS = 512  # that a thread takes at a time

MEASURES = (
    *("cosine", "jaccard", "euclidean", "correlation"),
    *("pearson", "common_cosine", "common_euclidean"),
)
COSINE, JACCARD, EUCLIDEAN, CORRELATION, PEARSON, COMMON_COSINE, COMMON_EUCLIDEAN = range(len(MEASURES))


def neighbours(
    matrix: sparse.csr_array, k: int, measure: str = "cosine", shrinkage: float = 0.0, min_common: int = 1
) -> sparse.csr_array:
    """The k most similar rows of each row; of equal ones the lower, never the row itself.

    x and y are two rows, n the number of columns where both have an entry, s the shrinkage: it pulls down
    pairs with few columns in common. Entries that are stored are there, also where they are 0 (a centred
    rating may be); an entry that is not stored is 0 in the first four measures and unknown in the others,
    whose sums run over the n common columns only.

    ================  =======================================================================
    cosine            x.y / (|x| |y| + s)
    jaccard           n / (n_x + n_y - n + s), with n_x and n_y the entries of x and y
    euclidean         n / (n + s) * 1 / (1 + |x - y|)
    correlation       n / (n + s) * correlation of x and y (over the columns in which any row has an entry)
    pearson           n / (n + s) * correlation of x and y (means of the common columns)
    common_cosine     n / (n + s) * cosine; of rows less their own means, Pearson with those
    common_euclidean  n / (n + s) * 1 / (1 + root of the mean square of x - y)
    ================  =======================================================================

    Cosine with s: Dacrema, Cremonesi & Jannach, Are we really making much progress?, RecSys (2019), section
    3.2. The factor n / (n + s): Koren, Factorization meets the neighborhood, KDD (2008), equation 2.

    Parameters
    ----------
    matrix : CSR (R, C), without duplicates
    k : int, at least 1
    measure : one of MEASURES
    shrinkage : float, at least 0
    min_common : int
        Pairs with fewer columns in common are left out.

    Returns
    -------
    float32 CSR (R, R)
        Row r holds the similarities above 0 of its neighbours, sorted by column.
    """
    return RowIndex.of(matrix, measure).search(matrix, k, shrinkage, min_common, of_itself=True)


@dataclass(frozen=True)
class RowIndex:
    """Rows that are searched for the most similar ones by one measure; make one by `RowIndex.of`.

    Parameters
    ----------
    turned : CSR (C, R)
        The rows as columns.
    entries : int64 (R,)
    total, norm : float64 (R,)
        Sum of each row, and its Euclidean norm.
    columns : int
        In which a row has an entry.
    measure : one of MEASURES
    """

    turned: sparse.csr_array
    entries: np.ndarray
    total: np.ndarray
    norm: np.ndarray
    columns: int
    measure: str

    @classmethod
    def of(cls, matrix: sparse.csr_array, measure: str) -> "RowIndex":
        """The index of the rows of a CSR (R, C) without duplicates."""
        matrix = _counted(matrix, measure)
        turned = sparse.csr_array(matrix.T)  # (C, R)
        columns = int(np.count_nonzero(np.diff(turned.indptr)))
        total, norm = _sizes(matrix.indptr, matrix.data)
        return cls(turned, np.diff(matrix.indptr), total, norm, columns, measure)

    def search(
        self,
        matrix: sparse.csr_array,
        k: int,
        shrinkage: float = 0.0,
        min_common: int = 1,
        of_itself: bool = False,
    ) -> sparse.csr_array:
        """The k most similar of these rows for each row of another matrix, as `neighbours` says.

        Parameters
        ----------
        matrix : CSR (Q, C), without duplicates
        of_itself : bool
            The matrix is the one that was indexed, and a row is not its own neighbour.

        Returns
        -------
        float32 CSR (Q, R)
        """
        code = MEASURES.index(self.measure)
        matrix = _counted(matrix, self.measure)
        rows = matrix.shape[0]
        kept: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = [_NONE] * -(-rows // ROWS)
        theirs = (matrix.indptr, matrix.indices, matrix.data)
        ours = (self.turned.indptr, self.turned.indices, self.turned.data)
        total, norm = _sizes(matrix.indptr, matrix.data)
        kernel: Any = _of_sums
        sizes: tuple[Any, ...] = (total, norm, self.entries, self.total, self.norm, self.columns)
        asked: tuple[Any, ...] = (k, code, shrinkage, min_common)
        if min_common <= 1 and code in (COSINE, JACCARD):
            kernel = _of_products
            sizes = (norm, self.norm) if code == COSINE else (total, self.total)
            sizes = tuple(size.astype(np.float32) for size in sizes)
            asked = (k, code, np.float32(shrinkage))

        def work(first: int, last: int) -> None:
            kept[first // ROWS] = kernel(*theirs, *ours, *sizes, *asked, of_itself, first, last)

        over_rows(rows, ROWS, work)
        count, column, value = (np.concatenate(part) for part in zip(*kept or [_NONE], strict=True))
        indptr = np.concatenate([[0], np.cumsum(count)])
        indptr = indptr.astype(np.int32 if len(column) < 2**31 else np.int64)
        shape = (rows, len(self.norm))
        return sparse.csr_array((value, column.astype(indptr.dtype), indptr), shape=shape)


def cosine_neighbours(matrix: sparse.csr_array, k: int, shrinkage: float) -> sparse.csr_array:
    """The k most similar columns of each column by shrunk cosine: `neighbours` of the transpose.

    similarity(i, j) = x_i . x_j / (|x_i| |x_j| + shrinkage), for i != j

    (Deshpande & Karypis, Item-based top-N recommendation algorithms, ACM TOIS 22, 2004, equation 3.)

    Parameters
    ----------
    matrix : float32 CSR (U, I)
    k : int
    shrinkage : float, in units of x_i . x_j

    Returns
    -------
    float32 CSR (I, I)
        Row i holds the neighbours of i, without i itself.
    """
    return neighbours(sparse.csr_array(matrix.T), k, "cosine", shrinkage)


_NONE = (np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.float32))


def _counted(matrix: sparse.csr_array, measure: str) -> sparse.csr_array:
    """The matrix, with 1 for every entry where the measure only counts them."""
    if measure != "jaccard":
        return matrix
    ones = np.ones(matrix.nnz, np.float32)
    return sparse.csr_array((ones, matrix.indices, matrix.indptr), shape=matrix.shape)


@njit(nogil=True, cache=True)
def _sizes(indptr, data):
    """Of each row the sum and the Euclidean norm."""
    total, norm = np.zeros(len(indptr) - 1), np.zeros(len(indptr) - 1)
    for row in range(len(norm)):
        for place in range(indptr[row], indptr[row + 1]):
            total[row] += data[place]
            norm[row] += np.float64(data[place]) * data[place]
        norm[row] = np.sqrt(norm[row])
    return total, norm


@njit(nogil=True, cache=True)
def _pack(score, column, size, kept_column, kept_value, place):
    """Move a heap of `size` pairs to the end of what is kept, sorted by column."""
    order = np.argsort(column[:size])
    for at in order:
        kept_column[place] = column[at]
        kept_value[place] = score[at]
        place += 1
    return place


@njit(nogil=True, cache=True)
def _of_products(
    ptr,
    col,
    data,
    turned_ptr,
    turned_col,
    turned_data,
    size,
    other_size,
    k,
    code,
    shrinkage,
    of_itself,
    first,
    last,
):
    """Neighbours of the rows first..last by a measure of the product x.y alone."""
    rows = len(other_size)
    total = np.zeros(rows, np.float32)
    owner = np.full(rows, -1, np.int32)  # the row that a total belongs to
    touched = np.empty(rows, np.int32)
    score, column = np.empty(k, np.float32), np.empty(k, np.int32)
    count = np.zeros(last - first, np.int32)
    kept_column = np.empty((last - first) * min(k, rows), np.int32)
    kept_value = np.empty((last - first) * min(k, rows), np.float32)
    kept = 0
    for row in range(first, last):
        met = 0
        if of_itself:
            owner[row] = row  # whatever is added to its total, it is not touched
        for place in range(ptr[row], ptr[row + 1]):
            weight = data[place]
            c = col[place]
            for other in range(turned_ptr[c], turned_ptr[c + 1]):
                r = turned_col[other]
                if owner[r] == row:
                    total[r] += weight * turned_data[other]
                else:
                    owner[r] = row
                    total[r] = weight * turned_data[other]
                    touched[met] = r
                    met += 1
        filled = 0
        floor = np.float32(0)
        for place in range(met):
            r = touched[place]
            if code == JACCARD:
                below = size[row] + other_size[r] - total[r] + shrinkage
            else:
                below = size[row] * other_size[r] + shrinkage
            value = total[r] / below if below > 0 else np.float32(0)
            if value >= floor and value > 0:
                filled = push(score, column, filled, value, r)
                if filled == k:
                    floor = score[0]
        kept = _pack(score, column, filled, kept_column, kept_value, kept)
        count[row - first] = filled
    return count, kept_column[:kept].copy(), kept_value[:kept].copy()


@njit(nogil=True, cache=True)
def _of_sums(
    ptr,
    col,
    data,
    turned_ptr,
    turned_col,
    turned_data,
    total,
    norm,
    other_entries,
    other_total,
    other_norm,
    columns,
    k,
    code,
    shrinkage,
    least,
    of_itself,
    first,
    last,
):
    """Neighbours of the rows first..last by any measure, from six sums over the common columns."""
    rows = len(other_norm)
    sums = np.zeros((rows, 6))  # n, x, y, xy, xx, yy
    touched = np.empty(rows, np.int32)
    score, column = np.empty(k, np.float32), np.empty(k, np.int32)
    count = np.zeros(last - first, np.int32)
    kept_column = np.empty((last - first) * min(k, rows), np.int32)
    kept_value = np.empty((last - first) * min(k, rows), np.float32)
    kept = 0
    for row in range(first, last):
        met = 0
        for place in range(ptr[row], ptr[row + 1]):
            a = np.float64(data[place])
            c = col[place]
            for other in range(turned_ptr[c], turned_ptr[c + 1]):
                r = turned_col[other]
                b = np.float64(turned_data[other])
                of = sums[r]
                if of[0] == 0:
                    touched[met] = r
                    met += 1
                of[0] += 1
                of[1] += a
                of[2] += b
                of[3] += a * b
                of[4] += a * a
                of[5] += b * b
        filled = 0
        x = (ptr[row + 1] - ptr[row], total[row], norm[row])
        for place in range(met):
            r = touched[place]
            if not (of_itself and r == row) and sums[r, 0] >= least:
                y = (other_entries[r], other_total[r], other_norm[r])
                value = np.float32(_measure(sums[r], x, y, columns, code, shrinkage))
                if value > 0:
                    filled = push(score, column, filled, value, r)
            sums[r] = 0
        kept = _pack(score, column, filled, kept_column, kept_value, kept)
        count[row - first] = filled
    return count, kept_column[:kept].copy(), kept_value[:kept].copy()


@njit(nogil=True, cache=True)
def _measure(of, row, other, columns, code, shrinkage):
    """The similarity of two rows, each (entries, total, norm), as `neighbours` says; 0 without a value."""
    n, x, y, xy, xx, yy = of
    n_x, total_x, norm_x = row
    n_y, total_y, norm_y = other
    if code == COSINE:
        below = norm_x * norm_y + shrinkage
        return xy / below if below > 0 else 0.0
    if code == JACCARD:
        return n / (n_x + n_y - n + shrinkage)
    trust = n / (n + shrinkage)
    if code == EUCLIDEAN:
        return trust / (1 + np.sqrt(max(norm_x * norm_x + norm_y * norm_y - 2 * xy, 0.0)))
    if code == COMMON_EUCLIDEAN:
        return trust / (1 + np.sqrt(max(xx + yy - 2 * xy, 0.0) / n))
    if code == CORRELATION:
        n, x, y, xx, yy = columns, total_x, total_y, norm_x * norm_x, norm_y * norm_y
    if code in (PEARSON, CORRELATION):
        xy, xx, yy = xy - x * y / n, xx - x * x / n, yy - y * y / n
        if xx < 1e-9 or yy < 1e-9:  # all alike: no correlation
            return 0.0
    below = xx * yy
    return trust * xy / np.sqrt(below) if below > 0 else 0.0
