"""User-based neighbours on ratings, against loops over pairs of shoppers."""

import math

import numpy as np
import pytest

from merx.recommend.rating_user_knn import RatingUserKNN
from merx.recommend.ratings import Means, ratings
from tests import worlds
from tests.worlds import random_histories


def table(histories):
    """{user: {item: stars}}, in codes."""
    found = ratings(histories)
    return {
        u: dict(zip(found[[u]].indices.tolist(), found[[u]].data.tolist(), strict=True))
        for u in range(found.shape[0])
    }


def likeness(kind, x, y, shrinkage, overlap):
    """Of two dicts of deviations, over their common keys."""
    common = sorted(x.keys() & y.keys())
    n = len(common)
    if n < max(overlap, 1):
        return 0.0
    a, b = [x[h] for h in common], [y[h] for h in common]
    if kind == "euclidean":
        value = 1 / (1 + math.sqrt(sum((p - q) ** 2 for p, q in zip(a, b, strict=True)) / n))
    else:
        if kind == "pearson":
            a, b = [p - sum(a) / n for p in a], [q - sum(b) / n for q in b]
        size = math.sqrt(sum(p * p for p in a) * sum(q * q for q in b))
        value = sum(p * q for p, q in zip(a, b, strict=True)) / size if size > 1e-9 else 0.0
    return value * n / (n + shrinkage)


def predictions(config, train, asked):
    """The score of the module's docstring, term by term: one for each shopper (row) and item."""
    means = Means.of(ratings(train), config.mean_shrinkage)

    def deviations(histories):
        given = ratings(histories)
        b = means.user(given)
        return {
            u: {i: stars - means.scale.mean - b[u] - means.item[i] for i, stars in row.items()}
            for u, row in table(histories).items()
        }

    theirs, b = deviations(train), means.user(ratings(asked))
    found = np.empty((asked.n_users, asked.n_items))
    for u, own in deviations(asked).items():
        alike = {
            v: likeness(config.similarity, own, y, config.shrinkage, config.overlap)
            for v, y in theirs.items()
        }
        best = sorted((-s, v) for v, s in alike.items() if s > 0)[: config.neighbours]
        for i in range(asked.n_items):
            said = [(-s, theirs[v][i]) for s, v in best if i in theirs[v]]
            base = means.scale.mean + b[u] + means.item[i]
            found[u, i] = base + sum(s * d for s, d in said) / (config.damping + sum(s for s, _ in said))
    return found


@pytest.mark.parametrize("similarity", ["cosine", "pearson", "euclidean"])
@pytest.mark.parametrize(("neighbours", "overlap"), [(300, 1), (4, 3)])  # of 2, every correlation is 1
def test_by_definition(similarity, neighbours, overlap):
    train, asked = random_histories(1, users=40, items=8), random_histories(2, users=12, items=8)
    config = RatingUserKNN(similarity, neighbours, shrinkage=3.0, overlap=overlap, damping=0.3)
    score = config.fit(train).score(asked)
    known = np.isfinite(score)
    np.testing.assert_allclose(score[known], predictions(config, train, asked)[known], atol=1e-4, rtol=0)
    assert known.sum() > 50


def test_correlations_of_the_grouplens_paper():
    """Resnick et al. 1994: Ken's correlation is +1 with Meg, -0.8 with Lee, 0 with Nan.

    Lee's ratings are mirrored (6 - r), since only likeness above 0 makes a neighbour: +0.8 then.
    """
    rows = {
        "ken": {1: 1, 2: 5, 4: 2, 5: 4},
        "lee": {1: 6 - 4, 2: 6 - 2, 4: 6 - 5, 5: 6 - 1},
        "meg": {1: 2, 2: 4, 3: 3, 6: 5},
        "nan": {1: 2, 2: 4, 4: 5, 5: 1},
    }
    train = worlds.ratings(
        [(u, str(m), float(r), 0) for u, row in enumerate(rows.values()) for m, r in row.items()],
        [str(m) for m in range(1, 7)],
        4,
    )
    # so many imagined ratings that every mean is that of all: deviations are the ratings, shifted
    model = RatingUserKNN("pearson", shrinkage=0.0, mean_shrinkage=1e12).fit(train)
    alike = model._alike(ratings(train.take(np.array([0]))))
    assert dict(zip(alike.indices.tolist(), alike.data.tolist(), strict=True)) == pytest.approx(
        {0: 1.0, 1: 0.8, 2: 1.0}
    )


def test_those_of_like_taste_count_and_those_of_the_opposite_do_not():
    rows = [(0, "a", 5.0, 0), (0, "b", 1.0, 0)]
    rows += [(1, "a", 5.0, 0), (1, "b", 1.0, 0), (1, "c", 5.0, 0), (1, "d", 1.0, 0)]
    rows += [(2, "a", 1.0, 0), (2, "b", 5.0, 0), (2, "c", 1.0, 0), (2, "d", 5.0, 0)]
    world = worlds.ratings(rows, ["a", "b", "c", "d"], 3)
    c, d = RatingUserKNN(shrinkage=0.0).fit(world).score(world)[0, 2:]
    assert c > 3.5 > 2.5 > d


def test_more_in_common_is_more_alike():
    rng = np.random.default_rng(0)
    taste = rng.choice([1.0, 5.0], 30)
    rows = [(0, f"i{i:02d}", taste[i], 0) for i in range(20)]
    rows += [(1, f"i{i:02d}", taste[i], 0) for i in range(20)]
    rows += [(2, f"i{i:02d}", taste[i], 0) for i in (0, 1, 25)]
    world = worlds.ratings(rows, [f"i{i:02d}" for i in range(30)], 3)
    alike = RatingUserKNN(shrinkage=10.0).fit(world)._alike(ratings(world)).toarray()
    assert alike[0, 1] > 2 * alike[0, 2] > 0


def test_parts_add_up_where_neighbours_are_few():
    histories = random_histories(6, users=60, items=10)
    for similarity in ("cosine", "pearson", "euclidean"):
        model = RatingUserKNN(similarity, neighbours=5, shrinkage=2.0).fit(histories)
        one = histories.take(np.array([7]))
        item = np.flatnonzero(np.isfinite(model.score(one)[0]))
        why = model.explain(one, item)
        whole = model.baseline(one, np.zeros(len(item), int), item) + why.part.sum(axis=1)
        np.testing.assert_allclose(whole, model.score(one)[0, item], atol=1e-4)
        assert np.abs(why.part).max() > 1e-3
