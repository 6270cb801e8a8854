from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from merx.data.features import ItemFeatures, item_features
from merx.data.vocabulary import Vocabulary
from merx.errors import ConfigError
from merx.media.features import features_of
from merx.recommend import feature_map
from merx.recommend.als import ALS
from merx.recommend.damping import damped
from merx.recommend.feature_factors import FeatureFactors
from merx.recommend.feature_map import Taken, expected_factors, exposure
from merx.recommend.fusion import WAYS, Fusion
from merx.recommend.joint_factors import COLLABORATIVE
from merx.recommend.rank import rank
from tests.worlds import DAY, catalogue, checkerboard, interactions, random_histories

NEW = ["i12", "i13"]  # an even one and an odd one, which nobody met
KINDS = [FeatureFactors(), *(Fusion(how=how) for how in WAYS)]


def board_with_new_items():
    """The checkerboard, and two items more of which the features tell the parity."""
    board = checkerboard()
    board = board.recode(Vocabulary.of([*board.items.ids.to_pylist(), *NEW]))
    return board, features_of(catalogue(board.items))


@pytest.mark.parametrize("config", KINDS, ids=str)
def test_a_product_that_nobody_met_finds_its_shoppers(config):
    board, features = board_with_new_items()
    model = config.fit(board, features)
    new = np.isin(board.items.ids.to_pylist(), NEW)
    found = rank(model, board, 1, candidates=new).item[:, 0]
    assert board.items.names(found).to_pylist() == [NEW[u % 2] for u in range(board.n_users)]


@pytest.mark.parametrize("config", KINDS[:3], ids=str)
def test_new_and_old_products_stand_in_one_list_on_one_scale(config):
    board, features = board_with_new_items()
    shown = rank(config.fit(board, features), board, 2, exclude=board)
    for u in range(board.n_users):
        assert set(shown.items.names(shown.item[u]).to_pylist()) == {f"i{u % 12:02d}", NEW[u % 2]}


@pytest.mark.parametrize("config", KINDS, ids=str)
def test_the_parts_of_each_sort_of_data_add_up_to_the_score(config):
    board, features = board_with_new_items()
    model = config.fit(board, features)
    one = board.take(np.array([3]))
    every = np.arange(board.n_items)
    names, part = model.sources(one, every)
    assert names == (COLLABORATIVE, "text", "attributes")
    np.testing.assert_allclose(part.sum(axis=1), model.score(one)[0], atol=1e-4)
    np.testing.assert_allclose(part[board.items.codes(NEW), 0], 0, atol=1e-5)
    np.testing.assert_allclose(model.explain(one, every).part.sum(axis=1), model.score(one)[0], atol=1e-4)


@pytest.mark.parametrize("config", [FeatureFactors(), Fusion()], ids=str)
def test_without_one_modality_the_other_still_tells(config):
    board, features = board_with_new_items()
    missing = np.zeros((board.n_items, 2), dtype=bool)
    missing[board.items.codes([NEW[0]]), 0] = True
    missing[board.items.codes([NEW[1]]), 1] = True
    model = config.fit(board, features.without(missing))
    new = np.isin(board.items.ids.to_pylist(), NEW)
    found = rank(model, board, 1, candidates=new).item[:, 0]
    assert board.items.names(found).to_pylist() == [NEW[u % 2] for u in range(board.n_users)]


@pytest.mark.parametrize("config", [FeatureFactors(), Fusion()], ids=str)
def test_of_a_product_without_features_and_without_shoppers_nothing_is_said(config):
    board, features = board_with_new_items()
    missing = np.zeros((board.n_items, 2), dtype=bool)
    missing[board.items.codes(NEW)] = True
    score = config.fit(board, features.without(missing)).score(board)
    assert np.isneginf(score[:, board.items.codes(NEW)]).all()


def test_the_more_shoppers_met_a_product_the_less_its_features_say():
    """Items of one text, taken by 1, 2, 4, ... of the shoppers: the share of the expectation falls."""
    names = [f"i{i:02d}" for i in range(6)]
    rows = [(u, names[i], 1.0, i) for i in range(6) for u in range(2**i)]
    met = interactions(rows, names, 40)
    text = np.ones((6, 1), np.float32)
    model = Fusion(als=ALS(factors=4)).fit(met, item_features(met.items, {"text": text}))
    user = met.take(np.array([0]))
    _, part = model.sources(user, np.arange(6))
    inside = model.embed(user)[0] @ model.axes.T[:, :4]
    expected = model.expected[0] @ inside
    own = part[:, 0]
    share = expected / (expected + own)
    assert (np.diff(share) < 0).all()


def test_the_map_solves_the_normal_equations_of_all_modalities_together():
    histories = random_histories(0)
    features = features_of(catalogue(histories.items))
    met = sparse.csr_array(damped(histories).T)
    user = np.random.default_rng(0).normal(size=(histories.n_users, 3)).astype(np.float32)
    unobserved = 0.1 * exposure(histories)
    expected, share = expected_factors(features, Taken(met, user, unobserved), 0.7)
    assert (share == share[0]).all() and share[0].sum() == pytest.approx(1)  # nothing is missing
    constant = np.full((histories.n_items, 1), 0.3)
    x = [np.sqrt(share[:, [m]]) * np.hstack([features.vectors[m], constant]) for m in (0, 1)]
    both = np.hstack(x)
    size = both.shape[1] * 3
    left, right = 0.7 * np.eye(size), np.zeros(size)
    for i in np.flatnonzero(np.diff(met.indptr)):
        c = met[[i]].toarray()[0]
        curved = user.T @ (np.diag(c) + unobserved[i] * np.eye(len(c))) @ user
        left += np.kron(np.outer(both[i], both[i]), curved)
        right += np.kron(both[i], user.T @ c)
    exact = np.split(np.linalg.solve(left, right).reshape(-1, 3), [x[0].shape[1]])
    for m in (0, 1):
        np.testing.assert_allclose(expected[m], x[m] @ exact[m], atol=1e-3)


def test_the_stack_has_the_least_loss_of_all_weights():
    histories = random_histories(0)
    met = sparse.csr_array(damped(histories).T)
    rng = np.random.default_rng(0)
    user = rng.normal(size=(histories.n_users, 3)).astype(np.float32)
    taken = Taken(met, user, 0.1 * exposure(histories))
    items = np.flatnonzero(np.diff(met.indptr))
    expected = rng.normal(size=(3, len(items), 3)).astype(np.float32) + 0.1 * taken.pull[items]

    def loss(weight):
        vector = np.einsum("a,anf->nf", weight, expected)
        return 0.5 * np.sum(vector * taken.bend(vector, items)) - np.sum(vector * taken.pull[items])

    best = feature_map._stack(expected, taken, items)
    others = np.maximum(best + rng.normal(size=(200, 3)) * 0.05, 0)
    assert (best >= 0).all() and min(map(loss, others)) >= loss(best) - 1e-6


def test_a_modality_that_few_products_have_takes_nothing_from_the_others():
    """Two products alone have a picture, and it is noise: what their texts say of them still holds."""
    board, features = board_with_new_items()
    text = item_features(board.items, {"text": features.of("text")})
    noise = np.random.default_rng(0).normal(size=(board.n_items, 6)).astype(np.float32)
    there = board.items.codes([NEW[0], board.items.ids[0].as_py()])
    noise[np.setdiff1d(np.arange(board.n_items), there)] = 0
    both = item_features(board.items, {"text": features.of("text"), "picture": noise})
    alone, beside = (Fusion().fit(board, one).expected.sum(axis=0) for one in (text, both))
    new = board.items.codes([NEW[0]])[0]
    cosine = alone[new] @ beside[new] / np.linalg.norm(alone[new]) / np.linalg.norm(beside[new])
    assert cosine > 0.9


def test_a_modality_that_says_nothing_counts_little():
    board, features = board_with_new_items()
    noise = np.random.default_rng(0).normal(size=(board.n_items, 6)).astype(np.float32)
    both = item_features(board.items, {"text": features.of("text"), "attributes": noise})
    model = Fusion().fit(board, both)
    size = np.linalg.norm(model.expected[:, board.items.codes(NEW)], axis=(1, 2))
    assert size[1] < 0.1 * size[0]
    beside = (model.vectors @ model.axes.T)[:, model.starts[1] :]
    told = np.linalg.norm(beside, axis=0)
    words, noisy = np.split(told, [model.starts[2] - model.starts[1]])
    assert np.linalg.norm(noisy) < 0.1 * np.linalg.norm(words)


def test_a_system_for_each_item_bends_as_the_pairs_do():
    rng = np.random.default_rng(0)
    met = sparse.random_array((5, 60), density=0.9, rng=rng, dtype=np.float32).tocsr()
    user, vector = rng.normal(size=(60, 4)).astype(np.float32), rng.normal(size=(3, 4))
    taken, items = Taken(met, user, rng.random(5)), np.array([0, 2, 4])
    crowded = taken.bend(vector, items)
    assert taken._systems is not None
    sparse_one = Taken(met, user, taken.unobserved)
    sparse_one.__dict__["_systems"] = None
    np.testing.assert_allclose(crowded, sparse_one.bend(vector, items), rtol=1e-5)


def test_exposure_is_the_share_of_events_since_the_first():
    met = interactions(
        [(0, "a", 1.0, 0), (0, "b", 1.0, 1), (0, "c", 1.0, 2), (1, "a", 1.0, 3)], list("abcd"), 2
    )
    np.testing.assert_allclose(exposure(met), [1, 0.75, 0.5, 0])
    assert met.time[1] == DAY


def test_features_keep_their_order_and_know_what_is_missing():
    items = Vocabulary.of(["a", "b"])
    made = item_features(
        items,
        {
            "attributes": np.array([[3.0, 4.0], [0, 0]], np.float32),
            "text": np.array([[2.0], [5.0]], np.float32),
            "video": np.zeros((2, 3), np.float32),
        },
    )
    assert made.names == ("text", "attributes")
    np.testing.assert_array_equal(made.present, [[True, True], [True, False]])
    np.testing.assert_allclose(made.of("attributes"), [[0.6, 0.8], [0, 0]])
    assert made.only(["attributes", "picture"]).names == ("attributes",)
    assert isinstance(made.only([]), ItemFeatures) and made.only([]).present.shape == (2, 0)
    with pytest.raises(KeyError):
        made.of("picture")


def test_fusion_without_any_features_is_collaborative_filtering_alone():
    board, features = board_with_new_items()
    model = Fusion(how="early", held=1.0).fit(board, features.only([]))
    plain = ALS().fit(board)
    np.testing.assert_allclose(
        model.embed(board) @ model.vectors.T, plain.embed(board) @ plain.item_factors.T, atol=1e-4
    )


def test_impossible_settings():
    with pytest.raises(ConfigError, match="how"):
        Fusion(how="middle")
    with pytest.raises(ConfigError, match="above 0"):
        replace(Fusion(), weight=0.0)
