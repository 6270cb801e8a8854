"""Rows of a sparse product, one at a time, into a dense row of totals (Gustavson, ACM TOMS 4(3), 1978)."""

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def most_terms(left_ptr, left_col, right_ptr, first, last):
    """The most terms that any of the rows first..last of the product adds up."""
    most = 0
    for row in range(first, last):
        terms = 0
        for place in range(left_ptr[row], left_ptr[row + 1]):
            terms += right_ptr[left_col[place] + 1] - right_ptr[left_col[place]]
        most = max(most, terms)
    return most


@njit(nogil=True, cache=True)
def add_rows(left_col, left_data, right_ptr, right_col, right_data, total, touched):
    """Add one row of the product to `total`, and list the columns that were 0 there; gives how many.

    `touched` has room for `most_terms` + 1. A total may come to 0 on the way, so a column may be listed more
    than once; who reads the list sets each total back to 0 and thus meets 0 the second time.
    """
    met = np.uint64(0)  # unsigned places need no check for counting from the end
    for place in range(len(left_col)):
        weight = left_data[place]
        h = left_col[place]
        columns, values = (
            right_col[right_ptr[h] : right_ptr[h + 1]],
            right_data[right_ptr[h] : right_ptr[h + 1]],
        )
        for other in range(len(columns)):
            col = np.uint64(columns[other])
            so_far = total[col]
            touched[met] = col
            met += np.uint64(so_far == 0)  # without a branch, which would often be guessed wrong
            total[col] = so_far + weight * values[other]
    return np.int64(met)
