"""How good ranked lists are: measures per shopper, and their means with an error.

A list is a row of item codes (U, k), best first, padded with -1, no item twice. The targets are what each
shopper took after the cut, as bool CSR (U, I) that stores no False and nothing twice. A measure gives one
number per shopper, NaN where the shopper has no target. Every item of the catalogue competes; none are
sampled (Krichene & Rendle, "On Sampled Metrics for Item Recommendation", KDD 2020).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from scipy import sparse

from merx.data.interactions import Interactions
from merx.data.results import Ranking
from merx.errors import DataError

BLOCK = 1024  # targets compared with all items at once: bounds memory to BLOCK x I scores
HEAD = 0.2  # share of the items that someone met, the most popular ones, that are not the long tail


def hits(item: np.ndarray, targets: sparse.csr_array) -> np.ndarray:
    """Where a list (U, k) holds a target: bool (U, k)."""
    n_items = targets.shape[1]
    user, target = targets.nonzero()
    wanted = user.astype(np.int64) * n_items + target  # (T,)
    shown = np.arange(len(item), dtype=np.int64)[:, None] * n_items + item  # (U, k)
    return np.isin(shown, wanted) & (item >= 0)


def precision(item: np.ndarray, targets: sparse.csr_array) -> np.ndarray:
    """Hits by k, places left empty included: float64 (U,)."""
    found = hits(item, targets).sum(axis=1)  # (U,)
    return _where_targets(found / item.shape[1], targets)


def recall(item: np.ndarray, targets: sparse.csr_array) -> np.ndarray:
    """Hits by targets: float64 (U,). It stays below 1 where a shopper has more than k targets."""
    share: np.ndarray = hits(item, targets).sum(axis=1) / _n_targets(targets)
    return share


def hit_rate(item: np.ndarray, targets: sparse.csr_array) -> np.ndarray:
    """1 where the list holds any target, else 0: float64 (U,)."""
    found = hits(item, targets).sum(axis=1)  # (U,)
    return _where_targets(found > 0, targets)


def mrr(item: np.ndarray, targets: sparse.csr_array) -> np.ndarray:
    """1 by the place of the first hit, 0 without one: float64 (U,)."""
    hit = hits(item, targets)  # (U, k)
    first = 1 / (np.argmax(hit, axis=1) + 1)  # (U,)
    return _where_targets(np.where(hit.any(axis=1), first, 0), targets)


def average_precision(item: np.ndarray, targets: sparse.csr_array) -> np.ndarray:
    """The precision at the place of each hit, summed, by min(k, targets): float64 (U,). Its mean is MAP@k."""
    hit = hits(item, targets)  # (U, k)
    k = item.shape[1]
    at_place = np.cumsum(hit, axis=1) / np.arange(1, k + 1)  # (U, k), precision of the list cut there
    average: np.ndarray = (at_place * hit).sum(axis=1) / np.minimum(_n_targets(targets), k)
    return average


def ndcg(item: np.ndarray, targets: sparse.csr_array) -> np.ndarray:
    """Discounted gain of the hits by that of the best list: float64 (U,).

    A target gains 1, at place j discounted by log2(j + 1). Normalised cumulated gain: Järvelin &
    Kekäläinen, "Cumulated gain-based evaluation of IR techniques", ACM TOIS 20(4), 2002; the discount,
    which also tells the first place from the second: Burges et al., ICML 2005.
    """
    k = item.shape[1]
    discount = 1 / np.log2(np.arange(2, k + 2))  # (k,)
    gain: np.ndarray = (hits(item, targets) * discount).sum(axis=1) / _ideal_gain(targets, k)
    return gain


METRICS: dict[str, Callable[[np.ndarray, sparse.csr_array], np.ndarray]] = {
    "ndcg": ndcg,
    "recall": recall,
    "precision": precision,
    "hit_rate": hit_rate,
    "mrr": mrr,
    "map": average_precision,
}
LABELS = {
    "ndcg": "NDCG",
    "recall": "recall",
    "precision": "precision",
    "hit_rate": "hit rate",
    "mrr": "MRR",
    "map": "MAP",
}


def coverage(item: np.ndarray, n_items: int) -> float:
    """Share of the catalogue that is in at least one of the lists (U, k)."""
    return len(np.unique(item[item >= 0])) / n_items


def novelty(item: np.ndarray, train: Interactions) -> float:
    """Mean self-information, in bits, of the items in the lists (U, k); NaN where all are empty.

    -log2 p(i), with p(i) the share of item i among the distinct pairs (user, item) of train, each item
    counted once more than seen, so that one never met has a finite value. Vargas & Castells, "Rank and
    relevance in novelty and diversity metrics for recommender systems", RecSys 2011.
    """
    shown = item[item >= 0]  # (shown,)
    if not len(shown):
        return float("nan")
    met = np.bincount(train.seen().indices, minlength=train.n_items) + 1  # (I,)
    return float(-np.log2(met / met.sum())[shown].mean())


def long_tail(train: Interactions) -> np.ndarray:
    """The items outside the fifth that most shoppers met, bool (I,). Ties are broken by code.

    Abdollahpouri, Burke & Mobasher, Managing popularity bias in recommender systems with personalized
    re-ranking, FLAIRS 2019, have the same fifth.
    """
    met = np.bincount(train.seen().indices, minlength=train.n_items)  # (I,)
    tail = np.ones(train.n_items, dtype=bool)
    tail[np.argsort(-met, kind="stable")[: int(HEAD * np.count_nonzero(met))]] = False
    return tail


def tail_recall(item: np.ndarray, targets: sparse.csr_array, train: Interactions) -> float:
    """Mean recall of the targets in the long tail, over shoppers who have one; NaN where none has."""
    kept = targets.copy()
    kept.data = long_tail(train)[kept.indices]
    kept.eliminate_zeros()
    some = np.diff(kept.indptr) > 0
    return float(recall(item[some], kept[some]).mean()) if some.any() else float("nan")


def debiased_recall(item: np.ndarray, targets: sparse.csr_array, train: Interactions) -> float:
    """Share of all targets found, each weighted by one over the square root of how many met its item.

    What is popular is met, and so becomes a target, more often than it is liked; weighting by the inverse of
    that chance undoes it. The weights are normalised by their sum. Yang, Cui, Xuan, Wang, Belongie & Estrin,
    Unbiased offline recommender evaluation for missing-not-at-random implicit feedback, RecSys 2018, with the
    chance of being met as the root of the popularity; an item that nobody met counts as met once.
    """
    met = np.maximum(np.bincount(train.seen().indices, minlength=train.n_items), 1)  # (I,)
    weight = 1 / np.sqrt(met)
    found = np.where(hits(item, targets), weight[np.maximum(item, 0)], 0).sum()
    return float(found / weight[targets.indices].sum())


def tied_share(score: np.ndarray, k: int) -> float:
    """Share of lists whose k-th score equals the next: an item fell on one side by its code alone.

    Parameters
    ----------
    score : float (U, more than k)
        As in a Ranking of more than k items: best first, padded with NaN.
    k : int
    """
    return float((score[:, k - 1] == score[:, k]).mean())


def conservative_ranks(
    scores: np.ndarray, targets: sparse.csr_array, exclude: sparse.csr_array | None = None
) -> np.ndarray:
    """The rank of each target where it loses every tie: the items score at least as high, itself included.

    A model that gives every item the same score thus has all its targets in the last place. This is
    the conservative mode in the evaluation that the authors of GRU4Rec published with it.

    Parameters
    ----------
    scores : float (U, I)
        NaN and -inf mark items that must not be shown. For many users call this in batches of rows and
        join the answers.
    targets : bool CSR (U, I)
    exclude : bool CSR (U, I), optional
        Items that must not be shown either, such as those met before.

    Returns
    -------
    int64 (T,)
        In the order of `targets`; from 1, and I + 1 for a target that must not be shown.
    """
    n_items = scores.shape[1]
    key = np.where(np.isnan(scores), -np.inf, scores)  # (U, I)
    if exclude is not None:
        key[exclude.nonzero()] = -np.inf
    user, item = targets.nonzero()
    own = key[user, item]  # (T,)
    ranks = np.full(len(user), n_items + 1, dtype=np.int64)
    for first in range(0, len(user), BLOCK):
        block = slice(first, first + BLOCK)
        ranks[block] = (key[user[block]] >= own[block, None]).sum(axis=1)
    ranks[np.isneginf(own)] = n_items + 1
    return ranks


def conservative(ranks: np.ndarray, targets: sparse.csr_array, k: int) -> dict[str, np.ndarray]:
    """ndcg, recall, hit_rate and mrr at k, each float64 (U,), from the `conservative_ranks` (T,)."""
    users = targets.shape[0]
    user = targets.nonzero()[0]  # (T,)
    inside = ranks <= k
    found = np.bincount(user[inside], minlength=users)  # (U,)
    gain = np.bincount(user[inside], 1 / np.log2(ranks[inside] + 1), users)  # (U,)
    best = np.zeros(users)
    np.maximum.at(best, user[inside], 1 / ranks[inside])
    return {
        "ndcg": gain / _ideal_gain(targets, k),
        "recall": found / _n_targets(targets),
        "hit_rate": _where_targets(found > 0, targets),
        "mrr": _where_targets(best, targets),
    }


@dataclass(frozen=True)
class RankingScores:
    """What the lists of one model are worth.

    Parameters
    ----------
    k : int
        Length of the lists.
    user : int64 (U',)
        Rows of the shoppers with a target, the only ones measured.
    without_targets : int
        The other shoppers, left out.
    per_user : dict of float64 (U',)
        Each of METRICS for each of `user`.
    coverage, novelty : float
        Over all lists, also those of shoppers without targets; see the functions of that name.
    beyond_the_head : dict of float
        tail_recall and debiased_recall; see the functions of that name.
    tied : float
        Share of lists with a tie across the k-th place; NaN where the ranking went no further than k.
    """

    k: int
    user: np.ndarray
    without_targets: int
    per_user: dict[str, np.ndarray]
    coverage: float
    novelty: float
    beyond_the_head: dict[str, float]
    tied: float

    @property
    def users(self) -> int:
        """U', the shoppers measured."""
        return len(self.user)

    def mean(self, metric: str) -> float:
        """The mean over shoppers."""
        return float(self.per_user[metric].mean())

    def standard_error(self, metric: str) -> float:
        """Of the mean, over shoppers; NaN where there is only one."""
        return standard_error(self.per_user[metric])

    def to_table(self) -> pa.Table:
        """One row per measure: metric, k, value, standard_error (null beside no mean)."""
        names = list(self.per_user)
        others = {**self.beyond_the_head, "coverage": self.coverage, "novelty": self.novelty}
        others["tied"] = self.tied
        return pa.table(
            {
                "metric": pa.array([*names, *others], pa.string()),
                "k": pa.array([self.k] * (len(names) + len(others)), pa.int32()),
                "value": pa.array([*map(self.mean, names), *others.values()], pa.float64()),
                "standard_error": pa.array(
                    [*map(self.standard_error, names), *[None] * len(others)], pa.float64()
                ),
            }
        )


def score_ranking(ranking: Ranking, targets: sparse.csr_array, train: Interactions, k: int) -> RankingScores:
    """Measure the first k places of a ranking; one that goes on beyond k also tells how often ties decided.

    Parameters
    ----------
    ranking : Ranking (U, k or more)
    targets : bool CSR (U, I)
        As from `merx.evaluate.split.targets`.
    train : Interactions (U users, I items)
        What the model was fitted on, for the novelty.
    k : int, at least 1

    Raises DataError where shapes or vocabularies differ, a list repeats an item, or no shopper has a target.
    """
    users, width = ranking.item.shape
    if targets.shape != (users, len(ranking.items)) or ranking.items != train.items or width < k:
        raise DataError(
            f"ranking: {users:,} lists of {width} out of {len(ranking.items):,} items do not fit targets of "
            f"shape {targets.shape}, train with {train.n_items:,} items and k = {k}. All must have the same "
            "rows and the same item vocabulary, and the lists at least k places."
        )
    item = ranking.item[:, :k]  # (U, k)
    ordered = np.sort(item, axis=1)
    repeated = ((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)).any(axis=1)  # (U,)
    if repeated.any():
        raise DataError(
            f"ranking: {repeated.sum():,} of {users:,} lists name an item twice (first: shopper row "
            f"{np.argmax(repeated)}), which would count a hit twice. Mend the model that made them."
        )
    user = np.flatnonzero(np.diff(targets.indptr))  # (U',)
    if not len(user):
        raise DataError(
            f"ranking: 0 of {users:,} shoppers have a target, so there is nothing to measure. Move the cut "
            "back, or count other events as targets."
        )
    return RankingScores(
        k=k,
        user=user,
        without_targets=users - len(user),
        per_user={name: metric(item[user], targets[user]) for name, metric in METRICS.items()},
        coverage=coverage(item, train.n_items),
        novelty=novelty(item, train),
        beyond_the_head={
            "tail_recall": tail_recall(item, targets, train),
            "debiased_recall": debiased_recall(item, targets, train),
        },
        tied=tied_share(ranking.score, k) if width > k else float("nan"),
    )


def _n_targets(targets: sparse.csr_array) -> np.ndarray:
    """Targets of each user, float64 (U,); NaN where there are none."""
    count = np.diff(targets.indptr)
    return np.where(count > 0, count, np.nan)


def _where_targets(value: np.ndarray, targets: sparse.csr_array) -> np.ndarray:
    """The values (U,), NaN where a user has no target."""
    return np.where(np.diff(targets.indptr) > 0, value, np.nan)


def _ideal_gain(targets: sparse.csr_array, k: int) -> np.ndarray:
    """Discounted gain of a list of k that begins with all the targets, float64 (U,); NaN without targets."""
    gain = np.cumsum(1 / np.log2(np.arange(2, k + 2)))  # (k,)
    ideal: np.ndarray = np.concatenate([[np.nan], gain])[np.minimum(np.diff(targets.indptr), k)]
    return ideal


def standard_error(value: np.ndarray) -> float:
    """Of the mean of the values (n,); NaN for fewer than two."""
    if len(value) < 2:
        return float("nan")
    return float(value.std(ddof=1) / np.sqrt(len(value)))
