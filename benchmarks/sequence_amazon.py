"""The sequence network on Amazon's Beauty and Sports: leave-one-out by order, every item ranked."""

import sys
from statistics import mean, stdev
from time import process_time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from _process import data
from _record import Row, record
from _tuned import tuned
from merx.data.interactions import Interactions
from merx.data.vocabulary import Vocabulary
from merx.recommend.rank import rank

K = 10
SETS = {"beauty": "beauty", "sports": "sports_and_outdoors"}
BARS = {  # R@10, N@10 of SASRec as published with these files, then those of SASRec with a sampled softmax
    "beauty": ((0.0605, 0.0318), (0.0921, 0.0531)),
    "sports": ((0.0350, 0.0192), (0.0569, 0.0314)),
}
MINUTES = 15
EARLY = 20  # epochs, by which what was published is passed


def histories(name: str) -> Interactions:
    """What each shopper reviewed, in order; the files have no times."""
    table = pq.read_table(data("amazon_s3rec") / f"{SETS[name]}_sequences.parquet")
    user, place, item = (table[column].to_numpy() for column in ("user_id", "pos", "item_id"))
    order = np.lexsort((place, user))
    items = Vocabulary(pa.array([str(code) for code in range(1, item.max() + 1)]))
    return Interactions(
        offsets=np.concatenate([[0], np.cumsum(np.bincount(user[order] - 1))]).astype(np.int64),
        item=(item[order] - 1).astype(np.int32),
        weight=np.ones(len(item), np.float32),
        time=place[order].astype(np.int64),
        event=np.zeros(len(item), np.int8),
        items=items,
    )


def accuracy(name: str, seed: int, **changes: int) -> tuple[float, float, float]:
    """R@10, N@10 of the last item, and the seconds to train on all before it."""
    every = histories(name)
    last = every.offsets[1:] - 1
    before = np.ones(len(every), bool)
    before[last] = False
    train = every.keep(before)
    start = process_time()
    model = tuned(name, "sequence", seed=seed, **changes).fit(train)
    seconds = process_time() - start
    hit = rank(model, train, K, exclude=train).item == every.item[last][:, None]
    gain = (hit / np.log2(np.arange(2, K + 2))).sum(axis=1)
    return float(hit.any(axis=1).mean()), float(gain.mean()), seconds


def main() -> None:
    torch.set_num_threads(1)
    seeds = [int(seed) for seed in sys.argv[1:]] or [0, 1, 2]
    rows = []
    for name in SETS:
        recall, gain, seconds = zip(*(accuracy(name, seed) for seed in seeds), strict=True)
        for metric, values, bar, beyond in zip(("R@10", "N@10"), (recall, gain), *BARS[name], strict=True):
            ours = mean(values)
            rows += [
                Row(name, metric, ours, bar, "published SASRec", ours / bar, f"at least {bar}", ours >= bar),
                Row(name, metric, ours, beyond, "published SASRec, sampled softmax", ours / beyond),
            ]
            if len(seeds) > 1:
                rows.append(Row(name, f"{metric}, spread of {len(seeds)} seeds", stdev(values)))
        minutes = mean(seconds) / 60
        rows.append(
            Row(name, "CPU minutes to train", minutes, goal=f"at most {MINUTES}", met=minutes <= MINUTES)
        )
    recall, _, seconds = accuracy("beauty", seeds[0], epochs=EARLY)
    case, bar = f"beauty, {EARLY} epochs", BARS["beauty"][0][0]
    rows += [
        Row(case, "R@10", recall, bar, "published SASRec", recall / bar, f"at least {bar}", recall >= bar),
        Row(case, "CPU minutes to train", seconds / 60, goal="at most 4", met=seconds <= 240),
    ]
    record(
        "sequence_amazon",
        "The files of S3-Rec. The last item of each shopper is the test, all before it are trained on, the "
        "one before it stops the training; all items are ranked but those met before. Settings in "
        "benchmarks/settings, chosen on the item before the last; "
        f"seeds {', '.join(map(str, seeds))}; 1 thread.",
        rows,
    )


if __name__ == "__main__":
    main()
