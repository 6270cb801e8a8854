import numpy as np
from scipy import sparse

from merx.kernels.prior import solve_rows_with_prior


def test_equals_the_normal_equations_solved_one_by_one():
    rng = np.random.default_rng(0)
    confidence = sparse.random_array((7, 9), density=0.4, rng=rng, dtype=np.float32).tocsr()
    vectors = rng.normal(size=(9, 4)).astype(np.float32)
    curvature, precision = rng.random((7, 4)), rng.random(7) + 0.1
    expected = rng.normal(size=(2, 7, 4)).astype(np.float32)
    own, held = solve_rows_with_prior(confidence, vectors, curvature, precision, expected)
    for i in range(7):
        c = confidence[[i]].toarray()[0]
        system = vectors.T @ np.diag(c) @ vectors + np.diag(curvature[i]) + precision[i] * np.eye(4)
        right = vectors.T @ c + precision[i] * expected[:, i].sum(axis=0)
        np.testing.assert_allclose(own[i] + held[:, i].sum(axis=0), np.linalg.solve(system, right), atol=1e-4)
        np.testing.assert_allclose(own[i], np.linalg.solve(system, vectors.T @ c), atol=1e-4)


def test_a_row_of_which_nothing_was_observed_is_what_was_expected():
    expected = np.arange(6, dtype=np.float32).reshape(2, 1, 3)
    empty = sparse.csr_array((1, 2), dtype=np.float32)
    own, held = solve_rows_with_prior(
        empty, np.ones((2, 3), np.float32), np.zeros((1, 3)), np.ones(1), expected
    )
    np.testing.assert_array_equal(own, 0)
    np.testing.assert_allclose(held, expected)
