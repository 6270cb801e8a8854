"""Draws from many discrete distributions at once, by inverting cumulative weights."""

import numpy as np


def draw_from_columns(
    cumulative: np.ndarray, column: np.ndarray, rows: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Row numbers int64 (n,): for draw j from `column[j]`, among its first `rows[j]` rows, by weight.

    Parameters
    ----------
    cumulative : float64 (R, C)
        Cumulative weights down the columns; the first row is positive.
    column, rows : int (n,)
        `rows` is at least 1.
    """
    target = rng.random(column.size) * cumulative[rows - 1, column]
    drawn = np.empty(column.size, np.int64)
    for c in range(cumulative.shape[1]):
        here = column == c
        drawn[here] = np.searchsorted(cumulative[:, c], target[here], side="right")
    row: np.ndarray = np.minimum(drawn, rows - 1)  # rounding may reach the total itself
    return row


def stack_rows(weights: np.ndarray) -> np.ndarray:
    """Rows of weights (R, C) as one ascending array (R * C,) for `draw_from_rows`.

    Row r runs from r to r + 1. A row of zeros is left at r and must not be drawn from.
    """
    cumulative = weights.cumsum(axis=1)
    total = cumulative[:, -1:]
    share = np.divide(cumulative, total, out=np.zeros_like(cumulative), where=total > 0)
    stacked: np.ndarray = (share + np.arange(weights.shape[0])[:, None]).ravel()
    return stacked


def draw_from_rows(
    stacked: np.ndarray, columns: int, row: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Column numbers int64 (n,), one for each entry of `row` (n,), by the weights given to `stack_rows`."""
    place = np.searchsorted(stacked, row + rng.random(row.size), side="right")
    drawn: np.ndarray = np.minimum(place - row * columns, columns - 1)
    return drawn
