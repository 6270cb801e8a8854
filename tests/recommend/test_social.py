"""What friends add: entries of friends, ALS drawn towards them, neighbourhoods that count them."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from merx.data.interactions import history
from merx.data.relations import Relations
from merx.data.vocabulary import Vocabulary
from merx.errors import ConfigError
from merx.kernels.als import descend_rows, solve_rows
from merx.recommend.als import ALS, drawn_to
from merx.recommend.damping import damped
from merx.recommend.rank import rank
from merx.recommend.social_als import SocialALS
from merx.recommend.social_knn import SocialKNN
from merx.recommend.user_knn import UserKNN
from tests.worlds import checkerboard, interactions, random_histories


def random_relations(seed, users):
    rng = np.random.default_rng(seed)
    n = 3 * users
    return Relations.of(users, rng.integers(users, size=n), rng.integers(users, size=n), rng.random(n))


@given(st.integers(0, 1000))
@settings(max_examples=20)
def test_friends_are_the_entries_of_those_followed_by_their_share(seed):
    histories, relations = random_histories(seed), random_relations(seed, 30)
    users = np.random.default_rng(seed).permutation(30)[:11]
    given_ = relations.give(histories, users)
    dense = relations.follows.toarray()
    np.fill_diagonal(dense, 0)
    for place, u in enumerate(users):
        expected = sorted(
            (int(t), int(i), round(float(w) * dense[u, v] / dense[u].sum(), 5))
            for v in np.flatnonzero(dense[u])
            for one in [histories.take(np.array([v]))]
            for t, i, w in zip(one.time, one.item, one.weight, strict=True)
        )
        theirs = given_.friends.take(np.array([place]))
        found = [
            (int(t), int(i), round(float(w), 5))
            for t, i, w in zip(theirs.time, theirs.item, theirs.weight, strict=True)
        ]
        assert [row[:2] for row in found] == sorted(row[:2] for row in found)
        np.testing.assert_allclose(
            np.reshape(sorted(found), (-1, 3)), np.reshape(expected, (-1, 3)), atol=1e-4
        )
    np.testing.assert_array_equal(given_.item, histories.take(users).item)


def test_friends_follow_their_shopper_and_their_items():
    histories = random_relations(1, 30).give(random_histories(1), np.arange(30))
    some = np.array([4, 2, 9])
    np.testing.assert_array_equal(histories.take(some).friends.item, histories.friends.take(some).item)
    kept = histories.keep(np.zeros(len(histories), dtype=bool))
    assert len(kept) == 0 and len(kept.friends) == len(histories.friends)
    fewer = Vocabulary.of(histories.items.ids.to_pylist()[::2])
    recoded = histories.recode(fewer)
    assert recoded.friends.items == fewer
    np.testing.assert_array_equal(recoded.friends.item, histories.friends.recode(fewer).item)


def test_relations_leave_out_oneself_and_what_weighs_nothing():
    relations = Relations.of(
        3, np.array([0, 0, 1, 0]), np.array([1, 1, 1, 2]), np.array([1.0, 2.0, 5.0, 0.0])
    )
    assert relations.follows.toarray().tolist() == [[0, 3, 0], [0, 0, 0], [0, 0, 0]]
    assert relations.shares.toarray().tolist() == [[0, 1, 0], [0, 0, 0], [0, 0, 0]]


@pytest.mark.parametrize(("factors", "items"), [(1, 12), (7, 150), (16, 12), (16, 150)])
def test_a_row_drawn_to_a_target_solves_the_normal_equations(factors, items):
    rng = np.random.default_rng(factors)
    dense = (rng.random((40, items)) * 3 * (rng.random((40, items)) < 0.3)).astype(np.float32)
    dense[1] = 0
    confidence = sparse.csr_array(dense)
    vectors = rng.normal(size=(items, factors)).astype(np.float32)
    curvature = rng.random(factors).astype(np.float32)
    ridge = (0.1 + rng.random(40)).astype(np.float32)
    target = rng.normal(size=(40, factors)).astype(np.float32)
    some = rng.random(40) < 0.7
    held, means = drawn_to(target, some, 2.0, curvature, ridge)
    found = solve_rows(confidence, vectors, curvature, held, means)
    for u in range(40):
        c, pull = dense[u].astype(np.float64), 2.0 * ridge[u] * some[u]
        normal = (vectors.T * c) @ vectors + np.diag(curvature + ridge[u] + pull)
        wanted = np.linalg.solve(normal, vectors.T @ c + pull * target[u])
        np.testing.assert_allclose(found[u], wanted, rtol=2e-4, atol=2e-4)
    start = rng.normal(size=found.shape).astype(np.float32)
    for _ in range(500):  # blocks come to the same answer
        start = descend_rows(confidence, vectors, curvature, held, start, 3, means)
    np.testing.assert_allclose(start, found, rtol=5e-3, atol=5e-3)


@pytest.mark.parametrize("block", [0, 4])
def test_without_friends_als_is_the_plain_one(block):
    histories = random_histories(3)
    als = ALS(factors=8, block=block)
    nobody = SocialALS(als=als).fit(histories, Relations.of(30, *np.zeros((3, 0), int)))
    plain = als.fit(histories)
    assert nobody.score(histories).tobytes() == plain.score(histories).tobytes()
    some = SocialALS(als=als).fit(histories, random_relations(3, 30))
    assert some.score(histories).tobytes() != plain.score(histories).tobytes()


def test_a_strong_pull_brings_friends_together():
    histories, relations = random_histories(4), random_relations(4, 30)
    users = np.arange(30)
    apart = []
    for pull in (0.0, 1.0, 30.0):
        model = SocialALS(pull=pull, als=ALS(factors=8)).fit(histories, relations)
        vectors = model.embed(relations.give(histories, users))
        mean = relations.shares @ model.als.embed(histories)
        apart.append(np.linalg.norm(vectors - mean) / np.linalg.norm(mean))
    assert apart[0] > apart[1] > apart[2]


def test_als_explains_what_a_history_adds_to_the_friends():
    relations = random_relations(5, 30)
    histories = relations.give(random_histories(5), np.arange(30))
    model = SocialALS(als=ALS(factors=8)).fit(random_histories(5), relations)
    one, every = histories.take(np.array([3])), np.arange(25)
    why = model.explain(one, every)
    ridge, means = model._drawn(one, one.friends)
    friends = model.als.item_factors @ means[0]
    score = model.als.item_factors @ model.embed(one)[0]
    np.testing.assert_allclose(friends + why.part.sum(axis=1), score, atol=1e-4)
    assert set(why.history.tolist()) == set(damped(one).indices.tolist())
    assert ridge[0] > model.als.ridge.of(damped(one))[0]


def test_without_friends_neighbours_are_the_plain_ones():
    histories = random_histories(6)
    nobody = SocialKNN().fit(histories, random_relations(6, 30))
    plain = UserKNN().fit(histories)
    assert nobody.score(histories).tobytes() == plain.score(histories).tobytes()
    strangers = Relations.of(30, *np.zeros((3, 0), int)).give(histories, np.arange(30))
    assert nobody.score(strangers).tobytes() == plain.score(histories).tobytes()


def test_neighbours_and_friends_add_up_as_written():
    histories, relations = random_histories(7), random_relations(7, 30)
    model = SocialKNN(trust=0.7, reach=0.4).fit(histories, relations)
    asked = relations.give(histories, np.arange(30))
    knn = model.user_knn
    rows = knn.weigh(asked).toarray() + 0.4 * knn.weigh(asked.friends).toarray()
    profile = knn.nearest(sparse.csr_array(rows)).toarray()
    near = profile.sum(axis=1, keepdims=True)
    expected = (
        profile @ knn.similarity.toarray()
        + 0.7 * np.where(near > 0, near, 1) * damped(asked.friends).toarray()
    )
    score = model.score(asked)
    np.testing.assert_allclose(np.where(np.isinf(score), 0, score), expected, rtol=1e-4, atol=1e-5)
    why = model.explain(asked.take(np.array([3])), np.arange(25))
    assert set(why.history.tolist()) == set(histories.take(np.array([3])).matrix().indices.tolist())
    alone = replace(asked.take(np.array([3])), friends=None)
    np.testing.assert_allclose(
        model.explain(alone, np.arange(25)).part, knn.explain(alone, np.arange(25)).part
    )


@pytest.mark.parametrize("config", [SocialKNN(), SocialALS(als=ALS(factors=8))], ids=["knn", "als"])
def test_one_with_friends_alone_is_shown_what_is_like_what_they_met(config):
    board = checkerboard()
    nobody = Relations.of(20, *np.zeros((3, 0), int))
    model = config.fit(board, nobody)
    newcomer = history([], board.items)
    assert (rank(model, newcomer, 3).item == -1).all()
    odd = np.flatnonzero(np.arange(20) % 2)
    followers = Relations.of(21, np.full(len(odd), 20), odd, np.ones(len(odd)))
    grown = interactions(
        [(int(u), f"i{i:02d}", 1.0, 0) for u, i in zip(board.user, board.item, strict=True)],
        board.items.ids.to_pylist(),
        21,
    )
    shown = rank(model, followers.give(grown, np.array([20])), 6).item[0]
    assert all(item % 2 == 1 for item in shown)
    assert model.explain(followers.give(grown, np.array([20])), shown).part.shape == (6, 0)


@pytest.mark.parametrize("config", [SocialKNN(), SocialALS(als=ALS(factors=8))], ids=["knn", "als"])
def test_the_order_of_shoppers_has_no_influence(config):
    histories, relations = random_histories(8), random_relations(8, 30)
    order = np.random.default_rng(0).permutation(30)
    turned = Relations(sparse.csr_array(relations.follows[order][:, order]))
    every = np.arange(30)
    score = config.fit(histories, relations).score(relations.give(histories, every))
    permuted = histories.take(order)
    again = config.fit(permuted, turned).score(turned.give(permuted, every))
    np.testing.assert_allclose(again, score[order], rtol=1e-4, atol=1e-4)


def test_settings_that_cannot_be():
    with pytest.raises(ConfigError, match="pull"):
        SocialALS(pull=-1)
    with pytest.raises(ConfigError, match="trust and reach"):
        SocialKNN(trust=-1)
