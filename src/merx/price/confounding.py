"""Do prices follow demand? Then what looks like a response to the price is partly its cause.

Two signs are looked for in the panel alone, whatever model is used later. First, demand that was higher than
expected 'explains' the price of the week after (a lead test: Granger 1969; as a test of strict exogeneity:
Wooldridge, Econometric Analysis of Cross Section and Panel Data, 10.7.1). Second, a whole category reacts
so weakly, or so strongly, as hardly any published one does.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from merx.data.panel import PricePanel
from merx.price.grid import Grid

MIN_AVAILABLE = 0.5


@dataclass(frozen=True)
class ConfoundingBar:
    """When the signs raise the alarm.

    Parameters
    ----------
    min_z : float
        Least |z| of the pooled lead test: 4 happens by chance once in 16,000 tests.
    min_correlation : float
        Least |partial correlation| of the pooled test: below it the bias is small beside other errors.
    least_elastic, most_elastic : float
        Plausible means of a category. Above -1 every rise of the price would raise profit without end;
        below -6 lie few of the 1,851 published elasticities (Bijmolt et al. 2005, figure 1).
    """

    min_z: float = 4.0
    min_correlation: float = 0.05
    least_elastic: float = -1.0
    most_elastic: float = -6.0

    def is_implausible(self, mean: np.ndarray, error: np.ndarray) -> np.ndarray:
        """Whether a category's mean elasticity is out of the plausible range by two standard errors."""
        outside: np.ndarray = (mean - 2 * error > self.least_elastic) | (mean + 2 * error < self.most_elastic)
        return outside


BAR = ConfoundingBar()


@dataclass(frozen=True)
class Confounding:
    """Where the alarm was raised, and why.

    Parameters
    ----------
    feedback : bool (I,)
        Demand explains the next week's price, in the item's category or in the whole shop.
    implausible : bool (I,)
        The pooled elasticity of the item's category is outside the plausible range by two standard errors.
    category_z, category_correlation : float64 (C,)
        The lead test of each category; 0 where it could not be made.
    category_elasticity : float64 (C,)
        Pooled elasticity by fixed-effects Poisson regression; 0 where prices never moved.
    """

    feedback: np.ndarray
    implausible: np.ndarray
    category_z: np.ndarray
    category_correlation: np.ndarray
    category_elasticity: np.ndarray

    @property
    def item(self) -> np.ndarray:
        """True where any alarm was raised, bool (I,)."""
        alarm: np.ndarray = self.feedback | self.implausible
        return alarm


def find_confounding(panel: PricePanel) -> Confounding:
    """The signs of confounding in the panel."""
    grid = Grid.of(panel, MIN_AVAILABLE)
    category, categories = panel.category, len(panel.categories)
    observed = grid.exposure > 0
    elasticity, error, residual = _fixed_effects_poisson(grid, category, categories)

    # Lead test: the move of the next week's price, given this week's, on this week's residual.
    both = observed[:, :-1] & observed[:, 1:]
    now = _partial(grid.log_price[:, :-1], both)
    surprise = _given(_partial(residual[:, :-1], both), now)  # (I, T - 1)
    move = _given(_partial(grid.log_price[:, 1:], both), now)
    product = surprise * move

    def by_category(values: np.ndarray) -> np.ndarray:
        total: np.ndarray = np.bincount(category, values.sum(axis=1), categories)
        return total

    total, square = by_category(product), by_category(product**2)
    scale = by_category(surprise**2) * by_category(move**2)
    z = total / np.sqrt(np.maximum(square, 1e-300))
    correlation = total / np.sqrt(np.maximum(scale, 1e-300))
    shop_z = total.sum() / np.sqrt(max(square.sum(), 1e-300))
    shop_correlation = total.sum() / np.sqrt(max((surprise**2).sum() * (move**2).sum(), 1e-300))
    alarm = (np.abs(z) > BAR.min_z) & (np.abs(correlation) > BAR.min_correlation)
    alarm |= bool(abs(shop_z) > BAR.min_z and abs(shop_correlation) > BAR.min_correlation)
    implausible = (error > 0) & BAR.is_implausible(elasticity, error)
    return Confounding(alarm[category], implausible[category], z, correlation, elasticity)


def _partial(values: np.ndarray, used: np.ndarray) -> np.ndarray:
    """The values less their mean over the used weeks of the item; 0 elsewhere."""
    count = np.maximum(used.sum(axis=1), 1)
    mean = np.where(used, values, 0.0).sum(axis=1) / count
    return np.where(used, values - mean[:, None], 0.0)


def _given(values: np.ndarray, control: np.ndarray) -> np.ndarray:
    """The values less their regression on the control, item by item."""
    square = (control**2).sum(axis=1)
    slope = (values * control).sum(axis=1) / np.where(square > 1e-12, square, np.inf)
    rest: np.ndarray = values - slope[:, None] * control
    return rest


def _fixed_effects_poisson(
    grid: Grid, category: np.ndarray, categories: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Units on price with item, category-week and promotion effects, one elasticity per category.

    Fixed effects by iterative proportional fitting, slopes by Newton steps. Returns the elasticity (C,), its
    standard error (C,), clustered by item, 0 where prices never moved, and the Pearson residual (I, T).
    """
    y, x, exposure = grid.units, grid.log_price, grid.exposure
    y = np.where(exposure > 0, y, 0.0)
    items, weeks = y.shape
    item_effect = np.ones(items)
    week_effect = np.ones((categories, weeks))
    elasticity = np.zeros(categories)
    promotion = 0.0

    def by_week(values: np.ndarray) -> np.ndarray:
        total = np.zeros((categories, weeks))
        np.add.at(total, category, values)
        return total

    week_units = by_week(y) + 0.5
    for _ in range(12):
        slope = exposure * np.exp(
            np.clip(elasticity[category][:, None] * x + promotion * grid.promotion, -6, 6)
        )
        for _ in range(2):
            mu = slope * week_effect[category]
            item_effect = (y.sum(axis=1) + 1e-9) / (mu.sum(axis=1) + 1e-9)
            week_effect = week_units / (by_week(slope * item_effect[:, None]) + 0.5)
        mu = slope * item_effect[:, None] * week_effect[category]
        weight = mu / (1.0 + 0.2 * mu)  # as under a negative binomial of a usual dispersion
        centred = _centre(x, weight, category, by_week)
        pull = weight * (y - mu) / np.maximum(mu, 1e-12) * centred  # (I, T)
        score = np.bincount(category, pull.sum(axis=1), categories)
        information = np.bincount(category, (weight * centred**2).sum(axis=1), categories)
        moved = information > 1e-6
        step = np.where(moved, score / np.where(moved, information, 1.0), 0.0)
        elasticity = np.clip(elasticity + np.clip(step, -1.0, 1.0), -15.0, 15.0)
        centred_promotion = _centre(grid.promotion, weight, category, by_week)
        promotion_information = float((weight * centred_promotion**2).sum())
        if promotion_information > 1e-6:
            pull_promotion = weight * (y - mu) / np.maximum(mu, 1e-12) * centred_promotion
            promotion += float(np.clip(pull_promotion.sum() / promotion_information, -0.5, 0.5))
    cluster = np.bincount(category, pull.sum(axis=1) ** 2, categories)
    cluster += np.bincount(
        category, (pull**2).sum(axis=1), categories
    )  # few items: at least the weeks' noise
    error = np.where(moved, np.sqrt(cluster) / np.where(moved, information, 1.0), 0.0)
    residual = np.where(exposure > 0, (y - mu) / np.sqrt(mu + 0.2 * mu**2 + 1e-9), 0.0)
    return elasticity, error, np.clip(residual, -5.0, 5.0)


def _centre(
    values: np.ndarray, weight: np.ndarray, category: np.ndarray, by_week: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """The values less their weighted item and category-week means (two sweeps)."""
    centred = values
    for _ in range(2):
        item_mean = (weight * centred).sum(axis=1) / np.maximum(weight.sum(axis=1), 1e-12)
        centred = centred - item_mean[:, None]
        week_mean = by_week(weight * centred) / np.maximum(by_week(weight), 1e-12)
        centred = centred - week_mean[category]
    return centred
