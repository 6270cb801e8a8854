"""Sums and parts: which belong together, and least squares against a slow reference with full matrices."""

import numpy as np
import pytest

from merx.forecast.reconcile import _shrinkage, bottom_up, min_trace, summing

# the shop, two categories, five products of these, in no order
GROUPS = np.array([[0, 3], [-1, -1], [1, 0], [0, -1], [1, 1], [0, 2], [1, -1], [1, 4]])
SUMMING = np.array(  # sums x parts, in the order of the rows above
    [[1, 1, 1, 1, 1], [1, 0, 0, 1, 0], [0, 1, 1, 0, 1]]
)


def slow(base, errors):
    """The formula of the paper with the summing matrix S and the full W."""
    sums, parts, add = summing(GROUPS)
    S = np.zeros((8, 5))
    S[parts] = np.eye(5)
    S[sums] = add.toarray()
    T = len(errors)
    V = errors.T @ errors / T
    Z = errors / np.sqrt(np.diag(V))
    w = Z[:, :, None] * Z[:, None, :]  # (T, S, S)
    r = w.mean(axis=0)
    off = ~np.eye(8, dtype=bool)
    share = (T / (T - 1) ** 3 * ((w - r) ** 2).sum(axis=0))[off].sum() / (r[off] ** 2).sum()
    share = np.clip(share, 0, 1)
    W = share * np.diag(np.diag(V)) + (1 - share) * V
    inverse = np.linalg.inv(W)
    return S @ np.linalg.solve(S.T @ inverse @ S, S.T @ inverse @ base), share


def test_parts_are_found_by_their_groups():
    sums, parts, add = summing(GROUPS)
    np.testing.assert_array_equal(sums, [1, 3, 6])
    np.testing.assert_array_equal(parts, [0, 2, 4, 5, 7])
    np.testing.assert_array_equal(add.toarray(), SUMMING)


def test_bottom_up_adds_the_parts():
    base = np.random.default_rng(0).gamma(2, 3, (8, 4))
    found = bottom_up(base, GROUPS)
    np.testing.assert_array_equal(found[[0, 2, 4, 5, 7]], base[[0, 2, 4, 5, 7]])
    np.testing.assert_allclose(found[1], base[[0, 2, 4, 5, 7]].sum(axis=0))
    np.testing.assert_allclose(found[3], base[[0, 5]].sum(axis=0))


@pytest.mark.parametrize("T", [5, 40, 400])
def test_min_trace_is_that_of_the_paper(T):
    rng = np.random.default_rng(T)
    base = bottom_up(rng.gamma(20, 1, (8, 4)), GROUPS) + rng.normal(0, 3, (8, 4))
    mixing = np.eye(8) + 0.5 * rng.random((8, 8))
    errors = rng.normal(size=(T, 8)) @ mixing
    expected, share = slow(base, errors)
    assert 0 < share < 1 or T == 5
    np.testing.assert_allclose(_shrinkage(errors), share, rtol=1e-9)
    np.testing.assert_allclose(min_trace(base, GROUPS, errors), expected, rtol=1e-8)


def test_what_adds_up_already_is_left_alone():
    rng = np.random.default_rng(0)
    base = bottom_up(rng.gamma(2, 3, (8, 4)), GROUPS)
    np.testing.assert_allclose(min_trace(base, GROUPS, rng.normal(size=(30, 8))), base)


def test_a_sum_that_is_known_well_pulls_the_parts_in_proportion_to_their_errors():
    base = np.array([[10.0], [100.0], [10.0], [20.0], [10.0], [10.0], [30.0], [10.0]])
    rng = np.random.default_rng(0)
    errors = rng.normal(size=(2000, 8)) * np.array([2.0, 1e-3, 1, 100, 1, 1, 100, 1])
    found = min_trace(base, GROUPS, errors)[:, 0]
    assert found[1] == pytest.approx(100, abs=0.1)  # the parts add up to 50
    np.testing.assert_allclose(found[[0, 2, 5]] - 10, np.array([4, 1, 1]) / 8 * 50, rtol=0.15)
    assert found[3] + found[6] == pytest.approx(found[1])


def test_no_part_becomes_negative_and_all_still_adds_up():
    base = np.array([[5.0], [1.0], [0.1], [9.0], [5.0], [0.1], [2.0], [4.0]])
    found = min_trace(base, GROUPS, np.random.default_rng(0).normal(size=(30, 8)))
    assert found.min() >= 0
    np.testing.assert_allclose(found, bottom_up(found, GROUPS))


def test_without_sums_nothing_changes():
    base = np.arange(6.0).reshape(3, 2)
    groups = np.array([[0, 0], [0, 1], [1, 2]])
    np.testing.assert_array_equal(min_trace(base, groups, np.ones((4, 3))), base)
    np.testing.assert_array_equal(bottom_up(base, np.empty((3, 0), dtype=int)), base)
