"""The three cells of the sequence network: what each reaches in how many seconds of training; and its memory.

    python benchmarks/sequence_cells.py

Draws docs/images/cells.svg.
"""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from statistics import mean
from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from _process import data, peak
from _record import Row, record
from _tuned import tuned
from merx.behaviour.sequence import Sequence
from merx.data.interactions import Interactions
from merx.data.vocabulary import Vocabulary
from merx.kernels.recurrent import CELLS
from merx.recommend.rank import rank
from sessions import K, clicks_and_prefixes, hits

EPOCHS, SEEDS = (1, 2, 4, 7, 10), (0, 1, 2)
PLOT = Path(__file__).parents[1] / "docs" / "images" / "cells.svg"
COLOURS = {"linear": "#0b6e4f", "gru": "#c1666b", "lstm": "#4a6fa5"}
EVENTS, ITEMS, LENGTH = 10_000_000, 100_000, 20  # of the shop whose memory is measured


def courses() -> dict[str, list[tuple[float, float, float]]]:
    """By cell: seconds, Recall@20 and MRR@20 on the validation day after so many epochs, means of the seeds.

    A network of more epochs is that of fewer, trained on; each is trained from the beginning.
    """
    folder = data("yoochoose_100k")
    train, prefixes, target = clicks_and_prefixes(
        *(pq.read_table(folder / f"{name}.parquet").to_pandas() for name in ("train_tr", "train_valid"))
    )
    tuned("yoochoose_100k", "sequence", epochs=1).fit(train)  # compiles
    found: dict[str, list[tuple[float, float, float]]] = {cell: [] for cell in CELLS}
    for epochs in EPOCHS:
        took: dict[str, list[tuple[float, float, float]]] = {cell: [] for cell in CELLS}
        for seed in SEEDS:
            for cell in CELLS:  # interleaved
                config = tuned("yoochoose_100k", "sequence", cell=cell, seed=seed, epochs=epochs)
                start = perf_counter()
                model = config.fit(train)
                seconds = perf_counter() - start
                took[cell].append((seconds, *hits(rank(model, prefixes, K).item, target)))
        for cell in CELLS:
            seconds, recall, mrr = (mean(part) for part in zip(*took[cell], strict=True))
            found[cell].append((seconds, recall, mrr))
            sys.stdout.write(f"{cell} {epochs} epochs: {seconds:.1f} s, {recall:.4f} / {mrr:.4f}\n")
    return found


def plot(found: dict[str, list[tuple[float, float, float]]]) -> None:
    """Recall@20 and MRR@20 over the seconds of training."""
    plt.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "cells", "font.family": "sans-serif"})
    figure, panels = plt.subplots(1, 2, figsize=(9, 3.8))
    for axes, place, name in zip(panels, (1, 2), ("Recall@20", "MRR@20"), strict=True):
        for cell, course in found.items():
            seconds, value = [point[0] for point in course], [point[place] for point in course]
            axes.plot(seconds, value, color=COLOURS[cell], marker="o", ms=3, lw=1.5, label=cell)
        axes.set(title=name, xlabel="seconds of training, two cores")
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].legend(frameon=False, loc="lower right")
    figure.tight_layout()
    figure.savefig(PLOT, metadata={"Date": None})


def seconds_to(course: list[tuple[float, float, float]], recall: float) -> float:
    """Seconds of training until Recall@20 is reached, between the epochs in proportion; inf: never."""
    if course[0][1] >= recall:
        return course[0][0]
    for (before, low, _), (after, high, _) in pairwise(course):
        if high >= recall > low:
            return before + (after - before) * (recall - low) / (high - low)
    return float("inf")


def big_shop() -> Interactions:
    """EVENTS clicks of ITEMS items, some popular, in rows of LENGTH, minutes apart over half a year."""
    rng = np.random.default_rng(0)
    rows = EVENTS // LENGTH
    item = (ITEMS * rng.random(EVENTS, np.float32) ** 3).astype(np.int32)
    start = np.sort(rng.integers(0, 180 * 86_400, rows))
    time = (np.repeat(start, LENGTH) + np.tile(np.arange(LENGTH), rows) * 60) * 1_000_000
    return Interactions(
        offsets=np.arange(rows + 1) * LENGTH,
        item=item,
        weight=np.ones(EVENTS, np.float32),
        time=time,
        event=np.zeros(EVENTS, np.int8),
        items=Vocabulary(pa.array(np.arange(ITEMS)).cast(pa.string())),
    )


def memory() -> None:
    """Train one epoch of a big shop, its validation included, and print the largest memory in GiB."""
    torch.set_num_threads(2)
    Sequence(epochs=1).fit(big_shop())
    sys.stdout.write(f"{peak() / 1024}\n")


def main() -> None:
    """Record both."""
    if sys.argv[1:] == ["memory"]:
        memory()
        return
    done = subprocess.run([sys.executable, __file__, "memory"], capture_output=True, text=True, check=True)
    most = float(done.stdout)
    torch.set_num_threads(2)
    found = courses()
    plot(found)
    rows = []
    bar = 0.99 * max(recall for course in found.values() for _, recall, _ in course)
    for cell, course in found.items():
        case = f"Yoochoose excerpt, validation day, {cell}"
        best = max(course, key=lambda point: point[1])
        rows += [
            Row(case, "Recall@20 at best", best[1]),
            Row(case, "MRR@20 at best", max(mrr for _, _, mrr in course)),
            Row(case, f"seconds to Recall@20 {bar:.3f}", seconds_to(course, bar)),
        ]
    case = f"{EVENTS:,} events of {ITEMS:,} items"
    rows.append(Row(case, "GiB at most, one epoch", most, goal="below 4", met=most < 4))
    record(
        "sequence_cells",
        "Yoochoose excerpt: trained on train_tr, each next click of train_valid, all items ranked; settings "
        f"of benchmarks/settings with each cell; means of {len(SEEDS)} seeds; {', '.join(map(str, EPOCHS))} "
        "epochs, each trained from the beginning, the cells interleaved, two threads. The bar is 99 % of the "
        "best that any reached. Memory: of a process of its own, the events and the validation included.",
        rows,
    )


if __name__ == "__main__":
    main()
