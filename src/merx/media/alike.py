"""Look-alikes: the products nearest to one, or to each, by any of their vectors.

Similarity is the cosine of two vectors. A product without a vector has no look-alikes and is nobody's. Up to
`EXACT` products all are compared with all, which takes time by the square of their number; the neighbours
of more are found by walks through a graph of neighbours, with an index of faiss (Malkov & Yashunin, Efficient
and robust approximate nearest neighbor search using hierarchical navigable small world graphs, IEEE
Transactions on Pattern Analysis and Machine Intelligence 42(4), 2020; Douze et al., The Faiss library,
arXiv:2401.08281).
"""

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from merx.errors import ConfigError
from merx.kernels.nearest import nearest_of_all
from merx.kernels.threads import THREADS
from merx.kernels.topk import top_k

# Products of which all are compared with all; beyond, the graph is faster (benchmarks/alike.py).
EXACT = 200_000
LINKS = 16  # of a vector in the graph
BUILT, SOUGHT = 80, 64  # candidates kept in building and in search


def alike(
    vectors: Sequence[np.ndarray | sparse.csr_array], item: int, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """The nearest of I items to one of them, by one or more sorts of vectors at once; exact.

    The cosine of the vectors laid side by side, each item's scaled to length 1: where both have all that
    `item` has, the mean of the cosines; what the other lacks draws it away.

    Parameters
    ----------
    vectors : of each sort float32 (I, F) or CSR (I, F)
        Rows of length 1, or zeros where an item has none.
    item : int
    count : int, at least 1

    Returns
    -------
    other : int32 (at most count,)
        Most similar first, ties by place; without the item itself and what has no vector of its sorts.
    similarity : float32 (at most count,)
    """
    total = np.zeros(vectors[0].shape[0], np.float32)
    sorts = np.zeros(len(total), np.float32)
    for own in vectors:
        there = present(own)
        if there[item]:
            total += cosines(own, item)
            sorts += there
    similarity = np.where(sorts > 0, total / np.sqrt(np.maximum(sorts * sorts[item], 1)), -np.inf)
    similarity[item] = -np.inf
    [other], [score] = top_k(similarity[None].astype(np.float32), count)
    return other[other >= 0], score[other >= 0]


def cosines(vectors: np.ndarray | sparse.csr_array, item: int) -> np.ndarray:
    """The cosine of every vector with one of them, float32 (I,)."""
    if isinstance(vectors, np.ndarray):
        return np.asarray(vectors @ vectors[item], np.float32)
    return np.asarray((vectors @ vectors[[item]].T).toarray().ravel(), np.float32)


def present(vectors: np.ndarray | sparse.csr_array) -> np.ndarray:
    """Which items have a vector, bool (I,)."""
    if isinstance(vectors, np.ndarray):
        return np.asarray(vectors.any(axis=1))
    return np.asarray(np.diff(vectors.indptr) > 0)


def all_alike(vectors: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The nearest of I vectors to each of them, itself left out; by the graph beyond `EXACT`.

    Parameters
    ----------
    vectors : float32 (I, F)
        Of length 1, or zeros where there is none.
    count : int, at least 1

    Returns
    -------
    other : int32 (I, count)
        Most similar first, ties by place; -1 where there are fewer.
    similarity : float32 (I, count)
        NaN where other is -1.

    Raises
    ------
    ConfigError
        There are more than `EXACT` vectors, and faiss is not installed.
    """
    there = np.flatnonzero(present(vectors))
    other = np.full((len(vectors), count), -1, np.int32)
    similarity = np.full((len(vectors), count), np.nan, np.float32)
    if len(there):
        search = nearest_of_all if len(there) <= EXACT else by_graph
        found, similarity[there] = search(vectors[there], count)
        other[there] = np.where(found >= 0, there[found], -1)
    return other, similarity


def by_graph(vectors: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """As `all_alike` of vectors none of which is zero, of whose neighbours a few are missed.

    The graph is built by several threads at once, so that two runs may miss different ones.
    """
    try:
        import faiss
    except ImportError:
        raise ConfigError(
            f"the look-alikes of each of {len(vectors):,} products, more than {EXACT:,}, need faiss: "
            "pip install 'merx[media]'."
        ) from None
    faiss.omp_set_num_threads(THREADS)
    index = faiss.IndexHNSWFlat(vectors.shape[1], LINKS, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction, index.hnsw.efSearch = BUILT, max(SOUGHT, 2 * count)
    index.add(vectors)
    similarity, other = index.search(vectors, count + 1)  # each finds itself, as a rule first
    itself = other == np.arange(len(vectors))[:, None]
    itself[~itself.any(axis=1), -1] = True  # or else the last goes
    other, similarity = (found[~itself].reshape(len(vectors), count) for found in (other, similarity))
    return other.astype(np.int32), np.where(other >= 0, similarity, np.nan).astype(np.float32)
