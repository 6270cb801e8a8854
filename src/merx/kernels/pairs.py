"""Values at chosen columns of each row, where a whole row would be too much.

Chosen columns are ragged by row: row u's are column[offsets[u]:offsets[u + 1]], in any order.
"""

import numpy as np
from numba import njit
from scipy import sparse

from merx.kernels.threads import over_rows

ROWS = 256  # that a thread takes at a time
EQUAL = 1e-4  # of the largest of a row: values no further apart are taken for equal, as both may be rounded


def sparse_at(
    left: sparse.csr_array, right: sparse.csr_array, offsets: np.ndarray, column: np.ndarray
) -> np.ndarray:
    """The entries of left @ right at the chosen columns, float32 (P,).

    Parameters
    ----------
    left : float32 CSR (U, H)
    right : float32 CSR (H, I)
    offsets : int64 (U + 1,)
    column : int32 (P,)
    """
    found = np.empty(len(column), np.float32)
    factors = (left.indptr, left.indices, left.data, right.indptr, right.indices, right.data)
    columns = right.shape[1]
    over_rows(left.shape[0], ROWS, lambda a, b: _multiply_at(*factors, columns, a, b, offsets, column, found))
    return found


def cells(matrix: sparse.csr_array, row: np.ndarray, column: np.ndarray) -> np.ndarray:
    """The entries of a CSR matrix at all pairs of chosen rows (n,) and columns (k,), float32 (n, k)."""
    found = np.zeros((len(row), len(column)), np.float32)
    order = np.argsort(column, kind="stable")
    _read_cells(matrix.indptr, matrix.indices, matrix.data, row, column[order], order, found)
    return found


def places(value: np.ndarray, offsets: np.ndarray, ordered: np.ndarray) -> np.ndarray:
    """How many of its row's ordered values are larger than each value, equal ones apart, int32 (P,).

    Parameters
    ----------
    value : float32 (P,), without NaN
    offsets : int64 (U + 1,)
        Row u owns the values offsets[u]:offsets[u + 1].
    ordered : float32 (U, n)
        Falling in each row; NaN where a row has fewer than n.
    """
    found = np.empty(len(value), np.int32)
    over_rows(len(ordered), ROWS, lambda a, b: _count_larger(value, offsets, ordered, a, b, found))
    return found


@njit(nogil=True, cache=True)
def _multiply_at(
    left_ptr,
    left_col,
    left_data,
    right_ptr,
    right_col,
    right_data,
    columns,
    first,
    last,
    offsets,
    column,
    found,
):
    total = np.zeros(columns, np.float32)
    owner = np.full(columns, -1, np.int32)  # the row that a total belongs to; only chosen columns have one
    for row in range(first, last):
        for place in range(offsets[row], offsets[row + 1]):
            owner[column[place]] = row
            total[column[place]] = 0
        for place in range(left_ptr[row], left_ptr[row + 1]):
            weight = left_data[place]
            h = left_col[place]
            for other in range(right_ptr[h], right_ptr[h + 1]):
                if owner[right_col[other]] == row:
                    total[right_col[other]] += weight * right_data[other]
        for place in range(offsets[row], offsets[row + 1]):
            found[place] = total[column[place]]


@njit(nogil=True, cache=True)
def _read_cells(heads, columns, values, row, chosen, order, found):
    """`chosen` ascends; it is column `order` of `found`."""
    for r in range(len(row)):
        for place in range(heads[row[r]], heads[row[r] + 1]):
            at = np.searchsorted(chosen, columns[place])
            while at < len(chosen) and chosen[at] == columns[place]:  # a column may be chosen twice
                found[r, order[at]] += values[place]
                at += 1


@njit(nogil=True, cache=True)
def _count_larger(value, offsets, ordered, first, last, found):
    for row in range(first, last):
        slack = np.float32(EQUAL) * abs(ordered[row, 0])
        for place in range(offsets[row], offsets[row + 1]):
            bar = value[place] + slack
            low, high = 0, ordered.shape[1]
            while low < high:  # NaN is not larger than anything, so it counts as the end
                middle = (low + high) // 2
                if ordered[row, middle] > bar:
                    low = middle + 1
                else:
                    high = middle
            found[place] = low
