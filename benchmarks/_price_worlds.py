"""Simulated shops whose best prices are known, and how those of an estimator fare there."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from merx.data.contracts import DemandModel
from merx.data.panel import PricePanel
from merx.data.vocabulary import Vocabulary
from merx.evaluate.pricing import profit_regret
from merx.fitting import Inputs
from merx.price.limits import Ladder, PriceRules, ladder
from merx.shop import Shop
from merx.simulate.truth import read_truth
from merx.simulating import simulate

USERS, ITEMS, DAYS = 2_000, 200, 364
HELD_OUT = 4  # weeks
RULES = PriceRules()


@dataclass(frozen=True)
class PriceWorld:
    """A shop's panel and truth, in the order of the panel's items.

    Parameters
    ----------
    panel : PricePanel
    elasticity, reference, next_units, cost : float64 (I,)
        Of the truth: expected units of the coming week are next_units (price / reference)^elasticity.
    """

    panel: PricePanel
    elasticity: np.ndarray
    reference: np.ndarray
    next_units: np.ndarray
    cost: np.ndarray

    def units(self, prices: np.ndarray) -> np.ndarray:
        """True expected units of the coming week (I, G)."""
        units: np.ndarray = (
            self.next_units[:, None] * (prices / self.reference[:, None]) ** (self.elasticity[:, None])
        )
        return units

    def profit(self, prices: np.ndarray) -> np.ndarray:
        """True expected profit of the coming week (I, G)."""
        profit: np.ndarray = self.units(prices) * (prices - self.cost[:, None])
        return profit

    def ladder(self) -> Ladder:
        """The prices that the shop's rules leave; today's are the first, and allowed."""
        steps = ladder(self.panel.price_now, self.panel.cost, RULES)
        steps.excluded[:, :, 0] = False
        return steps

    def regret(self, price: np.ndarray) -> float:
        """Share of the profit at the best prices under the rules that the prices (I,) leave behind."""
        steps = self.ladder()
        best = np.where(steps.excluded.any(axis=0), -np.inf, self.profit(steps.price)).max(axis=1)
        at, now = (self.profit(p[:, None])[:, 0] for p in (price, self.panel.price_now))
        return profit_regret(at, now, best).regret

    def best_by(self, demand: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """The prices (I,) of the ladder with the highest profit by a demand, (I, G) -> (I, G)."""
        steps = self.ladder()
        profit = demand(steps.price) * (steps.price - self.panel.cost[:, None])
        chosen = np.where(steps.excluded.any(axis=0), -np.inf, profit).argmax(axis=1)
        return np.take_along_axis(steps.price, chosen[:, None], axis=1)[:, 0]

    def at_elasticity(self, elasticity: np.ndarray) -> np.ndarray:
        """The same by an elasticity of each item (I,), of which those above 0 count as 0."""
        power = np.minimum(elasticity, 0.0)[:, None]
        return self.best_by(lambda price: (price / self.panel.price_now[:, None]) ** power)

    def by(self, model: DemandModel) -> np.ndarray:
        """The same by a fitted model."""
        return self.best_by(model.demand)


def before(panel: PricePanel, week: int) -> PricePanel:
    """The panel as it was at the start of that week; its prices of now are the last ones known then."""
    kept = panel.week < week
    count = np.bincount(panel.item[kept], minlength=panel.n_items)
    offsets = np.concatenate([[0], np.cumsum(count)])
    weekly = ("week", "units", "price", "promotion", "available", "past_cost", "competitor")
    names = [name for name in weekly if getattr(panel, name) is not None]
    price_now = panel.price_now.copy()
    price_now[count > 0] = panel.price[kept][offsets[1:][count > 0] - 1]
    return replace(
        panel,
        offsets=offsets,
        price_now=price_now,
        **{name: getattr(panel, name)[kept] for name in names},
    )


def held_out_error(model: DemandModel, panel: PricePanel, week: int) -> float:
    """Absolute error over units in the weeks from that one on, at the prices that were; nothing promoted.

    The model was fitted on what came before, and expects the same of each week at the same price.
    """
    rows = np.flatnonzero((panel.week >= week) & (panel.promotion == 0) & (panel.available == 1))
    price = np.repeat(panel.price_now[:, None], HELD_OUT, axis=1)
    at = panel.item[rows], panel.week[rows] - week
    price[at] = panel.price[rows]
    units = panel.units[rows]
    return float(np.abs(model.demand(price)[at] - units).sum() / units.sum())


def make(policy: str, seed: int, cost_shifters: bool = False, jitter: float = 0.0) -> PriceWorld:
    """Simulate a shop and ingest it, as any shop's data."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "shop"
        simulate(
            path,
            users=USERS,
            items=ITEMS,
            days=DAYS,
            seed=seed,
            price_policy=policy,
            cost_shifters=cost_shifters,
            price_jitter=jitter,
        )
        shop = Shop(path)
        with shop._engine() as (engine, _):
            panel = Inputs(engine, shop.config).of("prices")
        truth = read_truth(shop.truth)
    row = Vocabulary(pa.array(truth.item_ids)).codes(panel.items.ids)  # (I,)
    return PriceWorld(
        panel=panel,
        elasticity=truth.elasticity[row],
        reference=truth.reference_price[row],
        next_units=truth.next_units[row],
        cost=truth.cost_now[row],
    )
