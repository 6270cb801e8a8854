"""The k largest entries of each row, in one fixed order."""

import numpy as np


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
    users, items = scores.shape
    width = min(k, items)
    column = np.full((users, k), -1, dtype=np.int32)
    score = np.full((users, k), np.nan, dtype=scores.dtype)
    if width == 0 or users == 0:
        return column, score
    keys = np.where(np.isnan(scores), -np.inf, scores)
    cut = np.partition(keys, items - width, axis=1)[:, items - width]  # (U,) the k-th largest of each row
    row, col = np.nonzero((keys >= cut[:, None]) & (keys > -np.inf))
    value = keys[row, col]
    order = np.lexsort((col, -value, row))
    row, col, value = row[order], col[order], value[order]
    place = np.arange(len(row)) - np.searchsorted(row, row)  # rank within the row
    kept = place < width  # more than k where several equal the k-th
    row, col, value, place = row[kept], col[kept], value[kept], place[kept]
    column[row, place] = col
    score[row, place] = value
    return column, score
