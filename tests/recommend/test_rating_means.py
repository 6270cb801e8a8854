"""Ratings as read from histories, and the means of shoppers and items."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from merx.data.interactions import history
from merx.data.vocabulary import Vocabulary
from merx.errors import ConfigError, FitError
from merx.recommend import ratings as module
from merx.recommend.rating_item_knn import RatingItemKNN
from merx.recommend.ratings import Means, Scale, ratings, ratings_to_fit
from tests import worlds
from tests.worlds import checkerboard, random_histories

ITEMS = ["a", "b", "c", "d"]


def test_the_latest_rating_counts_and_nothing_but_ratings():
    one = history(
        ["c", "a", "a", "c", "b"],
        Vocabulary.of(ITEMS),
        weight=[4.0, 1.0, 5.0, 2.0, 3.0],
        event=["rate", "rate", "purchase", "rate", "view_item"],
    )
    found = ratings(one)
    assert found.indices.tolist() == [0, 2]
    assert found.data.tolist() == [1.0, 2.0]


def test_no_stars_are_a_rating_too():
    found = ratings(worlds.ratings([(0, "a", 0.0, 1), (0, "b", 3.0, 2)], ITEMS, 1))
    assert found.toarray().tolist() == [[0.0, 3.0, 0.0, 0.0]] and found.nnz == 2


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.integers(0, 3), st.integers(0, 5), st.integers(0, 9)), max_size=60
    )
)
@settings(deadline=None)
def test_ratings_by_definition(rows):
    rows = [(u, ITEMS[i], float(stars), day) for u, i, stars, day in rows]
    found = ratings(worlds.ratings(rows, ITEMS, 7))
    latest = {(u, i): stars for u, i, stars, _ in sorted(rows, key=lambda row: (row[0], row[3]))}
    read = {(u, ITEMS[i]): x for u, i, x in zip(*found.nonzero(), found.data[found.data != 0], strict=True)}
    assert read == {pair: stars for pair, stars in latest.items() if stars}
    assert found.nnz == len(latest) and found.has_sorted_indices and found.shape == (7, 4)


def test_no_ratings_is_no_model():
    with pytest.raises(FitError, match="no ratings: none of the 100 entries"):
        ratings_to_fit(checkerboard())


def test_means_by_hand():
    """The mean is 3, and each b is the sum of what the others leave of the ratings, over n + 2."""
    rows = [(0, "a", 4.0, 0), (0, "b", 2.0, 0), (1, "a", 5.0, 0), (2, "b", 1.0, 0), (2, "c", 3.0, 0)]
    given_ratings = ratings(worlds.ratings(rows, ITEMS, 4))
    means = Means.of(given_ratings, shrinkage=2.0)
    user = means.user(given_ratings)
    assert means.scale == Scale(3.0, 1.0, 5.0)
    b = dict(zip("abc", means.item, strict=False))
    assert user[0] == pytest.approx((4 - 3 - b["a"] + 2 - 3 - b["b"]) / (2 + 2))
    assert user[1] == pytest.approx((5 - 3 - b["a"]) / (1 + 2))
    assert user[3] == 0 and means.item[3] == 0
    assert means.rated.tolist() == [True, True, True, False]
    # the alternation has come to rest
    assert b["a"] == pytest.approx((4 - 3 - user[0] + 5 - 3 - user[1]) / (2 + 2), abs=1e-4)
    assert b["c"] == pytest.approx((3 - 3 - user[2]) / (1 + 2), abs=1e-4)


def test_means_are_the_least_squares(monkeypatch):
    monkeypatch.setattr(module, "ROUNDS", 200)
    found = ratings(random_histories(3))
    shrinkage = 3.0
    means = Means.of(found, shrinkage)
    user, item = found.nonzero()
    users, items = found.shape
    design = np.zeros((found.nnz, users + items))
    design[np.arange(found.nnz), user] = 1
    design[np.arange(found.nnz), users + item] = 1
    b = np.linalg.solve(
        design.T @ design + shrinkage * np.eye(users + items), design.T @ (found.data - found.data.mean())
    )
    np.testing.assert_allclose(means.user(found), b[:users], atol=1e-6)
    np.testing.assert_allclose(means.item, b[users:], atol=1e-6)


def test_deviations_and_baselines_make_up_the_ratings():
    found = ratings(random_histories(4))
    means = Means.of(found, 5.0)
    left = means.deviations(found)
    whole = left.data + means.baseline(found, *found.nonzero())
    np.testing.assert_allclose(whole, found.data, atol=1e-6)


def test_unknown_similarity_is_told():
    with pytest.raises(ConfigError, match="similarity = 'jaccard': one of cosine, pearson, euclidean"):
        RatingItemKNN(similarity="jaccard")


def test_stars_of_another_weight_only_change_the_scale():
    histories = random_histories(5)
    tripled = replace(histories, weight=histories.weight * 3)
    pairs = np.arange(10), np.arange(10)
    once, thrice = (RatingItemKNN().fit(h).predict(h, *pairs) for h in (histories, tripled))
    np.testing.assert_allclose(thrice, 3 * once, rtol=1e-5)
