"""Straight lines, one after another, that fit a series best: exact, by dynamic programming with pruning."""

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def pelt(x: np.ndarray, shortest: int, penalty: float) -> np.ndarray:
    """First steps (C,) of all lines but the first, of least squared error plus `penalty` a change.

    Parameters
    ----------
    x : float64 (n,), of mean 0
    shortest : int
        Steps in a line, 2 or more.
    """
    n = len(x)
    sums = np.zeros((3, n + 1))  # of x, t x and x^2 before each step
    for t in range(n):
        sums[0, t + 1] = sums[0, t] + x[t]
        sums[1, t + 1] = sums[1, t] + t * x[t]
        sums[2, t + 1] = sums[2, t] + x[t] * x[t]
    length = np.arange(n + 1.0)
    length[:2] = 2.0  # no line is so short
    each, across = 1 / length, 12 / (length * (length * length - 1))  # no division in the loops below
    best = np.full(n + 1, np.inf)  # the least cost of the first t steps
    best[0] = -penalty
    before = np.zeros(n + 1, np.int64)
    candidates = np.zeros(n + 1, np.int64)
    until = np.full(n + 1, n + 1)  # the end at which each candidate is done with
    cost = np.empty(n + 1)
    count = 1  # step 0
    for end in range(shortest, n + 1):
        for c in range(count):
            cost[c] = best[candidates[c]] + _squared_error(sums, candidates[c], end, each, across)
            if cost[c] + penalty < best[end]:
                best[end], before[end] = cost[c] + penalty, candidates[c]
        # From `shortest` steps on, a line may begin here. What that beats as a last change is done with then.
        middle = end + 1 - shortest
        kept = 0
        for c in range(count):
            first = candidates[c]
            if cost[c] >= best[end]:
                until[first] = min(until[first], end + shortest - 1)
            if until[first] > end:
                candidates[kept] = first
                kept += 1
        count = kept
        if middle >= shortest:
            candidates[count] = middle
            count += 1
    places = np.zeros(n, np.int64)
    found, end = 0, before[n]
    while end > 0:
        places[found] = end
        found += 1
        end = before[end]
    return places[:found][::-1].copy()


@njit(nogil=True, cache=True)
def _squared_error(sums: np.ndarray, first: int, end: int, each: np.ndarray, across: np.ndarray) -> float:
    """Of the least-squares line through n steps x[first:end]; each[n] is 1 / n, across[n] 12 / (n^3 - n)."""
    n = end - first
    x, tx, xx = sums[0, end] - sums[0, first], sums[1, end] - sums[1, first], sums[2, end] - sums[2, first]
    rise = tx - 0.5 * (first + end - 1) * x
    error: float = max(xx - x * x * each[n] - rise * rise * across[n], 0.0)
    return error
