"""Kernels against slow, obvious references."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import sparse

from merx.kernels.similarity import cosine_neighbours, top_rows
from merx.kernels.topk import top_k

few_values = st.sampled_from([-np.inf, np.nan, 0.0, 1.0, 2.0, 2.5])


@settings(deadline=None)
@given(
    arrays(np.float64, st.tuples(st.integers(0, 5), st.integers(0, 9)), elements=few_values),
    st.integers(1, 12),
)
def test_top_k_is_a_stable_sort(scores, k):
    column, score = top_k(scores, k)
    assert column.shape == score.shape == (len(scores), k)
    for u, row in enumerate(scores):
        eligible = [i for i in range(len(row)) if row[i] > -np.inf]
        expected = sorted(eligible, key=lambda i: (-row[i], i))[:k]
        assert column[u].tolist() == expected + [-1] * (k - len(expected))
        assert score[u][: len(expected)].tolist() == [row[i] for i in expected]
        assert np.isnan(score[u][len(expected) :]).all()


@pytest.mark.parametrize("block", [1, 3, 1000])
@pytest.mark.parametrize("shrinkage", [0.0, 2.0])
def test_cosine_neighbours_by_definition(block, shrinkage):
    rng = np.random.default_rng(0)
    dense = (rng.random((30, 17)) * (rng.random((30, 17)) < 0.3)).astype(np.float32)
    found = cosine_neighbours(sparse.csr_array(dense), 5, shrinkage, block).toarray()
    norm = np.sqrt((dense**2).sum(axis=0))
    for i in range(17):
        expected = np.array(
            [dense[:, i] @ dense[:, j] / (norm[i] * norm[j] + shrinkage) if i != j else 0 for j in range(17)]
        )
        kept = np.argsort(-expected, kind="stable")[:5]
        reference = np.zeros(17)
        reference[kept] = expected[kept]
        np.testing.assert_allclose(found[i], reference, rtol=1e-5, atol=1e-7)


def test_top_rows_breaks_ties_by_column_and_keeps_empty_rows():
    matrix = sparse.csr_array(np.array([[1.0, 1.0, 1.0], [0.0, 0.0, 0.0], [3.0, 1.0, 2.0]]))
    assert top_rows(matrix, 2).toarray().tolist() == [[1, 1, 0], [0, 0, 0], [3, 0, 2]]
