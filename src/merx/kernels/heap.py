"""The k best (score, column) pairs met so far, as a binary heap whose root is the worst of them.

A pair is better where its score is larger, or equal and its column lower.
"""

from numba import njit


@njit(nogil=True, cache=True, inline="always")
def better(score_a, column_a, score_b, column_b):
    """Whether pair a goes before pair b."""
    return score_a > score_b or (score_a == score_b and column_a < column_b)


@njit(nogil=True, cache=True)
def sift_down(score, column, size, new_score, new_column):
    """Put a pair at the root of a heap of `size` pairs and let it sink to its place."""
    place = 0
    while True:
        child = 2 * place + 1
        if child >= size:
            break
        if child + 1 < size and better(score[child], column[child], score[child + 1], column[child + 1]):
            child += 1  # the worse of the two children
        if not better(new_score, new_column, score[child], column[child]):
            break
        score[place], column[place] = score[child], column[child]
        place = child
    score[place], column[place] = new_score, new_column


@njit(nogil=True, cache=True)
def push(score, column, size, new_score, new_column):
    """Offer a pair to a heap of `size` pairs, of at most len(score); gives the new size."""
    if size == len(score):
        if better(new_score, new_column, score[0], column[0]):
            sift_down(score, column, size, new_score, new_column)
        return size
    place = size
    while place > 0:
        parent = (place - 1) // 2
        if not better(score[parent], column[parent], new_score, new_column):
            break
        score[place], column[place] = score[parent], column[parent]
        place = parent
    score[place], column[place] = new_score, new_column
    return size + 1


@njit(nogil=True, cache=True)
def best_first(score, column, size):
    """Sort a heap in place, best pair first."""
    for last in range(size - 1, 0, -1):
        worst_score, worst_column = score[0], column[0]
        sift_down(score, column, last, score[last], column[last])
        score[last], column[last] = worst_score, worst_column
