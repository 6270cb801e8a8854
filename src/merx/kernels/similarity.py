"""Sparse products of which only the largest entries of a row are kept."""

import numpy as np
from scipy import sparse


def top_rows(matrix: sparse.csr_array, k: int) -> sparse.csr_array:
    """The k largest entries of each row (of equal ones the lower columns), sorted by column."""
    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    order = np.lexsort((matrix.indices, -matrix.data, row))
    place = np.arange(len(order)) - matrix.indptr[row[order]]  # rank within the row
    kept = np.sort(order[place < k])
    count = np.bincount(row[kept], minlength=matrix.shape[0])
    pruned = sparse.csr_array(
        (matrix.data[kept], matrix.indices[kept], np.concatenate([[0], np.cumsum(count)])),
        shape=matrix.shape,
    )
    pruned.sort_indices()
    return pruned


def cosine_neighbours(
    matrix: sparse.csr_array, k: int, shrinkage: float, block: int = 1024
) -> sparse.csr_array:
    """The k most similar columns of each column by shrunk cosine.

    similarity(i, j) = x_i . x_j / (|x_i| |x_j| + shrinkage), for i != j

    (Deshpande & Karypis 2004, equation 3; shrinkage as in Dacrema et al. 2019, section 3.2: it pulls down
    pairs that few users share.)

    Parameters
    ----------
    matrix : float32 CSR (U, I)
    k : int
    shrinkage : float, in units of x_i . x_j
    block : int
        Columns worked on at once: bounds the memory to `block` dense rows' worth of nonzeros.

    Returns
    -------
    float32 CSR (I, I)
        Row i holds the neighbours of i, without i itself.
    """
    columns = sparse.csr_array(matrix.T)  # (I, U)
    norm = np.sqrt(columns.multiply(columns).sum(axis=1)).astype(np.float32)  # (I,)
    blocks = []
    for first in range(0, columns.shape[0], block):
        product = sparse.csr_array(columns[first : first + block] @ matrix)  # (block, I)
        product.sort_indices()
        row = np.repeat(np.arange(product.shape[0]), np.diff(product.indptr)) + first
        product.data = product.data / (norm[row] * norm[product.indices] + np.float32(shrinkage))
        product.data[row == product.indices] = 0
        product.eliminate_zeros()
        blocks.append(top_rows(product, k))
    return sparse.csr_array(sparse.vstack(blocks, format="csr", dtype=np.float32))
