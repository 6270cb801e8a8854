"""Seconds and memory of the price response, beside EconML's LinearDML on the same products.

The peer needs an environment of its own (`pip install econml doubleml`): set PRICE_PEERS to its Python.
"""

import os
import resource
import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from _record import Row, medians, record
from merx.data.panel import PricePanel
from merx.data.vocabulary import Vocabulary
from merx.price.response import PriceResponse
from merx.price.rows import CONTROLS, PRICE, Rows

ITEMS, RUNS = 1_000, 3
LARGE = (10_000, 104, 200)  # items, weeks, categories
SECONDS, MEBIBYTES = 120, 4_096  # of the large shop
PEER = """
import sys, time
import numpy as np
from _price_peers import linear_dml
shop = dict(np.load(sys.argv[1]))
started = time.perf_counter()
linear_dml(shop)
print(time.perf_counter() - started)
"""
PROTOCOL = (
    f"Prices that move at random, {LARGE[1]} weeks. {ITEMS:,} products: median of {RUNS} pairs of fits, ours "
    "with posterior draws, panel in memory; EconML's LinearDML with the controls of merx's own learners, a "
    "LightGBM of 100 trees for each nuisance, five folds, an effect linear in category and level of sales, "
    f"point estimates only; each with one thread. {LARGE[0]:,} products: ours alone, once, and peak memory "
    "of the process, which made the panel."
)


def large_panel() -> PricePanel:
    """Prices that move at random, and negative binomial sales at elasticities about -2.6."""
    items, weeks, categories = LARGE
    rng = np.random.default_rng(0)
    now = np.exp(rng.normal(3.0, 0.7, items))
    step = rng.normal(0.0, 0.1, (items, weeks))
    rate = np.log(12.0) + rng.normal(0.0, 0.9, (items, 1)) + rng.normal(-2.6, 0.7, (items, 1)) * step
    return PricePanel(
        items=Vocabulary.of(f"item-{i:05d}" for i in range(items)),
        category=np.sort(rng.integers(0, categories, items)).astype(np.int32),
        categories=Vocabulary.of(f"category-{c:03d}" for c in range(categories)),
        offsets=np.arange(items + 1, dtype=np.int64) * weeks,
        week=np.tile(np.arange(weeks), items).astype(np.int32),
        units=rng.poisson(np.exp(rate) * rng.gamma(10.0, 0.1, (items, weeks))).ravel().astype(float),
        price=(now[:, None] * np.exp(step)).ravel(),
        promotion=np.zeros(items * weeks),
        available=np.ones(items * weeks),
        cost=0.6 * now,
        price_now=now,
        distinct_prices=np.full(items, weeks),
        start=19_000,
    )


def write_shop(panel: PricePanel, path: Path) -> None:
    """What the peer learns from: rows and traits as in the benchmark of regret."""
    rows = Rows.of(panel)
    np.savez(
        path,
        y=np.log((rows.units + 0.5) / (rows.usual + 0.5)),
        price=rows.X[:, PRICE],
        controls=rows.X[:, CONTROLS],
        item=rows.item,
        week=rows.week,
        weight=rows.weight(),
        traits=np.column_stack([np.log(rows.reference), np.log(rows.level), panel.category]),
    )


def seconds(panel: PricePanel) -> float:
    """Of one fit."""
    started = time.perf_counter()
    PriceResponse().fit(panel)
    return time.perf_counter() - started


def main() -> None:
    if "PRICE_PEERS" not in os.environ:
        raise SystemExit("Set PRICE_PEERS to a Python that has econml and doubleml.")
    large = large_panel()
    panel = large.take(np.arange(ITEMS))
    kept = int(panel.category.max()) + 1  # the first categories: products are sorted by them
    panel = replace(panel, categories=type(panel.categories)(panel.categories.ids[:kept]))
    seconds(panel)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment["PYTHONPATH"] = str(Path(__file__).parent)
    pairs = []
    with tempfile.TemporaryDirectory() as folder:
        given = Path(folder) / "shop.npz"
        write_shop(panel, given)
        for _ in range(RUNS):
            ours = seconds(panel)
            said = subprocess.run(
                [os.environ["PRICE_PEERS"], "-c", PEER, given],
                env=environment,
                check=True,
                capture_output=True,
                text=True,
            )
            pairs.append((ours, float(said.stdout)))
    ours, peer, ratio = medians(pairs)
    whole = seconds(large)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    record(
        "price_fit",
        PROTOCOL,
        [
            Row(f"{ITEMS:,} products", "seconds", ours, peer, "LinearDML", ratio, "<= 0.5", ratio <= 0.5),
            Row(f"{LARGE[0]:,} products", "seconds", whole, goal=f"< {SECONDS}", met=whole < SECONDS),
            Row(f"{LARGE[0]:,} products", "peak MiB", peak, goal=f"< {MEBIBYTES}", met=peak < MEBIBYTES),
        ],
    )


if __name__ == "__main__":
    main()
