"""Why this item: which of the shopper's own items led here, which sorts of data told, with their weights."""

from dataclasses import dataclass
from typing import TypeGuard

import numpy as np

from merx.data.contracts import Recommender, SourcedModel
from merx.data.interactions import Interactions
from merx.data.results import Contributions
from merx.data.vocabulary import Vocabulary

TINY = np.finfo(np.float64).tiny


@dataclass(frozen=True)
class Reason:
    """One of the shopper's own items and the share, 0..1, of the score that it brings."""

    item_id: str
    share: float


@dataclass(frozen=True)
class Source:
    """One sort of data and the share, 0..1 in whole hundredths, of what speaks for the item."""

    name: str
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


def brought(model: Recommender, history: Interactions, item: np.ndarray) -> list[tuple[Source, ...]]:
    """How much each sort of data gave to each item, most first; none of a model that reads but one sort.

    The shares of an item add up to 1. A sort that speaks against it, or for less than it rounds to, has none.

    Parameters
    ----------
    history : Interactions, a batch of one
    item : int (k,)
    """
    if not _is_sourced(model):
        return [()] * len(item)
    names, part = model.sources(history, item)
    part = np.maximum(part, 0)  # (k, S)
    share = _hundredths(part / np.maximum(part.sum(axis=1, keepdims=True), TINY))
    order = np.argsort(-part, axis=1, kind="stable")
    return [
        tuple(Source(names[place], float(row[place])) for place in places if row[place] > 0)
        for places, row in zip(order.tolist(), share, strict=True)
    ]


def _hundredths(share: np.ndarray) -> np.ndarray:
    """Shares (k, S) rounded by largest remainder, so that those of a row still add up to 1."""
    exact = 100 * share
    whole = np.floor(exact)
    short = np.rint((exact - whole).sum(axis=1, keepdims=True))  # hundredths still to be given
    place = np.argsort(np.argsort(whole - exact, axis=1, kind="stable"), axis=1)
    rounded: np.ndarray = (whole + (place < short)) / 100
    return rounded


def _is_sourced(model: Recommender) -> TypeGuard[SourcedModel]:
    """Whether it meets that contract; a look at its class, as isinstance is slow."""
    return hasattr(type(model), "sources")
