"""Association: products that share a visit more often than chance explains.

Fitted on baskets it answers "bought together", fitted on the products viewed in a visit "viewed also viewed".
Support, confidence and lift: Agrawal, Imielinski & Swami, "Mining association rules between sets of items in
large databases", SIGMOD 1993; Brin, Motwani, Ullman & Tsur, "Dynamic itemset counting and implication rules
for market basket data", SIGMOD 1997. Significance: the likelihood ratio of Dunning, "Accurate methods for the
statistics of surprise and coincidence", Computational Linguistics 19(1), 1993, which holds for rare products
where a chi-square does not; for many pairs at once by Benjamini & Hochberg, "Controlling the false discovery
rate", Journal of the Royal Statistical Society B 57(1), 1995.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pyarrow as pa
from scipy import sparse, special

from merx.data.interactions import Interactions
from merx.data.results import Contributions
from merx.data.vocabulary import Vocabulary
from merx.errors import ConfigError
from merx.kernels.products import sparse_scores, top_sparse
from merx.recommend.terms import terms
from merx.tunable import between

BLOCK = 1024  # items whose pairs are counted at once


@dataclass(frozen=True)
class Association:
    """Counts of pairs of items, of which those are kept that chance does not explain.

    Parameters
    ----------
    support : int
        Pairs that share fewer baskets than this are left out.
    chance : float
        Of the pairs kept, at most this share is expected to be there by chance (the false discovery rate).
        0.05, never 5.
    lift : float
        The score is confidence x lift to this power: at 0 what sells anyway comes first, at 1 and above what
        is rare elsewhere.
    neighbours : int
        How many pairs of each item are kept, those of the highest score.
    """

    support: int = 2
    chance: float = 0.05
    lift: float = between(0.25, 0.0, 1.0)
    neighbours: int = 100

    def __post_init__(self) -> None:
        if self.support < 1 or self.neighbours < 1 or self.lift < 0 or not 0 < self.chance <= 1:
            raise ConfigError(
                "support and neighbours are at least 1, lift is at least 0, and chance above 0 and at most 1."
            )

    def fit(self, baskets: Interactions) -> "FittedAssociation":
        """Count the pairs in baskets, of which each row is one; amounts do not matter."""
        held = baskets.matrix()
        held = held[np.flatnonzero(np.diff(held.indptr))]  # (B, I)
        held.data = np.ones_like(held.data)
        count = np.bincount(held.indices, minlength=baskets.n_items)  # (I,)
        pairs = _pairs(held, count, self.support, self.chance)
        every = FittedAssociation(baskets.items, pairs, count, held.shape[0], self.lift)
        return replace(every, together=_best(every.similarity, self.neighbours) * pairs)


@dataclass(frozen=True)
class FittedAssociation:
    """The model is its counts.

    Parameters
    ----------
    items : Vocabulary (I,)
    together : float32 CSR (I, I)
        together[h, i]: baskets that hold both, of the pairs that are kept.
    count : int64 (I,)
        Baskets that hold the item.
    baskets : int
    lift : float
        As in Association.
    """

    items: Vocabulary
    together: sparse.csr_array
    count: np.ndarray
    baskets: int
    lift: float

    @cached_property
    def similarity(self) -> sparse.csr_array:
        """Confidence x lift to a power, float32 CSR (I, I): how much a basket with h speaks for i."""
        confidence, lift = self._strength()
        score = (confidence * lift**self.lift).astype(np.float32)
        return sparse.csr_array((score, self.together.indices, self.together.indptr), self.together.shape)

    def profile(self, histories: Interactions) -> sparse.csr_array:
        """1 for each item of the histories, float32 CSR (U, I)."""
        held = histories.matrix()
        held.data = np.ones_like(held.data)
        return held

    def score(self, histories: Interactions) -> np.ndarray:
        """Scores float32 (U, I): the similarities of the history's items, summed."""
        return sparse_scores(self.profile(histories), self.similarity)

    def explain(self, histories: Interactions, item: np.ndarray) -> Contributions:
        """The terms of that sum: part (k, n) for the n distinct items of a batch of one."""
        return terms(self.profile(histories), self.similarity, item)

    def to_table(self) -> pa.Table:
        """One row per pair kept, both ways, those that chance explains least first.

        item_id, other_id, baskets (with both), support (their share of all baskets), confidence (their share
        of the baskets with item_id), lift (that against the share of other_id in all baskets), likelihood
        (Dunning's ratio; about 3.8 or more would be met once in 20 pairs that have nothing to do with
        each other).
        """
        h, i = self._pair()
        confidence, lift = self._strength()
        table = pa.table(
            {
                "item_id": self.items.names(h),
                "other_id": self.items.names(i),
                "baskets": self.together.data.astype(np.int64),
                "support": self.together.data / self.baskets,
                "confidence": confidence,
                "lift": lift,
                "likelihood": likelihood_ratio(
                    self.together.data, self.count[h], self.count[i], self.baskets
                ),
            }
        )
        return table.sort_by(
            [("likelihood", "descending"), ("item_id", "ascending"), ("other_id", "ascending")]
        )

    def _pair(self) -> tuple[np.ndarray, np.ndarray]:
        """The codes h and i of every pair, each int32 (P,)."""
        h = np.repeat(np.arange(len(self.items), dtype=np.int32), np.diff(self.together.indptr))
        return h, self.together.indices.astype(np.int32)

    def _strength(self) -> tuple[np.ndarray, np.ndarray]:
        """Confidence and lift of every pair, each float64 (P,)."""
        h, i = self._pair()
        confidence = self.together.data / self.count[h].astype(np.float64)
        return confidence, confidence * self.baskets / self.count[i]


def likelihood_ratio(both: np.ndarray, first: np.ndarray, second: np.ndarray, baskets: int) -> np.ndarray:
    """Twice the logarithm of how much likelier the counts are if two items are not independent: float64 (P,).

    2 sum of n log(n / expected) over the table of baskets with both, one, the other and neither (Dunning
    1993, section 4). About chi-square with one degree of freedom for independent items.

    Parameters
    ----------
    both, first, second : numbers (P,)
        Baskets with both items, with the first, with the second.
    """
    both, first, second = (np.asarray(n, np.float64) for n in (both, first, second))
    cells = [
        (both, first * second),
        (first - both, first * (baskets - second)),
        (second - both, (baskets - first) * second),
        (baskets - first - second + both, (baskets - first) * (baskets - second)),
    ]
    total = sum(special.xlogy(n, n) - special.xlogy(n, margins / baskets) for n, margins in cells)
    ratio: np.ndarray = np.maximum(2 * total, 0.0)  # rounding may leave a little below
    return ratio


def _best(similarity: sparse.csr_array, k: int) -> sparse.csr_array:
    """1 at the k largest entries of each row, float32 CSR (I, I)."""
    size = similarity.shape[0]
    every = sparse.csr_array(sparse.eye_array(size, dtype=np.float32, format="csr"))
    column, _ = top_sparse(every, similarity, k)
    h, place = np.nonzero(column >= 0)
    ones = np.ones(len(h), np.float32)
    return sparse.csr_array((ones, (h, column[h, place])), shape=similarity.shape)


def _pairs(held: sparse.csr_array, count: np.ndarray, support: int, chance: float) -> sparse.csr_array:
    """Baskets that hold both items, float32 CSR (I, I), of the pairs that are kept."""
    by_item = sparse.csr_array(held.T)  # (I, B)
    blocks, p_values = [], [np.empty(0)]
    for first in range(0, held.shape[1], BLOCK):
        both = sparse.csr_array(by_item[first : first + BLOCK] @ held).tocoo()  # (block, I)
        h, i = both.coords[0] + first, both.coords[1]
        enough = (h < i) & (both.data >= support)  # each pair once
        more = both.data * held.shape[0] > count[h].astype(np.float64) * count[i]  # than if independent
        h, i, n = (entry[enough & more] for entry in (h, i, both.data))
        ratio = likelihood_ratio(n, count[h], count[i], held.shape[0])
        p = special.chdtrc(1, ratio) / 2  # one-sided: that they share more than chance would have it
        blocks.append((h[p <= chance], i[p <= chance], n[p <= chance]))
        p_values.append(p[p <= chance])
    p = np.concatenate(p_values)
    able = int((count >= support).sum())  # only these could have been a pair
    kept = p <= _threshold(p, able * (able - 1) // 2, chance)
    h, i, n = (np.concatenate(part)[kept] for part in zip(*blocks, strict=True))
    pairs = sparse.csr_array((n, (h, i)), shape=(len(count), len(count)), dtype=np.float32)
    return sparse.csr_array(pairs + pairs.T)


def _threshold(p: np.ndarray, tests: int, rate: float) -> float:
    """The largest p-value to keep so that at most `rate` of what is kept is chance (Benjamini & Hochberg)."""
    if rate >= 1:
        return 1.0
    ascending = np.sort(p)
    holds = np.flatnonzero(ascending * tests <= rate * np.arange(1, len(p) + 1))
    return float(ascending[holds[-1]]) if len(holds) else -1.0
