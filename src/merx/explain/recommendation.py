"""Why this item: which of the shopper's own items led here, and how much each weighs."""

from dataclasses import dataclass

import numpy as np

from merx.data.contracts import Recommender
from merx.data.interactions import Interactions
from merx.data.results import Contributions
from merx.data.vocabulary import Vocabulary

TINY = np.finfo(np.float64).tiny


@dataclass(frozen=True)
class Reason:
    """One of the shopper's own items and the share, 0..1, of the score that it brings."""

    item_id: str
    share: float


def reasons(
    model: Recommender, history: Interactions, item: np.ndarray, most: int = 3
) -> list[tuple[Reason, ...]]:
    """The strongest reasons for each item, strongest first; none where the history plays no part.

    Parameters
    ----------
    history : Interactions, a batch of one
    item : int (k,)
    most : int
        Reasons per item.
    """
    return strongest(model.explain(history, item), model.items, most)


def strongest(contributions: Contributions, items: Vocabulary, most: int = 3) -> list[tuple[Reason, ...]]:
    """The same of what a model explained, in the codes of `items`."""
    names = items.names(contributions.history).to_pylist()
    part = np.maximum(contributions.part, 0)  # (k, n): what speaks against an item is no reason for it
    order = np.argsort(-part, axis=1, kind="stable")[:, :most]  # (k, most)
    share = np.take_along_axis(part, order, axis=1) / np.maximum(part.sum(axis=1, keepdims=True), TINY)
    return [
        tuple(Reason(names[entry], value) for entry, value in zip(entries, values, strict=True) if value > 0)
        for entries, values in zip(order.tolist(), share.tolist(), strict=True)
    ]
