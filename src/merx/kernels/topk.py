"""The k largest entries of each row, in one fixed order."""

import numpy as np
from numba import njit

from merx.kernels.heap import best_first, push
from merx.kernels.threads import over_rows

CHUNK = 64  # rows that a thread takes at a time
BLOCK = 64  # columns that are looked at together
SAMPLE = 256  # every such column is looked at first


def top_k(scores: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k best columns of each row, best first; equal scores are ordered by column.

    Parameters
    ----------
    scores : float (U, I)
        NaN and -inf mark columns that must not be chosen.
    k : int, at least 1

    Returns
    -------
    column : int32 (U, k)
        -1 where a row has fewer than k eligible columns.
    score : float (U, k)
        NaN where column is -1.
    """
    column = np.full((len(scores), k), -1, np.int32)
    score = np.full((len(scores), k), np.nan, scores.dtype)
    over_rows(len(scores), CHUNK, lambda first, last: _top_rows(scores, first, last, column, score))
    return column, score


@njit(nogil=True, cache=True)
def _top_rows(scores, first, last, column, score):
    k = column.shape[1]
    infinity = scores.dtype.type(np.inf)
    for row in range(first, last):
        row_scores, found, best = scores[row], column[row], score[row]
        floor = _first_floor(row_scores, found, best)
        size = 0
        for start in range(0, len(row_scores), BLOCK):
            block = row_scores[start : start + BLOCK]
            if len(block) == BLOCK and not _reaches(block, floor):
                continue
            for j in range(len(block)):
                if block[j] >= floor:
                    size = push(best, found, size, block[j], start + j)
                    if size == k:  # columns ascend, so what is equal to the worst comes too late
                        floor = np.nextafter(best[0], infinity)
        found[size:], best[size:] = -1, np.nan
        best_first(best, found, size)


@njit(nogil=True, cache=True)
def _reaches(block, floor):
    """Whether any of BLOCK values reaches the floor: counted to the end, many at a time."""
    count = 0
    for j in range(BLOCK):
        count += block[j] >= floor
    return count > 0


@njit(nogil=True, cache=True)
def _first_floor(row_scores, found, best):
    """The k-th best of a sample, which the k best reach: so rising scores cost no more than others.

    Where the sample holds fewer, what is above -inf, so that mostly empty rows cost no more either.
    """
    size = 0
    for col in range(0, len(row_scores), SAMPLE):
        if row_scores[col] > -np.inf:
            size = push(best, found, size, row_scores[col], col)
    return best[0] if size == len(best) else np.nextafter(best.dtype.type(-np.inf), best.dtype.type(0))
