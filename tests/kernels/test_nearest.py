"""Every similarity computed once, against all of them sorted."""

import numpy as np
import pytest

from merx.kernels import nearest
from merx.kernels.nearest import nearest_of_all


def sorted_out(vectors, k):
    scores = vectors @ vectors.T
    np.fill_diagonal(scores, -np.inf)
    column = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return column, np.take_along_axis(scores, column, axis=1)


def whole(n, length, seed=0):
    """Small whole numbers, whose products are exact and often equal."""
    return np.random.default_rng(seed).integers(-1, 2, (n, length)).astype(np.float32)


@pytest.mark.parametrize(
    ("n", "side"), [(2, 64), (63, 64), (64, 64), (65, 64), (300, 64), (300, 128), (700, 512)]
)
@pytest.mark.parametrize("k", [1, 7])
def test_the_nearest_of_each_with_many_ties(monkeypatch, n, side, k):
    monkeypatch.setattr(nearest, "SIDE", side)
    vectors = whole(n, 6, seed=n)
    column, score = nearest_of_all(vectors, k)
    expected, scores = sorted_out(vectors, min(k, n - 1))
    np.testing.assert_array_equal(column[:, : n - 1], expected)
    np.testing.assert_array_equal(score[:, : n - 1], scores)
    assert (column[:, n - 1 :] == -1).all() and np.isnan(score[:, n - 1 :]).all()


def test_one_vector_and_none_have_no_neighbours():
    for n in (0, 1):
        column, score = nearest_of_all(np.ones((n, 3), np.float32), 2)
        assert column.shape == score.shape == (n, 2)
        assert (column == -1).all() and np.isnan(score).all()


@pytest.mark.parametrize("threads", [1, 3])
def test_real_numbers_by_any_number_of_threads(monkeypatch, threads):
    monkeypatch.setattr("merx.kernels.threads.THREADS", threads)
    monkeypatch.setattr(nearest, "SIDE", 128)
    vectors = np.random.default_rng(1).normal(size=(1000, 20)).astype(np.float32)
    vectors[500:520] = vectors[:20]  # found, and equal wherever they stand
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    column, score = nearest_of_all(vectors, 5)
    assert column[:20, 0].tolist() == list(range(500, 520))
    np.testing.assert_array_equal(score[:20, 1:], score[500:520, 1:])
    np.testing.assert_allclose(score, sorted_out(vectors, 5)[1], atol=1e-6)
    np.testing.assert_allclose(score, (vectors[:, None] * vectors[column]).sum(axis=2), atol=1e-6)
