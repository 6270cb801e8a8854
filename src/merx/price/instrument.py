"""Unit costs that move as an instrument for prices: they move prices, but not what buyers want.

First stage, pooled over the shop: log price on log cost and promotion, given the item and the week. The part
of the price that they do not explain, put into the model of demand as one more regressor, takes up what moved
price and demand together (a control function: Wooldridge, Journal of Human Resources 50, 2015; for counts,
Mullahy, Review of Economics and Statistics 79, 1997). How far the estimate by costs is from the plain one is
a test of confounding (Hausman, Econometrica 46, 1978).
"""

from dataclasses import dataclass

import numpy as np

from merx.data.panel import PricePanel
from merx.price.grid import Grid

STRONG = 10.0  # F of the first stage from which an instrument is used (Staiger and Stock 1997)
DISAGREES = 3.0  # |z| of the Hausman test from which the difference is a sign of confounding
HARMONICS = 1  # of the year, by category: the season must not pass for a move of the cost
WEEKS_OF_YEAR = 365.25 / 7
SWEEPS = 3


@dataclass(frozen=True)
class CostInstrument:
    """What costs tell of prices and of their bias.

    Parameters
    ----------
    strength : float
        F of the first stage: the squared pass-through over its variance, clustered by category.
    pass_through : float
        d log price / d log cost.
    elasticity, bias, bias_error : float
        Of the shop: two-stage least squares; the plain estimate less that; the standard error of the bias.
    residual : float64 (I, T)
        Log price less what cost and promotion explain of it.
    """

    strength: float
    pass_through: float
    elasticity: float
    bias: float
    bias_error: float
    residual: np.ndarray

    @property
    def strong(self) -> bool:
        """Whether prices follow costs closely enough to be told apart by them."""
        return self.strength > STRONG

    @property
    def disagrees(self) -> bool:
        """Whether the plain estimate is improbable beside that by costs."""
        return self.strong and abs(self.bias) > DISAGREES * self.bias_error


def cost_instrument(
    panel: PricePanel, grid: Grid, mu: np.ndarray, weight: np.ndarray, elasticity: float
) -> CostInstrument | None:
    """The costs of the panel as an instrument; None where no cost is known to have moved.

    Parameters
    ----------
    mu, weight : float64 (I, T)
        Expected units of a plain fit with item and week effects, and the weight of their log; 0 leaves out.
    elasticity : float
        Of that fit, for the whole shop.
    """
    if panel.past_cost is None:
        return None
    cost = np.full(grid.units.shape, np.nan)
    cost[panel.item, panel.week] = panel.past_cost
    known = (grid.exposure > 0) & np.isfinite(cost) & (cost > 0)
    log_cost = np.log(np.where(known, cost, 1.0))
    count = np.maximum(known.sum(axis=1, keepdims=True), 1)
    log_cost = np.where(known, log_cost - log_cost.sum(axis=1, keepdims=True) / count, 0.0)
    weight = np.where(known, weight, 0.0)
    category = panel.category
    shifter = _without_controls(log_cost, grid.promotion, weight, category, len(panel.categories))
    square = float((weight * shifter**2).sum())
    if square < 1e-9 * max(float(weight.sum()), 1.0):
        return None
    # Costs often move for a whole category at once: what they do not explain is added up by category.
    clusters = len(np.unique(category[known.any(axis=1)]))
    group = category if clusters >= 5 else np.arange(panel.n_items)

    def error(rest: np.ndarray) -> float:
        return float(np.sqrt((np.bincount(group, (weight * shifter * rest).sum(axis=1)) ** 2).sum()))

    x = _without_controls(grid.log_price, grid.promotion, weight, category, len(panel.categories))
    pass_through = float((weight * shifter * x).sum()) / square
    spread = error(x - pass_through * shifter) / square
    surprise = np.where(weight > 0, (grid.units - mu) / np.maximum(mu, 1e-12), 0.0)
    moved = pass_through * square
    bias = -float((weight * shifter * surprise).sum()) / moved
    rest = surprise + bias * x
    promoted = grid.promotion - grid.promotion.mean(axis=1, keepdims=True)
    unexplained = grid.log_price - pass_through * log_cost
    discount = float((weight * promoted * unexplained).sum() / max((weight * promoted**2).sum(), 1e-9))
    return CostInstrument(
        strength=(pass_through / max(spread, 1e-12)) ** 2,
        pass_through=pass_through,
        elasticity=elasticity - bias,
        bias=bias,
        bias_error=error(rest) / abs(moved),
        residual=np.where(grid.exposure > 0, unexplained - discount * promoted, 0.0),
    )


def _without_controls(
    values: np.ndarray, promotion: np.ndarray, weight: np.ndarray, category: np.ndarray, categories: int
) -> np.ndarray:
    """The values less their item and week means, promotion, and their category's season (backfitting)."""
    turn = 2 * np.pi * np.arange(values.shape[1]) / WEEKS_OF_YEAR
    wave = np.stack([f(h * turn) for h in range(1, HARMONICS + 1) for f in (np.sin, np.cos)])  # (H, T)
    rest = values
    for _ in range(SWEEPS):
        rest = rest - (weight * rest).sum(axis=1, keepdims=True) / np.maximum(
            weight.sum(axis=1, keepdims=True), 1e-12
        )
        rest = rest - (weight * rest).sum(axis=0) / np.maximum(weight.sum(axis=0), 1e-12)
        for c in range(categories):
            member = category == c
            w, r = weight[member], rest[member]
            weekly, total = w.sum(axis=0), (w * r).sum(axis=0)  # (T,)
            gram = (wave * weekly) @ wave.T + 1e-9 * np.eye(len(wave))
            rest[member] = r - np.linalg.solve(gram, wave @ total) @ wave
        slope = (weight * promotion * rest).sum() / max((weight * promotion**2).sum(), 1e-9)
        rest = rest - slope * promotion
    return rest
