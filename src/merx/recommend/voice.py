"""What one recommender says of some shoppers: the best items for each, and its score of chosen ones.

What a score rests on (vectors, profiles, rows of scores) is made once and serves both.
"""

from dataclasses import dataclass
from typing import Protocol, TypeGuard

import numpy as np
from scipy import sparse

from merx.data.contracts import FactorModel, NeighbourModel, Recommender
from merx.data.interactions import Interactions
from merx.kernels.pairs import sparse_at
from merx.kernels.products import Barred, ProductIndex, top_sparse
from merx.kernels.topk import top_k


class Voice(Protocol):
    """Of one recommender about U shoppers."""

    def top(self, k: int, barred: Barred | None, allowed: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """The k best items of each shopper: item int32 (U, k), -1 where fewer, and score float32, NaN there.

        Parameters
        ----------
        barred : Barred (U rows), optional
            Items that each must not be shown.
        allowed : bool (I,), optional
            The only items that may be shown to anyone.
        """
        ...

    def at(self, offsets: np.ndarray, item: np.ndarray) -> np.ndarray:
        """The score of chosen items, ragged by shopper as in `merx.kernels.pairs`: float32 (P,), or -inf."""
        ...


def voice(model: Recommender, histories: Interactions) -> Voice:
    """The form that suits the model; one of neither contract is asked for the score of every item (U, I)."""
    if is_factor_model(model):
        return Products(model.index, model.embed(histories))
    if is_neighbour_model(model):
        return Neighbours(model.profile(histories), model.similarity)
    return Scores(model.score(histories))


def is_factor_model(model: Recommender) -> TypeGuard[FactorModel]:
    """Whether it meets that contract; a look at its class, as isinstance takes 20 microseconds."""
    return hasattr(type(model), "embed")


def is_neighbour_model(model: Recommender) -> TypeGuard[NeighbourModel]:
    """Likewise."""
    return hasattr(type(model), "profile")


@dataclass(frozen=True)
class Products:
    """Inner products of the shoppers' vectors (U, F) with those of the items."""

    index: ProductIndex
    query: np.ndarray

    def top(self, k: int, barred: Barred | None, allowed: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """See Voice."""
        return self.index.top(self.query, k, barred, allowed)

    def at(self, offsets: np.ndarray, item: np.ndarray) -> np.ndarray:
        """See Voice."""
        row, user = self.index.row[item], np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
        found = np.full(len(item), -np.inf, np.float32)
        some = np.flatnonzero((row >= 0) & np.any(self.query, axis=1)[user])
        vectors = self.index.vectors[row[some]]  # (some, F)
        found[some] = np.einsum("pf,pf->p", self.query[user[some]], vectors)
        return found


@dataclass(frozen=True)
class Neighbours:
    """The product of profiles, CSR (U, I), and similarities, CSR (I, I)."""

    profile: sparse.csr_array
    similarity: sparse.csr_array

    def top(self, k: int, barred: Barred | None, allowed: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """See Voice."""
        return top_sparse(self.profile, self.similarity, k, barred, allowed)

    def at(self, offsets: np.ndarray, item: np.ndarray) -> np.ndarray:
        """See Voice."""
        found = sparse_at(self.profile, self.similarity, offsets, item)
        return np.where(found > 0, found, np.float32(-np.inf))


@dataclass(frozen=True)
class Scores:
    """The score of every item, float32 (U, I)."""

    score: np.ndarray

    def top(self, k: int, barred: Barred | None, allowed: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """See Voice."""
        score = self.score
        if allowed is not None:
            score = np.where(allowed, score, np.float32(-np.inf))
        if barred is not None:
            score = score.copy() if allowed is None else score
            score[np.repeat(np.arange(len(score)), np.diff(barred.offsets)), barred.column] = -np.inf
        return top_k(score, k)

    def at(self, offsets: np.ndarray, item: np.ndarray) -> np.ndarray:
        """See Voice."""
        found: np.ndarray = self.score[np.repeat(np.arange(len(self.score)), np.diff(offsets)), item]
        return found
