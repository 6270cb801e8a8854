"""Demand of one elasticity per item, as draws: what several kinds of price response come down to."""

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from scipy.special import ndtr, ndtri

from merx.data.vocabulary import Vocabulary
from merx.errors import RequestError
from merx.price.confounding import USUAL_DISPERSION
from merx.price.grid import Grid

RECENT_WEEKS = 8
STEEPEST = -50.0
PSEUDO_WEEKS = 1.0  # of the item's usual sales, so that a recent level is never 0


@dataclass(frozen=True)
class ConstantElasticity:
    """units(price) = exp(level) (price / reference)^elasticity, for I items.

    Parameters
    ----------
    items : Vocabulary (I,)
    reference : float64 (I,)
        Geometric mean price of the weeks in stock.
    level : float64 (draws, I)
        log of the units a week to be expected at the reference price, without promotion.
    elasticity : float64 (draws, I)
        At most 0.
    """

    items: Vocabulary
    reference: np.ndarray
    level: np.ndarray
    elasticity: np.ndarray

    def draws(self, prices: np.ndarray) -> np.ndarray:
        """Draws of the expected units a week, (draws, I, G), at the prices (I, G).

        Raises RequestError where the prices are not one row per item.
        """
        check_prices(prices, self.items)
        step = np.log(prices / self.reference[:, None])  # (I, G)
        units: np.ndarray = np.exp(self.elasticity[:, :, None] * step + self.level[:, :, None])
        return units

    def demand(self, prices: np.ndarray) -> np.ndarray:
        """Expected units a week, (I, G), at the prices (I, G): the mean of the draws."""
        check_prices(prices, self.items)
        units = np.empty(prices.shape)
        for g in range(prices.shape[1]):  # one column at a time keeps the memory at (draws, I)
            units[:, g] = self.draws(prices[:, g : g + 1]).mean(axis=0)[:, 0]
        return units

    def take(self, which: np.ndarray) -> "ConstantElasticity":
        """The same model of the items with the places `which` (n,) alone, in that order."""
        which = np.asarray(which)
        return replace(
            self,
            items=Vocabulary(self.items.ids.take(pa.array(which))),
            reference=self.reference[which],
            level=self.level[:, which],
            elasticity=self.elasticity[:, which],
        )


def from_estimates(
    items: Vocabulary, grid: Grid, elasticity: np.ndarray, error: np.ndarray, draws: int
) -> ConstantElasticity:
    """Draws about estimated elasticities (I,) with standard errors (I,), and a level from the last weeks.

    A draw is normal, cut off above 0.
    """
    score = normal_scores(items, draws)
    below = ndtr(-elasticity / np.maximum(error, 1e-9))  # probability of an elasticity below 0
    quantile = np.maximum(ndtr(score[0]) * below, 1e-300)
    drawn = np.where(error > 0, elasticity + error * ndtri(quantile), elasticity)
    drawn = np.clip(drawn, STEEPEST, 0.0)
    level, variance = recent_level(grid, np.clip(elasticity, STEEPEST, 0.0))
    return ConstantElasticity(
        items=items,
        reference=grid.reference,
        level=level - 0.5 * variance + np.sqrt(variance) * score[1],
        elasticity=drawn,
    )


def recent_level(grid: Grid, elasticity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """log units a week at the reference price, and the variance of its error, each (I,).

    From the last `RECENT_WEEKS` weeks, and from all that came before for one week's worth; promoted days do
    not count.
    """
    regular = grid.exposure * (1.0 - grid.promotion)  # (I, T)
    regular = np.where((regular.sum(axis=1) > 0)[:, None], regular, grid.exposure)
    share = np.divide(regular, grid.exposure, out=np.zeros_like(regular), where=grid.exposure > 0)
    expected = regular * np.exp(elasticity[:, None] * grid.log_price)  # (I, T), relative to the level
    sold = grid.units * share
    usual = (sold.sum(axis=1) + 0.5) / (expected.sum(axis=1) + 1.0)  # (I,)
    recent = slice(-RECENT_WEEKS, None)
    units = sold[:, recent].sum(axis=1) + PSEUDO_WEEKS * usual
    weeks = expected[:, recent].sum(axis=1) + PSEUDO_WEEKS
    level: np.ndarray = np.clip(np.log(units / weeks), -12.0, 14.0)
    return level, 1.0 / (units + 0.5) + USUAL_DISPERSION / weeks


def normal_scores(items: Vocabulary, draws: int) -> np.ndarray:
    """Two sets of standard normal scores for each item, (2, draws, I), stratified.

    Their order depends on the id of the item alone: whatever its neighbours are, it gets the same ones.
    """
    stratum = ndtri((np.arange(draws) + 0.5) / draws)
    score = np.empty((2, draws, len(items)))
    for i, name in enumerate(items.ids.to_pylist()):
        rng = np.random.default_rng(list(name.encode()))
        score[0, :, i] = rng.permutation(stratum)
        score[1, :, i] = rng.permutation(stratum)
    return score


def check_prices(prices: np.ndarray, items: Vocabulary) -> None:
    """Raise RequestError where the prices are not one row per item."""
    if prices.ndim != 2 or len(prices) != len(items):
        raise RequestError(
            f"Prices of shape {prices.shape} were given; {len(items)} rows are needed, one per item."
        )
