"""User-based collaborative filtering: what shoppers of the same taste met.

Resnick, Iacovou, Suchak, Bergstrom & Riedl, "GroupLens", CSCW 1994; Herlocker, Konstan, Borchers & Riedl, "An
algorithmic framework for performing collaborative filtering", SIGIR 1999 (few items in common count less);
on implicit data the score is a sum, as in Deshpande & Karypis, ACM TOIS 22(1), 2004, section 2.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from merx.data.interactions import Interactions
from merx.data.results import Contributions
from merx.data.vocabulary import Vocabulary
from merx.errors import ConfigError
from merx.kernels.products import sparse_scores
from merx.kernels.similarity import RowIndex
from merx.recommend.damping import logged
from merx.recommend.weighting import MEASURES, WEIGHTINGS, Weighting, check_choices
from merx.tunable import among, between


@dataclass(frozen=True)
class UserKNN:
    """Similarity between shoppers over the items they met.

    Parameters
    ----------
    neighbours : int
        How many of the most similar shoppers speak for items.
    measure : str
        "cosine", "jaccard" (of the items, without weights), "euclidean" (1 / (1 + distance)) or "pearson"
        (the correlation over all items: cosine, centred).
    weighting : str
        "log" of the weights; "tfidf" and "bm25" make items that few met tell more of a taste.
    shrinkage : float
        Items in common that are needed before a likeness is half believed: added to the denominator of cosine
        and jaccard, to n in the factor n / (n + shrinkage) of the others.
    min_common : int
        Shoppers with fewer items in common are no neighbours.
    """

    neighbours: int = between(100, 20, 500, log=True)
    measure: str = among("cosine", *MEASURES)
    weighting: str = among("tfidf", *WEIGHTINGS)
    shrinkage: float = between(1.0, 0.1, 50.0, log=True)
    min_common: int = 1

    def __post_init__(self) -> None:
        check_choices(self.measure, self.weighting)
        if min(self.neighbours, self.min_common) < 1 or self.shrinkage < 0:
            raise ConfigError("neighbours and min_common are at least 1; shrinkage is not below 0.")

    def fit(self, interactions: Interactions) -> "FittedUserKNN":
        """Keep the histories; shoppers are compared when a list is asked for, so a new one is served too."""
        met = interactions.matrix()
        some = np.flatnonzero(np.diff(met.indptr))
        return FittedUserKNN(interactions.items, met[some], self)


@dataclass(frozen=True)
class FittedUserKNN:
    """A shopper who was there at the fit is their own nearest neighbour, and speaks for what they met alone.

    Parameters
    ----------
    items : Vocabulary (I,)
    met : float32 CSR (V, I)
        Summed weights of the shoppers who met anything.
    settings : UserKNN
    """

    items: Vocabulary
    met: sparse.csr_array
    settings: UserKNN

    @cached_property
    def similarity(self) -> sparse.csr_array:
        """How much a neighbour v speaks for item i: its damped weight, float32 CSR (V, I)."""
        return logged(self.met)

    def weigh(self, histories: Interactions) -> sparse.csr_array:
        """How much each item of the histories counts where shoppers are compared, float32 CSR (U, I)."""
        return self._weighting.apply(histories.matrix())

    def nearest(self, rows: sparse.csr_array) -> sparse.csr_array:
        """How similar the nearest shoppers are to each of the weighed rows (U, I), float32 CSR (U, V)."""
        settings = self.settings
        return self._index.search(rows, settings.neighbours, settings.shrinkage, settings.min_common)

    def profile(self, histories: Interactions) -> sparse.csr_array:
        """How similar the nearest shoppers are to each of the histories, float32 CSR (U, V)."""
        return self.nearest(self.weigh(histories))

    def score(self, histories: Interactions) -> np.ndarray:
        """Scores float32 (U, I): what the neighbours met, by their similarity, summed."""
        return sparse_scores(self.profile(histories), self.similarity)

    def explain(self, histories: Interactions, item: np.ndarray) -> Contributions:
        """Part (k, n): the neighbours who speak for an item, by the items they share with the shopper.

        A similarity is shared out among the items in common in proportion to the products of their weights,
        which add up to the numerator of the cosine; to equal shares under jaccard, which has no weights.
        """
        rows = self.weigh(histories)
        return self.shared_out(rows, self.nearest(rows), item, rows.indices)

    def shared_out(
        self, row: sparse.csr_array, profile: sparse.csr_array, item: np.ndarray, history: np.ndarray
    ) -> Contributions:
        """The same of one weighed row (1, I) and its neighbours (1, V), for those of its items (n,) alone."""
        near = profile.indices  # (K,)
        common = self._rows[near][:, row.indices].toarray() * row.data  # (K, N)
        if self.settings.measure == "jaccard":
            common = (common > 0).astype(np.float32)
        share = profile.data[:, None] * common / common.sum(axis=1, keepdims=True)  # (K, N)
        share = share[:, np.isin(row.indices, history)]  # (K, n)
        speaks = self.similarity[near][:, item].toarray()  # (K, k)
        part = speaks.T.astype(np.float64) @ share.astype(np.float64)
        return Contributions(part, history.astype(np.int32))

    @cached_property
    def _weighting(self) -> Weighting:
        return Weighting.of(self.met, self.settings.weighting)

    @cached_property
    def _rows(self) -> sparse.csr_array:
        return self._weighting.apply(self.met)

    @cached_property
    def _index(self) -> RowIndex:
        return RowIndex.of(self._rows, MEASURES[self.settings.measure])
