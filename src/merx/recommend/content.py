"""Content: what resembles the items that a shopper has, by words and attributes. New items come in by it.

Terms weigh as `merx.media.terms` says, each field brought to length 1.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from merx.data.catalogue import Catalogue
from merx.data.categories import levels
from merx.data.interactions import Interactions
from merx.data.results import Contributions
from merx.data.schema import DAY
from merx.data.vocabulary import Vocabulary
from merx.kernels.products import Barred, kept_rows, sparse_scores, top_sparse
from merx.media.terms import price_bands, term_vectors, words
from merx.recommend.damping import damped
from merx.recommend.terms import terms
from merx.tunable import between


@dataclass(frozen=True)
class Content:
    """Similarity of titles, descriptions, categories, brands and prices: a weighted sum of five cosines.

    Parameters
    ----------
    neighbours : int
        How many of the most similar items of each item are kept.
    title, description, category, brand, price : float
        Weight of the cosine of that field; they are divided by their sum. An empty field resembles nothing.
    half_life : float
        Days before a shopper's latest event after which an event counts half.
    """

    neighbours: int = between(50, 10, 500, log=True)
    title: float = between(1.0, 0.1, 3.0)
    description: float = between(0.5, 0.0, 3.0)
    category: float = between(1.0, 0.0, 3.0)
    brand: float = between(0.5, 0.0, 3.0)
    price: float = between(0.1, 0.0, 3.0)
    half_life: float = between(90.0, 1.0, 365.0, log=True)

    def fit(self, catalogue: Catalogue) -> "FittedContent":
        """The most similar items of each, whether or not anyone has met them."""
        fields = [  # (weight, CSR (I, terms) whose rows have length 1 or 0)
            (self.title, term_vectors(map(words, catalogue.title.to_pylist()))),
            (self.description, term_vectors(map(words, catalogue.description.to_pylist()))),
            (self.category, term_vectors(map(levels, catalogue.category.to_pylist()))),
            (self.brand, term_vectors([name] if name else [] for name in catalogue.brand.to_pylist())),
            (self.price, price_bands(catalogue.price)),
        ]
        total = sum(weight for weight, _ in fields) or 1.0
        # square roots, so that the inner product of two rows is the weighted sum of the cosines
        vectors = [vector * np.float32(math.sqrt(weight / total)) for weight, vector in fields]
        vector = sparse.csr_array(sparse.hstack(vectors, format="csr", dtype=np.float32))  # (I, terms)
        return FittedContent(catalogue.items, nearest(vector, self.neighbours), self.half_life)


@dataclass(frozen=True)
class FittedContent:
    """Parameters
    ----------
    items : Vocabulary (I,)
    similarity : float32 CSR (I, I)
        similarity[h, i]: how much i resembles h, where h is among the items most like i.
    half_life : float
    """

    items: Vocabulary
    similarity: sparse.csr_array
    half_life: float

    def profile(self, histories: Interactions) -> sparse.csr_array:
        """The log-damped weight of each item of the histories, recent ones more, float32 CSR (U, I)."""
        latest = np.zeros(histories.n_users, np.int64)
        some = np.flatnonzero(np.diff(histories.offsets))
        latest[some] = histories.time[histories.offsets[some + 1] - 1]  # the oldest stands first
        age = (latest[histories.user] - histories.time) / DAY  # (N,)
        weight = (histories.weight * 0.5 ** (age / self.half_life)).astype(np.float32)
        return damped(replace(histories, weight=weight))

    def score(self, histories: Interactions) -> np.ndarray:
        """Scores float32 (U, I): the similarities to the history's items, weighted and summed."""
        return sparse_scores(self.profile(histories), self.similarity)

    def explain(self, histories: Interactions, item: np.ndarray) -> Contributions:
        """The terms of that sum: part (k, n) for the n distinct items of a batch of one."""
        return terms(self.profile(histories), self.similarity, item)


def nearest(vector: sparse.csr_array, k: int) -> sparse.csr_array:
    """The k rows of the largest inner products with each row i, at [h, i]: float32 CSR (I, I)."""
    itself = Barred.itself(vector.shape[0])
    neighbour, product = top_sparse(vector, sparse.csr_array(vector.T), k, itself)  # (I, k)
    return sparse.csr_array(kept_rows(neighbour, product, vector.shape[0]).T)
