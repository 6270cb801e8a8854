"""Real data that several tests of recommenders read."""

import os
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy import sparse

from merx.data.interactions import Interactions
from merx.data.vocabulary import Vocabulary


@pytest.fixture(scope="session")
def gowalla():
    """The LightGCN split: what is learnt from, and the targets as bool CSR (U, I)."""
    folder = Path(os.environ.get("MERX_DATA", "../shared/data")) / "gowalla"
    if not folder.exists():
        pytest.skip("MERX_DATA does not hold gowalla")
    train, test = (pq.read_table(folder / f"{part}.parquet") for part in ("train", "test"))
    user, item = train["user"].to_numpy(), train["item"].to_numpy()
    order = np.argsort(user, kind="stable")
    n, items = len(order), 40_981
    learnt = Interactions(
        offsets=np.concatenate([[0], np.cumsum(np.bincount(user))]).astype(np.int64),
        item=item[order].astype(np.int32),
        weight=np.ones(n, np.float32),
        time=np.zeros(n, np.int64),
        event=np.full(n, 10, np.int8),
        items=Vocabulary.of([f"{i:05d}" for i in range(items)]),
    )
    wanted = (np.ones(len(test), bool), (test["user"].to_numpy(), test["item"].to_numpy()))
    return learnt, sparse.csr_array(wanted, shape=(learnt.n_users, items))
