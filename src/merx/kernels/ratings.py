"""Least squares of many rows on a few of many vectors each, plain and non-negative; sums at given places.

A row (a shopper, or an item) has n entries with targets t (n,), its vectors are z (n, F). Its answer x (F,)
minimises, with l (F,) the penalties and m (F,) what it is drawn to,

    sum_i (t_i - z_i . x)^2 + sum_f l_f (x_f - m_f)^2.
"""

import numpy as np
from numba import njit
from scipy import sparse

from merx.kernels.threads import over_rows

ROWS = 128  # that a thread takes at a time
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
        A row is done once no coordinate moves further than that in a sweep.
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
    system = np.empty((factors, factors), np.float32)
    scaled = np.empty((factors, factors), np.float32)
    dual = np.empty(factors, np.float32)
    root = np.sqrt(penalty)
    for row in range(first, last):
        mine = slice(offsets[row], offsets[row + 1])
        if mine.stop - mine.start < factors:
            _solve_dual(column[mine], target[mine], vectors, root, scaled, system, dual, answer[row])
            continue
        system[:] = 0
        _add_entries(column[mine], target[mine], vectors, system, answer[row])
        for f in range(factors):
            system[f, f] += penalty[f]
        _solve(system, answer[row], factors)


@njit(nogil=True, cache=True, fastmath=FASTMATH)
def _solve_dual(column, target, vectors, root, scaled, system, dual, answer):
    """The answer of a row with few entries, from an n x n system; `scaled`, `system`, `dual` are workspace.

    With K = Z diag(1 / root): x = diag(1 / root) K' (I + K K')^-1 t, the push-through identity.
    """
    n, factors = len(column), len(root)
    for i in range(n):
        z = vectors[column[i]]
        for f in range(factors):
            scaled[i, f] = z[f] / root[f]
        for j in range(i + 1):
            system[i, j] = _dot(scaled[i], scaled[j])
        system[i, i] += 1
        dual[i] = target[i]
    _solve(system, dual, n)
    answer[:] = 0
    for i in range(n):
        for f in range(factors):
            answer[f] += dual[i] * scaled[i, f]
    for f in range(factors):
        answer[f] /= root[f]


@njit(nogil=True, cache=True)
def _nonnegative_rows(
    offsets, column, target, vectors, penalty, prior, sweeps, tolerance, first, last, answer
):
    factors = vectors.shape[1]
    system = np.empty((factors, factors), np.float32)
    right = np.empty(factors, np.float32)
    for row in range(first, last):
        mine = slice(offsets[row], offsets[row + 1])
        if mine.start == mine.stop:
            answer[row] = prior
            continue
        system[:] = 0
        right[:] = penalty * prior
        _add_entries(column[mine], target[mine], vectors, system, right)
        for f in range(factors):
            system[f, f] += penalty
        x = answer[row]
        for _ in range(sweeps):
            furthest = np.float32(0)
            for f in range(factors):
                there = max(x[f] + (right[f] - _dot(system[f], x)) / system[f, f], np.float32(0))
                furthest = max(furthest, abs(there - x[f]))
                x[f] = there
            if furthest <= tolerance:
                break


@njit(nogil=True, cache=True, fastmath=FASTMATH)
def _dot(a, b):
    total = np.float32(0)
    for f in range(len(a)):
        total += a[f] * b[f]
    return total


@njit(nogil=True, cache=True, fastmath=FASTMATH)
def _add_entries(column, target, vectors, system, right):
    """Add Z' Z to `system` (F, F) and Z' t to `right` (F,)."""
    factors = len(right)
    for entry in range(len(column)):
        z = vectors[column[entry]]
        t = target[entry]
        for f in range(factors):
            weight = z[f]
            right[f] += weight * t
            for g in range(factors):
                system[f, g] += weight * z[g]


@njit(nogil=True, cache=True, fastmath=FASTMATH)
def _solve(matrix, right, n):
    """Solve matrix x = right of size n, in place, by Cholesky (Golub & Van Loan, 4.2)."""
    for i in range(n):
        for j in range(i + 1):
            rest = matrix[i, j]
            for f in range(j):
                rest -= matrix[i, f] * matrix[j, f]
            # the diagonal of L is kept inverted
            matrix[i, j] = rest * matrix[j, j] if j < i else np.float32(1) / np.sqrt(rest)
        rest = right[i]
        for j in range(i):
            rest -= matrix[i, j] * right[j]
        right[i] = rest * matrix[i, i]
    for i in range(n - 1, -1, -1):
        right[i] *= matrix[i, i]
        for j in range(i):
            right[j] -= matrix[i, j] * right[i]


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
