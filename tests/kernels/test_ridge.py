"""The dense inverse behind EASE against NumPy's, in one step and in many."""

import numpy as np
import pytest
from scipy import sparse

from merx.kernels import ridge


def gram(items: int, seed: int = 0) -> sparse.csr_array:
    rng = np.random.default_rng(seed)
    matrix = sparse.random_array((3 * items + 1, items), density=0.05, rng=rng, dtype=np.float32)
    return sparse.csr_array(matrix.T @ matrix)


@pytest.mark.parametrize("items", [0, 1, 63, 64, 65, 300])
@pytest.mark.parametrize(("pivot", "slab"), [(64, 32), (50, 70), (8192, 1024)])
def test_the_inverse_is_that_of_the_whole_matrix(monkeypatch, items, pivot, slab):
    monkeypatch.setattr(ridge, "PIVOT", pivot)
    monkeypatch.setattr(ridge, "SLAB", slab)
    G = gram(items)
    inverse = ridge.ridge_inverse(G, 0.5)
    assert inverse.dtype == np.float32
    np.testing.assert_allclose(
        inverse, np.linalg.inv(G.toarray().astype(np.float64) + 0.5 * np.eye(items)), atol=1e-5
    )
    np.testing.assert_array_equal(inverse, inverse.T)


@pytest.mark.parametrize("pivot", [2, 8192])
def test_a_matrix_that_is_not_positive_definite_is_refused(monkeypatch, pivot):
    monkeypatch.setattr(ridge, "PIVOT", pivot)
    one_below = sparse.csr_array(np.diag([1, 1, 1, -2, 1]).astype(np.float32))
    with pytest.raises(np.linalg.LinAlgError):
        ridge.ridge_inverse(one_below, 1.0)
