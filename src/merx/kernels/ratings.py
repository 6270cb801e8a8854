"""Least squares of many rows on a few of many vectors each, plain and non-negative; sums at given places.

A row (a shopper, or an item) has n entries with targets t (n,), its vectors are z (n, F). Its answer x (F,)
minimises, with l (F,) the penalties and m (F,) what it is drawn to,

    sum_i (t_i - z_i . x)^2 + sum_f l_f (x_f - m_f)^2.
"""

import numpy as np
from numba import njit
from scipy import sparse

from merx.kernels.als import add_products, back_substitute, factorise
from merx.kernels.nmf import descend
from merx.kernels.threads import over_rows

ROWS = 1024  # that a thread takes at a time; fewer are done sooner than threads are started
TILE = 64  # entries of a long row that are worked on at once
FASTMATH = {"reassoc", "contract", "nsz"}  # sums in any order, NaN and infinities as they are


def ridge_rows(target: sparse.csr_array, vectors: np.ndarray, penalty: np.ndarray) -> np.ndarray:
    """The answer of every row, drawn to 0, float32 (U, F): the normal equations, solved by Cholesky.

    Parameters
    ----------
    target : float32 CSR (U, I)
    vectors : float32 (I, F), C-contiguous
    penalty : float32 (F,), above 0
    """
    answer = np.zeros((target.shape[0], vectors.shape[1]), np.float32)
    rows = (target.indptr, target.indices, target.data)
    over_rows(len(answer), ROWS, lambda a, b: _ridge_rows(*rows, vectors, penalty, a, b, answer))
    return answer


def nonnegative_rows(
    target: sparse.csr_array,
    vectors: np.ndarray,
    penalty: float,
    prior: np.ndarray,
    start: np.ndarray,
    sweeps: int,
    tolerance: float = 0.0,
) -> np.ndarray:
    """Answers at or above 0, drawn to `prior`, float32 (U, F), by cyclic coordinate descent.

    Each step is the exact minimum along one coordinate, so no step makes the sum larger (Hsieh & Dhillon,
    Fast coordinate descent methods with variable selection for non-negative matrix factorization, KDD 2011).

    Parameters
    ----------
    target : float32 CSR (U, I)
    vectors : float32 (I, F), C-contiguous
    penalty : float, above 0
    prior : float32 (F,), at least 0
        The answer of a row without entries.
    start : float32 (U, F), at least 0
    sweeps : int
        Over the coordinates, at most.
    tolerance : float
        A row is done once no coordinate moves further than this share of the largest in a sweep.
    """
    answer = start.copy()
    rows = (target.indptr, target.indices, target.data)
    rest = (np.float32(penalty), prior, sweeps, np.float32(tolerance))
    over_rows(len(answer), ROWS, lambda a, b: _nonnegative_rows(*rows, vectors, *rest, a, b, answer))
    return answer


def common_sums(
    left: sparse.csr_array, right: sparse.csr_array, row: np.ndarray, column: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of n pairs of rows l and r of two matrices, sum l r, sum l and sum r, each float64 (n,).

    The sums run over the columns where both left[row] and right[column] have an entry.

    Parameters
    ----------
    left : float32 CSR (U, M), right : float32 CSR (I, M), without duplicates
    row, column : int (n,)
        Of `left` and of `right`.
    """
    order = np.argsort(row, kind="stable")
    offsets = np.searchsorted(row[order], np.arange(left.shape[0] + 1))
    sums = np.zeros((3, len(row)))
    sides = (left.indptr, left.indices, left.data, right.indptr, right.indices, right.data)

    def work(first: int, last: int) -> None:
        _common_sums(*sides, left.shape[1], offsets, order, column, first, last, sums)

    over_rows(left.shape[0], ROWS, work)
    return sums[0], sums[1], sums[2]


@njit(nogil=True, cache=True)
def _ridge_rows(offsets, column, target, vectors, penalty, first, last, answer):
    factors = vectors.shape[1]
    even = factors + factors % 2
    root = np.sqrt(penalty)
    short = np.zeros((even, factors), np.float32)
    tile = np.zeros((even, TILE), np.float32)
    system = np.empty((even, even), np.float32)
    right = np.empty(even, np.float32)
    for row in range(first, last):
        mine = slice(offsets[row], offsets[row + 1])
        if mine.stop - mine.start < factors:
            _solve_short(column[mine], target[mine], vectors, root, short, system, right, answer[row])
            continue
        system[:] = 0
        right[:] = 0
        _add_entries(column[mine], target[mine], vectors, tile, system, right)
        for f in range(factors):
            system[f, f] += penalty[f]
        if even > factors:
            system[factors, factors] = 1
        factorise(system, even)
        back_substitute(system, factors, right)
        answer[row] = right[:factors]


@njit(nogil=True, cache=True, fastmath=FASTMATH, error_model="numpy")
def _solve_short(column, target, vectors, root, short, system, right, answer):
    """The answer of a row with few entries, from an n x n system; `short`, `system`, `right` are workspace.

    With K = Z diag(1 / root): x = diag(1 / root) K' (I + K K')^-1 t, the push-through identity.
    """
    n, factors = len(column), len(root)
    even = n + n % 2
    short[n:even] = 0
    for i in range(n):
        z = vectors[column[i]]
        for f in range(factors):
            short[i, f] = z[f] / root[f]
        right[i] = target[i]
    for i in range(even):
        system[i, :i] = 0
        system[i, i] = 1
    add_products(short, even, factors, system)
    factorise(system, even)
    back_substitute(system, n, right)
    answer[:] = 0
    for i in range(n):
        for f in range(factors):
            answer[f] += right[i] * short[i, f]
    for f in range(factors):
        answer[f] /= root[f]


@njit(nogil=True, cache=True)
def _nonnegative_rows(
    offsets, column, target, vectors, penalty, prior, sweeps, tolerance, first, last, answer
):
    factors = vectors.shape[1]
    even = factors + factors % 2
    tile = np.zeros((even, TILE), np.float32)
    system = np.empty((even, even), np.float32)
    gradient = np.empty(even, np.float32)
    for row in range(first, last):
        mine = slice(offsets[row], offsets[row + 1])
        if mine.start == mine.stop:
            answer[row] = prior
            continue
        system[:] = 0
        gradient[:factors] = penalty * prior
        _add_entries(column[mine], target[mine], vectors, tile, system, gradient)
        for f in range(factors):
            gradient[f] = -gradient[f]  # half of it, at 0
            system[f, f] += penalty
            for g in range(f):
                system[g, f] = system[f, g]
        descend(system, gradient, answer[row], sweeps, tolerance)


@njit(nogil=True, cache=True, fastmath=FASTMATH)
def _add_entries(column, target, vectors, tile, system, right):
    """Add Z' Z to the lower triangle of `system` and Z' t to `right`, a tile of entries at a time."""
    factors = vectors.shape[1]
    for start in range(0, len(column), TILE):
        stop = min(start + TILE, len(column))
        for i in range(start, stop):
            z = vectors[column[i]]
            for f in range(factors):
                tile[f, i - start] = z[f]
                right[f] += z[f] * target[i]
        add_products(tile, tile.shape[0], stop - start, system)


@njit(nogil=True, cache=True)
def _common_sums(
    left_ptr,
    left_col,
    left_data,
    right_ptr,
    right_col,
    right_data,
    width,
    offsets,
    order,
    column,
    first,
    last,
    sums,
):
    value = np.empty(width, np.float32)
    owner = np.full(width, -1, np.int64)  # the row that a value belongs to
    for row in range(first, last):
        for place in range(left_ptr[row], left_ptr[row + 1]):
            owner[left_col[place]] = row
            value[left_col[place]] = left_data[place]
        for at in range(offsets[row], offsets[row + 1]):
            pair = order[at]
            col = column[pair]
            for place in range(right_ptr[col], right_ptr[col + 1]):
                m = right_col[place]
                if owner[m] == row:
                    sums[0, pair] += np.float64(value[m]) * right_data[place]
                    sums[1, pair] += value[m]
                    sums[2, pair] += right_data[place]
