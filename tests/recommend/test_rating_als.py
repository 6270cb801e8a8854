"""Least squares with biases on ratings, against normal equations solved one by one."""

from itertools import pairwise

import numpy as np
import pytest
from scipy import sparse

from merx.kernels.ratings import ridge_rows
from merx.recommend.rating_als import RatingALS
from merx.recommend.ratings import ratings
from tests.worlds import random_histories, rated_checkerboard


def normal_equations(given, vectors, mean, penalty):
    """Factors and bias of each row, those of the columns (last: bias) held fixed."""
    answer = np.zeros((given.shape[0], vectors.shape[1]))
    for row in range(given.shape[0]):
        mine = given[[row]]
        z = np.column_stack([vectors[mine.indices, :-1], np.ones(mine.nnz)]).astype(float)
        rest = mine.data - mean - vectors[mine.indices, -1]
        answer[row] = np.linalg.solve(z.T @ z + np.diag(penalty), z.T @ rest)
    return answer


def objective(model, histories):
    """Squared errors and penalties, the shoppers as they are folded in."""
    given = ratings(histories)
    users = model._users(given).astype(float)
    u, i = given.nonzero()
    fit = model.scale.mean + users[u, -1] + model.vectors[i, -1]
    fit = fit + (users[u, :-1] * model.vectors[i, :-1]).sum(axis=1)
    return ((given.data - fit) ** 2).sum() + model.penalty @ ((users**2).sum(0) + (model.vectors**2).sum(0))


@pytest.mark.parametrize("factors", [1, 3, 40])
def test_each_half_step_solves_the_normal_equations(factors):
    """With 3 factors there are rows with fewer and with more entries than unknowns; 40 has fewer only."""
    histories = random_histories(1)
    given = ratings(histories)
    config = RatingALS(factors, regularization=0.5, bias_regularization=0.3, epochs=2)
    before, after = config.fit(histories), RatingALS(factors, 0.5, 0.3, epochs=3).fit(histories)
    users = normal_equations(given, before.vectors, before.scale.mean, before.penalty)
    np.testing.assert_allclose(before._users(given), users, atol=2e-4)
    items = normal_equations(sparse.csr_array(given.T), users, before.scale.mean, before.penalty)
    np.testing.assert_allclose(after.vectors, items, atol=2e-3)


def test_rows_of_any_length_by_definition():
    rng = np.random.default_rng(0)
    target = sparse.random_array((200, 90), density=0.15, rng=rng, format="csr", dtype=np.float32)
    vectors = rng.normal(size=(90, 12)).astype(np.float32)
    penalty = rng.uniform(0.5, 3, 12).astype(np.float32)
    answer = ridge_rows(target, vectors, penalty)
    length = np.diff(target.indptr)
    assert length.min() < 12 < length.max()
    for row in range(200):
        z = vectors[target[[row]].indices].astype(float)
        expected = np.linalg.solve(z.T @ z + np.diag(penalty), z.T @ target[[row]].data)
        np.testing.assert_allclose(answer[row], expected, atol=1e-5)


def test_the_objective_never_rises():
    histories = random_histories(2)
    values = [objective(RatingALS(4, 1.0, 1.0, epochs=n).fit(histories), histories) for n in range(1, 15)]
    assert all(later <= earlier * (1 + 1e-5) for earlier, later in pairwise(values))


def test_scores_are_inner_products_of_what_is_embedded():
    histories = random_histories(3)
    model = RatingALS(4).fit(histories)
    score = model.score(histories)
    users = model._users(ratings(histories))
    expected = (
        model.scale.mean + users[:, -1:] + model.vectors[:, -1] + users[:, :-1] @ model.vectors[:, :-1].T
    )
    known = np.isfinite(score)
    np.testing.assert_allclose(score[known], expected[known], rtol=1e-5)
    assert (~known).all(axis=1).tolist() == (np.diff(ratings(histories).indptr) == 0).tolist()


def test_it_recovers_what_was_held_back_of_a_board():
    board = rated_checkerboard()
    model = RatingALS(2, regularization=0.5, epochs=30).fit(board)
    u = np.arange(board.n_users)
    same, other = model.predict(board, u, u % 12), model.predict(board, u, (u + 1) % 12)
    assert same.min() > 4 and other.max() < 2
