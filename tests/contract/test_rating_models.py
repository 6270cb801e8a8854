"""What every model of ratings must do beyond recommending. Kinds called rating_... are under test."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from merx import registry
from merx.data.contracts import RatingModel
from merx.data.interactions import Interactions, history
from merx.data.schema import EVENT_CODE
from merx.data.vocabulary import Vocabulary
from merx.evaluate.ratings import cross_validate
from merx.recommend.ratings import ratings
from tests.worlds import random_histories, rated_checkerboard

KINDS = [kind.name for kind in registry.kinds_for("recommend") if kind.name.startswith("rating_")]
RATE = EVENT_CODE["rate"]


def fitted(name, interactions):
    config, _ = registry.kind(name).load()
    return config().fit(interactions)


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


def every_pair(histories):
    pairs = np.indices((histories.n_users, histories.n_items))
    return pairs[0].ravel(), pairs[1].ravel()


def test_meets_the_protocol(kind):
    assert isinstance(fitted(kind, random_histories(0)), RatingModel)


def test_predictions_are_the_scores_within_the_scale_and_numbers_everywhere(kind):
    histories = random_histories(1, items=45)
    model = fitted(kind, histories)
    predicted = model.predict(histories, *every_pair(histories))
    assert predicted.dtype == np.float64 and predicted.shape == (30 * 45,)
    assert np.isfinite(predicted).all() and predicted.min() >= 1 and predicted.max() <= 5
    score = model.score(histories).ravel()
    known = np.isfinite(score)
    assert 0 < known.sum() < len(known)
    np.testing.assert_allclose(predicted[known], np.clip(score[known], 1, 5), atol=1e-4)


def test_nothing_is_known_without_ratings_of_the_shopper_or_of_the_item(kind):
    histories = random_histories(2, items=45)
    score = np.isfinite(fitted(kind, histories).score(histories))
    given = ratings(histories)
    rated = np.bincount(given.indices, minlength=45) > 0
    assert (score == (np.diff(given.indptr) > 0)[:, None] & rated).all()


def test_baseline_and_parts_add_up_to_the_score(kind):
    histories = random_histories(3)
    model = fitted(kind, histories)
    for u in (5, 11, 17):
        one = histories.take(np.array([u]))
        score = model.score(one)[0]
        item = np.flatnonzero(np.isfinite(score))
        why = model.explain(one, item)
        whole = model.baseline(one, np.zeros(len(item), int), item) + why.part.sum(axis=1)
        np.testing.assert_allclose(whole, score[item], atol=1e-3)
        assert set(why.history.tolist()) == set(one.item[one.event == RATE].tolist())


def test_only_ratings_are_read(kind):
    histories = random_histories(4)
    alone = histories.keep(histories.event == RATE)
    pairs = every_pair(histories)
    expected = fitted(kind, alone).predict(alone, *pairs)
    np.testing.assert_array_equal(fitted(kind, histories).predict(histories, *pairs), expected)


def test_the_latest_rating_of_an_item_counts(kind):
    model = fitted(kind, random_histories(5))

    def rated(ids, stars):
        return history(ids, model.items, weight=stars, event=["rate"] * len(ids))

    changed = rated(["i01", "i02", "i01"], [1.0, 4.0, 5.0])
    np.testing.assert_array_equal(model.score(changed), model.score(rated(["i01", "i02"], [5.0, 4.0])))


def test_a_low_rating_speaks_against_what_is_like_it(kind):
    board = rated_checkerboard()
    model = fitted(kind, board)

    def says(even, odd):
        ids = [f"i{i:02d}" for i in range(8)]
        stars = [even if i % 2 == 0 else odd for i in range(8)]
        one = history(ids, model.items, weight=stars, event=["rate"] * 8)
        return model.predict(one, np.zeros(2, int), np.array([10, 11]))

    likes_even, likes_odd = says(5.0, 1.0), says(1.0, 5.0)
    assert likes_even[0] > likes_odd[0] and likes_even[1] < likes_odd[1]
    assert likes_even[0] > likes_even[1] and likes_odd[0] < likes_odd[1]


def test_an_item_that_nobody_rated_changes_nothing_else(kind):
    histories = random_histories(6)
    grown = Vocabulary.of([*histories.items.ids.to_pylist(), "a-new-one", "i07b"])
    model, larger = fitted(kind, histories), fitted(kind, histories.recode(grown))
    score = larger.score(histories.recode(grown))
    old = grown.codes(histories.items.ids)
    np.testing.assert_allclose(score[:, old], model.score(histories), rtol=1e-6)
    assert np.isneginf(np.delete(score, old, axis=1)).all()


def test_pairs_in_another_order_and_repeated(kind):
    histories = random_histories(7)
    model = fitted(kind, histories)
    user, item = every_pair(histories)
    order = np.random.default_rng(0).integers(0, len(user), 300)
    expected = model.predict(histories, user, item)[order]
    np.testing.assert_array_equal(model.predict(histories, user[order], item[order]), expected)
    assert model.predict(histories, user[:0], item[:0]).shape == (0,)


def test_one_rating_in_all(kind):
    one = random_histories(8).keep(np.arange(len(random_histories(8))) < 0)
    one = replace(history(["i03"], one.items, weight=[4.0], event=["rate"]))
    model = fitted(kind, one)
    np.testing.assert_allclose(model.predict(one, *every_pair(one)), 4.0, atol=1e-5)
    assert np.flatnonzero(np.isfinite(model.score(one))).tolist() == [3]


MOVIELENS = Path(os.environ.get("MERX_DATA", "../shared/data")) / "movielens_latest_small/ratings.parquet"
RMSE = {"rating_user_knn": 0.885, "rating_item_knn": 0.88, "rating_als": 0.885, "rating_nmf": 0.885}


@pytest.mark.slow
@pytest.mark.skipif(not MOVIELENS.exists(), reason="MERX_DATA does not hold movielens_latest_small")
def test_accuracy_on_movielens(kind):
    table = pq.read_table(MOVIELENS).sort_by([("userId", "ascending"), ("timestamp", "ascending")])
    items = Vocabulary.of(str(i) for i in table["movieId"].to_pylist())
    _, count = np.unique(table["userId"].to_numpy(), return_counts=True)
    histories = Interactions(
        offsets=np.concatenate([[0], np.cumsum(count)]),
        item=items.codes([str(i) for i in table["movieId"].to_pylist()]),
        weight=table["rating"].to_numpy().astype(np.float32),
        time=table["timestamp"].to_numpy() * 1_000_000,
        event=np.full(table.num_rows, RATE, np.int8),
        items=items,
    )
    config, _ = registry.kind(kind).load()
    assert cross_validate(config(), histories).rmse.mean() < RMSE[kind]
