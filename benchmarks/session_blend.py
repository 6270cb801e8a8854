"""The sequence network and the session neighbours, each alone and together: accuracy on next clicks.

    python benchmarks/session_blend.py              all, and the record
    python benchmarks/session_blend.py DATA SEED    one fit, kept in build/session_blend; it is not done again

A seed of Diginetica takes ten minutes, of Yoochoose one.
"""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from statistics import mean, stdev

import numpy as np

from _record import Row, record
from _tuned import tuned
from merx.data.contracts import Recommender
from merx.data.interactions import Interactions
from merx.recommend.rank import batch_size, batches
from merx.recommend.session_blend import LENGTHS, SessionBlend
from sessions import K, diginetica, yoochoose

KEPT = Path(__file__).parents[1] / "build" / "session_blend"
SEEDS = (0, 1, 2)
SETS = {
    "yoochoose_100k": (yoochoose, "Yoochoose excerpt"),
    "diginetica_sessions": (diginetica, "Diginetica"),
}
BARS = {"yoochoose_100k": (0.678, 0.36)}  # of GRU4Rec's authors' code, see the benchmark `sequence`
MEMBERS, METRICS = ("network", "neighbours", "together"), ("Recall@20", "MRR@20")


def accuracy(model: Recommender, prefixes: Interactions, target: np.ndarray) -> tuple[float, float]:
    """Recall and MRR; an item with the same score as the one sought stands before it."""
    place = np.empty(len(target))
    for rows in batches(len(target), batch_size(prefixes.n_items)):
        score = model.score(prefixes.take(rows))
        own = score[np.arange(len(rows)), target[rows]]
        place[rows] = np.where(own > -np.inf, (score >= own[:, None]).sum(axis=1), np.inf)
    hit = place <= K
    return float(hit.mean()), float(np.where(hit, 1 / place, 0).mean())


def one(data: str, seed: int) -> None:
    """Fit on all that is to be learnt from, look at the test once, and keep what was seen."""
    train, prefixes, target = SETS[data][0]()
    model = SessionBlend(sequence=tuned(data, "sequence", seed=seed)).fit(train)
    asked = zip(MEMBERS, (model.sequence, model.session_knn, model), strict=True)
    found = {name: accuracy(each, prefixes, target) for name, each in asked}
    kept = json.dumps(found | {"weight": model.weight.tolist()})
    KEPT.mkdir(parents=True, exist_ok=True)
    (KEPT / f"{data}-{seed}.json").write_text(kept)


def rows_of(data: str, found: list[dict[str, list[float]]]) -> list[Row]:
    """Means over the seeds, and the spread of what a seed changes."""
    case, rows = SETS[data][1], []
    for place, metric in enumerate(METRICS):
        by = {name: [seed[name][place] for seed in found] for name in MEMBERS}
        network, neighbours, together = (mean(values) for values in by.values())
        alone = Row(case, f"{metric}, network", network)
        if data in BARS:
            bar = BARS[data][place]
            goal = f"at least {bar}"
            alone = replace(
                alone, peer=bar, peer_name="GRU4Rec", ratio=network / bar, goal=goal, met=network >= bar
            )
        best = max(network, neighbours)
        rows += [
            alone,
            Row(case, f"{metric}, neighbours", neighbours),
            Row(case, f"{metric}, together", together, best, "the better of the two", together / best,
                "above both", together > best),
            *(Row(case, f"{metric}, {name}, spread of {len(found)} seeds", stdev(by[name]))
              for name in ("network", "together")),
        ]  # fmt: skip
    for place, length in enumerate(LENGTHS):
        weight = mean(seed["weight"][place] for seed in found)
        rows.append(Row(case, f"weight of the network from event {length} on", weight))
    return rows


def main() -> None:
    if sys.argv[1:]:
        one(sys.argv[1], int(sys.argv[2]))
        return
    rows = []
    for data in SETS:
        for seed in SEEDS:
            if not (KEPT / f"{data}-{seed}.json").exists():
                subprocess.run([sys.executable, __file__, data, str(seed)], check=True)
        rows += rows_of(data, [json.loads((KEPT / f"{data}-{seed}.json").read_text()) for seed in SEEDS])
    record(
        "session_blend",
        "Settings of the network in benchmarks/settings, chosen on validation sessions; of the neighbours as "
        "shipped; the weights chosen by each fit on the newest tenth of the training sessions. Yoochoose "
        "excerpt: trained on train_full, every click of a test session after its first. Diginetica: the "
        "SR-GNN preparation, given prefixes; its sessions have no dates and are spread evenly over 145 days. "
        "All items ranked, nothing left out, an item of the same score counts as before; the test was looked "
        f"at once. Means of {len(SEEDS)} seeds and their standard deviation. GRU4Rec as its authors' code "
        "scored.",
        rows,
    )


if __name__ == "__main__":
    main()
