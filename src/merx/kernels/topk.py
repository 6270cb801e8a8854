"""The k largest entries of each row, in one fixed order."""

import numpy as np
from numba import njit

from merx.kernels.heap import best_first, push
from merx.kernels.threads import over_rows

CHUNK = 64  # rows that a thread takes at a time


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
    for row in range(first, last):
        size = 0
        floor = -np.inf  # once k are found, the worst of them: columns ascend, so an equal one never enters
        for col in range(scores.shape[1]):
            value = scores[row, col]
            if value > floor:
                size = push(score[row], column[row], size, value, col)
                if size == k:
                    floor = score[row, 0]
        best_first(score[row], column[row], size)
