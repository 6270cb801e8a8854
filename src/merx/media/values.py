"""Values of a catalogue's column as classes to be told apart, and back: those with levels, and rare ones."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from merx.data import categories
from merx.data.categories import LEVEL, within

OTHER = ""  # the class of products whose own class has too few examples; it is never proposed


def classes_of(values: Sequence[str | None], fewest: int, levels: bool) -> list[str | None]:
    """The class of each value: itself where `fewest` products have it, else the level above that has them.

    `OTHER` where none has; None where the value is missing, or where OTHER would itself be too rare.
    """
    paths = [_path(value, levels) for value in values]
    count = Counter(name for path in paths for name in path)
    found = [
        next((name for name in reversed(path) if count[name] >= fewest), OTHER) if path else None
        for path in paths
    ]
    rare = Counter(found)
    return [None if name is not None and rare[name] < fewest and name == OTHER else name for name in found]


def most_likely(
    chances: np.ndarray, classes: Sequence[str], least: float, levels: bool
) -> tuple[list[str], np.ndarray]:
    """What is proposed for each of n products, "" where nothing is likely enough, and its probability (n,).

    Of a value with levels, the deepest whose probability, the sum over all classes at or below it, is at
    least `least`; so "Home" is proposed where the shelf within it is not sure.
    """
    nodes = sorted(
        {node for name in classes if name != OTHER for node in _path(name, levels)},
        key=lambda node: (-node.count(LEVEL) if levels else 0, node),
    )
    below = np.array([[within(name, node) for node in nodes] for name in classes], np.float64)  # (C, N)
    sure = np.nan_to_num(chances) @ below  # (n, N)
    depth = np.array([node.count(LEVEL) if levels else 0 for node in nodes])
    rank = np.where(sure >= least, depth + sure, -1)  # a deeper one first, then the likelier
    best = rank.argmax(axis=1)
    own = np.arange(len(chances))
    good = rank[own, best] >= 0
    return [nodes[b] if g else "" for b, g in zip(best, good, strict=True)], np.where(
        good, sure[own, best], sure.max(axis=1)
    )


def _path(value: str | None, levels: bool) -> list[str]:
    """A value and what lies above it, the widest first."""
    return categories.levels(value) if levels else [value] if value is not None else []
