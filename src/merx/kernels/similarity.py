"""The most similar rows of each row of a sparse matrix; never all pairs at once.

One row at a time is multiplied with all others (Gustavson, ACM TOMS 4(3), 1978), and of it only the best are
kept. Two rows that have no column in common are no neighbours, whatever the measure says.
"""

import numpy as np
from numba import njit
from scipy import sparse

from merx.kernels.heap import push
from merx.kernels.threads import over_rows

ROWS = 512  # that a thread takes at a time

MEASURES = ("cosine", "jaccard", "euclidean", "pearson", "common_cosine", "common_euclidean")
COSINE, JACCARD, EUCLIDEAN, PEARSON, COMMON_COSINE, COMMON_EUCLIDEAN = range(len(MEASURES))


def neighbours(
    matrix: sparse.csr_array, k: int, measure: str = "cosine", shrinkage: float = 0.0, min_common: int = 1
) -> sparse.csr_array:
    """The k most similar rows of each row; of equal ones the lower, never the row itself.

    x and y are two rows, n the number of columns where both have an entry, s the shrinkage: it pulls down
    pairs with few columns in common. Entries that are stored are there, also where they are 0 (a centred
    rating may be); an entry that is not stored is 0 in the first three measures and unknown in the others,
    whose sums run over the n common columns only.

    ================  =======================================================================
    cosine            x.y / (|x| |y| + s)
    jaccard           n / (n_x + n_y - n + s), with n_x and n_y the entries of x and y
    euclidean         n / (n + s) * 1 / (1 + |x - y|)
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
    code = MEASURES.index(measure)
    rows = matrix.shape[0]
    turned = sparse.csr_array(matrix.T)  # (C, R)
    kept: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = [_NONE] * -(-rows // ROWS)
    if min_common <= 1 and code in (COSINE, JACCARD):
        data, turned_data = (_ones(m) if code == JACCARD else m.data for m in (matrix, turned))
        size = _norms(matrix.indptr, np.asarray(data, np.float32), code)

        def work(first: int, last: int) -> None:
            kept[first // ROWS] = _of_products(
                *(matrix.indptr, matrix.indices, np.asarray(data, np.float32)),
                *(turned.indptr, turned.indices, np.asarray(turned_data, np.float32)),
                *(size, k, code, np.float32(shrinkage), first, last),
            )
    else:
        size = _norms(matrix.indptr, np.asarray(matrix.data, np.float64), COSINE)

        def work(first: int, last: int) -> None:
            kept[first // ROWS] = _of_sums(
                *(matrix.indptr, matrix.indices, matrix.data, turned.indptr, turned.indices, turned.data),
                *(size, k, code, shrinkage, min_common, first, last),
            )

    over_rows(rows, ROWS, work)
    count, column, value = (np.concatenate(part) for part in zip(*kept or [_NONE], strict=True))
    indptr = np.concatenate([[0], np.cumsum(count)]).astype(np.int32 if len(column) < 2**31 else np.int64)
    return sparse.csr_array((value, column.astype(indptr.dtype), indptr), shape=(rows, rows))


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


def _ones(matrix: sparse.csr_array) -> np.ndarray:
    return np.ones(matrix.nnz, np.float32)


@njit(nogil=True, cache=True)
def _norms(indptr, data, code):
    """Of each row the Euclidean norm, or for Jaccard the number of entries."""
    size = np.zeros(len(indptr) - 1, data.dtype)
    for row in range(len(size)):
        for place in range(indptr[row], indptr[row + 1]):
            size[row] += data[place] * data[place]
    return size if code == JACCARD else np.sqrt(size)


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
def _of_products(ptr, col, data, turned_ptr, turned_col, turned_data, size, k, code, shrinkage, first, last):
    """Neighbours of the rows first..last by a measure of the product x.y alone."""
    rows = len(ptr) - 1
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
                below = size[row] + size[r] - total[r] + shrinkage
            else:
                below = size[row] * size[r] + shrinkage
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
    ptr, col, data, turned_ptr, turned_col, turned_data, norm, k, code, shrinkage, least, first, last
):
    """Neighbours of the rows first..last by any measure, from six sums over the common columns."""
    rows = len(ptr) - 1
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
            x = np.float64(data[place])
            c = col[place]
            for other in range(turned_ptr[c], turned_ptr[c + 1]):
                r = turned_col[other]
                y = np.float64(turned_data[other])
                of = sums[r]
                if of[0] == 0:
                    touched[met] = r
                    met += 1
                of[0] += 1
                of[1] += x
                of[2] += y
                of[3] += x * y
                of[4] += x * x
                of[5] += y * y
        filled = 0
        n_row = ptr[row + 1] - ptr[row]
        for place in range(met):
            r = touched[place]
            if r != row and sums[r, 0] >= least:
                n_other = ptr[r + 1] - ptr[r]
                value = np.float32(_measure(sums[r], norm[row], norm[r], n_row, n_other, code, shrinkage))
                if value > 0:
                    filled = push(score, column, filled, value, r)
            sums[r] = 0
        kept = _pack(score, column, filled, kept_column, kept_value, kept)
        count[row - first] = filled
    return count, kept_column[:kept].copy(), kept_value[:kept].copy()


@njit(nogil=True, cache=True)
def _measure(of, norm_x, norm_y, n_x, n_y, code, shrinkage):
    """The similarity of two rows, as `neighbours` defines it; 0 where it has no value."""
    n, x, y, xy, xx, yy = of
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
    if code == PEARSON:
        xy, xx, yy = xy - x * y / n, xx - x * x / n, yy - y * y / n
        if xx < 1e-9 or yy < 1e-9:  # all alike: no correlation
            return 0.0
    below = xx * yy
    return trust * xy / np.sqrt(below) if below > 0 else 0.0
