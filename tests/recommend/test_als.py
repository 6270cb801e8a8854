"""Implicit ALS against the normal equations by definition, solved densely in float64."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from merx.data.interactions import history
from merx.data.vocabulary import Vocabulary
from merx.errors import ConfigError
from merx.kernels import als as kernel
from merx.recommend.als import ALS
from merx.recommend.damping import damped
from merx.recommend.implicit_loss import Ridge, first_vectors
from merx.recommend.rank import rank
from tests.worlds import checkerboard, interactions, random_histories

ALPHA, REGULARIZATION, NU = 0.3, 0.05, 0.8


def confidence_matrix(rng, users, items, share):
    """Random confidences in float32 CSR, empty rows and columns included."""
    dense = rng.random((users, items)) * 3 * (rng.random((users, items)) < share)
    dense[1], dense[:, 2] = 0, 0
    return sparse.csr_array(dense.astype(np.float32))


def dense_answers(confidence, vectors, curvature, ridge):
    """The minimum of every row by definition: (V' C V + D) w = V' C 1."""
    answers = []
    for c, own in zip(confidence.toarray().astype(np.float64), ridge, strict=True):
        normal = (vectors.T * c) @ vectors + np.diag(curvature + own)
        answers.append(np.linalg.solve(normal, vectors.T @ c))
    return np.array(answers)


def loss(observed, user, item, model):
    """The loss in the head of merx.recommend.implicit_loss, every pair of the dense matrix written out."""
    c, score = observed.toarray().astype(np.float64), user.astype(np.float64) @ item.T
    users, items = (c.sum(axis=1) > 0).sum(), (c.sum(axis=0) > 0).sum()
    user_weight = (c.sum(axis=1) + model.alpha * items) ** model.nu
    item_weight = (c.sum(axis=0) + model.alpha * users) ** model.nu
    return (
        (c * (1 - score) ** 2).sum()
        + model.alpha * (score**2).sum()
        + model.regularization * (user_weight @ (user**2).sum(axis=1) + item_weight @ (item**2).sum(axis=1))
    )


@pytest.mark.parametrize("factors", [1, 7, 16])  # rows are longer and shorter than that
@pytest.mark.parametrize("items", [12, 150])
def test_a_half_step_solves_the_normal_equations(factors, items):
    rng = np.random.default_rng(factors)
    confidence = confidence_matrix(rng, 40, items, 0.3)
    vectors = rng.normal(size=(items, factors)).astype(np.float32)
    shared = rng.random(factors).astype(np.float32)
    own = (0.1 + rng.random(40)).astype(np.float32)
    found = kernel.solve_rows(confidence, vectors, shared, own)
    expected = dense_answers(confidence, vectors.astype(np.float64), shared, own)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)
    assert not found[1].any()


@pytest.mark.parametrize("block", [1, 3, 8])
def test_blocks_converge_to_the_exact_answer(block):
    rng = np.random.default_rng(block)
    confidence = confidence_matrix(rng, 30, 100, 0.4)
    vectors = rng.normal(size=(100, 8)).astype(np.float32)
    shared, own = np.full(8, 0.5, np.float32), np.full(30, 2.0, np.float32)
    answer = np.zeros((30, 8), np.float32)
    for _ in range(60):
        answer = kernel.descend_rows(confidence, vectors, shared, own, answer, block)
    np.testing.assert_allclose(
        answer, kernel.solve_rows(confidence, vectors, shared, own), rtol=1e-4, atol=1e-4
    )


def test_turned_vectors_have_a_diagonal_gramian_and_the_same_products():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(9000, 5)).astype(np.float32) @ rng.normal(size=(5, 5)).astype(np.float32)
    turned, axes, diagonal = kernel.turned(vectors)
    gramian = turned.T.astype(np.float64) @ turned
    np.testing.assert_allclose(gramian, np.diag(diagonal), atol=1e-5 * np.trace(gramian))
    np.testing.assert_allclose(
        turned[:50] @ turned[:50].T, vectors[:50] @ vectors[:50].T, rtol=1e-4, atol=1e-4
    )
    np.testing.assert_allclose(vectors @ axes, turned, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("block", [0, 2])
def test_no_half_step_makes_the_loss_larger(block):
    model = ALS(factors=6, alpha=ALPHA, regularization=REGULARIZATION, nu=NU, block=block)
    observed = damped(random_histories(0, users=60, items=40))
    met = sparse.csr_array(observed.T)
    user, item = np.zeros((60, 6), np.float32), first_vectors(met, 6, 0)
    losses = [loss(observed, user, item, model)]
    for _ in range(6):
        item, user = model._half_step(observed, item, user, met)
        losses.append(loss(observed, user, item, model))
        user, item = model._half_step(met, user, item, observed)
        losses.append(loss(observed, user, item, model))
    assert (np.diff(losses) <= 1e-5 * losses[0]).all()
    assert losses[-1] < 0.7 * losses[0]


@pytest.mark.parametrize("block", [0, 4])
def test_the_fit_ends_where_the_gradient_vanishes(block):
    histories = random_histories(1, users=60, items=40)
    settings_ = ALS(factors=5, alpha=ALPHA, regularization=0.5, nu=NU, epochs=400, block=block)
    model = settings_.fit(histories)
    observed = damped(histories)
    met = sparse.csr_array(observed.T)
    user, axes, gramian = kernel.turned(model.embed(histories))
    users = int((observed.sum(axis=1) > 0).sum())
    own = Ridge(ALPHA * users, 0.5, NU).of(met)
    again = kernel.solve_rows(met, user, np.float32(ALPHA) * gramian, own)
    np.testing.assert_allclose(again, model.item_factors @ axes, atol=2e-3)


def test_folding_in_solves_the_normal_equations_of_any_history():
    histories = random_histories(2)
    model = ALS(factors=8, alpha=ALPHA, regularization=REGULARIZATION, nu=NU).fit(histories)
    stranger = history(["i03", "i07", "i03"], model.items, weight=[1.0, 3.0, 2.0])
    vectors = model.item_factors.astype(np.float64)
    c = damped(stranger)
    met = (np.diff(damped(histories).T.tocsr().indptr) > 0).sum()
    own = REGULARIZATION * (c.sum() + ALPHA * met) ** NU
    normal = vectors.T @ np.diag(c.toarray()[0]) @ vectors + ALPHA * vectors.T @ vectors + own * np.eye(8)
    expected = np.linalg.solve(normal, vectors.T @ c.toarray()[0])
    np.testing.assert_allclose(model.embed(stranger)[0], expected, rtol=1e-4, atol=1e-5)


def test_the_explanation_adds_up_to_the_score():
    histories = random_histories(3)
    model = ALS(factors=8, alpha=ALPHA, regularization=REGULARIZATION).fit(histories)
    for user in range(1, histories.n_users):
        one = histories.take(np.array([user]))
        every = np.arange(histories.n_items)
        why, score = model.explain(one, every), model.score(one)[0]
        known = np.isfinite(score)
        np.testing.assert_allclose(why.part.sum(axis=1)[known], score[known], rtol=1e-4, atol=1e-5)
        assert why.history.tolist() == one.matrix().indices.tolist()


def test_an_explanation_without_a_history_is_empty():
    model = ALS(factors=4).fit(random_histories(3))
    why = model.explain(history([], model.items), np.array([0, 1]))
    assert why.part.shape == (2, 0)


def test_confidence_is_one_for_a_weight_of_one_and_grows_ever_more_slowly():
    world = interactions([(0, "a", 1.0, 0), (0, "b", 3.0, 0), (0, "c", 7.0, 1)], ["a", "b", "c"], 1)
    np.testing.assert_allclose(damped(world).data, [1, 2, 3])


@pytest.mark.parametrize("block", [0, 3])
def test_the_checkerboard(block):
    board = checkerboard()
    model = ALS(factors=4, alpha=0.1, regularization=0.01, nu=1.0, block=block).fit(board)
    ranking = rank(model, board, 1, exclude=board)
    assert ranking.item[:, 0].tolist() == [u % 12 for u in range(board.n_users)]


@pytest.mark.parametrize("new", ["aaa", "zzz"])
def test_an_item_never_met_changes_nothing_else(new):
    histories = random_histories(4)
    grown = histories.recode(Vocabulary.of(sorted([*histories.items.ids.to_pylist(), new])))
    model = ALS(factors=8)
    score, more = model.fit(histories).score(histories), model.fit(grown).score(grown)
    place = grown.items.codes(histories.items.ids)
    np.testing.assert_allclose(more[:, place], score, rtol=1e-4, atol=1e-5)
    assert np.isneginf(more[:, grown.items.codes([new])]).all()


def test_shoppers_without_a_history_change_nothing_else():
    histories = random_histories(5)  # user 0 has none
    without = histories.take(np.arange(1, histories.n_users))
    model = ALS(factors=8)
    np.testing.assert_allclose(
        model.fit(histories).score(without), model.fit(without).score(without), rtol=1e-4, atol=1e-5
    )


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 1000), st.integers(2, 40), st.integers(1, 30), st.integers(0, 9))
def test_permuting_users_permutes_results(seed, users, items, block):
    histories = random_histories(seed, users, items)
    order = np.random.default_rng(seed).permutation(users)
    model = ALS(factors=5, epochs=3, block=block)
    permuted = histories.take(order)
    np.testing.assert_allclose(
        model.fit(permuted).score(permuted),
        model.fit(histories).score(histories)[order],
        rtol=1e-4,
        atol=1e-5,
    )


def test_results_do_not_depend_on_threads(monkeypatch):
    histories = random_histories(6, users=900, items=300)
    model = ALS(factors=8, epochs=2)
    monkeypatch.setattr("merx.kernels.threads.THREADS", 1)
    one = model.fit(histories)
    monkeypatch.setattr("merx.kernels.threads.THREADS", 3)
    np.testing.assert_array_equal(one.item_factors, model.fit(histories).item_factors)


def test_the_seed_decides():
    histories = random_histories(7)
    model = ALS(factors=8, epochs=1)
    first, other = model.fit(histories), replace(model, seed=1).fit(histories)
    assert not np.allclose(first.item_factors, other.item_factors)


@pytest.mark.parametrize("wrong", [{"factors": 0}, {"alpha": 0.0}, {"regularization": 0.0}, {"epochs": 0}])
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(ConfigError, match="above 0"):
        ALS(**wrong)
