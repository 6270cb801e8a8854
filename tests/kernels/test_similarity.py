"""Neighbours against similarities by definition, pair by pair."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from merx.kernels import threads
from merx.kernels.similarity import MEASURES, RowIndex, cosine_neighbours, neighbours


def similarity(x, y, measure, s, known):
    """Of two rows, NaN where there is no entry; None where they are no neighbours.

    `known` tells the columns in which any row has an entry.
    """
    both = ~np.isnan(x) & ~np.isnan(y)
    n = both.sum()
    if n == 0:
        return None
    a, b = np.nan_to_num(x), np.nan_to_num(y)
    c, d = x[both], y[both]
    trust = n / (n + s)
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "cosine": lambda: a @ b / (np.sqrt(a @ a) * np.sqrt(b @ b) + s),
            "jaccard": lambda: n / ((~np.isnan(x) | ~np.isnan(y)).sum() + s),
            "euclidean": lambda: trust / (1 + np.sqrt(((a - b) ** 2).sum())),
            "correlation": lambda: trust * pearson(a[known] - a[known].mean(), b[known] - b[known].mean()),
            "pearson": lambda: trust * pearson(c - c.mean(), d - d.mean()),
            "common_cosine": lambda: trust * pearson(c, d),
            "common_euclidean": lambda: trust / (1 + np.sqrt(((c - d) ** 2).mean())),
        }[measure]()


def pearson(c, d):
    return c @ d / np.sqrt((c @ c) * (d @ d)) if c.any() and d.any() else np.nan


def sparse_of(rows):
    """CSR of rows with NaN where there is no entry: a 0 stays a stored entry."""
    place = np.nonzero(~np.isnan(rows))
    return sparse.csr_array((rows[place].astype(np.float32), place), shape=rows.shape)


def rated(seed, rows=14, columns=9, share=0.5):
    rng = np.random.default_rng(seed)
    values = rng.integers(-2, 4, size=(rows, columns)).astype(float)
    return np.where(rng.random((rows, columns)) < share, values, np.nan)


@settings(deadline=None, max_examples=120)
@given(
    seed=st.integers(0, 10_000),
    measure=st.sampled_from(MEASURES),
    shrinkage=st.sampled_from([0.0, 2.5]),
    min_common=st.integers(0, 3),
    k=st.integers(1, 20),
)
def test_neighbours_by_definition(seed, measure, shrinkage, min_common, k):
    rows = rated(seed)
    known = ~np.isnan(rows).all(axis=0)
    found = neighbours(sparse_of(rows), k, measure, shrinkage, min_common)
    assert found.shape == (len(rows), len(rows)) and found.dtype == np.float32
    for i, x in enumerate(rows):
        expected = {}
        for j, y in enumerate(rows):
            value = similarity(x, y, measure, shrinkage, known) if j != i else None
            common = (~np.isnan(x) & ~np.isnan(y)).sum()
            if value is not None and value > 1e-9 and common >= min_common:
                expected[j] = value
        got = found[[i]]
        assert np.all(np.diff(got.indices) > 0)
        assert len(got.indices) == min(k, len(expected))
        for j, value in zip(got.indices, got.data, strict=True):
            np.testing.assert_allclose(value, expected[j], rtol=2e-5)
        left_out = [value for j, value in expected.items() if j not in got.indices]
        assert not left_out or max(left_out) <= got.data.min() * (1 + 2e-5)


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("min_common", [0, 2])
def test_rows_are_found_for_others_as_for_their_own(measure, min_common):
    rows = rated(0, rows=20)
    every, some = sparse_of(rows), sparse_of(rows[:12])
    among = sparse.csr_array(sparse_of(rows[:12]))
    found = RowIndex.of(among, measure).search(every[12:], 4, 1.5, min_common)
    known = ~np.isnan(rows[:12]).all(axis=0)
    assert found.shape == (8, 12)
    for q, x in enumerate(rows[12:]):
        value = {j: similarity(x, y, measure, 1.5, known) for j, y in enumerate(rows[:12])}
        common = {j: (~np.isnan(x) & ~np.isnan(y)).sum() for j, y in enumerate(rows[:12])}
        best = sorted((-v, j) for j, v in value.items() if v and v > 1e-9 and common[j] >= min_common)[:4]
        got = found[[q]]
        np.testing.assert_allclose(np.sort(got.data)[::-1], [-v for v, _ in best], rtol=2e-5)
    itself = RowIndex.of(some, measure).search(some, 4, 1.5, min_common, of_itself=True)
    assert (itself != neighbours(some, 4, measure, 1.5, min_common)).nnz == 0


@pytest.mark.parametrize("measure", MEASURES)
def test_equal_similarities_go_to_the_lower_row(measure):
    rows = np.tile([1.0, 2.0, np.nan, 3.0], (6, 1))
    found = neighbours(sparse_of(rows), 2, measure)
    assert [found[[i]].indices.tolist() for i in range(6)] == [[1, 2], [0, 2], [0, 1], [0, 1], [0, 1], [0, 1]]


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0), (4, 4)])
def test_nothing_has_no_neighbours(measure, shape):
    assert neighbours(sparse.csr_array(shape, dtype=np.float32), 3, measure).nnz == 0


def test_many_rows_are_worked_on_in_ranges():
    dense = (np.random.default_rng(0).random((1500, 40)) < 0.1).astype(np.float32)
    found = neighbours(sparse.csr_array(dense), 1500, "cosine")
    norm = np.sqrt(dense.sum(axis=1))
    with np.errstate(invalid="ignore"):
        expected = np.nan_to_num(dense @ dense.T / np.outer(norm, norm))
    np.fill_diagonal(expected, 0)
    np.testing.assert_allclose(found.toarray(), expected, rtol=1e-5)


@pytest.mark.parametrize("shrinkage", [0.0, 2.0])
def test_cosine_of_columns_by_definition(shrinkage):
    rng = np.random.default_rng(0)
    dense = (rng.random((30, 17)) * (rng.random((30, 17)) < 0.3)).astype(np.float32)
    found = cosine_neighbours(sparse.csr_array(dense), 5, shrinkage).toarray()
    norm = np.sqrt((dense**2).sum(axis=0))
    expected = dense.T @ dense / (np.outer(norm, norm) + shrinkage)
    np.fill_diagonal(expected, 0)
    for i in range(17):
        kept = np.argsort(-expected[i], kind="stable")[:5]
        reference = np.zeros(17)
        reference[kept] = expected[i, kept]
        np.testing.assert_allclose(found[i], reference, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("measure", MEASURES)
def test_callers_in_several_threads_and_more_threads_change_nothing(measure, monkeypatch):
    rows = sparse_of(rated(2, rows=1200, columns=60, share=0.1))
    monkeypatch.setattr(threads, "THREADS", 1)
    expected = neighbours(rows, 15, measure, 1.0)
    monkeypatch.setattr(threads, "THREADS", 3)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: neighbours(rows, 15, measure, 1.0), range(8)):
            np.testing.assert_array_equal(found.indptr, expected.indptr)
            np.testing.assert_array_equal(found.indices, expected.indices)
            np.testing.assert_array_equal(found.data, expected.data)


def test_the_best_of_many_equal_values_are_the_lower_rows():
    """Each row has one column of its own kind: hundreds of equal values, and a k within them."""
    kind = np.arange(900) % 3
    found = neighbours(sparse.csr_array(np.eye(3, dtype=np.float32)[kind]), 20)
    for row in (0, 1, 500, 899):
        same = [other for other in range(900) if kind[other] == kind[row] and other != row]
        assert found[[row]].indices.tolist() == same[:20]
