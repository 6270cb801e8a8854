"""Ridge regressions of items on others, all from one sparse matrix of co-occurrences."""

import numpy as np
from numba import njit
from scipy import sparse
from scipy.linalg import lapack

from merx.kernels.threads import over_rows

ITEMS = 64  # that a thread takes at a time
PIVOT = 8192  # rows eliminated at once: OpenBLAS 0.3.30, with two threads, crashes in spotrf on 33,000
SLAB = 1024  # rows brought up to date at once


def ridge_inverse(gram: sparse.csr_array, regularization: float) -> np.ndarray:
    """(G + regularization I)^-1, dense float32 (I, I).

    By Gauss-Jordan elimination of blocks, in place: n^3 operations, as many as by Cholesky, in 4 n^2 bytes
    and those of 3 x PIVOT rows.

    Parameters
    ----------
    gram : float32 CSR (I, I), symmetric, with no negative eigenvalue
    regularization : float, above 0

    Raises
    ------
    numpy.linalg.LinAlgError
        In single precision the matrix is not positive definite.
    """
    n = gram.shape[0]
    matrix = np.empty((n, n), np.float32)
    for top in range(0, n, SLAB):
        matrix[top : top + SLAB] = gram[top : top + SLAB].toarray()
    matrix[np.diag_indices(n)] += np.float32(regularization)
    for first in range(0, n, PIVOT):
        _eliminate(matrix, first, min(first + PIVOT, n))
    for top in range(0, n, SLAB):  # the upper triangle of -inverse is there
        slab = matrix[top : top + SLAB, top:]
        np.negative(slab, out=slab)
        square = slab[:, :SLAB]
        square[:] = np.triu(square) + np.triu(square, 1).T
        matrix[top + SLAB :, top : top + SLAB] = slab[:, SLAB:].T
    return matrix


def _eliminate(matrix: np.ndarray, first: int, last: int) -> None:
    """In the upper triangle, with P = A_KK^-1: A - A_K^T P A_K for A, then P A_K for A_K and -P for A_KK."""
    pivot = _positive_inverse(matrix[first:last, first:last])  # (B, B)
    if len(pivot) < len(matrix):
        _take_out(matrix, first, last, pivot)
    matrix[first:last, first:last] = -pivot


def _take_out(matrix: np.ndarray, first: int, last: int, pivot: np.ndarray) -> None:
    """All of that step outside A_KK."""
    n = len(matrix)
    row = np.zeros((last - first, n), np.float32)  # A_K, zero at K itself
    row[:, :first] = matrix[:first, first:last].T
    row[:, last:] = matrix[first:last, last:]
    share = pivot @ row  # (B, n)
    room = np.empty(SLAB * n, np.float32)
    for top in range(0, n, SLAB):
        slab = matrix[top : top + SLAB, top:]
        change = room[: slab.size].reshape(slab.shape)
        slab -= np.matmul(row[:, top : top + SLAB].T, share[:, top:], out=change)
    matrix[:first, first:last] = share[:, :first].T
    matrix[first:last, last:] = share[:, last:]


def _positive_inverse(matrix: np.ndarray) -> np.ndarray:
    """The inverse of a matrix given by its upper triangle, by Cholesky."""
    factor, bad = lapack.spotrf(matrix, lower=0)
    if bad:
        raise np.linalg.LinAlgError("not positive definite")
    upper, _ = lapack.spotri(factor, lower=0, overwrite_c=1)
    inverse: np.ndarray = np.triu(upper) + np.triu(upper, 1).T
    return inverse


def neighbourhood_ridge(
    gram: sparse.csr_array, neighbours: sparse.csr_array, regularization: float
) -> sparse.csr_array:
    """The weights with which each item is told from its neighbours.

    For item i with neighbours N: solve (G_NN + regularization I) b = G_Ni.

    Parameters
    ----------
    gram : float32 CSR (I, I), sorted, symmetric
    neighbours : CSR (I, I)
        Where row i has entries; never i itself.
    regularization : float, above 0

    Returns
    -------
    float32 CSR (I, I)
        Row i: b, in the columns of row i of `neighbours`.
    """
    weight = np.zeros(neighbours.nnz, np.float32)
    over_rows(
        neighbours.shape[0],
        ITEMS,
        lambda first, last: _solve(
            gram.indptr,
            gram.indices,
            gram.data,
            neighbours.indptr,
            neighbours.indices,
            np.float32(regularization),
            first,
            last,
            weight,
        ),
    )
    return sparse.csr_array((weight, neighbours.indices, neighbours.indptr), shape=neighbours.shape)


@njit(nogil=True, cache=True)
def _solve(gram_ptr, gram_col, gram_data, ptr, col, regularization, first, last, weight):
    place = np.full(len(ptr) - 1, -1, np.int32)  # of an item in the neighbourhood at hand
    for i in range(first, last):
        start, n = ptr[i], ptr[i + 1] - ptr[i]
        if n == 0:
            continue
        for a in range(n):
            place[col[start + a]] = a
        matrix = np.zeros((n, n), np.float32)  # G_NN + regularization I, its lower triangle
        for a in range(n):
            h = col[start + a]
            for entry in range(gram_ptr[h], gram_ptr[h + 1]):
                b = place[gram_col[entry]]
                if 0 <= b <= a:
                    matrix[a, b] = gram_data[entry]
            matrix[a, a] += regularization
        right = np.zeros(n, np.float32)  # G_Ni
        for entry in range(gram_ptr[i], gram_ptr[i + 1]):
            b = place[gram_col[entry]]
            if b >= 0:
                right[b] = gram_data[entry]
        for a in range(n):
            place[col[start + a]] = -1
        lower = np.linalg.cholesky(matrix)
        for a in range(n):
            total = right[a]
            for b in range(a):
                total -= lower[a, b] * right[b]
            right[a] = total / lower[a, a]
        for a in range(n - 1, -1, -1):
            right[a] /= lower[a, a]
            for b in range(a):
                right[b] -= lower[a, b] * right[a]
        weight[start : start + n] = right
