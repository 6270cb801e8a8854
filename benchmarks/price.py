"""What proposed prices gain where the truth is known, and how honest the bands are."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import numpy as np
import pyarrow as pa

from _record import Row, record
from merx.data.vocabulary import Vocabulary
from merx.evaluate.pricing import interval_coverage, profit_regret
from merx.fitting import Inputs
from merx.price.limits import PriceRules, ladder
from merx.price.optimise import optimise
from merx.price.response import PriceResponse
from merx.shop import Shop
from merx.simulate.prices import PRICE_POLICIES
from merx.simulate.truth import read_truth
from merx.simulating import simulate

SEEDS = range(10, 15)
USERS, ITEMS, DAYS = 2_000, 200, 364
GOAL = 0.8
PROTOCOL = (
    f"merx.simulate shops of {USERS:,} users, {ITEMS} items and {DAYS} days, prices by each policy, ingested "
    f"as any data; means over seeds {SEEDS[0]} to {SEEDS[-1]}, not those of development. Gain share: of "
    "what the best prices under the same rules (at most 20 % change, ending .49 or .99, margin 10 %) would "
    "bring beyond today's prices in the coming week, the share that the proposed prices bring; free: of "
    "what the best prices within 20 %, free of the other rules, would. Where prices "
    "follow demand no product should be graded A or B. Coverage: share of the true elasticities within the "
    "central 80 % and 95 % of the draws."
)


@dataclass(frozen=True)
class Judged:
    """How the prices of one shop fared; `gain_sure` is NaN where no product is graded A or B.

    `gain_free` is against the best prices within the largest change, free of the other rules.
    """

    gain_sure: float
    gain: float
    gain_free: float
    sure: float
    coverage: np.ndarray


def judge(policy: str, seed: int) -> Judged:
    """Simulate a shop, ingest it, fit, price, and hold the prices against the truth."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "shop"
        simulate(path, users=USERS, items=ITEMS, days=DAYS, seed=seed, price_policy=policy)
        shop = Shop(path)
        with shop._engine() as (engine, _):
            panel = Inputs(engine, shop.config).of("prices")
        truth = read_truth(shop.truth)
    row = Vocabulary(pa.array(truth.item_ids)).codes(panel.items.ids)  # (I,)

    def profit(prices: np.ndarray) -> np.ndarray:  # (I, G) -> (I, G)
        every = np.repeat(truth.price_now[:, None], prices.shape[1], axis=1)
        every[row] = prices
        return truth.profit(every)[row]

    rules = PriceRules()
    model = PriceResponse().fit(panel)
    quotes = optimise(model, panel, rules)
    now, quoted = (profit(price[:, None])[:, 0] for price in (panel.price_now, quotes.price))
    steps = ladder(panel.price_now, panel.cost, rules)
    allowed = np.where(steps.excluded.any(axis=0), -np.inf, profit(steps.price))
    best = np.maximum(allowed.max(axis=1), now)
    within = np.linspace(1 - rules.max_change, 1 + rules.max_change, 401)  # 0.1 % apart
    free = profit(panel.price_now[:, None] * within).max(axis=1)
    sure = np.isin(quotes.grade, ["A", "B"])
    return Judged(
        gain_sure=profit_regret(quoted[sure], now[sure], best[sure]).gain_share if sure.any() else np.nan,
        gain=profit_regret(quoted, now, best).gain_share,
        gain_free=profit_regret(quoted, now, free).gain_share,
        sure=float(sure.mean()),
        coverage=interval_coverage(model.elasticity, truth.elasticity[row]),
    )


def main() -> None:
    rows = []
    for policy in PRICE_POLICIES:
        found = [judge(policy, seed) for seed in SEEDS]
        case = f"prices: {policy.replace('_', ' ')}"
        gain_sure = mean(one.gain_sure for one in found)
        if np.isfinite(gain_sure):
            goal = policy == "random"
            rows.append(
                Row(
                    case,
                    "gain share, A and B",
                    gain_sure,
                    goal=f">= {GOAL}" if goal else "",
                    met=gain_sure >= GOAL if goal else None,
                )
            )
        rows.append(Row(case, "gain share, all", mean(one.gain for one in found)))
        rows.append(Row(case, "gain share, all, free", mean(one.gain_free for one in found)))
        rows.append(Row(case, "graded A or B", mean(one.sure for one in found)))
        for level, covered in zip(
            ("80 %", "95 %"), np.mean([one.coverage for one in found], axis=0), strict=True
        ):
            rows.append(Row(case, f"coverage of {level}", float(covered)))
    record("price", PROTOCOL, rows)


if __name__ == "__main__":
    main()
