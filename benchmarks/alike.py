"""Look-alikes of every product: exact against faiss flat, and the graph that takes over beyond a size."""

# ruff: noqa: E402 (the number of threads is set before NumPy is imported)
import os

for name in ("MERX_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ[name] = "2"

from time import perf_counter

import faiss
import numpy as np

from _record import Row, medians, record
from merx.kernels.nearest import nearest_of_all
from merx.media.alike import EXACT, by_graph

PRODUCTS, LENGTH, K, ROUNDS = 100_000, 64, 20, 3
EACH = 50  # products of a kind
LARGER = (200_000, 400_000)
SAME = 1e-5  # two similarities this near are one, in single precision


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def scattered(n: int) -> np.ndarray:
    """In all directions alike: the hardest."""
    return unit(np.random.default_rng(0).standard_normal((n, LENGTH)))


def kinds(n: int) -> np.ndarray:
    """Products of many kinds, in directions of which the first vary most, as vectors of pictures do."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((n // EACH, LENGTH))
    own = centres[rng.integers(len(centres), size=n)] + 0.7 * rng.standard_normal((n, LENGTH))
    return unit(own / np.sqrt(1 + np.arange(LENGTH)))


def faiss_flat(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """K others of each, with their similarities: itself is asked for too, and taken out."""
    index = faiss.IndexFlatIP(LENGTH)
    index.add(vectors)
    score, column = index.search(vectors, K + 1)
    other = column != np.arange(len(vectors))[:, None]
    other[other.all(axis=1), -1] = False
    return column[other].reshape(-1, K), score[other].reshape(-1, K)


def timed(work, *given):
    start = perf_counter()
    found = work(*given)
    return found, perf_counter() - start


def against_flat(what: str, vectors: np.ndarray) -> list[Row]:
    pairs = []
    for _ in range(ROUNDS):
        (column, score), ours = timed(nearest_of_all, vectors, K)
        (theirs, their_score), peer = timed(faiss_flat, vectors)
        pairs.append((ours, peer))
    mine, peer, ratio = medians(pairs)
    case = f"{PRODUCTS:,} vectors of {LENGTH}, {what}"
    other = (column != theirs) & (np.abs(score - their_score) > SAME)
    return [
        Row(case, "seconds", mine, peer, "faiss flat", ratio, "ratio at most 1.0", ratio <= 1),
        Row(case, "share of places with the same id", float(np.mean(column == theirs))),
        Row(case, "places not equal but for ties", float(other.sum()), goal="0", met=not other.any()),
    ]


def beyond(n: int) -> list[Row]:
    vectors = kinds(n)
    (exact, _), seconds = timed(nearest_of_all, vectors, K)
    (found, _), by_index = timed(by_graph, vectors, K)
    hit = [len(np.intersect1d(a, b)) / K for a, b in zip(found[::20], exact[::20], strict=True)]
    case = f"{n:,} vectors of {LENGTH}, products of kinds"
    return [
        Row(case, "seconds", by_index, seconds, "exact", by_index / seconds),
        Row(case, f"recall at {K}", float(np.mean(hit))),
    ]


def main() -> None:
    faiss.omp_set_num_threads(2)
    nearest_of_all(scattered(2_000), K)  # compiled
    rows = against_flat("all directions", scattered(PRODUCTS))
    rows += against_flat("products of kinds", kinds(PRODUCTS))
    for n in LARGER:
        rows += beyond(n)
    record(
        "alike",
        f"The {K} nearest of every vector, itself left out; two threads each, medians of {ROUNDS} rounds in "
        f"which ours and faiss {faiss.__version__} take turns. Vectors in all directions alike; and {EACH} "
        "products each of many kinds. Below: the graph of neighbours (building and search) that merx uses "
        f"beyond {EXACT:,} products, against its exact search, one run each.",
        rows,
    )


if __name__ == "__main__":
    main()
