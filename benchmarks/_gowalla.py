"""gowalla in the LightGCN split: full ranking, what was seen in train masked, Recall@20 and NDCG@20."""

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from scipy import sparse

from _process import data
from merx.data.interactions import Interactions
from merx.data.vocabulary import Vocabulary
from merx.evaluate.ranking import ndcg, recall
from merx.recommend.rank import rank
from merx.registry import kind
from merx.toml import build

USERS, ITEMS, K = 29_858, 40_981, 20
SETTINGS = Path(__file__).parent / "settings" / "gowalla.toml"
PROTOCOL = (
    "gowalla, LightGCN split (29,858 users, 40,981 items, 810,128 pairs to learn from), all items ranked, "
    "those of train masked; Recall@20 and NDCG@20, means over users. Settings chosen on a tenth of each "
    "user's train entries, drawn once with a seed, kept in benchmarks/settings/gowalla.toml; the test was "
    "used once."
)


def train() -> Interactions:
    """What is learnt from; the split has no times, and all weights are 1."""
    table = pq.read_table(data("gowalla/train.parquet"))
    user, item = table["user"].to_numpy(), table["item"].to_numpy()
    order = np.argsort(user, kind="stable")
    n = len(order)
    return Interactions(
        offsets=np.concatenate([[0], np.cumsum(np.bincount(user, minlength=USERS))]).astype(np.int64),
        item=item[order].astype(np.int32),
        weight=np.ones(n, np.float32),
        time=np.zeros(n, np.int64),
        event=np.full(n, 10, np.int8),
        items=Vocabulary.of([f"{i:05d}" for i in range(ITEMS)]),
    )


def targets() -> sparse.csr_array:
    """What is to be found, bool CSR (U, I)."""
    table = pq.read_table(data("gowalla/test.parquet"))
    user, item = table["user"].to_numpy(), table["item"].to_numpy()
    return sparse.csr_array((np.ones(len(user), bool), (user, item)), shape=(USERS, ITEMS))


def tuned(name: str) -> Any:
    """The config of a kind with the settings chosen for gowalla."""
    settings = tomllib.loads(SETTINGS.read_text())["models"].get(name, {})
    return build(kind(name).load()[0], settings, name)


def accuracy(model: Any, histories: Interactions, wanted: sparse.csr_array) -> tuple[float, float]:
    """Recall@20 and NDCG@20."""
    item = rank(model, histories, K, exclude=histories).item
    some = np.flatnonzero(np.diff(wanted.indptr))
    return float(recall(item[some], wanted[some]).mean()), float(ndcg(item[some], wanted[some]).mean())
