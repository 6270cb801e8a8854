"""How alike products are by what the catalogue says of them: what a list is made diverse against."""

from collections.abc import Sequence

import numpy as np

from merx.data.categories import LEVEL


def alike(category: Sequence[str | None], brand: Sequence[str | None]) -> np.ndarray:
    """How alike each two of n products are, 0..1, float64 (n, n): 1 on the diagonal.

    The mean of two parts: the share of the levels of their categories that they have in common, counted from
    the top and of the deeper of the two; and whether they are of one brand. A part that the catalogue knows
    of none of the products is left out; where it does not know it of one of two, it is 0.
    """
    parts = [part for part in (_levels(category), _levels(brand, "")) if part is not None]
    found = np.mean(parts, axis=0) if parts else np.zeros((len(category), len(category)))
    np.fill_diagonal(found, 1.0)
    return np.asarray(found)


def _levels(names: Sequence[str | None], separator: str = LEVEL) -> np.ndarray | None:
    """The share of levels in common, (n, n); None where no name is known."""
    split = [name.split(separator) if separator else [name] for name in (name or "" for name in names)]
    depth = np.array([len(levels) if name else 0 for name, levels in zip(names, split, strict=True)])  # (n,)
    if not depth.any():
        return None
    common = np.zeros((len(names), len(names)))
    for level in range(1, depth.max() + 1):
        _, code = np.unique([separator.join(levels[:level]) for levels in split], return_inverse=True)
        deep = depth >= level
        common += (code[:, None] == code[None, :]) & deep[:, None] & deep[None, :]
    deeper = np.maximum(depth[:, None], depth[None, :])
    return np.asarray(common / np.maximum(deeper, 1))
