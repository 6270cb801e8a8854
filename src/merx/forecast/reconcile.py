"""Forecasts that add up: bottom-up, and the least-squares reconciliation MinT."""

import numpy as np
from scipy import sparse

FLOOR = 1e-6
"""No variance of an error is below this, in units squared: a series that was always right still gives way."""


def summing(groups: np.ndarray) -> tuple[np.ndarray, np.ndarray, sparse.csr_array]:
    """Which series are sums over which.

    Parameters
    ----------
    groups : int64 (S, G)
        As in `merx.data.panel.Panel`: -1 where a series is the sum over all codes.

    Returns
    -------
    sums : int64 (a,)
        Places of the series that are sums.
    parts : int64 (b,)
        Places of the others.
    add : CSR (a, b)
        1 where a part belongs to a sum.
    """
    single = np.asarray((groups >= 0).all(axis=1))
    sums, parts = np.flatnonzero(~single), np.flatnonzero(single)
    rows, columns = [], []
    fixed = groups[sums] >= 0  # (a, G)
    for level in np.unique(fixed, axis=0):
        members = np.flatnonzero((fixed == level).all(axis=1))
        both = np.concatenate([groups[sums[members]], groups[parts]])[:, level]
        _, code = np.unique(both, axis=0, return_inverse=True)
        place = np.full(code.max(initial=-1) + 1, -1)
        place[code[: len(members)]] = members
        row = place[code[len(members) :]]  # of each part, -1 where its sum is not in the panel
        rows.append(row[row >= 0])
        columns.append(np.flatnonzero(row >= 0))
    row, column = (np.concatenate([np.empty(0, int), *found]) for found in (rows, columns))
    add = sparse.csr_array((np.ones(len(row)), (row, column)), shape=(len(sums), len(parts)))
    return sums, parts, add


def bottom_up(base: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """The parts as they are and their sums, from forecasts (S, H): float64 (S, H)."""
    sums, parts, add = summing(groups)
    coherent = base.astype(np.float64)
    coherent[sums] = add @ base[parts]
    return coherent


def min_trace(base: np.ndarray, groups: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """Forecasts that add up and are nearest to `base` in the metric of its errors, float64 (S, H).

    With C y = 0 the condition that y adds up and W the covariance of the errors,

        y = base - W C' (C W C')^-1 C base

    which has the least variance of all unbiased linear combinations that add up. W is estimated as
    lambda diag(V) + (1 - lambda) V with V = E'E / T, lambda by Schäfer and Strimmer. No S x S matrix is made.
    A part below 0 becomes 0, and the sums are taken anew.

    Parameters
    ----------
    base : float64 (S, H)
    groups : int64 (S, G)
        As in `summing`.
    errors : float64 (T, S)
        Of forecasts of the same kind on steps that these had not seen.

    Notes
    -----
    Source: Wickramasuriya, Athanasopoulos & Hyndman, Optimal forecast reconciliation for hierarchical and
    grouped time series through trace minimization, JASA 114 (2019); Schäfer & Strimmer (2005); the last step:
    Di Fonzo & Girolimetto (2023).
    """
    sums, parts, add = summing(groups)
    if not len(sums):
        return np.maximum(base.astype(np.float64), 0.0)
    order = np.concatenate([sums, parts])
    C = sparse.hstack([sparse.eye_array(len(sums)), -add], format="csr")  # (a, S)
    E, y = errors[:, order], base[order]
    share = _shrinkage(E)
    variance = np.maximum((E**2).mean(axis=0), FLOOR)  # (S,)
    EC = E @ C.T  # (T, a)
    T = len(E)
    scaled = C * variance  # C D, (a, S)
    gap = share * (scaled @ C.T).toarray() + (1 - share) / T * (EC.T @ EC)  # (a, a)
    pull = np.linalg.solve(gap, C @ y)  # (a, H)
    y = y - share * (scaled.T @ pull) - (1 - share) / T * (E.T @ (EC @ pull))
    coherent = np.empty(base.shape)
    coherent[order] = y
    coherent[parts] = np.maximum(coherent[parts], 0.0)
    return bottom_up(coherent, groups)


def _shrinkage(errors: np.ndarray) -> float:
    """lambda of Schäfer and Strimmer for errors (T, S), of mean 0: 1 keeps the variances alone.

    It is the sum over pairs of series of the variance of their correlation r over the sum of r^2. Both are
    found from products between steps (T x T) in place of those between series.
    """
    T = len(errors)
    scale = np.sqrt((errors**2).mean(axis=0))
    Z = errors[:, scale > 0] / scale[scale > 0]
    n = Z.shape[1]
    squares = ((Z @ Z.T) ** 2).sum() / T**2 - n  # r^2, pairs of different series
    if T < 2 or squares <= 1e-12:
        return 1.0
    products = ((Z**2).sum(axis=1) ** 2).sum() - (Z**4).sum()  # (z_ti z_tj)^2, the same pairs
    variance = T / (T - 1) ** 3 * (products - T * squares)
    return float(np.clip(variance / squares, 0.0, 1.0))
