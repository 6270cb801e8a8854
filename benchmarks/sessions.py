"""Session neighbours: accuracy on next clicks, and the time of one list; against session-rec's own code.

The peers are read from a checkout of github.com/rn5l/session-rec, which has no package: set SESSION_REC to
its folder. Without it only our figures are recorded.
"""

import os
import sys
from pathlib import Path
from time import perf_counter
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from _process import data
from _record import Row, record
from merx.data.interactions import Interactions
from merx.data.schema import DAY
from merx.data.vocabulary import Vocabulary
from merx.recommend.rank import rank
from merx.recommend.session_knn import MINUTE, FittedSessionKNN, SessionKNN

if TYPE_CHECKING:
    import pandas as pd

K = 20
EVERY = 6  # the peers answer every so many test cases: one takes some ten milliseconds
SPAN = 145  # days of Diginetica's training sessions, which the file holds in order but without dates
PEERS = {  # of the settings that session-rec publishes for Diginetica, those best on our validation sessions
    "STAN": (
        "stan",
        "STAN",
        {"k": 500, "sample_size": 5000, "lambda_spw": 1.25, "lambda_snh": 80, "lambda_inh": 5},
    ),
    "VSTAN": (
        "vstan",
        "VSKNN_STAN",
        {"k": 1500, "sample_size": 5000, "lambda_spw": 1.25, "lambda_snh": 100, "lambda_inh": 10,
         "lambda_ipw": 10, "lambda_idf": 10},
    ),
    "V-SkNN": (
        "vsknn",
        "VMContextKNN",
        {"k": 1500, "sample_size": 10_000, "weighting": "quadratic", "weighting_score": "linear",
         "idf_weighting": 10},
    ),
}  # fmt: skip


def interactions(row: np.ndarray, item: np.ndarray, time: np.ndarray, items: Vocabulary) -> Interactions:
    """Clicks (N,), sorted by row and time."""
    return Interactions(
        offsets=np.concatenate([[0], np.cumsum(np.bincount(row))]).astype(np.int64),
        item=item.astype(np.int32),
        weight=np.ones(len(item), np.float32),
        time=time.astype(np.int64),
        event=np.zeros(len(item), np.int8),
        items=items,
    )


def diginetica() -> tuple[Interactions, Interactions, np.ndarray]:
    """Training sessions, test prefixes and what came next."""
    folder = data("diginetica_sessions")
    items = Vocabulary(pa.array([str(item) for item in range(1, 43_098)]))

    def ragged(name: str, row: str, first: float, last: float) -> Interactions:
        table = pq.read_table(folder / f"{name}.parquet")
        row = table[row].to_numpy()
        day = np.linspace(first, last, row.max() + 1)[row]
        time = day * DAY + table["pos"].to_numpy().astype(np.int64) * MINUTE
        return interactions(row, table["item_id"].to_numpy() - 1, time, items)

    target = pq.read_table(folder / "test_targets.parquet")["target_item"].to_numpy() - 1
    train = ragged("train_sessions", "session", 0, SPAN)
    return train, ragged("test_prefixes", "case", SPAN, SPAN + 7), target


def yoochoose() -> tuple[Interactions, Interactions, np.ndarray]:
    """The same of the excerpt: every click of a test session but the first is a target."""
    folder = data("yoochoose_100k")
    return clicks_and_prefixes(
        *(pq.read_table(folder / f"{name}.parquet").to_pandas() for name in ("train_full", "test"))
    )


def clicks_and_prefixes(
    train: "pd.DataFrame", test: "pd.DataFrame"
) -> tuple[Interactions, Interactions, np.ndarray]:
    """Sessions to learn from; of the others, what came before each click but the first, and that click."""
    items = Vocabulary.of(str(item) for item in train.ItemId.unique())
    train, test = (table.sort_values(["SessionId", "Time"], kind="stable") for table in (train, test))
    test = test[test.ItemId.astype(str).isin(items.ids.to_pylist())]

    def ragged(table) -> Interactions:  # type: ignore[no-untyped-def]
        row = np.unique(table.SessionId, return_inverse=True)[1]
        return interactions(
            row, items.codes(table.ItemId.astype(str).to_list()), table.Time.to_numpy() * 1e6, items
        )

    clicks = ragged(test)
    end = np.flatnonzero(np.diff(clicks.user, prepend=-1) == 0)  # (T,) every click that is not the first
    start = clicks.offsets[clicks.user[end]]
    length = end - start
    entry = np.arange(length.sum()) + np.repeat(start - np.cumsum(length) + length, length)
    prefixes = interactions(
        np.repeat(np.arange(len(end)), length), clicks.item[entry], clicks.time[entry], items
    )
    return ragged(train), prefixes, clicks.item[end]


def hits(item: np.ndarray, target: np.ndarray) -> tuple[float, float]:
    """Recall and MRR of lists (T, K)."""
    hit = item == target[:, None]
    return float(hit.any(axis=1).mean()), float((hit / np.arange(1, K + 1)).sum(axis=1).mean())


def one_by_one(model: FittedSessionKNN, histories: Interactions, reasons: bool) -> np.ndarray:
    """Seconds that a list takes for each of the histories."""
    each = [histories.take(np.array([u])) for u in range(histories.n_users)]
    seconds = []
    for one in each:
        start = perf_counter()
        item = rank(model, one, K).item[0]
        if reasons:
            model.explain(one, item[item >= 0])
        seconds.append(perf_counter() - start)
    return np.array(seconds)


def peer(name: str, train: Interactions, prefixes: Interactions) -> tuple[np.ndarray, np.ndarray]:
    """Lists (T, K) of session-rec's model, and the seconds of each."""
    import pandas as pd

    sys.modules.setdefault("pympler", ModuleType("pympler")).asizeof = None  # type: ignore[attr-defined]
    vars(np).setdefault("in1d", np.isin)  # gone from NumPy
    sys.path.insert(0, str(Path(os.environ["SESSION_REC"]) / "algorithms" / "knn"))
    module, kind, settings = PEERS[name]
    model = getattr(__import__(module), kind)(**settings)
    seen = pd.DataFrame({"SessionId": train.user, "ItemId": train.item, "Time": train.time / 1e6})
    model.fit(seen)
    every = np.arange(train.n_items)
    lists, seconds = [], []
    for case in range(prefixes.n_users):
        own = slice(prefixes.offsets[case], prefixes.offsets[case + 1])
        clicks, now = prefixes.item[own], prefixes.time[own][-1] / 1e6
        for click in clicks[:-1]:  # it gathers the sessions of each click while it answers
            model.predict_next(case, click, every, timestamp=now)
        start = perf_counter()
        score = model.predict_next(case, clicks[-1], every, timestamp=now).to_numpy()
        lists.append(np.lexsort((every, -score))[:K])
        seconds.append(perf_counter() - start)
    return np.array(lists), np.array(seconds)


def many_sessions(items: int, sessions: int, seed: int = 0) -> tuple[Interactions, Interactions]:
    """Sessions whose items lie near each other on a circle of popular and rare ones, and visitors of 20."""
    rng = np.random.default_rng(seed)

    def drawn(length: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        row = np.repeat(np.arange(len(length)), length)
        about = items * rng.random(len(length)) ** 3  # a few draw most
        return row, (about[row] + rng.geometric(0.02, len(row))).astype(np.int64) % items

    vocabulary = Vocabulary(pa.array([f"i{item}" for item in range(items)]))
    row, item = drawn(np.minimum(1 + rng.geometric(0.25, sessions), 50))
    time = row * (180 * DAY // sessions) + np.arange(len(row)) % 50 * MINUTE // 10
    order = np.lexsort((time, row))
    visit, met = drawn(np.full(1000, 20))
    visitors = interactions(visit, met, 180 * DAY + np.tile(np.arange(20), 1000) * MINUTE, vocabulary)
    return interactions(row, item[order], time[order], vocabulary), visitors


def main() -> None:
    rows = []
    train, prefixes, target = diginetica()
    start = perf_counter()
    model = SessionKNN().fit(train)
    fitted = perf_counter() - start
    recall, mrr = hits(rank(model, prefixes, K).item, target)
    rows += [
        Row("Diginetica, all 60,858 cases", "Recall@20", recall, 0.5, "published STAN", recall / 0.5,
            "at least .50", recall >= 0.5),
        Row("Diginetica, all 60,858 cases", "MRR@20", mrr, 0.183, "published STAN", mrr / 0.183,
            "at least .183", mrr >= 0.183),
        Row("Diginetica, 186,670 sessions", "seconds to fit", fitted),
    ]  # fmt: skip
    few = np.arange(0, prefixes.n_users, EVERY)
    ours = hits(rank(model, prefixes.take(few), K).item, target[few])
    for name in PEERS if "SESSION_REC" in os.environ else ():
        lists, theirs = peer(name, train, prefixes.take(few))
        seconds = one_by_one(model, prefixes.take(few), reasons=False)
        case = f"Diginetica, every {EVERY}th case"
        for metric, own, other in zip(("Recall@20", "MRR@20"), ours, hits(lists, target[few]), strict=True):
            ratio = own / other
            rows.append(
                Row(
                    case,
                    metric,
                    own,
                    other,
                    f"session-rec {name}",
                    ratio,
                    "ratio at least .99",
                    ratio >= 0.99,
                )
            )
        pair = float(np.median(seconds)) * 1e3, float(np.median(theirs)) * 1e3
        rows.append(Row(case, "ms a list, median", *pair, f"session-rec {name}", pair[0] / pair[1]))
    train, prefixes, target = yoochoose()
    recall, mrr = hits(rank(SessionKNN().fit(train), prefixes, K).item, target)
    rows.append(
        Row("Yoochoose excerpt, 13,568 clicks", "Recall@20", recall, 0.678, "GRU4Rec", recall / 0.678)
    )
    rows.append(Row("Yoochoose excerpt, 13,568 clicks", "MRR@20", mrr, 0.360, "GRU4Rec", mrr / 0.36))
    train, visitors = many_sessions(100_000, 2_000_000)
    start = perf_counter()
    model = SessionKNN().fit(train)
    case = "100,000 items, 2,000,000 sessions"
    rows.append(Row(case, "seconds to fit", perf_counter() - start))
    one_by_one(model, visitors.take(np.arange(50)), reasons=True)
    ms = one_by_one(model, visitors, reasons=True) * 1e3
    rows.append(Row(case, "ms a list, median", float(np.median(ms))))
    p99 = float(np.quantile(ms, 0.99))
    rows.append(Row(case, "ms a list, p99", p99, goal="below 5", met=p99 < 5))
    record(
        "sessions",
        "Settings as shipped, chosen on the last 5 % of Diginetica's training sessions; the test was looked "
        "at once. Diginetica: the SR-GNN preparation, given prefixes, all items ranked, nothing left out; "
        f"its sessions have no dates and are spread evenly over {SPAN} days. Yoochoose excerpt: trained on "
        "train_full, every click of a test session after its first; GRU4Rec as its authors' code scored. A "
        "list: 20 items for one history, one thread; the simulated ones with the reasons of each item, "
        "histories of 20 items. session-rec's Python, with the settings published for Diginetica that did best "  # noqa: E501
        "on the same validation sessions, is timed for its last click alone.",
        rows,
    )


if __name__ == "__main__":
    main()
