"""Non-negative factors against SciPy's non-negative least squares and the loss by definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.optimize import nnls

from merx.data.interactions import history
from merx.data.vocabulary import Vocabulary
from merx.errors import ConfigError
from merx.kernels.nmf import solve_rows
from merx.recommend.damping import damped
from merx.recommend.implicit_loss import first_vectors
from merx.recommend.nmf import NMF
from merx.recommend.rank import rank
from tests.recommend.test_als import ALPHA, NU, REGULARIZATION, confidence_matrix, loss
from tests.worlds import checkerboard, interactions, random_histories


def by_definition(confidence, vectors, shared, ridge):
    """Each row as one least squares problem min |M w - y| over w >= 0: the three terms stacked."""
    answers = []
    square, identity = np.linalg.cholesky(shared + 1e-12 * np.eye(len(shared))).T, np.eye(len(shared))
    for c, own in zip(confidence.toarray(), ridge, strict=True):
        stacked = np.vstack([np.sqrt(c)[:, None] * vectors, square, np.sqrt(own) * identity])
        answers.append(nnls(stacked, np.concatenate([np.sqrt(c), np.zeros(2 * len(shared))]))[0])
    return np.array(answers)


@pytest.mark.parametrize("factors", [1, 5, 12])
@pytest.mark.parametrize("items", [8, 200])
def test_rows_are_non_negative_least_squares(factors, items):
    rng = np.random.default_rng(factors)
    confidence = confidence_matrix(rng, 30, items, 0.4)
    vectors = np.maximum(rng.normal(0.3, 1, size=(items, factors)), 0)
    shared = 0.2 * vectors.T @ vectors
    own = 0.1 + rng.random(30)
    start = rng.random((30, factors))
    found = solve_rows(confidence, vectors, shared, own, start, 5000, 1e-12)
    np.testing.assert_allclose(found, by_definition(confidence, vectors, shared, own), atol=1e-7)
    assert not found[1].any()


def test_no_half_step_makes_the_loss_larger_and_no_factor_is_negative():
    model = NMF(factors=6, alpha=ALPHA, regularization=REGULARIZATION, nu=NU)
    observed = damped(random_histories(0, users=60, items=40))
    met = sparse.csr_array(observed.T)
    user, item = np.zeros((60, 6)), np.abs(first_vectors(met, 6, 0)).astype(np.float64)
    losses = [loss(observed, user, item, model)]
    for _ in range(8):
        user = model._half_step(observed, item, user, met)
        losses.append(loss(observed, user, item, model))
        item = model._half_step(met, user, item, observed)
        losses.append(loss(observed, user, item, model))
        assert (user >= 0).all() and (item >= 0).all()
    assert (np.diff(losses) <= 1e-9 * losses[0]).all()
    assert losses[-1] < 0.7 * losses[0]


def test_folding_in_is_non_negative_least_squares_for_any_history():
    model = NMF(factors=8, alpha=ALPHA, regularization=REGULARIZATION, nu=1.0).fit(random_histories(1))
    stranger = history(["i03", "i07", "i03"], model.items, weight=[1.0, 3.0, 2.0])
    confidence = damped(stranger)
    own = REGULARIZATION * (confidence.sum() + model.ridge.unobserved)
    expected = by_definition(confidence, model.item_factors, model.shared, [own])
    np.testing.assert_allclose(model.embed(stranger), expected, rtol=1e-4, atol=1e-5)


def test_parts_are_found():
    """Two groups of shoppers with items of their own: with two factors each factor is one group."""
    rows = [(u, f"{'ab'[u % 2]}{i}", 1.0, i) for u in range(20) for i in range(6) if (u + i) % 5]
    ids = [f"{group}{i}" for group in "ab" for i in range(6)]
    model = NMF(factors=2, alpha=0.1, regularization=0.001).fit(interactions(rows, ids, 20))
    a, b = model.item_factors[:6], model.item_factors[6:]
    mine = int(a.sum(axis=0).argmax())
    assert (a[:, mine] > 0.1).all() and (b[:, 1 - mine] > 0.1).all()
    assert (a[:, 1 - mine] < 1e-6).all() and (b[:, mine] < 1e-6).all()


def test_the_explanation_adds_up_to_the_score():
    histories = random_histories(2)
    model = NMF(factors=8, alpha=ALPHA, regularization=REGULARIZATION).fit(histories)
    every = np.arange(histories.n_items)
    for user in range(1, histories.n_users):
        one = histories.take(np.array([user]))
        why, score = model.explain(one, every), model.score(one)[0]
        known = np.isfinite(score)
        np.testing.assert_allclose(why.part.sum(axis=1)[known], score[known], rtol=1e-3, atol=1e-4)
        assert why.history.tolist() == one.matrix().indices.tolist()


def test_an_explanation_without_a_history_is_empty():
    model = NMF(factors=4).fit(random_histories(3))
    assert model.explain(history([], model.items), np.array([0, 1])).part.shape == (2, 0)


def test_the_checkerboard():
    board = checkerboard()
    ranking = rank(NMF(factors=4, alpha=0.1, regularization=0.01).fit(board), board, 1, exclude=board)
    assert ranking.item[:, 0].tolist() == [u % 12 for u in range(board.n_users)]


@pytest.mark.parametrize("new", ["aaa", "zzz"])
def test_an_item_never_met_changes_nothing_else(new):
    histories = random_histories(4)
    grown = histories.recode(Vocabulary.of(sorted([*histories.items.ids.to_pylist(), new])))
    model = NMF(factors=8)
    score, more = model.fit(histories).score(histories), model.fit(grown).score(grown)
    np.testing.assert_allclose(more[:, grown.items.codes(histories.items.ids)], score, rtol=1e-5, atol=1e-6)
    assert np.isneginf(more[:, grown.items.codes([new])]).all()


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 1000), st.integers(2, 40), st.integers(1, 30))
def test_permuting_users_permutes_results(seed, users, items):
    histories = random_histories(seed, users, items)
    order = np.random.default_rng(seed).permutation(users)
    model = NMF(factors=5, epochs=3)
    permuted = histories.take(order)
    np.testing.assert_allclose(
        model.fit(permuted).score(permuted),
        model.fit(histories).score(histories)[order],
        rtol=1e-5,
        atol=1e-6,
    )


@pytest.mark.parametrize("wrong", [{"factors": 0}, {"alpha": 0.0}, {"regularization": 0.0}, {"epochs": 0}])
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(ConfigError, match="above 0"):
        NMF(**wrong)
