"""What diversity and the objective cost and bring, in lists for known shoppers of simulated shops."""

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from _record import Row, record
from merx.answers.recommend.offer import POOL
from merx.evaluate.ranking import ndcg
from merx.evaluate.split import last_days, split_by_time
from merx.fitting import Inputs
from merx.holdout import hold_out
from merx.recommend.arrange import Wishes, arrange
from merx.recommend.diversity import alike
from merx.recommend.item_knn import ItemKNN
from merx.recommend.objective import discount
from merx.recommend.rank import rank
from merx.shop import Shop
from merx.simulating import simulate

SEEDS = range(20, 23)
K = 10
SETTINGS = {
    "relevance": {},
    "profit, give_up 0.05": {"give_up": 0.05},
    "profit, give_up 0.1": {"give_up": 0.1},
    "profit, give_up 0.2": {"give_up": 0.2},
    "diversity 0.1": {"diversity": 0.1},
    "diversity 0.3": {"diversity": 0.3},
    "diversity 0.5": {"diversity": 0.5},
}


def judge(shop: Shop) -> dict[str, np.ndarray]:
    """Of each setting: NDCG, profit of what a list held and the shopper took, likeness within a list."""
    with shop._engine() as (engine, _):
        histories = Inputs(engine, shop.config).of("histories")
        held = hold_out(engine, shop.config, split_by_time(histories, last_days(histories, 28)))
        catalogue = held.past.of("catalogue")
        model = ItemKNN().fit(held.past.of("histories"))
    margin = catalogue.price - catalogue.cost  # (I,)
    pools = rank(model, held.histories, POOL, exclude=held.exclude)
    found: dict[str, list[np.ndarray]] = {name: [] for name in SETTINGS}
    near: dict[str, list[float]] = {name: [] for name in SETTINGS}
    likeness = alike(catalogue.category.to_pylist(), catalogue.brand.to_pylist())  # (I, I)
    for item in pools.item:
        item = item[item >= 0]
        n = len(item)
        plain = Wishes(discount(n), np.ones(n, dtype=bool), np.zeros(n, dtype=bool))
        for name, more in SETTINGS.items():
            if "give_up" in more:
                more = {**more, "worth": margin[item]}
            elif more:
                more = {**more, "alike": likeness[np.ix_(item, item)]}
            shown = item[arrange(replace(plain, **more), K)]
            found[name].append(np.pad(shown, (0, K - len(shown)), constant_values=-1))
            pair = likeness[np.ix_(shown, shown)][np.triu_indices(len(shown), 1)]
            near[name].append(float(pair.mean()) if len(pair) else 0.0)
    taken = held.targets.toarray()
    rows = np.arange(len(taken))[:, None]
    result = {}
    for name, lists in found.items():
        shown = np.stack(lists)  # (U, K)
        hit = taken[rows, shown] & (shown >= 0)
        profit = (hit * margin[shown]).sum(axis=1).mean()
        result[name] = np.array([ndcg(shown, held.targets).mean(), profit, np.mean(near[name])])
    return result


with tempfile.TemporaryDirectory() as folder:
    shops = []
    for seed in SEEDS:
        home = Path(folder) / f"shop{seed}"
        simulate(home, users=2000, items=200, days=364, seed=seed)
        shops.append(judge(Shop(home)))
mean = {name: np.mean([shop[name] for shop in shops], axis=0) for name in SETTINGS}
plain = mean["relevance"]
rows = []
for name in list(SETTINGS)[1:]:
    for place, metric in enumerate((f"NDCG@{K}", "profit of hits per shopper", "likeness within a list")):
        ours, peer = float(mean[name][place]), float(plain[place])
        goal, met = "", None
        if metric.startswith("profit") and name.startswith("profit"):
            goal, met = "more than by relevance", ours > peer
        rows.append(Row(name, metric, ours, peer, "by relevance", ours / peer, goal, met))
record(
    "lists",
    f"{len(SEEDS)} simulated shops, 2,000 shoppers, 200 products, a year; the last 28 days held out; known "
    f"shoppers who bought something new in them; item neighbours as shipped; lists of {K} out of the {POOL} "
    "best. Profit: price less cost of the products of a list that the shopper went on to buy. Means over the "
    "shops. The shipped give_up of 0.05 was chosen on three other shops.",
    rows,
)
