"""Single entries of matrices, against the whole matrix."""

import numpy as np
from scipy import sparse

from merx.kernels.pairs import cells


def test_cells_are_those_of_the_whole_matrix():
    rng = np.random.default_rng(0)
    matrix = sparse.random_array((30, 40), density=0.2, rng=rng, dtype=np.float32, format="csr")
    row, column = rng.integers(30, size=7), rng.integers(40, size=60)  # in any order, some twice
    np.testing.assert_array_equal(cells(matrix, row, column), matrix.toarray()[np.ix_(row, column)])
    assert cells(matrix, row, column[:0]).shape == (7, 0) and cells(matrix, row[:0], column).shape == (0, 60)
