"""The nearest of n vectors to each of them, exact: every inner product is computed once, for both its ends.

Tile by tile, a tile being the products of one block of vectors with another (BLAS, in the caller's thread).
In a round every block is in one tile, as every team of a league plays once a week, so that threads share no
vector. All tiles have one shape, so a product is the same number wherever its two vectors stand.
"""

import numpy as np
from numba import njit

from merx.kernels.heap import best_first, push
from merx.kernels.threads import one_blas_thread, over_rows

SIDE = 512  # vectors of a block: a tile of 1 MB, which stays in the cache
RUN = 64  # columns that are looked at together


def nearest_of_all(vectors: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k vectors with the largest inner product with each vector, itself left out, best first.

    Parameters
    ----------
    vectors : float32 (n, F)
    k : int, at least 1

    Returns
    -------
    column : int32 (n, k)
        Ties go to the lower one; -1 where there are fewer than k others.
    score : float32 (n, k)
        NaN where column is -1.
    """
    n, length = vectors.shape
    blocks = -(-n // SIDE)
    whole = np.zeros((blocks * SIDE, length), np.float32)
    whole[:n] = vectors
    column = np.full((blocks * SIDE, k), -1, np.int32)
    score = np.full((blocks * SIDE, k), np.nan, np.float32)
    size, floor = np.zeros(blocks * SIDE, np.int64), np.full(blocks * SIDE, -np.inf, np.float32)

    def meet(a: int, b: int) -> None:
        rows, columns = slice(a * SIDE, (a + 1) * SIDE), slice(b * SIDE, (b + 1) * SIDE)
        tile = whole[rows] @ whole[columns].T
        _scan(tile, a * SIDE, b * SIDE, n, column, score, size, floor)

    with one_blas_thread():
        for number in range(blocks):
            pairs = [(a, (number - a) % blocks) for a in range(blocks)]
            pairs = [(a, b) for a, b in pairs if a <= b]
            over_rows(len(pairs), 1, lambda first, _, pairs=pairs: meet(*pairs[first]))  # type: ignore[misc]
    _sort(score, column, size)
    return column[:n], score[:n]


@njit(nogil=True, cache=True)
def _scan(tile, first_row, first_column, n, column, score, size, floor):
    """Offer every entry of a tile to its row and to its column; on the diagonal tile to its row alone."""
    k = column.shape[1]
    alone = first_row == first_column
    across = min(len(tile), n - first_column)
    for i in range(min(len(tile), n - first_row)):
        row = first_row + i
        values = tile[i]
        for start in range(0, across, RUN):
            end = min(start + RUN, across)
            if end - start == RUN and not _reaches(
                values[start:end], floor[row], floor[first_column + start : first_column + end]
            ):
                continue
            for j in range(start, end):
                value, other = values[j], first_column + j
                if value >= floor[row] and other != row:
                    size[row] = push(score[row], column[row], size[row], value, other)
                    if size[row] == k:
                        floor[row] = score[row, 0]
                if value >= floor[other] and not alone:
                    size[other] = push(score[other], column[other], size[other], value, row)
                    if size[other] == k:
                        floor[other] = score[other, 0]


@njit(nogil=True, cache=True)
def _reaches(values, of_row, of_column):
    """Whether any value reaches what its row or its column asks: counted to the end, many at a time."""
    count = 0
    for j in range(RUN):
        count += (values[j] >= of_row) | (values[j] >= of_column[j])
    return count > 0


@njit(nogil=True, cache=True)
def _sort(score, column, size):
    for row in range(len(size)):
        best_first(score[row], column[row], size[row])
