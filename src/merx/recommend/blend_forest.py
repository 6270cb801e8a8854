"""The forest of a blend, read from LightGBM's text format.

The library's own prediction takes a lock, copies its input and starts anew with each call; and its Shapley
values take several times as long. What is given here is the same: predictions to the last bit, Shapley values
but for rounding.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from merx.kernels.forest import attribute_rows, predict_rows, trace

DEFAULT_LEFT = 2  # a bit of a node's decision type: where a missing value goes
NAN_IS_MISSING = 2  # in the two bits above it; otherwise NaN counts as 0


@dataclass(frozen=True)
class Forest:
    """T trees of N nodes and L leaves; see `merx.kernels.forest`.

    Parameters
    ----------
    root : int32 (T,)
    feature : int32 (N,)
    threshold : float64 (N,)
    missing_left : bool (N,)
    child : int32 (2 N,)
    passed : float64 (2 N,)
        The share of a node's training rows that go to each child.
    leaf_value : float64 (L,)
    """

    root: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    missing_left: np.ndarray
    child: np.ndarray
    passed: np.ndarray
    leaf_value: np.ndarray

    @classmethod
    def of(cls, text: str) -> "Forest":
        """From a model of numerical features in LightGBM's text format."""
        trees = list(_trees(text))
        leaves = np.array([int(tree["num_leaves"]) for tree in trees])  # (T,)
        nodes = leaves - 1
        first_leaf, first_node = np.cumsum(leaves) - leaves, np.cumsum(nodes) - nodes

        def joined(name: str, kind: type) -> np.ndarray:
            return np.concatenate([np.array(tree[name].split(), kind) for tree in trees])

        sides = np.stack([joined("left_child", np.int64), joined("right_child", np.int64)], axis=1)
        child = np.where(  # (N, 2), counted through all trees
            sides >= 0,
            sides + np.repeat(first_node, nodes)[:, None],
            sides - np.repeat(first_leaf, nodes)[:, None],
        )
        rows, of_leaf = joined("internal_count", float), joined("leaf_count", float)
        to_node = np.append(rows, 0.0)[
            np.maximum(child, -1)
        ]  # a leaf is looked up in vain, in the last place
        to_leaf = np.append(of_leaf, 0.0)[np.maximum(~child, -1)]
        decision, threshold = joined("decision_type", np.int8), joined("threshold", float)
        knows_missing = decision >> 2 & 3 == NAN_IS_MISSING
        return cls(
            root=np.where(nodes > 0, first_node, ~first_leaf).astype(np.int32),
            feature=joined("split_feature", np.int32),
            threshold=threshold,
            missing_left=np.where(knows_missing, (decision & DEFAULT_LEFT) > 0, threshold >= 0),
            child=child.ravel().astype(np.int32),
            passed=((to_node + to_leaf) / rows[:, None]).ravel(),
            leaf_value=joined("leaf_value", float),
        )

    def predict(self, features: np.ndarray) -> np.ndarray:
        """The sum of the trees for each row of features (P, K), NaN where not known: float64 (P,)."""
        found = np.empty(len(features))
        rows = np.ascontiguousarray(features, np.float64)
        predict_rows(rows, self.root, *self._questions, self.child, self.leaf_value, found)
        return found

    def attribute(self, features: np.ndarray) -> np.ndarray:
        """The Shapley values of the features (P, K), float64 (P, K).

        With the mean over the training rows, which is the same for all, they sum to the prediction.
        """
        found = np.zeros(features.shape)
        rows = np.ascontiguousarray(features, np.float64)
        attribute_rows(rows, *self._questions, self.child, self.leaf_value, *self._paths, found)
        return found

    @property
    def _questions(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self.feature, self.threshold, self.missing_left

    @cached_property
    def _paths(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """`above`, `before`, `step` and `gain` of `merx.kernels.forest.attribute_rows`."""
        edges = len(self.child)
        above, before = np.empty(len(self.feature), np.int32), np.empty(edges, np.int32)
        share = np.empty(edges + 1)
        most = trace(self.feature, self.child, self.passed, above, before, share)
        point, weight = np.polynomial.legendre.leggauss(max(1, -(-most // 2)))  # on -1..1, (Q,)
        t, is_open, share = (point + 1) / 2, np.array([0.0, 1.0])[:, None], share[:, None, None]
        factor = (1 - t) * share + t * is_open  # (2 N + 1, 2, Q)
        gain = weight / 2 * (is_open - share) / factor
        # a closed edge after a closed one, a closed and an open one after one that is open
        now, was = (0, 0, 1), (0, 1, 1)
        step = factor[:-1, now] / factor[before][:, was]
        return above, before, step, gain[:-1, now] - gain[before][:, was]


def _trees(text: str) -> Iterator[dict[str, str]]:
    """The lines "name=values" of each tree."""
    for section in text.split("\n\nend of trees")[0].split("\nTree=")[1:]:
        yield dict(line.split("=", 1) for line in section.splitlines()[1:] if "=" in line)
