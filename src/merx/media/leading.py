"""The leading directions of a sparse matrix: its truncated singular value decomposition."""

import numpy as np
from scipy import sparse

from merx.kernels.threads import one_blas_thread

OVERSAMPLED = 16  # directions more than are wanted, which makes those wanted exact enough
ROUNDS = 4  # of the power iteration


def leading(matrix: sparse.csr_array, k: int) -> np.ndarray:
    """The first k right singular vectors of a matrix (I, T), float32 (T, at most k), fewer where its rank is.

    By the randomised range finder with power iteration and a fixed seed, so equal matrices give equal
    directions; the largest entry of each direction is positive. Halko, Martinsson & Tropp, Finding structure
    with randomness, SIAM Review 53(2), 2011, algorithms 4.4 and 5.1.
    """
    rows, columns = matrix.shape
    width = min(k + OVERSAMPLED, rows, columns)
    if not width or not matrix.nnz:
        return np.zeros((columns, 0), np.float32)
    turned = sparse.csr_array(matrix.T)
    draw = np.random.default_rng(0).standard_normal((columns, width), np.float32)
    with one_blas_thread():
        basis = np.linalg.qr(matrix @ draw)[0]  # (I, width)
        for _ in range(ROUNDS):
            basis = np.linalg.qr(matrix @ (turned @ basis))[0]
        small = turned @ basis  # (T, width)
        variance, axes = np.linalg.eigh((small.T @ small).astype(np.float64))  # by rising variance
        order = np.argsort(-variance)[:k]
        order = order[variance[order] > 1e-6 * variance.max()]
        found = (small @ axes[:, order]) / np.sqrt(variance[order])  # (T, k)
    largest = np.abs(found).argmax(axis=0)
    return np.asarray(found * np.sign(found[largest, np.arange(found.shape[1])]), np.float32)
