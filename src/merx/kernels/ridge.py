"""Ridge regressions of each item on few others, all from one sparse matrix of co-occurrences."""

import numpy as np
from numba import njit
from scipy import sparse

from merx.kernels.threads import over_rows

ITEMS = 64  # that a thread takes at a time


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
