"""ItemKNN against popularity on simulated shops and on Online Retail: NDCG@10 on days not seen."""

import tempfile
from pathlib import Path
from statistics import mean

from _process import data
from _record import Row, record
from merx.shop import Shop, simulate

SEEDS = range(10, 15)
MARGIN = 1.25  # what a clear margin over popularity is


def row(case: str, found: list[tuple[float, float]], goal: float | None) -> Row:
    """Ours against popularity, means over the shops."""
    ours, peer = mean(pair[0] for pair in found), mean(pair[1] for pair in found)
    ratio = ours / peer
    if goal is None:
        return Row(case, "NDCG@10", ours, peer, "popularity", ratio)
    return Row(case, "NDCG@10", ours, peer, "popularity", ratio, f"ratio at least {goal}", ratio >= goal)


def ndcg(shop: Shop) -> tuple[float, float]:
    """Of ItemKNN and of popularity, as `merx evaluate` judges them."""
    scores = {score.model: score.metrics for score in shop.evaluate().scores}
    return scores["item_knn"]["ndcg@10"], scores["popularity"]["ndcg@10"]


with tempfile.TemporaryDirectory() as folder:
    simulated = []
    for seed in SEEDS:
        home = Path(folder) / f"shop{seed}"
        simulate(home, users=2000, items=200, days=364, seed=seed)
        simulated.append(ndcg(Shop(home)))
    retail = Shop.init(Path(folder) / "retail")
    retail.ingest(data("online_retail/online_retail.parquet"))
    rows = [
        row(f"{len(SEEDS)} simulated shops, 2,000 users, 200 items, a year", simulated, MARGIN),
        row("UCI Online Retail", [ndcg(retail)], None),
    ]
record(
    "recommend",
    "The last 28 days held out; known shoppers who bought something new in them; full catalogue; what "
    "was met before left out; settings as shipped; no tuning.",
    rows,
)
