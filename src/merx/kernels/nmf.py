"""Non-negative ridge regressions of many rows on a few of many vectors each, by coordinate descent.

Row u minimises over its answer w >= 0 (F,), with V (n, F) the vectors of its n entries and c (n,) their
confidences,

    sum_i c_i (1 - v_i . w)^2 + w' S w + ridge |w|^2.

With A = S + ridge I + V' C V and the gradient g = A w - V' c, each coordinate in turn goes to its minimum,
w_f <- max(0, w_f - g_f / A_ff). A coordinate that stays at 0 costs nothing more, and most of them do.

All sums are in float64: which coordinates stay at 0 depends on the last digits, and so does all that follows.

Hsieh & Dhillon, Fast coordinate descent methods with variable selection for non-negative matrix
factorization, KDD (2011), section 2 (there without weights).
"""

import numpy as np
from numba import njit
from scipy import sparse

from merx.kernels.als import FASTMATH, ROWS, TILE, add_products
from merx.kernels.threads import over_rows


def solve_rows(
    confidence: sparse.csr_array,
    vectors: np.ndarray,
    shared: np.ndarray,
    ridge: np.ndarray,
    start: np.ndarray,
    sweeps: int,
    tolerance: float,
) -> np.ndarray:
    """The answers, float64 (U, F); zeros for a row without entries.

    Parameters
    ----------
    confidence : float32 CSR (U, I), above 0
    vectors : float (I, F), at least 0, C-contiguous
    shared : float64 (F, F)
        S, positive semidefinite.
    ridge : float (U,), above 0 where a row has entries
    start : float64 (U, F), at least 0
        Where the descent begins.
    sweeps : int
        Times that it goes through the coordinates at most.
    tolerance : float
        It ends where no coordinate moved by more than this share of the largest.
    """
    answer = start.copy()
    rows = (confidence.indptr, confidence.indices, confidence.data)

    def work(first: int, last: int) -> None:
        _solve_rows(*rows, vectors, shared, ridge, sweeps, tolerance, first, last, answer)

    over_rows(len(answer), ROWS, work)
    return answer


@njit(nogil=True, cache=True)
def _solve_rows(offsets, column, confidence, vectors, shared, ridge, sweeps, tolerance, first, last, answer):
    factors = vectors.shape[1]
    even = factors + factors % 2
    tile = np.zeros((even, TILE))  # (C^1/2 V)' of some entries
    normal = np.zeros((even, even))
    gradient = np.empty(factors)
    for row in range(first, last):
        if offsets[row] == offsets[row + 1]:
            answer[row] = 0
            continue
        for f in range(factors):
            normal[f, : f + 1] = shared[f, : f + 1]
            normal[f, f] += ridge[row]
        gradient[:] = 0
        for start in range(offsets[row], offsets[row + 1], TILE):
            stop = min(start + TILE, offsets[row + 1])
            for i in range(start, stop):
                root = np.sqrt(np.float64(confidence[i]))
                vector = vectors[column[i]]
                for f in range(factors):
                    value = root * vector[f]
                    tile[f, i - start] = value
                    gradient[f] -= root * value
            add_products(tile, even, stop - start, normal)
        for f in range(factors):
            for g in range(f):
                normal[g, f] = normal[f, g]
        descend(normal, gradient, answer[row], sweeps, tolerance)


@njit(nogil=True, cache=True, fastmath=FASTMATH, error_model="numpy")
def descend(normal, gradient, answer, sweeps, tolerance):
    """Coordinate descent from `answer`, in place; `gradient` is that at 0."""
    factors = len(answer)
    for f in range(factors):
        if answer[f] > 0:
            for g in range(factors):
                gradient[g] += answer[f] * normal[f, g]
    for _ in range(sweeps):
        moved = largest = 0.0
        for f in range(factors):
            step = max(-gradient[f] / normal[f, f], -answer[f])
            if step != 0:
                answer[f] += step
                for g in range(factors):
                    gradient[g] += step * normal[f, g]
            moved = max(moved, abs(step))
            largest = max(largest, answer[f])
        if moved <= tolerance * largest:
            break
