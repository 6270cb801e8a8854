"""ItemKNN: similarities by definition, by hand, and as published on gowalla."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from merx.data.interactions import Interactions, history
from merx.data.vocabulary import Vocabulary
from merx.errors import ConfigError
from merx.evaluate.ranking import ndcg, recall
from merx.kernels.topk import top_k
from merx.recommend.item_knn import ItemKNN
from merx.recommend.weighting import MEASURES, WEIGHTINGS
from tests.recommend.reference import similarity, weighted
from tests.worlds import interactions, random_histories

SOME = st.integers(0, 10_000)


def item_similarities(shop: Interactions, config: ItemKNN) -> np.ndarray:
    """similarity[h, i] (I, I), pair by pair."""
    raw = shop.matrix().toarray().T.astype(np.float64)  # (I, U)
    rows = weighted(raw, config.weighting)
    n = len(rows)
    found = np.zeros((n, n))
    for i in range(n):
        mine = np.array(
            [
                0.0 if h == i else similarity(rows[i], rows[h], config.measure, config.shrinkage, rows)
                for h in range(n)
            ]
        )
        mine[(rows > 0).astype(int) @ (rows[i] > 0) < config.min_common] = 0
        near = np.argsort(-mine, kind="stable")[: config.neighbours]
        near = near[mine[near] > 1e-9]
        if len(near):
            found[near, i] = mine[near] / mine[near].sum() ** config.normalise
    return found


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("weighting", WEIGHTINGS)
@pytest.mark.parametrize(
    ("shrinkage", "min_common", "normalise"), [(0.0, 1, 0.0), (2.0, 2, 0.5), (7.0, 1, 1.0)]
)
def test_similarities_by_definition(measure, weighting, shrinkage, min_common, normalise):
    shop = random_histories(1)
    config = ItemKNN(25, measure, weighting, shrinkage, min_common, normalise)  # all: no ties at the cut
    found = config.fit(shop).similarity.toarray()
    np.testing.assert_allclose(found, item_similarities(shop, config), rtol=2e-4, atol=1e-6)


@pytest.mark.parametrize("measure", MEASURES)
def test_only_the_nearest_are_kept(measure):
    shop = random_histories(2)
    every = ItemKNN(25, measure, shrinkage=1.0, normalise=0.0).fit(shop).similarity.toarray()
    few = ItemKNN(4, measure, shrinkage=1.0, normalise=0.0).fit(shop).similarity.toarray()
    for i in range(25):
        best = np.sort(every[:, i])[::-1][:4]
        np.testing.assert_allclose(np.sort(few[:, i])[::-1][:4], best, rtol=1e-6)
        assert np.count_nonzero(few[:, i]) <= 4


def test_cosine_by_hand():
    # A is met by u0, u1, u2; B by u0, u1; C by u2, u3: |A| = sqrt 3, |B| = |C| = sqrt 2
    rows = [(0, "A"), (0, "B"), (1, "A"), (1, "B"), (2, "A"), (2, "C"), (3, "C")]
    shop = interactions([(u, name, 1.0, 0) for u, name in rows], ["A", "B", "C"], 4)
    plain = ItemKNN(weighting="log", shrinkage=0.0, normalise=0.0).fit(shop)
    expected = [[0, 2 / 6**0.5, 1 / 6**0.5], [2 / 6**0.5, 0, 0], [1 / 6**0.5, 0, 0]]
    np.testing.assert_allclose(plain.similarity.toarray(), expected, rtol=1e-6)
    shrunk = ItemKNN(weighting="log", shrinkage=10.0, normalise=0.0).fit(shop)
    assert shrunk.similarity[0, 1] == pytest.approx(2 / (6**0.5 + 10))
    shared = ItemKNN(weighting="log", shrinkage=0.0, normalise=1.0).fit(shop)
    np.testing.assert_allclose(shared.similarity.toarray()[:, 0], [0, 2 / 3, 1 / 3], rtol=1e-6)
    jaccard = ItemKNN(measure="jaccard", shrinkage=0.0, normalise=0.0).fit(shop)
    assert jaccard.similarity[0, 1] == pytest.approx(2 / 3)
    distance = ItemKNN(measure="euclidean", weighting="log", shrinkage=0.0, normalise=0.0).fit(shop)
    assert distance.similarity[0, 1] == pytest.approx(1 / (1 + 1))  # they differ in u2 alone
    pearson = ItemKNN(measure="pearson", weighting="log", shrinkage=0.0, normalise=0.0).fit(shop)
    assert pearson.similarity[0, 1] == pytest.approx(np.corrcoef([1, 1, 1, 0], [1, 1, 0, 0])[0, 1], rel=1e-6)


def test_a_score_is_the_sum_of_its_reasons():
    shop = random_histories(3)
    model = ItemKNN().fit(shop)
    for user in range(shop.n_users):
        one = shop.take(np.array([user]))
        score = model.score(one)[0]
        item = np.flatnonzero(np.isfinite(score))
        why = model.explain(one, item)
        np.testing.assert_allclose(why.part.sum(axis=1), score[item], rtol=1e-5)


@settings(deadline=None, max_examples=25)
@given(SOME, st.sampled_from(sorted(MEASURES)), st.sampled_from(WEIGHTINGS))
def test_an_item_nobody_met_changes_nothing_else(seed, measure, weighting):
    shop = random_histories(seed)
    grown = Vocabulary.of([*shop.items.ids.to_pylist(), "j-unseen"])
    config = ItemKNN(measure=measure, weighting=weighting)
    before, after = config.fit(shop).score(shop), config.fit(shop.recode(grown)).score(shop.recode(grown))
    np.testing.assert_allclose(after[:, :-1], before, rtol=1e-5)
    assert np.isneginf(after[:, -1]).all()


@settings(deadline=None, max_examples=25)
@given(SOME, st.sampled_from(sorted(MEASURES)))
def test_the_order_of_shoppers_does_not_matter(seed, measure):
    shop = random_histories(seed)
    order = np.random.default_rng(seed).permutation(shop.n_users)
    config = ItemKNN(measure=measure)
    expected = config.fit(shop).score(shop)[order]
    np.testing.assert_allclose(
        config.fit(shop.take(order)).score(shop.take(order)), expected, rtol=1e-4, atol=1e-6
    )


def test_a_new_shopper_needs_no_fit():
    shop = random_histories(4)
    model = ItemKNN().fit(shop)
    assert np.isfinite(model.score(history(["i01", "i02"], model.items))).any()


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
        ItemKNN(**wrong)


@pytest.mark.slow
def test_gowalla_as_published(gowalla):
    """BARS (openbenchmark.github.io/BARS, ItemKNN on gowalla): Recall@20 .1570, NDCG@20 .1214.

    Their settings: cosine, 100 neighbours, similarities of an item normalised to a sum of 1; and the share of
    users who met an item is added to its score, less what its neighbours' shares let expect. That prior is
    no part of ItemKNN, so it is added here.
    """
    train, targets = gowalla
    model = ItemKNN(100, "cosine", "log", shrinkage=0.0, normalise=1.0).fit(train)
    met = train.matrix()
    share = met.sum(axis=0) / train.n_users
    prior = (share - share @ model.similarity).astype(np.float32)  # (I,)
    lists = []
    for first in range(0, train.n_users, 1000):
        some = met[first : first + 1000]
        score = (some @ model.similarity).toarray() + prior
        score[some.nonzero()] = -np.inf
        lists.append(top_k(score, 20)[0])
    item = np.concatenate(lists)
    asked = np.flatnonzero(np.diff(targets.indptr))
    assert recall(item[asked], targets[asked]).mean() == pytest.approx(0.1570, rel=0.01)
    assert ndcg(item[asked], targets[asked]).mean() == pytest.approx(0.1214, rel=0.01)
