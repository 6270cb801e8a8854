"""Ridge regressions of many rows on a few of many vectors each: the half-step of alternating least squares.

Row u minimises over its answer w (F,), with V (n, F) the vectors of its n entries, c (n,) their confidences
and d (F,) above 0,

    sum_i c_i (1 - v_i . w)^2 + sum_f d_f w_f^2.

With K = diag(sqrt c) V diag(1 / sqrt d) and s = sqrt c the answer is w = diag(1 / sqrt d) y, where y is both

    (I + K' K)^-1 K' s,    an F x F system, and
    K' (I + K K')^-1 s,    an n x n system (the push-through identity).

The smaller one is solved. It is d being a vector and not a matrix that makes the second one cheap, hence
`turned`.

A row may be drawn towards a mean m (F,) instead of towards 0: sum_f d_f (w_f - m_f)^2 in the place of the
second sum. With w = m + x this is the same problem in x, where v_i has to explain 1 - v_i . m instead of 1.
"""

from functools import cache

import numpy as np
from numba import njit
from scipy import sparse
from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

from merx.kernels.threads import over_rows

ROWS = 256  # that a thread takes at a time
TILE = 64  # entries of a long row that are worked on at once: with 128 factors they fit the innermost cache
BLOCK = 4096  # rows of a Gramian that a thread takes at a time
FASTMATH = {"reassoc", "contract", "nsz"}  # sums in any order; NaN and infinities as they are


def solve_rows(
    confidence: sparse.csr_array,
    vectors: np.ndarray,
    curvature: np.ndarray,
    ridge: np.ndarray,
    means: np.ndarray | None = None,
) -> np.ndarray:
    """The exact answer of every row, float32 (U, F); its mean, or zeros, for a row without entries.

    Parameters
    ----------
    confidence : float32 CSR (U, I), above 0
    vectors : float32 (I, F), C-contiguous
    curvature : float32 (F,), at least 0
        The part of d that all rows share.
    ridge : float32 (U,), above 0 where a row has entries
        Added to it: d_f of row u is curvature[f] + ridge[u].
    means : float32 (U, F), optional
        What each row is drawn towards; 0 where not given.
    """
    answer = np.empty((confidence.shape[0], vectors.shape[1]), np.float32)
    rows = (confidence.indptr, confidence.indices, confidence.data)
    drawn = _nowhere(vectors) if means is None else means

    def work(first: int, last: int) -> None:
        _solve_rows(*rows, vectors, curvature, ridge, drawn, first, last, answer)

    over_rows(len(answer), ROWS, work)
    return answer


def descend_rows(
    confidence: sparse.csr_array,
    vectors: np.ndarray,
    curvature: np.ndarray,
    ridge: np.ndarray,
    start: np.ndarray,
    block: int,
    means: np.ndarray | None = None,
) -> np.ndarray:
    """Better answers than `start`, float32 (U, F): `block` of their columns after another, the others fixed.

    Rendle, iALS++: speeding up matrix factorization with subspace optimization (2021), algorithm 2. A row of
    at most `block` entries is solved exactly, which costs less. The other parameters are those of
    `solve_rows`.
    """
    answer = start.copy()
    rows = (confidence.indptr, confidence.indices, confidence.data)
    drawn = _nowhere(vectors) if means is None else means

    def work(first: int, last: int) -> None:
        _descend_rows(*rows, vectors, curvature, ridge, drawn, block, first, last, answer)

    over_rows(len(answer), ROWS, work)
    return answer


def _nowhere(vectors: np.ndarray) -> np.ndarray:
    """No means: rows are drawn towards 0."""
    return np.empty((0, vectors.shape[1]), np.float32)


def gramian(vectors: np.ndarray) -> np.ndarray:
    """V'V of the vectors V (n, F), float64 (F, F); the same on any number of threads."""
    n, factors = vectors.shape
    parts = np.zeros((len(range(0, n, BLOCK)), factors, factors))

    def add_up(first: int, last: int) -> None:
        _add_gramian(vectors, first, last, parts[first // BLOCK])

    over_rows(n, BLOCK, add_up)
    lower = parts.sum(axis=0)
    return np.asarray(lower + np.tril(lower, -1).T)


def turned(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vectors (n, F) on axes in which their Gramian is diagonal, these axes (F, F) and that diagonal (F,)."""
    products = gramian(vectors)
    rotated = np.empty_like(vectors)

    def rotate(first: int, last: int) -> None:
        np.matmul(vectors[first:last], axes, out=rotated[first:last])

    with _blas().limit(limits=1):  # its own threads would wait for each other in turn
        diagonal, axes = np.linalg.eigh(products)
        axes = axes.astype(np.float32)
        over_rows(len(vectors), BLOCK, rotate)
    return rotated, axes, np.maximum(diagonal, 0).astype(np.float32)


@cache
def _blas() -> ThreadpoolController:
    return ThreadpoolController()


@njit(nogil=True, cache=True)
def _add_gramian(vectors, first, last, total):
    """The lower triangle, for a range of rows: tiles of them in their own precision, added up in float64."""
    factors = vectors.shape[1]
    even = factors + factors % 2
    tile = np.zeros((even, TILE), vectors.dtype)
    part = np.empty((even, even), vectors.dtype)
    for start in range(first, last, TILE):
        stop = min(start + TILE, last)
        for i in range(start, stop):
            for f in range(factors):
                tile[f, i - start] = vectors[i, f]
        part[:] = 0
        add_products(tile, even, stop - start, part)
        for f in range(factors):
            for g in range(f + 1):
                total[f, g] += part[f, g]


@njit(nogil=True, cache=True)
def _solve_rows(offsets, column, confidence, vectors, curvature, ridge, means, first, last, answer):
    room = _room(vectors.shape[1])
    for row in range(first, last):
        mine = slice(offsets[row], offsets[row + 1])
        mean = means[row : row + 1]
        _solve(column[mine], confidence[mine], vectors, curvature, ridge[row], mean, room, answer[row])


@njit(nogil=True, cache=True)
def _descend_rows(offsets, column, confidence, vectors, curvature, ridge, means, block, first, last, answer):
    room = _room(vectors.shape[1])
    for row in range(first, last):
        mine, mean = slice(offsets[row], offsets[row + 1]), means[row : row + 1]
        given = (column[mine], confidence[mine], vectors, curvature, ridge[row], mean)
        if offsets[row + 1] - offsets[row] <= block:
            _solve(*given, room, answer[row])
        else:
            _sweep(*given, block, room, answer[row])


@njit(nogil=True, cache=True)
def _room(factors):
    """Room to work in: K, K' of a tile, a system, its right side, 1 / sqrt d; sizes rounded up to even."""
    even = factors + factors % 2
    return (
        np.empty((even, factors), np.float32),
        np.zeros((even, TILE), np.float32),
        np.empty((even, even), np.float32),
        np.empty(even, np.float32),
        np.empty(factors, np.float32),
    )


@njit(nogil=True, cache=True, error_model="numpy")
def _solve(column, confidence, vectors, curvature, ridge, mean, room, answer):
    """One row, exactly; `mean` (1, F), or (0, F) for none."""
    short, tile, system, right, scale = room
    n, factors = len(column), len(scale)
    answer[:] = 0
    for f in range(factors):
        scale[f] = np.float32(1) / np.sqrt(curvature[f] + ridge)
    if n <= factors:
        even = n + n % 2
        short[n:even] = 0
        right[n:even] = 0
        for i in range(n):
            root = np.sqrt(confidence[i])
            vector = vectors[column[i]]
            right[i] = root * _wanted(vector, mean, factors)
            for f in range(factors):
                short[i, f] = root * vector[f] * scale[f]
        _identity(system, even)
        add_products(short, even, factors, system)
        factorise(system, even)
        back_substitute(system, n, right)
        for i in range(n):
            for f in range(factors):
                answer[f] += right[i] * short[i, f]
        for f in range(factors):
            answer[f] *= scale[f]
    else:
        even = factors + factors % 2
        right[:] = 0
        tile[factors:even] = 0
        _identity(system, even)
        for start in range(0, n, TILE):
            stop = min(start + TILE, n)
            for i in range(start, stop):
                root = np.sqrt(confidence[i])
                vector = vectors[column[i]]
                wanted = root * _wanted(vector, mean, factors)
                for f in range(factors):
                    value = root * vector[f] * scale[f]
                    tile[f, i - start] = value
                    right[f] += wanted * value
            add_products(tile, even, stop - start, system)
        factorise(system, even)
        back_substitute(system, factors, right)
        for f in range(factors):
            answer[f] = right[f] * scale[f]
    if len(mean):
        answer += mean[0]


@njit(nogil=True, cache=True)
def _wanted(vector, mean, factors):
    """What is left of 1 to explain where a row is drawn towards a mean."""
    if len(mean):
        return np.float32(1) - _dot(vector, mean[0], factors)
    return np.float32(1)


@njit(nogil=True, cache=True, error_model="numpy")
def _sweep(column, confidence, vectors, curvature, ridge, mean, block, room, answer):
    """One row, each block of its columns once: the same system for the step, with what is left to explain."""
    _, tile, system, right, scale = room
    n, factors = len(column), len(scale)
    residual = np.empty(n, np.float32)
    for i in range(n):
        residual[i] = np.float32(1) - _dot(vectors[column[i]], answer, factors)
    for f in range(factors):
        scale[f] = np.float32(1) / np.sqrt(curvature[f] + ridge)
    for low in range(0, factors, block):
        width = min(block, factors - low)
        even = width + width % 2
        tile[width:even] = 0
        for f in range(width):
            drawn = mean[0, low + f] if len(mean) else np.float32(0)
            right[f] = (drawn - answer[low + f]) / scale[low + f]
        _identity(system, even)
        for start in range(0, n, TILE):
            stop = min(start + TILE, n)
            for i in range(start, stop):
                root = np.sqrt(confidence[i])
                vector = vectors[column[i]]
                for f in range(width):
                    value = root * vector[low + f] * scale[low + f]
                    tile[f, i - start] = value
                    right[f] += root * residual[i] * value
            add_products(tile, even, stop - start, system)
        factorise(system, even)
        back_substitute(system, width, right)
        for f in range(width):
            right[f] *= scale[low + f]
            answer[low + f] += right[f]
        for i in range(n):
            residual[i] -= _dot(vectors[column[i], low:], right, width)


@njit(nogil=True, cache=True, fastmath=FASTMATH)
def _dot(a, b, n):
    total = np.float32(0)
    for i in range(n):
        total += a[i] * b[i]
    return total


@njit(nogil=True, cache=True)
def _identity(matrix, n):
    """The lower triangle of it."""
    for i in range(n):
        matrix[i, :i] = 0
        matrix[i, i] = 1


@njit(nogil=True, cache=True, fastmath=FASTMATH)
def add_products(x, n, length, total):
    """Add to the lower triangle of `total` (n, n) the inner products of the rows of x (n, length); n is even.

    Two rows by two: four numbers read give four products.
    """
    zero = total.dtype.type(0)
    for i in range(0, n, 2):
        for j in range(0, i + 2, 2):
            s00 = s01 = s10 = s11 = zero
            for f in range(length):
                s00 += x[i, f] * x[j, f]
                s01 += x[i, f] * x[j + 1, f]
                s10 += x[i + 1, f] * x[j, f]
                s11 += x[i + 1, f] * x[j + 1, f]
            total[i, j] += s00
            total[i, j + 1] += s01  # where i == j this is above the diagonal, and nobody reads it
            total[i + 1, j] += s10
            total[i + 1, j + 1] += s11


@njit(nogil=True, cache=True, fastmath=FASTMATH, error_model="numpy")
def factorise(a, n):
    """Cholesky's L in place of the lower triangle, two rows by two; its diagonal is left inverted; n is even.

    Golub & Van Loan, Matrix Computations, section 4.2.
    """
    one = np.float32(1)
    for i in range(0, n, 2):
        for j in range(0, i + 2, 2):
            s00 = s01 = s10 = s11 = np.float32(0)
            for f in range(j):
                s00 += a[i, f] * a[j, f]
                s01 += a[i, f] * a[j + 1, f]
                s10 += a[i + 1, f] * a[j, f]
                s11 += a[i + 1, f] * a[j + 1, f]
            if j < i:
                a[i, j] = (a[i, j] - s00) * a[j, j]
                a[i, j + 1] = (a[i, j + 1] - s01 - a[i, j] * a[j + 1, j]) * a[j + 1, j + 1]
                a[i + 1, j] = (a[i + 1, j] - s10) * a[j, j]
                a[i + 1, j + 1] = (a[i + 1, j + 1] - s11 - a[i + 1, j] * a[j + 1, j]) * a[j + 1, j + 1]
            else:
                a[i, i] = one / np.sqrt(a[i, i] - s00)
                a[i + 1, i] = (a[i + 1, i] - s10) * a[i, i]
                a[i + 1, i + 1] = one / np.sqrt(a[i + 1, i + 1] - s11 - a[i + 1, i] * a[i + 1, i])


@njit(nogil=True, cache=True, fastmath=FASTMATH)
def back_substitute(lower, n, right):
    """Solve L L' x = right in place, L as `factorise` leaves it."""
    for i in range(n):
        rest = right[i]
        for j in range(i):
            rest -= lower[i, j] * right[j]
        right[i] = rest * lower[i, i]
    for i in range(n - 1, -1, -1):
        right[i] *= lower[i, i]
        for j in range(i):
            right[j] -= lower[i, j] * right[i]
