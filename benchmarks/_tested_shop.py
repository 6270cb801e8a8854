"""A simulated shop that tested its prices, and whose elasticities are known."""

from dataclasses import dataclass

import numpy as np

from merx.data.panel import PricePanel
from merx.data.vocabulary import Vocabulary
from merx.price.experiment import Design, Kind, design, noise, past
from merx.price.experiment_result import TestResult, analyse

ITEMS, CLUSTERS, WEEKS = 60, 20, 8


@dataclass(frozen=True)
class ShopAfterATest:
    """A shop of one category after a price test of all its products.

    Parameters
    ----------
    plan : Design
    result : TestResult
    variance : float64 (C,)
        Of each cluster, as foretold before the test.
    panel : PricePanel
        All weeks, those of the test at the end.
    elasticity : float64 (I,)
        The truth.
    sold : float64 (I,)
        Expected units a week.
    """

    plan: Design
    result: TestResult
    variance: np.ndarray
    panel: PricePanel
    elasticity: np.ndarray
    sold: np.ndarray

    @property
    def tested(self) -> float:
        """What the test estimates: the elasticity of what is sold."""
        return float(self.sold @ self.elasticity / self.sold.sum())


def shop_after_a_test(
    seed: int,
    kind: Kind = "switchback",
    *,
    before: int = 26,
    follow: float = 1.0,
    moves: float = 0.05,
    reacts: float = 0.0,
    mean: float = -2.6,
) -> ShopAfterATest:
    """Weeks before a test, and the test: lasting shocks of items, clusters and the shop, and noise.

    Parameters
    ----------
    before : int
        Weeks before the test.
    follow : float
        The share of the test's log price ratio that is charged.
    moves, reacts : float
        Before the test prices move at random by `moves`, and with what is in demand by `reacts`.
    mean : float
        Of the elasticities, whose standard deviation is .5.
    """
    rng = np.random.default_rng(seed)
    cluster = np.repeat(np.arange(CLUSTERS), ITEMS // CLUSTERS)
    elasticity, base = rng.normal(mean, 0.5, ITEMS), np.log(12) + rng.normal(0, 0.8, ITEMS)
    span = before + WEEKS

    def lasting(count: int, sd: float) -> np.ndarray:
        shock = np.zeros((count, span))
        shock[:, 0] = rng.normal(0, sd, count)
        for week in range(1, span):
            shock[:, week] = 0.7 * shock[:, week - 1] + rng.normal(0, sd * np.sqrt(0.51), count)
        return shock

    own = lasting(ITEMS, 0.25) + lasting(CLUSTERS, 0.15)[cluster]
    shock = own + lasting(1, 0.2)
    plan = design(cluster, kind=kind, weeks=WEEKS, seed=seed)
    step = rng.normal(0, 1, (ITEMS, span)) * moves + reacts * own
    step[:, before:] = follow * np.repeat(plan.log_ratio[cluster], plan.block, axis=1)
    expected = np.exp(base[:, None] + shock + elasticity[:, None] * step)
    units = rng.poisson(expected * rng.gamma(10, 0.1, expected.shape)).astype(float)
    price = 10 * np.exp(step)
    panel = panel_of(units[:, :before], price[:, :before])
    variance = noise(panel, cluster, plan.block - plan.washout, kind)
    usual = np.repeat(past(panel)[1].mean(axis=1)[:, None], WEEKS, axis=1)
    result = analyse(plan, units[:, before:], usual, step[:, before:], variance)
    return ShopAfterATest(plan, result, variance, panel_of(units, price), elasticity, np.exp(base))


def panel_of(units: np.ndarray, price: np.ndarray) -> PricePanel:
    """Units sold and prices of each item and week, (I, T) each, in one category at a cost of 5."""
    items, weeks = units.shape
    return PricePanel(
        items=Vocabulary.of(f"i{i:03d}" for i in range(items)),
        category=np.zeros(items, np.int32),
        categories=Vocabulary.of(["all"]),
        offsets=np.arange(items + 1, dtype=np.int64) * weeks,
        week=np.tile(np.arange(weeks), items).astype(np.int32),
        units=units.ravel(),
        price=price.ravel(),
        promotion=np.zeros(items * weeks),
        available=np.ones(items * weeks),
        cost=np.full(items, 5.0),
        price_now=price[:, -1],
        distinct_prices=np.full(items, 9),
        start=19_000,
    )
