"""Linear item models on gowalla: accuracy against published figures, seconds against the textbook's."""

from time import perf_counter

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import svds

from _gowalla import accuracy, targets, train, tuned
from _record import Row, medians, record
from merx.kernels.spectral import leading_right_vectors
from merx.recommend.ease import EASE

PROTOCOL = (
    "gowalla, LightGCN split (29,858 users, 40,981 items, 810,128 pairs to learn from), all items ranked, "
    "those of train masked; Recall@20 and NDCG@20, means over users. Settings in "
    "benchmarks/settings/gowalla.toml, chosen on the last tenth of each user's train entries in the "
    "published order, as the test is what came later; the test took no part."
)
PUBLISHED = {
    "rp3beta": (0.1785, 0.1490, "RP3beta, L1 rows", 1.0),
    "graph_filter": (0.1849, 0.1518, "GF-CF", 1.0),
    "ease": (0.1765, 0.1467, "EASE of all weights, BARS", None),  # ease_exact.py reaches it
}
ITEMS = 8000  # the most popular: what the textbook's inverse can do in seconds
FACTORS = 64
PAIRS = 3


def seconds(work) -> float:
    start = perf_counter()
    work()
    return perf_counter() - start


def against(
    case: str, ours: tuple[float, float], published: tuple[float, float, str, float | None]
) -> list[Row]:
    rows = []
    for metric, value, peer in zip(("Recall@20", "NDCG@20"), ours, published[:2], strict=True):
        share = published[3]
        goal, met = ("", None) if share is None else (f"at least {share:g} of it", value >= share * peer)
        rows.append(Row(case, metric, value, peer, published[2], value / peer, goal, met))
    return rows


def textbook_ease(matrix: sparse.csr_array, regularization: float) -> np.ndarray:
    """As in the paper's listing, in NumPy."""
    gram = (matrix.T @ matrix).toarray()
    gram[np.diag_indices(len(gram))] += regularization
    inverse = np.linalg.inv(gram)
    weights = inverse / -np.diag(inverse)
    weights[np.diag_indices(len(weights))] = 0
    return weights


learnt, wanted = train(), targets()
rows: list[Row] = []
for name, published in PUBLISHED.items():
    config = tuned(name)
    start = perf_counter()
    model = config.fit(learnt)
    took = perf_counter() - start
    rows += against(f"{name}, tuned", accuracy(model, learnt, wanted), published)
    rows.append(Row(f"{name}, tuned", "seconds to fit", took))
    print(rows[-3:], flush=True)

popular = np.sort(np.argsort(-np.bincount(learnt.item, minlength=learnt.n_items), kind="stable")[:ITEMS])
few = learnt.keep(np.isin(learnt.item, popular))
columns = few.matrix()[:, popular].astype(np.float64)
ours_theirs = []
for _ in range(PAIRS):
    ours = seconds(lambda: EASE(regularization=80.0, exact_items=ITEMS).fit(few))
    theirs = seconds(lambda: textbook_ease(columns, 80.0))
    ours_theirs.append((ours, theirs))
ours, theirs, ratio = medians(ours_theirs)
rows.append(
    Row(
        f"EASE, exact, {ITEMS:,} items",
        "seconds",
        ours,
        theirs,
        "NumPy",
        ratio,
        "ratio at most 0.5",
        ratio <= 0.5,
    )
)

degrees = np.maximum(few.matrix().sum(axis=1), 1)[:, None] ** -0.5
scaled = sparse.csr_array(columns.multiply(degrees).multiply(columns.sum(axis=0)[None] ** -0.5)).astype(
    np.float32
)
ours_theirs = [
    (
        seconds(lambda: leading_right_vectors(scaled, FACTORS)),
        seconds(lambda: svds(scaled, FACTORS, rng=np.random.default_rng(0))),
    )
    for _ in range(PAIRS)
]
ours, theirs, ratio = medians(ours_theirs)
rows.append(
    Row(
        f"{FACTORS} singular vectors, {ITEMS:,} items",
        "seconds",
        ours,
        theirs,
        "SciPy svds",
        ratio,
        "ratio at most 0.5",
        ratio <= 0.5,
    )
)
record("linear", f"{PROTOCOL} Seconds: two threads, interleaved, medians of {PAIRS}.", rows)
