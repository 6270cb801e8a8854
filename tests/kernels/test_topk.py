"""The k best against a stable sort."""

import numpy as np
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
