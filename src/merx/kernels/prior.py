"""Least squares of many rows on the vectors of the other side, each held to a vector expected beforehand.

Row i minimises over its answer v (F,), with W (n, F) the vectors of its n entries, c (n,) their confidences,
m (F,) what is expected of it and d (F,), at least 0,

    sum_u c_u (1 - w_u . v)^2 + sum_f d_f v_f^2 + p |v - m|^2.

The answer is linear in what it is made from: v = A^-1 W' c + A^-1 p m, with A = W' diag(c) W + diag(d) + p I.
"""

import numpy as np
from numba import njit
from scipy import sparse

from merx.kernels.threads import over_rows

ROWS = 256  # that a thread takes at a time


def solve_rows_with_prior(
    confidence: sparse.csr_array,
    vectors: np.ndarray,
    curvature: np.ndarray,
    precision: np.ndarray,
    expected: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """The part of every row's answer that its entries bring, float32 (I, F), and those expected, (M, I, F).

    The sum of all is the answer. A row without entries and curvature is what was expected.

    Parameters
    ----------
    confidence : float32 CSR (I, U), above 0
    vectors : float32 (U, F)
    curvature : float64 (I, F)
        d of each row.
    precision : float64 (I,), above 0
        p of each row.
    expected : float32 (M, I, F)
        m of each row, as a sum of M.
    """
    own = np.zeros(expected.shape[1:], np.float32)
    held = np.zeros(expected.shape, np.float32)
    rows = (confidence.indptr, confidence.indices, confidence.data)
    over_rows(
        len(own),
        ROWS,
        lambda a, b: _solve(*rows, vectors, curvature, precision, expected, a, b, own, held),
    )
    return own, held


@njit(nogil=True, cache=True)
def _solve(offsets, column, confidence, vectors, curvature, precision, expected, first, last, own, held):
    n_parts, _, factors = expected.shape
    system = np.empty((factors, factors))
    right = np.empty((factors, n_parts + 1))
    for row in range(first, last):
        system[:] = 0
        right[:] = 0
        for f in range(factors):
            system[f, f] = curvature[row, f] + precision[row]
        for place in range(offsets[row], offsets[row + 1]):
            w, c = vectors[column[place]], confidence[place]
            for f in range(factors):
                weighted = c * w[f]
                right[f, 0] += weighted
                for g in range(f + 1):
                    system[f, g] += weighted * w[g]
        for f in range(factors):
            for g in range(f):
                system[g, f] = system[f, g]
            for m in range(n_parts):
                right[f, m + 1] = precision[row] * expected[m, row, f]
        answer = np.linalg.solve(system, right)
        for f in range(factors):
            own[row, f] = answer[f, 0]
            for m in range(n_parts):
                held[m, row, f] = answer[f, m + 1]
