"""Non-negative factors on ratings: bounds, the objective, and the conditions of an optimum."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, sparse

from merx.kernels.ratings import nonnegative_rows
from merx.recommend.rating_nmf import RatingNMF, improve, mean_row
from merx.recommend.ratings import ratings
from tests.worlds import random_histories, rated_checkerboard


def objective(found, users, items, pull):
    u, i = found.nonzero()
    errors = ((found.data - (users[u].astype(float) * items[i]).sum(axis=1)) ** 2).sum()
    for matrix, rows in ((found, users), (sparse.csr_array(found.T), items)):
        rated = rows[np.diff(matrix.indptr) > 0].astype(float)
        errors += pull * ((rated - rated.mean(axis=0)) ** 2).sum()
    return errors


def test_the_objective_never_rises_and_factors_stay_at_or_above_nought():
    found = ratings(random_histories(1))
    turned = sparse.csr_array(found.T)
    rng = np.random.default_rng(0)
    users, items = (rng.exponential(1, (n, 5)).astype(np.float32) for n in found.shape)
    before = objective(found, users, items, 2.0)
    first = before
    for _ in range(40):
        users, items = improve(found, turned, users, items, 2.0)
        after = objective(found, users, items, 2.0)
        assert after <= before * (1 + 1e-5)
        assert users.min() >= 0 and items.min() >= 0
        before = after
    assert before < first / 5
    assert (items == 0).any()  # the bound binds


@given(st.integers(0, 10_000), st.floats(0.1, 20))
@settings(max_examples=25, deadline=None)
def test_rows_are_the_non_negative_least_squares(seed, penalty):
    """Against Lawson & Hanson's active sets: the pull is a few more rows, sqrt(penalty) (x - m)."""
    rng = np.random.default_rng(seed)
    target = sparse.random_array((6, 20), density=0.4, rng=rng, format="csr", dtype=np.float32)
    target.data = rng.uniform(1, 5, target.nnz).astype(np.float32)
    vectors = rng.exponential(1, (20, 4)).astype(np.float32)
    prior = rng.exponential(1, 4).astype(np.float32)
    start = np.ones((6, 4), np.float32)
    answer = nonnegative_rows(target, vectors, penalty, prior, start, sweeps=3000, tolerance=1e-7)
    root = np.sqrt(penalty)
    for row in range(6):
        mine = target[[row]]
        a = np.vstack([vectors[mine.indices], root * np.eye(4)]).astype(float)
        expected, _ = optimize.nnls(a, np.concatenate([mine.data, root * prior]).astype(float))
        np.testing.assert_allclose(answer[row], expected, atol=2e-4)


def test_folding_in_a_shopper_of_the_fit_gives_the_factors_of_the_fit():
    found = ratings(random_histories(2))
    turned = sparse.csr_array(found.T)
    users = np.full((found.shape[0], 3), 1.0, np.float32)
    items = np.random.default_rng(0).exponential(1, (found.shape[1], 3)).astype(np.float32)
    for _ in range(3000):
        users, items = improve(found, turned, users, items, 2.0)
    start = np.tile(mean_row(found, users), (len(users), 1))
    again = nonnegative_rows(found, items, 2.0, mean_row(found, users), start, 500, 1e-6)
    np.testing.assert_allclose(again, users, atol=2e-3)


def test_a_newcomer_is_the_mean_shopper_and_a_new_item_the_mean_item():
    histories = random_histories(3, items=40)
    model = RatingNMF(4).fit(histories)
    unrated = np.flatnonzero(~model.rated)
    nobody = np.flatnonzero(np.diff(ratings(histories).indptr) == 0)
    assert len(unrated) and len(nobody)
    np.testing.assert_array_equal(model._users(ratings(histories))[nobody[0]], model.mean_user)
    assert len(np.unique(model.vectors[unrated], axis=0)) == 1
    rating = model.predict(histories, nobody[:1], unrated[:1]).item()
    assert abs(rating - ratings(histories).data.mean()) < 0.5


def test_it_recovers_what_was_held_back_of_a_board():
    board = rated_checkerboard()
    model = RatingNMF(3, regularization=0.3, epochs=100).fit(board)
    u = np.arange(board.n_users)
    same, other = model.predict(board, u, u % 12), model.predict(board, u, (u + 1) % 12)
    assert same.min() > 4 and other.max() < 2
