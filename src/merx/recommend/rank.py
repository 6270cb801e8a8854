"""From scores to lists, once for every recommender: filter, order, cut."""

from typing import TypeGuard

import numpy as np

from merx.data.contracts import CandidateModel, FactorModel, NeighbourModel, Recommender
from merx.data.interactions import Interactions
from merx.data.results import Ranking
from merx.data.schema import EVENT_CODE
from merx.kernels.products import Barred, top_sparse
from merx.kernels.topk import top_k

CELLS = 1 << 25  # scores held at once


def met_before(histories: Interactions, exclude: str) -> Interactions | None:
    """The entries whose items are not to be shown again.

    Parameters
    ----------
    exclude : "met", "bought" or "nothing"
    """
    if exclude == "nothing":
        return None
    if exclude == "bought":
        return histories.keep(histories.event == EVENT_CODE["purchase"])
    return histories


def rank(
    model: Recommender,
    histories: Interactions,
    k: int,
    *,
    exclude: Interactions | None = None,
    candidates: np.ndarray | None = None,
) -> Ranking:
    """The best k items for each history.

    Ties are broken by score, then code. Items that the model scores -inf are left out: nothing speaks for
    them, so a list may be shorter than k.

    Parameters
    ----------
    model : Recommender
    histories : Interactions (U users)
        In the model's item codes.
    k : int, at least 1
    exclude : Interactions (the same U users), optional
        Leave out the items of these entries, e.g. what the shopper met or bought before.
    candidates : bool (I,), optional
        Only these items may be shown (in stock, in a category, ...).
    """
    barred = None if exclude is None else Barred(exclude.offsets, exclude.item)
    if is_factor_model(model):
        item, score = model.index.top(model.embed(histories), k, barred, candidates)
    elif is_neighbour_model(model):
        item, score = top_sparse(model.profile(histories), model.similarity, k, barred, candidates)
    elif isinstance(model, CandidateModel):
        item, score = model.top(histories, k, exclude, candidates)
    else:
        item, score = _from_scores(model, histories, k, exclude, candidates)
    return Ranking(item, score, model.items)


def is_factor_model(model: Recommender) -> TypeGuard[FactorModel]:
    """Whether it meets that contract; a look at its class, as isinstance takes 20 microseconds."""
    return hasattr(type(model), "embed")


def is_neighbour_model(model: Recommender) -> TypeGuard[NeighbourModel]:
    """Likewise."""
    return hasattr(type(model), "profile")


def _from_scores(
    model: Recommender,
    histories: Interactions,
    k: int,
    exclude: Interactions | None,
    candidates: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Score every item for a batch of users at a time, then cut."""
    items, scores = [np.empty((0, k), np.int32)], [np.empty((0, k), np.float32)]
    size = max(1, CELLS // max(1, len(model.items)))
    for first in range(0, histories.n_users, size):
        batch = np.arange(first, min(first + size, histories.n_users))
        score = model.score(histories.take(batch))  # (B, I)
        if candidates is not None:
            score[:, ~candidates] = -np.inf
        if exclude is not None:
            left_out = exclude.take(batch)
            score[left_out.user, left_out.item] = -np.inf
        item, value = top_k(score, k)
        items.append(item)
        scores.append(value)
    return np.concatenate(items), np.concatenate(scores)
