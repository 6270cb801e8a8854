"""Neighbours among shoppers and items on gowalla, and products bought together on Online Retail."""

# ruff: noqa: E402 (the number of threads is set before NumPy is imported)
import os

os.environ["MERX_THREADS"] = "2"
for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ[name] = "1"  # as implicit asks

from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
from implicit.nearest_neighbours import BM25Recommender, CosineRecommender
from scipy import sparse

from _gowalla import PROTOCOL, K, accuracy, targets, train, tuned
from _process import data
from _record import Row, medians, record
from merx.data.interactions import Interactions
from merx.data.results import Ranking
from merx.data.vocabulary import Vocabulary
from merx.evaluate.ranking import ndcg, recall
from merx.kernels.topk import top_k
from merx.recommend.association import Association
from merx.recommend.item_knn import ItemKNN
from merx.recommend.popularity import Popularity
from merx.recommend.rank import rank
from merx.recommend.user_knn import UserKNN

BARS = (0.1570, 0.1214)  # ItemKNN, openbenchmark.github.io/BARS
ROUNDS = 3
METRICS = ("Recall@20", "NDCG@20")


def judged(item: np.ndarray, wanted: sparse.csr_array) -> tuple[float, float]:
    """Recall and NDCG of the lists (U, k), means over users with a target."""
    some = np.flatnonzero(np.diff(wanted.indptr))
    return float(recall(item[some], wanted[some]).mean()), float(ndcg(item[some], wanted[some]).mean())


def as_bars(histories: Interactions) -> np.ndarray:
    """Lists (U, 20) of ItemKNN as BARS has it: with the share of users who met an item as a prior."""
    model = ItemKNN(100, "cosine", "log", shrinkage=0.0, normalise=1.0).fit(histories)
    met = histories.matrix()
    share = met.sum(axis=0) / histories.n_users
    prior = (share - share @ model.similarity).astype(np.float32)  # (I,)
    lists = []
    for first in range(0, histories.n_users, 1000):
        some = met[first : first + 1000]
        score = (some @ model.similarity).toarray() + prior
        score[some.nonzero()] = -np.inf
        lists.append(top_k(score, K)[0])
    return np.concatenate(lists)


def of_implicit(model: Any, histories: Interactions) -> np.ndarray:
    """Lists (U, 20) of a model of implicit, fitted anew."""
    met = sparse.csr_matrix(histories.matrix())
    model.fit(met, show_progress=False)
    everyone = np.arange(histories.n_users)
    item, _ = model.recommend(everyone, met, N=K, filter_already_liked_items=True)
    return np.asarray(item, np.int32)


def ours(config: Any, histories: Interactions) -> Ranking:
    return rank(config.fit(histories), histories, K, exclude=histories)


def seconds(work: Callable[[], Any]) -> float:
    start = perf_counter()
    work()
    return perf_counter() - start


def accuracies() -> list[Row]:
    learnt, wanted = train(), targets()
    rows = []
    reached = judged(as_bars(learnt), wanted)
    for metric, value, published in zip(METRICS, reached, BARS, strict=True):
        close = abs(value / published - 1) <= 0.01
        case = "ItemKNN with the settings and the prior of BARS"
        rows.append(Row(case, metric, value, published, "BARS", value / published, "within 1 % of it", close))
    peer = judged(of_implicit(BM25Recommender(K=20, K1=1.2, B=0.3, num_threads=2), learnt), wanted)
    for name in ("item_knn", "user_knn"):
        found = accuracy(tuned(name).fit(learnt), learnt, wanted)
        for metric, value, published in zip(METRICS, found, BARS, strict=True):
            ratio = value / published
            case = f"{name}, tuned"
            rows.append(
                Row(case, metric, value, published, "ItemKNN, BARS", ratio, "at least 1 of it", ratio >= 1)
            )
        for metric, value, other in zip(METRICS, found, peer, strict=True):
            rows.append(
                Row(f"{name}, tuned", metric, value, other, "implicit BM25, tuned alike", value / other)
            )
    for name, config in (("item_knn", ItemKNN()), ("user_knn", UserKNN())):
        found = accuracy(config.fit(learnt), learnt, wanted)
        rows += [Row(f"{name}, as shipped", m, v) for m, v in zip(METRICS, found, strict=True)]
    return rows


def speed() -> list[Row]:
    """Fit and lists of 20 for all users, ours and implicit's turn by turn."""
    learnt = train()
    cases = {
        "item cosine, 100 neighbours": (
            ItemKNN(100, "cosine", "log", shrinkage=0.0, normalise=0.0),
            lambda: CosineRecommender(K=100, num_threads=2),
            "implicit cosine",
        ),
        "item_knn, tuned": (
            tuned("item_knn"),
            lambda: BM25Recommender(K=200, K1=1.2, B=0.3, num_threads=2),
            "implicit BM25, 200 neighbours",
        ),
    }
    rows = []
    for case, (config, make, name) in cases.items():
        ours(config, learnt)
        pairs = [
            (seconds(lambda c=config: ours(c, learnt)), seconds(lambda m=make: of_implicit(m(), learnt)))
            for _ in range(ROUNDS)
        ]
        rows.append(Row(f"{case}: fit and rank all users", "seconds", *split(pairs, name)))
    alone = sorted(seconds(lambda: ours(tuned("user_knn"), learnt)) for _ in range(ROUNDS))
    rows.append(Row("user_knn, tuned: fit and rank all users", "seconds", alone[ROUNDS // 2]))
    return rows


def split(pairs: list[tuple[float, float]], name: str) -> tuple[float, float, str, float]:
    """Ours, the peer's, its name and the ratio, as Row takes them."""
    mine, theirs, ratio = medians(pairs)
    return mine, theirs, name, ratio


def invoices() -> tuple[Interactions, Interactions]:
    """Online Retail: the first four fifths of the invoices with an article sold, and the last fifth."""
    table = pq.read_table(data("online_retail/online_retail.parquet"))
    table = table.filter(pc.and_(pc.greater(table["Quantity"], 0), pc.greater(table["UnitPrice"], 0)))
    basket = table["InvoiceNo"].combine_chunks().dictionary_encode()  # in the order of time
    article = table["StockCode"].combine_chunks().dictionary_encode()
    row, column = basket.indices.to_numpy(), article.indices.to_numpy()
    order = np.argsort(row, kind="stable")
    n = len(order)
    every = Interactions(
        offsets=np.concatenate([[0], np.cumsum(np.bincount(row))]).astype(np.int64),
        item=column[order].astype(np.int32),
        weight=np.ones(n, np.float32),
        time=np.zeros(n, np.int64),
        event=np.full(n, 10, np.int8),
        items=Vocabulary(article.dictionary),
    )
    cut = every.n_users * 4 // 5
    return every.take(np.arange(cut)), every.take(np.arange(cut, every.n_users))


def baskets() -> list[Row]:
    """From one article of a basket, drawn with a seed, to the others in it."""
    past, after = invoices()
    held = after.seen()
    held = held[np.flatnonzero(np.diff(held.indptr) > 1)]
    rng = np.random.default_rng(0)
    page = held.indptr[:-1] + (rng.random(held.shape[0]) * np.diff(held.indptr)).astype(np.int64)
    shown = held.indices[page]
    alone = np.arange(len(shown) + 1, dtype=np.int64)
    ones = np.ones(len(shown))
    question = Interactions(
        alone, shown.astype(np.int32), ones.astype(np.float32), alone[:-1], ones.astype(np.int8), past.items
    )
    wanted = sparse.csr_array(held.astype(np.int8) - question.seen().astype(np.int8)).astype(bool)
    wanted.eliminate_zeros()

    def found(config: Any) -> tuple[float, float]:
        lists = rank(config.fit(past), question, 10, exclude=question)
        return judged(lists.item, wanted)

    bar, confidence = found(Popularity()), found(Association(lift=0.0))
    rows = []
    for place, metric in enumerate(("Recall@10", "NDCG@10")):
        value = found(Association())[place]
        case = "Online Retail, others in the basket, from one"
        rows.append(
            Row(
                case,
                metric,
                value,
                bar[place],
                "popularity",
                value / bar[place],
                "ratio at least 2",
                value >= 2 * bar[place],
            )
        )
        rows.append(
            Row(case, metric, value, confidence[place], "confidence alone", value / confidence[place])
        )
    return rows


record(
    "neighbours",
    f"{PROTOCOL} implicit's BM25 was tuned over 15 settings on the same tenth. Seconds: two threads, "
    f"interleaved, medians of {ROUNDS}. Online Retail: pairs counted in the first four fifths of the "
    "invoices; from one article of each later invoice, drawn with a seed, the others in it; the power of "
    "the lift chosen on the fourth fifth, counted in the first three.",
    [*accuracies(), *speed(), *baskets()],
)
