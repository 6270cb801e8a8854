"""Item-based neighbours on ratings, against loops over pairs of items."""

import numpy as np
import pytest

from merx.recommend.rating_item_knn import RatingItemKNN
from merx.recommend.ratings import Means, ratings
from tests import worlds
from tests.recommend.test_rating_user_knn import likeness, table
from tests.worlds import random_histories


@pytest.mark.parametrize("similarity", ["cosine", "pearson", "euclidean"])
@pytest.mark.parametrize(("neighbours", "overlap"), [(100, 1), (3, 2)])
def test_by_definition(similarity, neighbours, overlap):
    train, asked = random_histories(1, users=40, items=8), random_histories(2, users=12, items=8)
    config = RatingItemKNN(similarity, neighbours, shrinkage=3.0, overlap=overlap, damping=0.3)
    model = config.fit(train)
    means = model.means
    assert np.allclose(means.item, Means.of(ratings(train), config.mean_shrinkage).item)
    b = means.user(ratings(train))
    raters = {i: {} for i in range(8)}
    for u, row in table(train).items():
        for i, stars in row.items():
            raters[i][u] = stars - means.scale.mean - b[u] - means.item[i]
    b = means.user(ratings(asked))
    score, some = model.score(asked), 0
    for u, row in table(asked).items():
        for i in range(8):
            alike = {h: likeness(similarity, raters[i], raters[h], 3.0, overlap) for h in range(8) if h != i}
            best = sorted((-s, h) for h, s in alike.items() if s > 0)[:neighbours]
            said = [(-s, row[h] - means.scale.mean - b[u] - means.item[h]) for s, h in best if h in row]
            expected = means.scale.mean + b[u] + means.item[i]
            expected += sum(s * d for s, d in said) / (0.3 + sum(s for s, _ in said))
            if np.isfinite(score[u, i]):
                assert score[u, i] == pytest.approx(expected, abs=1e-4)
                some += 1
    assert some > 50


def test_a_low_rating_of_a_like_item_speaks_against():
    rows = [(u, item, stars, 0) for u in range(6) for item, stars in (("a", 1.0 + 4 * (u % 2)),) * 1]
    rows += [(u, "b", 1.0 + 4 * (u % 2), 0) for u in range(6)]
    rows += [(6, "a", 5.0, 0), (7, "a", 1.0, 0)]
    world = worlds.ratings(rows, ["a", "b"], 8)
    model = RatingItemKNN(shrinkage=0.0, mean_shrinkage=50.0).fit(world)
    liked, disliked = model.predict(world, np.array([6, 7]), np.array([1, 1]))
    assert liked > 4 > 2 > disliked
    part = [model.explain(world.take(np.array([u])), np.array([1])).part.item() for u in (6, 7)]
    assert part[0] > 1 and part[1] < -1


def test_one_common_shopper_is_no_evidence():
    rows = [(0, "a", 5.0, 0), (0, "b", 5.0, 0), (0, "c", 1.0, 0), (1, "a", 1.0, 0), (1, "b", 1.0, 0)]
    model = RatingItemKNN().fit(worlds.ratings(rows, ["a", "b", "c"], 2))
    assert (model.neighbours.toarray() > 0).tolist() == [
        [False, True, False],
        [True, False, False],
        [False, False, False],
    ]
