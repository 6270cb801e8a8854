"""How much the items of a history count: the tenth event says less than the first."""

import numpy as np
from scipy import sparse

from merx.data.interactions import Interactions


def damped(histories: Interactions) -> sparse.csr_array:
    """log2(1 + summed weight), float32 CSR (U, I): a weight of 1 counts 1."""
    return logged(histories.matrix())


def logged(matrix: sparse.csr_array) -> sparse.csr_array:
    """log2(1 + entry) of every entry, float32 CSR like `matrix`."""
    return sparse.csr_array((np.log2(1 + matrix.data), matrix.indices, matrix.indptr), shape=matrix.shape)
