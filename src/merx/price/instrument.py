"""Unit costs that move as an instrument for prices: they move prices, but not what buyers want.

First stage, pooled over the shop: log price on log cost and promotion, given the item and the week. The part
of the price that they do not explain, put into the model of demand as one more regressor, takes up what moved
price and demand together (a control function: Wooldridge, Journal of Human Resources 50, 2015; for counts,
Mullahy, Review of Economics and Statistics 79, 1997). How far the estimate by costs is from the plain one is
a test of confounding (Hausman, Econometrica 46, 1978).
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit
from scipy.stats import multivariate_normal

from merx.data.panel import PricePanel
from merx.price.grid import Grid

STRONG = 10.0  # F of the first stage from which an instrument is used (Staiger and Stock 1997)
DISAGREES = 3.0  # |z| of the Hausman test from which the difference is a sign of confounding
WEEKS_OF_YEAR = 365.25 / 7
SWEEPS = 3
LEAST_CLUSTERS = 5  # categories; fewer are no measure of the spread between them: items are
CHANCE = 0.2  # of prices that follow demand where there is no other sign of it


@dataclass(frozen=True)
class CostInstrument:
    """What costs tell of prices and of their bias.

    Parameters
    ----------
    strength : float
        F of the first stage: the squared pass-through over its variance (jackknife over categories).
    pass_through : float
        d log price / d log cost.
    elasticity, bias, bias_error : float
        Of the shop: two-stage least squares; the plain estimate less that; the standard error of the bias.
    residual : float64 (I, T)
        Log price less what cost and promotion explain of it.
    share : float
        Of the residual in the variation of the price: bias = share x effect of the residual on demand.
    """

    strength: float
    pass_through: float
    elasticity: float
    bias: float
    bias_error: float
    residual: np.ndarray
    share: float

    @property
    def strong(self) -> bool:
        """Whether prices follow costs closely enough to be told apart by them."""
        return self.strength > STRONG

    @property
    def disagrees(self) -> bool:
        """Whether the plain estimate is improbable beside that by costs."""
        return self.strong and abs(self.bias) > DISAGREES * self.bias_error


def chance_of_feedback(
    costs: CostInstrument, suspected: bool, prior: tuple[float, float], bias_sd: float
) -> float:
    """Chance that the plain elasticity of the shop is biased.

    The plain elasticity is the true one and the bias together; the true one has the literature's prior, the
    bias one of mean 0, and costs tell the bias with an error. Where nothing else raised suspicion, the chance
    is the posterior one (the ratio of marginal likelihoods, from CHANCE).

    Parameters
    ----------
    suspected : bool
        Whether there are other signs of confounding: then the chance is 1.
    prior : float, float
        Mean and standard deviation of the shop's mean elasticity.
    bias_sd : float
    """
    if suspected:
        return 1.0
    beyond = costs.elasticity + costs.bias - prior[0]  # the plain estimate's distance from the prior's mean
    seen = np.array([beyond, costs.bias])
    error = np.diag([prior[1] ** 2, costs.bias_error**2])
    biased = multivariate_normal.logpdf(seen, cov=error + bias_sd**2)
    honest = multivariate_normal.logpdf(seen, cov=error)
    return float(expit(biased - honest + np.log(CHANCE / (1 - CHANCE))))


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
    # Costs often move for a whole category at once: errors are those of leaving out one category each.
    clusters = len(np.unique(category[known.any(axis=1)]))
    group = category if clusters >= LEAST_CLUSTERS else np.arange(panel.n_items)

    def ratio(above: np.ndarray, below: np.ndarray) -> tuple[float, float]:
        """sum(above) / sum(below) of (I, T) each, and its jackknife error over the groups."""
        top, bottom = np.bincount(group, above.sum(axis=1)), np.bincount(group, below.sum(axis=1))
        some = np.bincount(group, known.any(axis=1)) > 0
        without = (top.sum() - top[some]) / (bottom.sum() - bottom[some])
        error = np.sqrt((some.sum() - 1) / some.sum() * ((without - without.mean()) ** 2).sum())
        return float(top.sum() / bottom.sum()), float(error)

    x = _without_controls(grid.log_price, grid.promotion, weight, category, len(panel.categories))
    pass_through, pass_error = ratio(weight * shifter * x, weight * shifter**2)
    surprise = np.where(weight > 0, (grid.units - mu) / np.maximum(mu, 1e-12), 0.0)
    # Categories react differently: each has its own plain elasticity, and the bias is that of all of them.
    own = np.bincount(category, (weight * x * surprise).sum(axis=1), len(panel.categories))
    spread = np.bincount(category, (weight * x**2).sum(axis=1), len(panel.categories))
    surprise = surprise - (own / np.maximum(spread, 1e-9))[category][:, None] * x
    bias, bias_error = ratio(-weight * shifter * surprise, weight * shifter * x)
    promoted = grid.promotion - grid.promotion.mean(axis=1, keepdims=True)
    unexplained = grid.log_price - pass_through * log_cost
    discount = float((weight * promoted * unexplained).sum() / max((weight * promoted**2).sum(), 1e-9))
    residual = np.where(grid.exposure > 0, unexplained - discount * promoted, 0.0)
    loose = _without_controls(residual, grid.promotion, weight, category, len(panel.categories))
    return CostInstrument(
        strength=(pass_through / max(pass_error, 1e-12)) ** 2,
        pass_through=pass_through,
        elasticity=elasticity - bias,
        bias=bias,
        bias_error=bias_error,
        residual=residual,
        share=float((weight * x * loose).sum() / (weight * x**2).sum()),
    )


def _without_controls(
    values: np.ndarray, promotion: np.ndarray, weight: np.ndarray, category: np.ndarray, categories: int
) -> np.ndarray:
    """The values less their item and week means, promotion, and their category's season (backfitting)."""
    turn = 2 * np.pi * np.arange(values.shape[1]) / WEEKS_OF_YEAR
    wave = np.stack([np.sin(turn), np.cos(turn)])  # (2, T)
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
