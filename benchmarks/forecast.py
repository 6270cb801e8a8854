"""How often forecast intervals hold what was sold; error against the seasonal naive forecast; time.

On simulated shops, from several origins; and on UCI Online Retail, where that is at hand.
"""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from _record import Row, record
from merx.data.contracts import ForecasterConfig
from merx.data.panel import Panel, stack
from merx.evaluate.forecasting import ForecastScores, backtest
from merx.forecast import AutoARIMA, AutoETS
from merx.shop import Shop
from merx.simulating import simulate
from merx.store.demand import Demand, demand, demand_panel, group_panel
from merx.store.duckdb_engine import DuckDBEngine

HORIZON = 28
POLICIES, SEEDS = ("random", "few_changes"), (0, 1, 2, 3)
ORDINARY, YEAR_END = (28, 56, 84), (0,)  # days held back; without any, 18 of the 28 days scored are holidays
EVERY = 8  # AutoARIMA is judged on every eighth series, for time
BEST_SELLERS = 500
RETAIL = Path(os.environ.get("MERX_DATA", "../shared/data")) / "online_retail" / "online_retail.parquet"
PROTOCOL = (
    f"Simulated shops (users=2000, items=200, days=364; prices {' and '.join(POLICIES)}; seeds "
    f"{', '.join(map(str, SEEDS))}): the shop, its categories and all products, daily; {HORIZON} days held "
    f"out, ending {', '.join(map(str, ORDINARY))} days before the end of the year (ordinary days) and at its "
    f"end (Black Friday to Christmas). AutoARIMA: every {EVERY}th series. Online Retail: the shop and the "
    f"{BEST_SELLERS} products with most units, {HORIZON} days held out, ending 0, 28 and 56 days before the "
    "end. Means over the series, then over shops and origins. MASE is that of the median."
)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        every = [
            _panel(_simulated(Path(folder) / f"{policy}-{seed}", policy, seed))
            for policy in POLICIES
            for seed in SEEDS
        ]
        few = [panel.take(np.arange(0, panel.n_series, EVERY)) for panel in every]
        rows = []
        for days, origins in (("ordinary days", ORDINARY), ("end of year", YEAR_END)):
            rows += scores_of(f"AutoETS, simulated, {days}", AutoETS(HORIZON), every, origins)
        for days, origins in (("ordinary days", ORDINARY), ("end of year", YEAR_END)):
            rows += scores_of(f"AutoARIMA, simulated, {days}", AutoARIMA(HORIZON), few, origins)
        if RETAIL.exists():
            rows += _retail(Path(folder) / "retail")
    record("forecast", PROTOCOL, rows)


def _simulated(folder: Path, policy: str, seed: int) -> Demand:
    simulate(folder, users=2000, items=200, days=364, seed=seed, price_policy=policy)
    return demand_of(Shop(folder))


def demand_of(shop: Shop) -> Demand:
    """What was sold."""
    engine = DuckDBEngine(shop.tables, shop.tables.current())
    try:
        return demand(engine)
    finally:
        engine.close()


def _panel(sold: Demand) -> Panel:
    return stack([group_panel(sold, "day"), demand_panel(sold, "day")])


def _retail(folder: Path) -> list[Row]:
    shop = Shop.init(folder)
    shop.ingest(RETAIL)
    sold = demand_of(shop)
    best = np.sort(np.argsort(-sold.units.sum(axis=1), kind="stable")[:BEST_SELLERS])
    whole, products = group_panel(sold, "day").take(np.array([0])), demand_panel(sold, "day", best)
    ahead = AutoETS(HORIZON).fit(whole).forecast(HORIZON, np.array([0.9]))
    return [
        Row(
            "AutoETS, Online Retail, shop",
            "upper 80 % bounds / means",
            ahead.quantile.sum() / ahead.mean.sum(),
        ),
        *scores_of("AutoETS, Online Retail, shop", AutoETS(HORIZON), [whole], (0, 28, 56), bands=False),
        *scores_of("AutoETS, Online Retail, products", AutoETS(HORIZON), [products], (0, 28, 56)),
    ]


def scores_of(
    case: str, config: ForecasterConfig, panels: Sequence[Panel], origins: Sequence[int], bands: bool = True
) -> list[Row]:
    scores: list[ForecastScores] = [
        backtest(config, panel.head(np.maximum(panel.length - back, 0)), HORIZON)
        for panel in panels
        for back in origins
    ]
    means = {name: float(np.mean([score.means()[name] for score in scores])) for name in scores[0].means()}
    seconds = sum(score.seconds for score in scores) / sum(len(score.keys) for score in scores) * 500
    ours, naive = means["mase"], means["naive_mase"]
    rows = []
    for level, low, high in ((80, 0.75, 0.85), (95, 0.92, 0.98)):
        share = means[f"coverage_{level}"]
        goal = f"{low} to {high}" if bands else ""
        rows.append(
            Row(case, f"{level} % covers", share, goal=goal, met=low <= share <= high if bands else None)
        )
    return [
        *rows,
        Row(case, "MASE", ours, naive, "seasonal naive", ours / naive, "ratio below 1", ours < naive),
        Row(case, "seconds per 500 series", seconds),
    ]


if __name__ == "__main__":
    main()
