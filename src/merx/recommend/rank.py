"""From scores to lists, once for every recommender: filter, order, cut."""

import numpy as np

from merx.data.contracts import Recommender
from merx.data.interactions import Interactions
from merx.data.results import Ranking
from merx.kernels.topk import top_k

BATCH = 1024  # users scored at once: bounds memory to BATCH x I scores


def rank(
    model: Recommender,
    histories: Interactions,
    k: int,
    *,
    exclude_seen: bool = True,
    candidates: np.ndarray | None = None,
) -> Ranking:
    """The best k items for each history.

    Ties are broken by score, then code. Items that score 0 or below are left out: nothing speaks for them.

    Parameters
    ----------
    model : Recommender
    histories : Interactions (U users)
        In the model's item codes.
    k : int, at least 1
    exclude_seen : bool
        Leave out what the shopper met before.
    candidates : bool (I,), optional
        Only these items may be shown (in stock, in a category, ...).
    """
    items, scores = [], []
    for first in range(0, histories.n_users, BATCH):
        batch = histories.take(np.arange(first, min(first + BATCH, histories.n_users)))
        score = model.score(batch)  # (B, I)
        score = np.where(score > 0, score, -np.inf)
        if candidates is not None:
            score[:, ~candidates] = -np.inf
        if exclude_seen:
            score[batch.user, batch.item] = -np.inf
        item, value = top_k(score, k)
        items.append(item)
        scores.append(value)
    empty = np.empty((0, k))
    return Ranking(
        np.concatenate(items) if items else empty.astype(np.int32),
        np.concatenate(scores) if scores else empty.astype(np.float32),
        model.items,
    )
