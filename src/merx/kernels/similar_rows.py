"""The loops of `merx.kernels.similarity`: one row against all others, of which the best are kept."""

import numpy as np
from numba import njit

from merx.kernels.heap import push
from merx.kernels.sparse_rows import add_rows, most_terms

MEASURES = (
    *("cosine", "jaccard", "euclidean", "correlation"),
    *("pearson", "common_cosine", "common_euclidean"),
)
COSINE, JACCARD, EUCLIDEAN, CORRELATION, PEARSON, COMMON_COSINE, COMMON_EUCLIDEAN = range(len(MEASURES))
BINS = 256


@njit(nogil=True, cache=True)
def _best(value, column, size, most, bin_size, score, best_column):
    """Choose the len(score) best of `size` pairs with a value above 0, in no order; gives how many there are.

    A histogram of the values from 0 to `most` tells in which bin the last one to be chosen lies. What lies
    above goes in at once, and only that bin passes through a heap.
    """
    k = len(score)
    scale = np.float32(BINS / most) if 1e-30 < most < np.inf else np.float32(0)
    bin_size[:] = 0
    for place in range(size):
        bin_size[min(np.uint64(value[place] * scale), np.uint64(BINS - 1))] += 1
    edge = BINS - 1
    above = 0
    while edge > 0 and above + bin_size[edge] < k:
        above += bin_size[edge]
        edge -= 1
    found = 0
    filled = 0  # of the places behind those above the edge
    for place in range(size):
        bin_of = min(np.int64(value[place] * scale), BINS - 1)
        if bin_of > edge:
            score[found], best_column[found] = value[place], column[place]
            found += 1
        elif bin_of == edge and value[place] > 0:
            filled = push(score[above:], best_column[above:], filled, value[place], column[place])
    return above + filled


@njit(nogil=True, cache=True)
def _pack(score, column, size, key, kept_column, kept_value, place):
    """Put `size` pairs behind those that are kept, sorted by column; gives the new end."""
    for at in range(size):
        key[at] = np.int64(column[at]) << 32 | at
    key[:size].sort()
    for at in range(size):
        kept_column[place + at] = key[at] >> 32
        kept_value[place + at] = score[key[at] & 0xFFFFFFFF]
    return place + size


@njit(nogil=True, cache=True)
def of_products(
    ptr,
    col,
    data,
    turned_ptr,
    turned_col,
    turned_data,
    size,
    other_size,
    k,
    code,
    shrinkage,
    of_itself,
    first,
    last,
):
    """Neighbours of the rows first..last by a measure of the product x.y alone: count, column and value."""
    rows = len(other_size)
    k = min(k, rows)
    total = np.zeros(rows, np.float32)
    touched = np.empty(most_terms(ptr, col, turned_ptr, first, last) + 1, np.int32)
    value = np.empty(len(touched), np.float32)
    bin_size = np.empty(BINS, np.int32)
    score, column, key = np.empty(k, np.float32), np.empty(k, np.int32), np.empty(k, np.int64)
    count = np.zeros(last - first, np.int32)
    kept_column = np.empty((last - first) * k, np.int32)
    kept_value = np.empty((last - first) * k, np.float32)
    kept = 0
    for row in range(first, last):
        if of_itself:
            total[row] = -np.inf  # whatever is added to it
        entries = slice(ptr[row], ptr[row + 1])
        met = add_rows(col[entries], data[entries], turned_ptr, turned_col, turned_data, total, touched)
        if of_itself:
            total[row] = 0
        most = np.float32(0)
        for place in range(met):
            r = np.uint64(touched[place])
            product = total[r]
            total[r] = 0
            if code == JACCARD:
                below = size[row] + other_size[r] - product + shrinkage
            else:
                below = size[row] * other_size[r] + shrinkage
            ratio = product / below if product > 0 and below > 0 else np.float32(0)
            value[place] = ratio
            most = max(most, ratio)
        filled = _best(value, touched, met, most, bin_size, score, column)
        kept = _pack(score, column, filled, key, kept_column, kept_value, kept)
        count[row - first] = filled
    return count, kept_column[:kept].copy(), kept_value[:kept].copy()


@njit(nogil=True, cache=True)
def of_sums(
    ptr,
    col,
    data,
    turned_ptr,
    turned_col,
    turned_data,
    total,
    norm,
    other_entries,
    other_total,
    other_norm,
    columns,
    k,
    code,
    shrinkage,
    least,
    of_itself,
    first,
    last,
):
    """Neighbours of the rows first..last by any measure, from six sums over the common columns."""
    rows = len(other_norm)
    k = min(k, rows)
    most_met = min(most_terms(ptr, col, turned_ptr, first, last), rows)
    slot = np.zeros(rows, np.int32)  # 1 + the place of a row that was met
    touched = np.empty(most_met, np.int32)
    sums = np.empty((most_met, 6))  # n, x, y, xy, xx, yy
    value = np.empty(most_met, np.float32)
    bin_size = np.empty(BINS, np.int32)
    score, column, key = np.empty(k, np.float32), np.empty(k, np.int32), np.empty(k, np.int64)
    count = np.zeros(last - first, np.int32)
    kept_column = np.empty((last - first) * k, np.int32)
    kept_value = np.empty((last - first) * k, np.float32)
    kept = 0
    for row in range(first, last):
        met = 0
        for place in range(ptr[row], ptr[row + 1]):
            a = np.float64(data[place])
            c = col[place]
            for other in range(turned_ptr[c], turned_ptr[c + 1]):
                r = turned_col[other]
                b = np.float64(turned_data[other])
                if slot[r] == 0:
                    touched[met] = r
                    sums[met] = 0
                    met += 1
                    slot[r] = met
                of = sums[slot[r] - 1]
                of[0] += 1
                of[1] += a
                of[2] += b
                of[3] += a * b
                of[4] += a * a
                of[5] += b * b
        x = (ptr[row + 1] - ptr[row], total[row], norm[row])
        most = np.float32(0)
        for place in range(met):
            r = touched[place]
            slot[r] = 0
            value[place] = 0
            if not (of_itself and r == row) and sums[place, 0] >= least:
                y = (other_entries[r], other_total[r], other_norm[r])
                value[place] = max(_measure(sums[place], x, y, columns, code, shrinkage), 0.0)
            most = max(most, value[place])
        filled = _best(value, touched, met, most, bin_size, score, column)
        kept = _pack(score, column, filled, key, kept_column, kept_value, kept)
        count[row - first] = filled
    return count, kept_column[:kept].copy(), kept_value[:kept].copy()


@njit(nogil=True, cache=True)
def _measure(of, row, other, columns, code, shrinkage):
    """The similarity of two rows, each (entries, total, norm), as `neighbours` says; 0 without a value."""
    n, x, y, xy, xx, yy = of
    n_x, total_x, norm_x = row
    n_y, total_y, norm_y = other
    if code == COSINE:
        below = norm_x * norm_y + shrinkage
        return xy / below if below > 0 else 0.0
    if code == JACCARD:
        return n / (n_x + n_y - n + shrinkage)
    trust = n / (n + shrinkage)
    if code == EUCLIDEAN:
        return trust / (1 + np.sqrt(max(norm_x * norm_x + norm_y * norm_y - 2 * xy, 0.0)))
    if code == COMMON_EUCLIDEAN:
        return trust / (1 + np.sqrt(max(xx + yy - 2 * xy, 0.0) / n))
    if code == CORRELATION:
        n, x, y, xx, yy = columns, total_x, total_y, norm_x * norm_x, norm_y * norm_y
    if code in (PEARSON, CORRELATION):
        xy, xx, yy = xy - x * y / n, xx - x * x / n, yy - y * y / n
        if xx < 1e-9 or yy < 1e-9:  # all alike: no correlation
            return 0.0
    below = xx * yy
    return trust * xy / np.sqrt(below) if below > 0 else 0.0
