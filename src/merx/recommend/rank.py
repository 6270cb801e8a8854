"""From scores to lists, once for every recommender: filter, order, cut."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeGuard

import numpy as np

from merx.data.contracts import CandidateModel, Heard, Recommender
from merx.data.interactions import Interactions
from merx.data.results import Contributions, Ranking
from merx.data.schema import EVENT_CODE
from merx.kernels.products import Barred
from merx.recommend.voice import Voice, is_factor_model, is_neighbour_model, voice

CELLS = 1 << 24  # scores held at once
BATCH = 512  # shoppers at once, at most


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
    most = histories.n_users if _is_sparing(model) else batch_size(len(model.items))
    if histories.n_users <= most:
        return Ranking(*hear(model, histories).top(k, exclude, candidates), model.items)
    lists = [
        hear(model, histories.take(users)).top(
            k, None if exclude is None else exclude.take(users), candidates
        )
        for users in batches(histories.n_users, most)
    ]
    item, score = (np.concatenate(parts) for parts in zip(*lists, strict=True))
    return Ranking(item, score, model.items)


def hear(model: Recommender, histories: Interactions) -> Heard:
    """What a model has to say of the shoppers, asked once for several lists and their reasons."""
    return model.hear(histories) if _is_candidate_model(model) else Opinion(model, histories)


@dataclass(frozen=True)
class Opinion:
    """Of a model that looks at every item alike; see `merx.data.contracts.Heard`."""

    model: Recommender
    histories: Interactions

    @cached_property
    def _voice(self) -> Voice:
        return voice(self.model, self.histories)

    def top(
        self, k: int, exclude: Interactions | None, allowed: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The k best of what may be shown."""
        return self._voice.top(k, None if exclude is None else Barred(exclude.offsets, exclude.item), allowed)

    def explain(self, item: np.ndarray) -> Contributions:
        """As the model does."""
        return self.model.explain(self.histories, item)


def batch_size(n_items: int) -> int:
    """How many shoppers a model is asked about at once, where that takes a score of every item."""
    return max(1, min(BATCH, CELLS // max(1, n_items)))


def batches(n_users: int, size: int) -> Iterator[np.ndarray]:
    """Places of the shoppers (U,), a batch at a time."""
    for first in range(0, n_users, size):
        yield np.arange(first, min(first + size, n_users))


def _is_candidate_model(model: Recommender) -> TypeGuard[CandidateModel]:
    return hasattr(type(model), "hear")


def _is_sparing(model: Recommender) -> bool:
    """Whether it is ranked without a score of every item."""
    return is_factor_model(model) or is_neighbour_model(model)
