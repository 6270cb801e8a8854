"""Products hidden from training, ranked for the shoppers who took them: Amazon's Beauty and Sports."""

from dataclasses import replace
from time import process_time

import numpy as np
import pyarrow.parquet as pq
from scipy import sparse

from _process import data
from _record import Row, record
from _tuned import tuned
from merx.data.features import ItemFeatures, item_features
from merx.data.interactions import Interactions
from merx.evaluate.ranking import ndcg, recall
from merx.media.leading import leading
from merx.media.terms import term_vectors
from merx.recommend.damping import damped
from merx.recommend.rank import rank
from sequence_amazon import SETS, histories

DIMENSIONS = 512
GOAL = 3.0  # times each of the bars
SEED = 0
METHODS = ("feature_factors", "fusion")
BARS = ("random", "popularity within category")


def load(name: str) -> tuple[Interactions, list[list[str]], ItemFeatures]:
    """Histories without times, the attributes of each item, and their vectors."""
    found = histories(name)
    found = replace(found, time=np.zeros_like(found.time))  # places in a history are no times
    table = pq.read_table(data("amazon_s3rec") / f"{SETS[name]}_item_attributes.parquet")
    attributes: list[list[str]] = [[] for _ in range(found.n_items)]
    for item, attribute in zip(table["item_id"].to_pylist(), table["attribute_id"].to_pylist(), strict=True):
        attributes[item - 1].append(str(attribute))
    matrix = term_vectors(attributes)
    return found, attributes, item_features(found.items, {"attributes": matrix @ leading(matrix, DIMENSIONS)})


def hidden_items(n: int, validation: bool) -> np.ndarray:
    """A tenth of the items, bool (I,): those that are reported on, or others to choose settings on."""
    draw = np.random.default_rng(SEED).random(n)
    return (draw >= 0.1) & (draw < 0.2) if validation else draw < 0.1


def bars(train: Interactions, attributes: list[list[str]], hidden: np.ndarray) -> dict[str, np.ndarray]:
    """Scores of every item for every shopper, (U, I) or (1, I) where alike for all.

    An item's popularity within its category: as it is where it was met; of a new item the mean over those
    that share its attributes. Personal: times how often the shopper took something with each attribute.
    """
    matrix = term_vectors(attributes)
    matrix.data[:] = 1
    count = np.bincount(train.item, minlength=train.n_items).astype(np.float64)
    of = np.asarray(matrix.T @ count) / np.maximum(np.asarray(matrix.T @ (~hidden).astype(np.float64)), 1)
    mean = np.asarray(matrix @ of) / np.maximum(np.asarray(matrix.sum(axis=1)).ravel(), 1)
    popular = np.where(hidden, mean, count)
    taken = sparse.csr_array(damped(train) @ matrix)
    personal = np.asarray((taken @ sparse.csr_array(matrix.T)).toarray(), np.float32)
    draw = np.random.default_rng(1)
    return {
        "random": draw.random((train.n_users, train.n_items), np.float32),
        "popularity within category": popular[None] + 1e-6 * draw.random((1, train.n_items)),
        "the shopper's categories x popularity": personal * np.sqrt(popular).astype(np.float32),
    }


def measured(top: np.ndarray, targets: sparse.csr_array) -> tuple[float, float]:
    """R@20 and N@10 of lists of 20."""
    return float(recall(top, targets).mean()), float(ndcg(top[:, :10], targets).mean())


def lists(name: str) -> tuple[dict[str, dict[str, tuple[float, float]]], list[Row]]:
    """Measures of every method and bar, by what is ranked, and the time that the methods take to fit."""
    every, attributes, features = load(name)
    hidden = hidden_items(every.n_items, validation=False)
    train, test = every.keep(~hidden[every.item]), every.keep(hidden[every.item])
    users = np.flatnonzero((np.diff(test.offsets) > 0) & (np.diff(train.offsets) > 0))
    told, targets = train.take(users), test.seen()[users]
    ranked = {"all items": np.ones_like(hidden), "the new ones": hidden}
    found: dict[str, dict[str, tuple[float, float]]] = {among: {} for among in ranked}
    for bar, score in bars(train, attributes, hidden).items():
        own = np.broadcast_to(score, (train.n_users, every.n_items))[users]
        for among, allowed in ranked.items():
            free = np.where(allowed, own, -np.inf)
            free[told.seen().nonzero()] = -np.inf
            found[among][bar] = measured(np.argsort(-free, axis=1, kind="stable")[:, :20], targets)
    times = []
    for method in METHODS:
        start = process_time()
        model = tuned(name, method).fit(train, features)
        times.append(Row(f"{name}: {method}", "CPU seconds to fit", process_time() - start))
        for among, allowed in ranked.items():
            top = rank(model, told, 20, exclude=told, candidates=allowed).item
            found[among][method] = measured(top, targets)
    return found, times


def rows_of(name: str) -> list[Row]:
    """Each method beside each bar. The goal was set on R@20 among all items."""
    found, rows = lists(name)
    for among, results in found.items():
        for method in METHODS:
            for bar in (bar for bar in results if bar not in METHODS):
                for place, metric in enumerate(("R@20", "N@10")):
                    ours, peer = results[method][place], results[bar][place]
                    judged = metric == "R@20" and among == "all items" and bar in BARS
                    goal = f"at least {GOAL:g} times" if judged else ""
                    ratio = ours / peer if peer else None
                    met = ours >= GOAL * peer if judged else None
                    case = f"{name}, among {among}: {method}"
                    rows.append(Row(case, metric, ours, peer, bar, ratio, goal, met))
    return rows


def main() -> None:
    rows = [row for name in SETS for row in rows_of(name)]
    record(
        "new_items_amazon",
        "The files of S3-Rec. A tenth of the items hidden from training (seed 0), ranked for every shopper "
        "who took one of them and something else, from their other items; what they have is left out. "
        "Attributes (category and brand ids) are all that is known of an item. Settings in "
        "benchmarks/settings, chosen on another tenth. Popularity within category: of a new item the mean "
        "over the items that share its attributes.",
        rows,
    )


if __name__ == "__main__":
    main()
