"""Why this item: which of the shopper's own items led here, and how much each weighs."""

from dataclasses import dataclass

import numpy as np

from merx.data.contracts import Recommender
from merx.data.interactions import Interactions


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
    contributions = model.explain(history, item)
    names = model.items.names(contributions.history).to_pylist()
    found = []
    for part in contributions.part:  # (n,)
        total = part[part > 0].sum()
        order = np.argsort(-part, kind="stable")[:most]
        found.append(
            tuple(Reason(names[entry], float(part[entry] / total)) for entry in order if part[entry] > 0)
        )
    return found
