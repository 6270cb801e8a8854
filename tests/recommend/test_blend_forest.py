"""Trees read from LightGBM's text: its predictions to a bit, and Shapley values by their definition."""

from functools import cache
from itertools import combinations
from math import factorial

import lightgbm
import numpy as np
import pytest

from merx.recommend.blend_forest import Forest

ROWS = 1200


@cache
def trained(features: int, trees: int, leaves: int, in_leaf: int = 5, missing: float = 0.2):
    """A booster as it is read back from its text, that text, and rows to ask it about."""
    rng = np.random.default_rng(features)
    x = rng.normal(size=(ROWS, features)).astype(np.float32)
    y = x[:, 0] + x[:, 1] * x[:, 2] + rng.normal(size=ROWS)
    x[rng.random(x.shape) < missing] = np.nan
    settings = {"objective": "regression", "num_leaves": leaves, "min_data_in_leaf": in_leaf, "verbosity": -1}
    text = lightgbm.train(settings, lightgbm.Dataset(x, y), trees).model_to_string()
    asked = x[:200].copy()
    asked[:20, 0], asked[20:40, 1], asked[40:60, 2] = np.nan, 0.0, 1e30
    return lightgbm.Booster(model_str=text), text, asked


@pytest.mark.parametrize(
    "shape",
    [
        (5, 1, 2),
        (4, 30, 31),
        (30, 40, 15),
        (5, 20, 8, 5, 0.0),  # nothing was missing in training
        (3, 3, 4, ROWS + 1),  # a single leaf
    ],
)
def test_what_lightgbm_says(shape):
    booster, text, asked = trained(*shape)
    forest, shapley = Forest.of(text), booster.predict(asked, pred_contrib=True)
    predicted = forest.predict(asked)
    np.testing.assert_array_equal(predicted, booster.predict(asked))
    attributed = forest.attribute(asked)
    np.testing.assert_allclose(attributed, shapley[:, :-1], rtol=0, atol=1e-12)
    np.testing.assert_allclose(attributed.sum(axis=1), predicted - shapley[:, -1], rtol=0, atol=1e-12)


def test_trees_of_one_leaf_among_others():
    one, many = trained(3, 3, 4, ROWS + 1)[1], trained(3, 4, 5)[1]
    first, last = many.index("\nTree=0"), many.index("\n\nend of trees")
    alone = one[one.index("\nTree=0") : one.index("\n\nend of trees")]
    mixed = many[:first] + alone + many[first:last] + alone + many[last:]
    asked = trained(3, 4, 5)[2]
    constant = Forest.of(one).predict(asked[:1])[0]
    expected = Forest.of(many)
    np.testing.assert_allclose(Forest.of(mixed).predict(asked), expected.predict(asked) + 2 * constant)
    np.testing.assert_array_equal(Forest.of(mixed).attribute(asked), expected.attribute(asked))


def test_shapley_values_by_their_definition():
    """A feature that is not known follows both edges, each as often as the training rows did."""
    _, text, asked = trained(4, 3, 9)
    forest = Forest.of(text)

    def expected(at: int, row: np.ndarray, known: tuple[int, ...]) -> float:
        if at < 0:
            return float(forest.leaf_value[~at])
        value, edges = row[forest.feature[at]], (2 * at, 2 * at + 1)
        if forest.feature[at] not in known:
            return sum(forest.passed[edge] * expected(forest.child[edge], row, known) for edge in edges)
        left = forest.missing_left[at] if np.isnan(value) else value <= forest.threshold[at]
        return expected(forest.child[edges[0 if left else 1]], row, known)

    def worth(row: np.ndarray, known: tuple[int, ...]) -> float:
        return sum(expected(int(root), row, known) for root in forest.root)

    for row in asked[::40]:
        shapley = np.zeros(4)
        for feature in range(4):
            others = [other for other in range(4) if other != feature]
            for size in range(4):
                weight = factorial(size) * factorial(3 - size) / factorial(4)
                for known in combinations(others, size):
                    shapley[feature] += weight * (worth(row, (*known, feature)) - worth(row, known))
        np.testing.assert_allclose(forest.attribute(row[None])[0], shapley, atol=1e-12)


def test_no_rows():
    forest = Forest.of(trained(4, 3, 9)[1])
    assert forest.predict(np.empty((0, 4))).shape == (0,) and forest.attribute(np.empty((0, 4))).shape == (
        0,
        4,
    )
