"""What a learner of demand is told of each week of each item, and of the week to come."""

from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc

from merx.data.panel import PricePanel
from merx.errors import FitError
from merx.price.confounding import LITERATURE_MEAN, MIN_AVAILABLE, USUAL_DISPERSION
from merx.price.grid import Grid

LAGS = 4
NAMES = (
    *("price", "promotion", "season_sin", "season_cos", "week"),
    *(f"lag_{lag}" for lag in range(1, LAGS + 1)),
    *("market", "price_level", "sales_level", "category"),
)
PRICE, PROMOTION = 0, 1
CATEGORY = NAMES.index("category")
CONTROLS = tuple(
    place for place, name in enumerate(NAMES) if name not in ("price", "price_level", "sales_level")
)
"""What may move both price and demand, or tells of what does."""

YEAR = 365.25
BLOCK = 13  # weeks that a resampling keeps together
MARKET_WEIGHT = 10.0  # units of the shop that a category's week is drawn towards


@dataclass(frozen=True)
class Rows:
    """n weeks in stock of I items, sorted by the item's id, so that nothing depends on the panel's order.

    Parameters
    ----------
    X : float64 (n, F)
        The columns NAMES: log of the price over the item's mean price; share of the week under promotion;
        the season as sine and cosine of the day of the year; weeks since the first; demand of the 4 weeks
        before and of the rest of the category this week, each as a log ratio to what is usual at that price
        under the literature's elasticity; log of the item's mean price and of its usual units; its category.
    item : int64 (n,)
        In the panel's order.
    week : int64 (n,)
    units, usual : float64 (n,)
        Sold, and what the item sells in a usual week at its mean price, for its time in stock.
    ahead : float64 (I, F)
        The same of the coming week at the mean price, without promotion, in the panel's order.
    reference : float64 (I,)
        Mean price.
    level : float64 (I,)
        Usual units of a week.
    """

    X: np.ndarray
    item: np.ndarray
    week: np.ndarray
    units: np.ndarray
    usual: np.ndarray
    ahead: np.ndarray
    reference: np.ndarray
    level: np.ndarray

    @classmethod
    def of(cls, panel: PricePanel) -> "Rows":
        """The rows of a panel, without weeks mostly out of stock. Raises FitError where there are none."""
        if panel.n_items == 0:
            raise FitError("The price panel has no item: hand over products with prices and sales.")
        grid = Grid.of(panel, MIN_AVAILABLE)
        items, weeks = grid.units.shape
        seen = grid.exposure > 0  # (I, T)
        if not seen.any():
            raise FitError("No item was in stock in any week of the price panel: nothing can be learnt.")
        at_price = grid.exposure * np.exp(LITERATURE_MEAN * grid.log_price)  # (I, T)
        level = (grid.units.sum(axis=1) + 0.5) / (at_price.sum(axis=1) + 1.0)  # (I,)
        expected = level[:, None] * at_price
        surprise = np.where(seen, np.log((grid.units + 0.5) / (expected + 0.5)), 0.0)
        lags = np.zeros((items, weeks + 1, LAGS))  # of the coming week too
        for lag in range(1, min(LAGS, weeks) + 1):
            lags[:, lag:, lag - 1] = surprise[:, : weeks + 1 - lag]
        market, market_ahead = _market(grid, expected, panel.category, len(panel.categories))

        X = np.empty((items, weeks, len(NAMES)))
        turn = 2 * np.pi * (panel.start + 7.0 * np.arange(weeks + 1)) / YEAR
        static = np.stack([np.log(grid.reference), np.log(level), panel.category.astype(float)], axis=1)
        X[:, :, 0], X[:, :, 1] = grid.log_price, grid.promotion
        X[:, :, 2], X[:, :, 3], X[:, :, 4] = np.sin(turn[:-1]), np.cos(turn[:-1]), np.arange(weeks)
        X[:, :, 5 : 5 + LAGS] = lags[:, :-1]
        X[:, :, 5 + LAGS] = market
        X[:, :, 6 + LAGS :] = static[:, None]
        ahead = np.zeros((items, len(NAMES)))
        ahead[:, 2:5] = np.sin(turn[-1]), np.cos(turn[-1]), weeks
        ahead[:, 5 : 5 + LAGS], ahead[:, 5 + LAGS] = lags[:, -1], market_ahead
        ahead[:, 6 + LAGS :] = static

        order = pc.sort_indices(panel.items.ids).to_numpy().astype(np.int64)
        row, week = np.nonzero(seen[order])
        item = order[row]
        return cls(
            X=X[item, week],
            item=item,
            week=week,
            units=grid.units[item, week],
            usual=level[item] * grid.exposure[item, week],
            ahead=ahead,
            reference=grid.reference,
            level=level,
        )

    def weight(self) -> np.ndarray:
        """What a row's ratio of units to usual counts: 1 / its usual variance, (n,)."""
        weight: np.ndarray = self.usual / (1.0 + USUAL_DISPERSION * self.usual)
        return weight

    def resampled(self, draws: int) -> np.ndarray:
        """Weights of the Bayesian bootstrap (Rubin 1981), (draws, n): one for each item and quarter."""
        blocks = int(self.week.max()) // BLOCK + 1
        _, place = np.unique(self.item, return_index=True)
        rank = np.empty(len(self.level), dtype=np.int64)
        rank[self.item[np.sort(place)]] = np.arange(len(place))
        chance = np.random.default_rng(0).exponential(size=(draws, len(place) * blocks))
        return chance[:, rank[self.item] * blocks + self.week // BLOCK]


def _market(
    grid: Grid, expected: np.ndarray, category: np.ndarray, categories: int
) -> tuple[np.ndarray, np.ndarray]:
    """Log ratio of sold to expected in the rest of the category, (I, T), and in its last four weeks, (I,)."""
    sold, expected = (np.where(grid.exposure > 0, values, 0.0) for values in (grid.units, expected))

    def by_week(values: np.ndarray) -> np.ndarray:
        total = np.zeros((categories, values.shape[1]))
        np.add.at(total, category, values)
        return total

    shop = (sold.sum(axis=0) - sold + 1.0) / (expected.sum(axis=0) - expected + 1.0)  # (I, T)
    others = by_week(sold)[category] - sold
    usual = by_week(expected)[category] - expected
    market = np.log((others + MARKET_WEIGHT * shop) / (usual + MARKET_WEIGHT))
    return market, market[:, -LAGS:].mean(axis=1)
