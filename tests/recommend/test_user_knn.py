"""UserKNN: neighbours and reasons by definition, three shoppers, new shoppers, speed of one request."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from merx.data.contracts import NeighbourModel
from merx.data.interactions import Interactions, history
from merx.data.vocabulary import Vocabulary
from merx.errors import ConfigError
from merx.kernels.topk import top_k
from merx.recommend.rank import rank
from merx.recommend.user_knn import UserKNN
from merx.recommend.weighting import MEASURES, WEIGHTINGS
from tests.recommend.reference import similarity, weighted
from tests.worlds import interactions, random_histories

SOME = st.integers(0, 10_000)


def scores(shop: Interactions, config: UserKNN) -> tuple[np.ndarray, np.ndarray]:
    """Scores (U, I) of the shoppers themselves and their parts (U, I, I) by item of the history."""
    raw = shop.matrix().toarray().astype(np.float64)  # (U, I)
    rows = weighted(raw, config.weighting)
    score, parts = np.zeros(raw.shape), np.zeros((*raw.shape, raw.shape[1]))
    for u, mine in enumerate(rows):
        likeness = np.array([similarity(mine, row, config.measure, config.shrinkage, rows) for row in rows])
        likeness[(rows > 0).astype(int) @ (mine > 0) < config.min_common] = 0
        near = np.argsort(-likeness, kind="stable")[: config.neighbours]
        for v in near[likeness[near] > 1e-9]:
            speaks = likeness[v] * np.log2(1 + raw[v])  # (I,)
            score[u] += speaks
            common = mine * rows[v]
            if config.measure == "jaccard":
                common = (common > 0).astype(float)
            parts[u] += np.outer(speaks, common / common.sum())
    score[score == 0] = -np.inf
    return score, parts


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("weighting", WEIGHTINGS)
@pytest.mark.parametrize(("shrinkage", "min_common"), [(0.0, 1), (2.5, 2)])
def test_scores_and_reasons_by_definition(measure, weighting, shrinkage, min_common):
    shop = random_histories(1)
    config = UserKNN(100, measure, weighting, shrinkage, min_common)  # all: no ties at the cut
    model = config.fit(shop)
    expected, parts = scores(shop, config)
    np.testing.assert_allclose(model.score(shop), expected, rtol=2e-4)
    for u in range(shop.n_users):
        one = shop.take(np.array([u]))
        item = np.flatnonzero(np.isfinite(expected[u]))
        why = model.explain(one, item)
        np.testing.assert_allclose(why.part, parts[u][item][:, why.history], rtol=5e-4, atol=1e-6)
        np.testing.assert_allclose(why.part.sum(axis=1), expected[u][item], rtol=2e-4)


def test_only_the_nearest_speak():
    shop = random_histories(2)
    profile = UserKNN(neighbours=4, shrinkage=0.0).fit(shop).profile(shop)
    every = UserKNN(neighbours=30, shrinkage=0.0).fit(shop).profile(shop)
    for u in range(shop.n_users):
        few, many = np.sort(profile[[u]].data)[::-1], np.sort(every[[u]].data)[::-1]
        np.testing.assert_array_equal(few, many[:4])


THREE = [(0, "A"), (0, "B"), (0, "C"), (1, "A"), (1, "B"), (1, "D"), (2, "B"), (2, "C"), (2, "D")]


@pytest.mark.parametrize("measure", MEASURES)
def test_three_shoppers(measure):
    """Each two share two of three products; each is shown the one product that the other two know."""
    shop = interactions([(u, name, 1.0, 0) for u, name in THREE], list("ABCD"), 3)
    if measure == "pearson":  # over four products A,B,C and A,B,D are at odds: -1/3; a longer shelf is needed
        shop = interactions(
            [(u, name, 1.0, 0) for u, name in [*THREE, (3, "E"), (3, "F")]], list("ABCDEF"), 4
        )
    model = UserKNN(measure=measure, weighting="log", shrinkage=0.0).fit(shop)
    lists = rank(model, shop, 4, exclude=shop)
    assert model.items.names(lists.item[:3, 0]).to_pylist() == ["D", "C", "A"]
    assert (lists.item[:3, 1] == -1).all()  # nothing speaks for anything else


def test_three_shoppers_by_hand():
    shop = interactions([(u, name, 1.0, 0) for u, name in THREE], list("ABCD"), 3)
    model = UserKNN(weighting="log", shrinkage=0.0).fit(shop)
    np.testing.assert_allclose(
        model.profile(shop).toarray(), [[1, 2 / 3, 2 / 3], [2 / 3, 1, 2 / 3], [2 / 3, 2 / 3, 1]], rtol=1e-6
    )
    user1 = shop.take(np.array([0]))
    assert model.score(user1)[0, 3] == pytest.approx(4 / 3)  # D: of user2 and of user3
    why = model.explain(user1, np.array([3]))
    # user2 shares A and B with user1, user3 shares B and C: B speaks twice
    np.testing.assert_allclose(why.part[0], [1 / 3, 2 / 3, 1 / 3], rtol=1e-6)


def test_it_is_ranked_without_a_score_of_every_item():
    assert isinstance(UserKNN().fit(random_histories(0)), NeighbourModel)


def test_a_new_shopper_needs_no_fit():
    shop = random_histories(4)
    model = UserKNN().fit(shop.take(np.arange(20)))
    new = shop.take(np.arange(20, 30))
    lists = rank(model, new, 5, exclude=new)
    assert (lists.item[:, 0] >= 0).sum() >= 8
    score = model.score(new)
    score[new.user, new.item] = -np.inf
    np.testing.assert_array_equal(lists.item, top_k(score, 5)[0])


@settings(deadline=None, max_examples=25)
@given(SOME, st.sampled_from(sorted(MEASURES)), st.sampled_from(WEIGHTINGS))
def test_an_item_nobody_met_changes_nothing_else(seed, measure, weighting):
    shop = random_histories(seed)
    grown = Vocabulary.of([*shop.items.ids.to_pylist(), "j-unseen"])
    config = UserKNN(measure=measure, weighting=weighting)
    before, after = config.fit(shop).score(shop), config.fit(shop.recode(grown)).score(shop.recode(grown))
    np.testing.assert_allclose(after[:, :-1], before, rtol=1e-5)
    assert np.isneginf(after[:, -1]).all()


@settings(deadline=None, max_examples=25)
@given(SOME, st.sampled_from(sorted(MEASURES)))
def test_the_order_of_shoppers_does_not_matter(seed, measure):
    shop = random_histories(seed)
    order = np.random.default_rng(seed).permutation(shop.n_users)
    config = UserKNN(measure=measure)
    expected = config.fit(shop).score(shop)[order]
    np.testing.assert_allclose(
        config.fit(shop.take(order)).score(shop.take(order)), expected, rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"measure": "manhattan"},
        {"weighting": "none"},
        {"neighbours": 0},
        {"shrinkage": -1.0},
        {"min_common": 0},
    ],
)
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(ConfigError):
        UserKNN(**wrong)


def test_an_empty_history_has_no_reasons():
    model = UserKNN().fit(random_histories(5))
    why = model.explain(history([], model.items), np.array([0, 1]))
    assert why.part.shape == (2, 0)
