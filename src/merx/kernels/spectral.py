"""The leading singular vectors of a sparse matrix by a randomised subspace iteration.

Halko, Martinsson & Tropp, "Finding structure with randomness", SIAM Review 53(2), 2011, algorithm 4.4.
"""

import numpy as np
from scipy import sparse

SPARE = 16  # directions beyond those asked for, which make these accurate
PASSES = 3


def leading_right_vectors(matrix: sparse.csr_array, k: int, seed: int = 0) -> np.ndarray:
    """The right singular vectors of the k largest singular values, float32 (I, k), largest first.

    Parameters
    ----------
    matrix : float32 CSR (U, I)
    k : int
        Fewer come back where the matrix is smaller.
    """
    k = min(k, *matrix.shape)
    width = min(k + SPARE, *matrix.shape)
    transposed = sparse.csr_array(matrix.T)
    start = np.random.default_rng(seed).standard_normal((matrix.shape[1], width), np.float32)
    basis = start
    for _ in range(PASSES):
        basis = _orthonormal(transposed @ (matrix @ basis))  # (I, width)
    image = (matrix @ basis).astype(np.float64)  # (U, width)
    _, turn = np.linalg.eigh(image.T @ image)
    return np.asarray(basis @ turn[:, ::-1][:, :k].astype(np.float32))


def _orthonormal(vectors: np.ndarray) -> np.ndarray:
    """An orthonormal basis of the columns, float32 (I, width)."""
    return np.asarray(np.linalg.qr(vectors)[0], np.float32)
