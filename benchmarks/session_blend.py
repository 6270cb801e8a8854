"""The sequence network and the session neighbours, each alone and together: accuracy on next clicks.

    python benchmarks/session_blend.py              all, and the record
    python benchmarks/session_blend.py DATA SEED    one fit, kept in build/session_blend; it is not done again

A network of Diginetica takes some six minutes, of Yoochoose half a minute; the first seed trains two.
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
FIRST = 0  # seed
SETS = {  # what is read, its name and how many seeds
    "yoochoose_100k": (yoochoose, "Yoochoose excerpt", 3),
    "diginetica_sessions": (diginetica, "Diginetica", 3),
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
    """Fit on all that is to be learnt from, look at the test once, and keep what was seen.

    The weights are chosen with the first seed; so the other networks are trained once, not twice.
    """
    train, prefixes, target = SETS[data][0]()
    network = tuned(data, "sequence", seed=seed)
    if seed == FIRST:
        model = SessionBlend(sequence=network).fit(train)
    else:
        model = SessionBlend(sequence=network, held_out=0.0).fit(train)
        model = replace(model, weight=np.array(kept(data, FIRST)["weight"]))
    asked = zip(MEMBERS, (model.sequence, model.session_knn, model), strict=True)
    found = {name: accuracy(each, prefixes, target) for name, each in asked}
    path = place_of(data, seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found | {"weight": model.weight.tolist()}))


def place_of(data: str, seed: int) -> Path:
    """Where is kept what a seed saw."""
    return KEPT / f"{data}-{seed}.json"


def kept(data: str, seed: int) -> dict[str, list[float]]:
    """What a seed saw: recall and MRR of each of MEMBERS, and the weights."""
    found: dict[str, list[float]] = json.loads(place_of(data, seed).read_text())
    return found


def rows_of(data: str, found: list[dict[str, list[float]]]) -> list[Row]:
    """Means over the seeds, and the spread of what a seed changes."""
    case, rows = f"{SETS[data][1]}, seeds: {len(found)}", []
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
            *(Row(case, f"{metric}, {name}, spread", stdev(by[name]))
              for name in ("network", "together") if len(found) > 1),
        ]  # fmt: skip
    for length, weight in zip(LENGTHS, found[0]["weight"], strict=True):
        rows.append(Row(case, f"weight of the network from event {length} on", weight))
    return rows


def main() -> None:
    if sys.argv[1:]:
        one(sys.argv[1], int(sys.argv[2]))
        return
    rows = []
    for data, (_, _, n_seeds) in SETS.items():
        seeds = range(FIRST, FIRST + n_seeds)
        for seed in seeds:
            if not place_of(data, seed).exists():
                subprocess.run([sys.executable, __file__, data, str(seed)], check=True)
        rows += rows_of(data, [kept(data, seed) for seed in seeds])
    record(
        "session_blend",
        "Settings of the network in benchmarks/settings, chosen on validation sessions; of the neighbours as "
        "shipped; the weights chosen with the first seed on the newest tenth of the training sessions. "
        "Yoochoose excerpt: trained on train_full, each click of a test session after its first. Diginetica: "
        "the SR-GNN preparation, given prefixes; its sessions have no dates and are spread evenly over 145 "
        "days. All items ranked, nothing left out, an item of the same score counts as before. Nothing was "
        "chosen by the test, of which one Yoochoose seed was looked at twice. Means over the seeds and their "
        "standard deviation (spread). GRU4Rec as its authors' code scored.",
        rows,
    )


if __name__ == "__main__":
    main()
