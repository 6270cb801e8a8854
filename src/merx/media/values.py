"""Values of a catalogue's column as classes to be told apart, and back: those with levels, and rare ones."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

LEVEL = " > "  # between the levels of a category
OTHER = ""  # the class of products whose own class has too few examples; it is never proposed


def classes_of(values: Sequence[str | None], fewest: int, levels: bool) -> list[str | None]:
    """The class of each value: itself where `fewest` products have it, else the level above that has them.

    `OTHER` where none has; None where the value is missing, or where OTHER would itself be too rare.
    """
    paths = [[] if value is None else value.split(LEVEL) if levels else [value] for value in values]
    count = Counter(LEVEL.join(path[:depth]) for path in paths for depth in range(1, len(path) + 1))
    found = list[str | None]()
    for path in paths:
        above = (LEVEL.join(path[:depth]) for depth in range(len(path), 0, -1))
        found.append(next((name for name in above if count[name] >= fewest), OTHER) if path else None)
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
        {
            LEVEL.join(path[:depth])
            for name in classes
            if name != OTHER
            for path in [name.split(LEVEL) if levels else [name]]
            for depth in range(1, len(path) + 1)
        },
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


def within(name: str, node: str) -> bool:
    """Whether a category is `node` or lies below it."""
    return name == node or name.startswith(node + LEVEL)
