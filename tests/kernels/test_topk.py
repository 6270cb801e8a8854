"""The k best against a stable sort."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

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


def order(row, k):
    eligible = np.flatnonzero(row > -np.inf)
    return eligible[np.argsort(-row[eligible], kind="stable")][:k]


@pytest.mark.parametrize("k", [1, 20, 400])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_long_rows_in_any_order(k, dtype):
    """Longer than the blocks and the sample that are looked at together."""
    rng = np.random.default_rng(0)
    plain = rng.normal(size=3333)
    rows = np.stack(
        [
            plain,
            np.sort(plain),  # rising
            -np.sort(plain),  # falling
            np.ones(3333),  # all equal
            rng.poisson(2.0, 3333),  # many ties
            np.where(rng.random(3333) < 0.99, -np.inf, plain),  # few eligible
            np.where(rng.random(3333) < 0.5, np.nan, plain),
            np.where(np.arange(3333) % 256 == 0, np.inf, plain),  # the best are in the sample
        ]
    ).astype(dtype)
    column, score = top_k(rows, k)
    for u, row in enumerate(rows):
        expected = order(row, k)
        assert column[u][: len(expected)].tolist() == expected.tolist()
        np.testing.assert_array_equal(score[u][: len(expected)], row[expected])
        assert (column[u][len(expected) :] == -1).all()
