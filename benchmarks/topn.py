"""Kernels of recommendation on gowalla against the fastest libraries, two threads, turn by turn."""

# ruff: noqa: E402 (the number of threads is set before NumPy is imported)
import os

for name in ("MERX_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ[name] = "2"

import subprocess
import sys
import tempfile
from collections.abc import Callable
from time import perf_counter
from typing import Any

import faiss
import implicit
import numpy as np
import pyarrow.parquet as pq
from scipy import sparse
from sparse_dot_topn import sp_matmul_topn
from threadpoolctl import threadpool_limits

from _process import data
from _record import Row, medians, record
from merx.kernels import threads
from merx.kernels.products import Barred, ProductIndex, top_sparse
from merx.kernels.similarity import cosine_neighbours
from merx.kernels.topk import top_k

USERS, ITEMS, FACTORS, K, NEIGHBOURS, ROUNDS = 29_858, 40_981, 128, 20, 100, 5
MANY = 100_000  # products of a live request
FIRST_CALLS = """
from time import perf_counter
import numpy as np
from scipy import sparse
from merx.kernels.products import Barred, ProductIndex, top_sparse
from merx.kernels.similarity import cosine_neighbours
from merx.kernels.topk import top_k
start = perf_counter()
some = sparse.csr_array(np.eye(3, dtype=np.float32))
top_k(some.toarray(), 2)
ProductIndex.of(some.toarray()).top(some.toarray(), 2, Barred.none(3))
top_sparse(some, cosine_neighbours(some, 2, 0.0), 2, Barred.none(3))
print(perf_counter() - start)
"""


def seconds(work: Callable[[], Any]) -> float:
    start = perf_counter()
    work()
    return perf_counter() - start


def turns(
    ours: Callable[[], Any], peers: dict[str, Callable[[], Any]]
) -> dict[str, list[tuple[float, float]]]:
    """Seconds of ours and of each peer, one after the other in every round."""
    pairs: dict[str, list[tuple[float, float]]] = {name: [] for name in peers}
    ours()
    for _ in range(ROUNDS):
        for name, peer in peers.items():
            pairs[name].append((seconds(ours), seconds(peer)))
    return pairs


def compare(case: str, ours: Callable[[], Any], peers: dict[str, Callable[[], Any]], bar: str) -> list[Row]:
    """A row per peer; the goal is set against the `bar`, which may be the "fastest" of them."""
    found = {name: medians(pairs) for name, pairs in turns(ours, peers).items()}
    if bar == "fastest":
        bar = min(found, key=lambda name: found[name][1])
    return [
        Row(case, "seconds", mine, theirs, name, ratio, "ratio at most 1.0", ratio <= 1)
        if name == bar
        else Row(case, "seconds", mine, theirs, name, ratio)
        for name, (mine, theirs, ratio) in found.items()
    ]


def first_calls() -> list[Row]:
    """Seconds of a process's first call of all the kernels, with none and with all compiled before."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "NUMBA_CACHE_DIR": folder}
        cold, cached = (
            float(
                subprocess.run(
                    [sys.executable, "-c", FIRST_CALLS], env=environment, capture_output=True, check=True
                ).stdout
            )
            for _ in range(2)
        )
    case = "first call of all these kernels"
    return [Row(f"{case}, compiled", "seconds", cold), Row(f"{case}, compiled before", "seconds", cached)]


def percentiles(case: str, work: Callable[[int], Any], limit: float) -> list[Row]:
    """p50 and p99 of 2,000 calls in one thread, in ms."""
    work(0)
    spent = np.array([seconds(lambda u=u: work(u)) for u in range(2000)]) * 1e3  # type: ignore[misc]
    p50, p99 = np.percentile(spent, [50, 99]).tolist()
    return [
        Row(case, "p50 ms", p50),
        Row(case, "p99 ms", p99, goal=f"below {limit:g} ms", met=p99 < limit),
    ]


def main() -> None:
    train = pq.read_table(data("gowalla/train.parquet"))
    pair = (train["user"].to_numpy(), train["item"].to_numpy())
    met = sparse.csr_array((np.ones(len(train), np.float32), pair), shape=(USERS, ITEMS))
    peers_met = sparse.csr_matrix(met)
    barred = Barred(met.indptr.astype(np.int64), met.indices)
    everyone = np.arange(USERS)

    def normalised() -> sparse.csr_matrix:
        norm = np.sqrt(np.asarray(peers_met.sum(axis=0)).ravel())
        return (peers_met @ sparse.diags(1 / np.maximum(norm, 1))).tocsr().astype(np.float32)

    def dot_topn() -> sparse.csr_matrix:
        columns = normalised()
        return sp_matmul_topn(columns.T.tocsr(), columns, top_n=NEIGHBOURS + 1, n_threads=2)  # with itself

    def implicit_cosine() -> Any:
        model = implicit.nearest_neighbours.CosineRecommender(K=NEIGHBOURS + 1, num_threads=2)
        model.fit(peers_met, show_progress=False)
        return model

    rows = compare(
        f"cosine of items, {NEIGHBOURS} neighbours",
        lambda: cosine_neighbours(met, NEIGHBOURS, 0.0),
        {"sparse_dot_topn": dot_topn, "implicit": implicit_cosine},
        "fastest",
    )

    similarity = sparse.csr_array(cosine_neighbours(met, NEIGHBOURS, 0.0).T)
    peers_similarity, neighbour_model = sparse.csr_matrix(similarity), implicit_cosine()
    rows += compare(
        f"scores from neighbours, top {K} for all users, seen items masked",
        lambda: top_sparse(met, similarity, K, barred),
        {
            "sparse_dot_topn, nothing masked": lambda: sp_matmul_topn(
                peers_met, peers_similarity, top_n=K, n_threads=2
            ),
            "implicit": lambda: neighbour_model.recommend(everyone, peers_met, N=K),
        },
        "sparse_dot_topn, nothing masked",
    )

    als = implicit.als.AlternatingLeastSquares(
        factors=FACTORS,
        regularization=0.05,
        alpha=10,
        iterations=15,
        random_state=1,
        use_gpu=False,
        num_threads=2,
    )
    with threadpool_limits(1, "blas"):  # beside implicit's own threads, as it asks
        als.fit(peers_met, show_progress=False)
    users, items = np.array(als.user_factors), np.array(als.item_factors)
    index = ProductIndex.of(items)
    faiss.omp_set_num_threads(2)
    flat = faiss.IndexFlatIP(FACTORS)
    flat.add(items)

    def implicit_products() -> Any:
        with threadpool_limits(1, "blas"):
            return als.recommend(everyone, peers_met, N=K)

    same = np.mean(index.top(users, K)[0] == flat.search(users, K)[1])
    rows += compare(
        f"inner products of {FACTORS} factors, top {K} for all users, seen items masked",
        lambda: index.top(users, K, barred),
        {
            "faiss flat, nothing masked": lambda: flat.search(users, K),
            "implicit": implicit_products,
        },
        "faiss flat, nothing masked",
    )
    rows.append(Row(f"the same lists as faiss flat, top {K}, nothing masked", "share of places", float(same)))
    rows.append(Row("index of the factors built", "seconds", seconds(lambda: ProductIndex.of(items))))

    threads.THREADS = 1
    rng = np.random.default_rng(0)
    more = items[rng.integers(ITEMS, size=MANY - ITEMS)]
    noise = rng.normal(size=more.shape) * 0.3 * np.linalg.norm(more, axis=1, keepdims=True) / np.sqrt(FACTORS)
    many = ProductIndex.of(np.concatenate([items, more + noise]).astype(np.float32))
    rows += percentiles(
        f"one user, {MANY:,} items, {FACTORS} factors, one thread", lambda u: many.top(users[u : u + 1], K), 1
    )
    scores = rng.random((1, MANY), dtype=np.float32)
    rows += percentiles(f"top_k of {MANY:,} scores, one thread", lambda _: top_k(scores, K), 0.2)
    rows += first_calls()
    record(
        "topn",
        f"gowalla: {USERS:,} users, {ITEMS:,} items, {len(train):,} pairs. Two threads each, medians of "
        f"{ROUNDS} rounds in which ours and the peer take turns. The factors are those of implicit's ALS (15 "
        f"iterations, alpha 10), whose BLAS has one thread, as it asks. The {MANY:,} items of the live query "
        f"are those {ITEMS:,} and copies of them with 30 % noise.",
        rows,
    )


if __name__ == "__main__":
    main()
