"""Do prices follow demand? Then what looks like a response to the price is partly its cause.

Three signs are looked for in the panel alone, whatever model is used later. First, demand above what was
expected goes before another price in the week after (a lead test: Granger 1969; as a test of strict
exogeneity: Wooldridge, Econometric Analysis of Cross Section and Panel Data, 10.7.1). Second, a whole
category reacts so weakly, or so strongly, as hardly any published one does. Third, the whole shop does: its
mean elasticity is held against the literature's, and the prices that it calls for against those of the shop
(a prior predictive check: Box 1980). Where unit costs move, a fourth: the elasticity that they tell as an
instrument differs from the plain one (a Hausman test, `merx.price.instrument`).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import chi2

from merx.data.panel import PricePanel
from merx.price.grid import Grid
from merx.price.instrument import CostInstrument, cost_instrument

MIN_AVAILABLE = 0.5
LITERATURE_MEAN = -2.6  # Bijmolt, van Heerde and Pieters (2005): mean of 1,851 price elasticities -2.62
LITERATURE_SD = 0.7  # of a shop's mean about it, as assumed here: single published estimates spread more
USUAL_DISPERSION = 0.2  # of the negative binomial that weighs the weeks


@dataclass(frozen=True)
class ConfoundingBar:
    """When the signs raise the alarm.

    Parameters
    ----------
    category_z, shop_z : float
        Least |z| of the lead test. 3.5 happens by chance once in 2,000 shops. There are as many tests as
        categories, and z has wide tails where a category has few items: hence 5.
    min_lead : float
        Least |elasticity| of demand to the next week's price: below it the bias is small beside other errors.
    least_elastic, most_elastic : float
        Plausible means of a category. Above -1 every rise of the price would raise profit without end;
        below -6 lie few of the 1,851 published elasticities (Bijmolt et al. 2005, figure 1).
    category_sd : float
        Standard deviation of the mean elasticities of a shop's categories about the shop's.
    price_sd : float
        Standard deviation, over shops, of the mean log ratio of a shop's prices to the most profitable ones.
    improbable : float
        A shop's mean elasticity that is this improbable, or more, raises the alarm.
    """

    category_z: float = 5.0
    shop_z: float = 3.5
    min_lead: float = 0.1
    least_elastic: float = -1.0
    most_elastic: float = -6.0
    category_sd: float = 0.5
    price_sd: float = 0.4
    improbable: float = 0.05

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
        Demand goes before the next week's price, in the item's category or in the whole shop.
    implausible : bool (I,)
        The pooled elasticity of the item's category is outside the plausible range by two standard errors.
    shop_implausible : bool
        The mean elasticity of the shop is improbable.
    category_z, category_lead : float64 (C,)
        The lead test of each category, and the elasticity of its demand to the next week's price; 0 where
        the test could not be made.
    category_elasticity : float64 (C,)
        Pooled elasticity by fixed-effects Poisson regression; 0 where prices never moved.
    shop_elasticity, shop_z, shop_lead : float
        The same of the shop; `shop_elasticity` is the literature's mean where prices never moved.
    costs : CostInstrument or None
        What moving costs tell; None where none is known to have moved.
    """

    feedback: np.ndarray
    implausible: np.ndarray
    shop_implausible: bool
    category_z: np.ndarray
    category_lead: np.ndarray
    category_elasticity: np.ndarray
    shop_elasticity: float
    shop_z: float
    shop_lead: float
    costs: CostInstrument | None

    @property
    def item(self) -> np.ndarray:
        """True where any alarm was raised, bool (I,)."""
        alarm: np.ndarray = self.feedback | self.implausible | self.shop_implausible
        if self.costs is not None and self.costs.disagrees:
            alarm = np.ones_like(alarm)
        return alarm

    @property
    def settled(self) -> bool:
        """Whether costs move prices strongly enough to undo what the alarms tell of."""
        return self.costs is not None and self.costs.strong

    def lead(self, category: int) -> float:
        """The elasticity to the next week's price that raised the alarm: the category's, else the shop's."""
        own = abs(self.category_z[category]) > BAR.category_z
        return float(self.category_lead[category]) if own else self.shop_lead

    def discounted(self, category: np.ndarray) -> np.ndarray:
        """Where strong demand goes with a lower price, bool (I,), of items of these categories (I,).

        So it is where large orders are discounted and prices are learned from the orders.
        """
        lead = np.array([self.lead(number) for number in range(len(self.category_z))])
        found: np.ndarray = self.feedback & (lead[category] < 0)
        return found

    def take(self, which: np.ndarray) -> "Confounding":
        """Of the items with the places `which` (n,) alone, in that order."""
        return replace(self, feedback=self.feedback[which], implausible=self.implausible[which])


def find_confounding(panel: PricePanel) -> Confounding:
    """The signs of confounding in the panel."""
    grid = Grid.of(panel, MIN_AVAILABLE)
    category, categories = panel.category, len(panel.categories)
    elasticity, error, mu = _fixed_effects_poisson(grid, category, categories)
    pull, information = _lead_scores(grid, mu, category, categories)
    category_lead, category_z = _lead_test(pull, information, category, categories)
    lead, z = _lead_test(pull, information, np.zeros_like(category), 1)
    alarm = (np.abs(category_z) > BAR.category_z) & (np.abs(category_lead) > BAR.min_lead)
    alarm |= bool(abs(z[0]) > BAR.shop_z and abs(lead[0]) > BAR.min_lead)
    implausible = (error > 0) & BAR.is_implausible(elasticity, error)
    mean, shop_implausible = _check_shop(panel, elasticity, error)
    return Confounding(
        feedback=alarm[category],
        implausible=implausible[category],
        shop_implausible=shop_implausible,
        category_z=category_z,
        category_lead=category_lead,
        category_elasticity=elasticity,
        shop_elasticity=mean,
        shop_z=float(z[0]),
        shop_lead=float(lead[0]),
        costs=_costs(panel, grid),
    )


def category_elasticities(grid: Grid, category: np.ndarray, categories: int) -> np.ndarray:
    """Pooled elasticity of each category (C,); the literature's mean where prices never moved."""
    elasticity, error, _ = _fixed_effects_poisson(grid, category, categories)
    return np.where(error > 0, np.minimum(elasticity, 0.0), LITERATURE_MEAN)


def _costs(panel: PricePanel, grid: Grid) -> CostInstrument | None:
    """The costs as an instrument beside a plain fit with one effect for each week of the shop."""
    if panel.past_cost is None:
        return None
    elasticity, _, mu = _fixed_effects_poisson(grid, np.zeros_like(panel.category), 1)
    weight = np.where(grid.exposure > 0, mu / (1.0 + USUAL_DISPERSION * mu), 0.0)
    return cost_instrument(panel, grid, mu, weight, float(elasticity[0]))


def _check_shop(panel: PricePanel, elasticity: np.ndarray, error: np.ndarray) -> tuple[float, bool]:
    """The mean elasticity of the shop, and whether it is improbable.

    Two squared normal scores are added up: of the mean about the literature's, and, where it is weaker than
    that and most costs are known, of the shop's prices about those that it calls for. Each category counts as
    one draw, so the more of them agree, the surer the mean; a shop of one category is that category.
    """
    moved = error > 0
    if not moved.any():
        return LITERATURE_MEAN, False
    weight = 1.0 / (error[moved] ** 2 + (BAR.category_sd**2 if moved.sum() > 1 else 0.0))
    mean, variance = float(np.average(elasticity[moved], weights=weight)), 1.0 / float(weight.sum())
    trust = LITERATURE_SD**2 / (LITERATURE_SD**2 + variance)
    score, scores = (mean - LITERATURE_MEAN) ** 2 * trust / LITERATURE_SD**2, 1
    known = (panel.cost > 0) & (panel.cost < panel.price_now)
    if mean > LITERATURE_MEAN and known.sum() > panel.n_items / 2:
        # The mean as far as it is to be trusted: a wild one of few data calls for no price.
        believed = min(LITERATURE_MEAN + trust * (mean - LITERATURE_MEAN), -1.05)
        best = np.log(believed / (believed + 1.0))  # of price / cost (Lerner 1934)
        below = best - float(np.log(panel.price_now[known] / panel.cost[known]).mean())
        score, scores = score + max(below, 0.0) ** 2 / BAR.price_sd**2, 2
    return mean, bool(score > chi2.isf(BAR.improbable, scores))


def _lead_scores(
    grid: Grid, mu: np.ndarray, category: np.ndarray, categories: int
) -> tuple[np.ndarray, np.ndarray]:
    """Score and information (I, T - 1) of the elasticity of demand to the next week's price.

    Given this week's price, the item and the category's week; weeks of promotion, which buyers may wait for,
    and those before one are left out.
    """
    usable = (grid.exposure > 0) & (grid.promotion == 0)
    both = usable[:, :-1] & usable[:, 1:]
    mean = np.where(both, mu[:, :-1], 1.0)
    weight = np.where(both, mean / (1.0 + USUAL_DISPERSION * mean), 0.0)
    bound = 5.0 * np.sqrt(1.0 / mean + USUAL_DISPERSION)  # one huge order is no sign
    surprise = np.clip((grid.units[:, :-1] - mean) / mean, -bound, bound)

    def by_week(values: np.ndarray) -> np.ndarray:
        total = np.zeros((categories, values.shape[1]))
        np.add.at(total, category, values)
        return total

    now = _centre(grid.log_price[:, :-1], weight, category, by_week)
    lead = _centre(grid.log_price[:, 1:], weight, category, by_week)
    square = np.bincount(category, (weight * now**2).sum(axis=1), categories)
    slope = np.bincount(category, (weight * now * lead).sum(axis=1), categories)
    slope = np.where(square > 1e-9, slope / np.where(square > 1e-9, square, 1.0), 0.0)
    lead = lead - slope[category][:, None] * now
    return weight * surprise * lead, weight * lead**2


def _lead_test(
    pull: np.ndarray, information: np.ndarray, group: np.ndarray, groups: int
) -> tuple[np.ndarray, np.ndarray]:
    """The elasticity to the next week's price and its z, each (groups,), clustered by item; 0 without data.

    The variance is at least that of independent weeks: a few items may agree by chance.
    """
    total = np.bincount(group, information.sum(axis=1), groups)
    some = total > 1e-6
    lead = np.bincount(group, pull.sum(axis=1), groups) / np.where(some, total, np.inf)
    rest = pull - lead[group][:, None] * information
    variance = np.maximum(
        np.bincount(group, rest.sum(axis=1) ** 2, groups), np.bincount(group, (rest**2).sum(axis=1), groups)
    )
    z = np.where(some, lead * total / np.sqrt(np.maximum(variance, 1e-12)), 0.0)
    return lead, z


def _fixed_effects_poisson(
    grid: Grid, category: np.ndarray, categories: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Units on price with item and category-week effects and controls, one elasticity per category.

    Fixed effects by iterative proportional fitting, slopes by Newton steps. Returns the elasticity (C,), its
    standard error (C,), clustered by item, 0 where prices never moved, and the expected units (I, T).
    """
    y, x, exposure = grid.units, grid.log_price, grid.exposure
    y = np.where(exposure > 0, y, 0.0)
    items, weeks = y.shape
    item_effect = np.ones(items)
    week_effect = np.ones((categories, weeks))
    elasticity = np.zeros(categories)
    controls = [grid.promotion] if grid.competitor is None else [grid.promotion, grid.competitor]
    effects = [0.0] * len(controls)

    def by_week(values: np.ndarray) -> np.ndarray:
        total = np.zeros((categories, weeks))
        np.add.at(total, category, values)
        return total

    week_units = by_week(y) + 0.5
    for _ in range(12):
        known = sum(effect * control for effect, control in zip(effects, controls, strict=True))
        slope = exposure * np.exp(np.clip(elasticity[category][:, None] * x + known, -6, 6))
        for _ in range(2):
            mu = slope * week_effect[category]
            item_effect = (y.sum(axis=1) + 1e-9) / (mu.sum(axis=1) + 1e-9)
            week_effect = week_units / (by_week(slope * item_effect[:, None]) + 0.5)
        mu = slope * item_effect[:, None] * week_effect[category]
        weight = mu / (1.0 + USUAL_DISPERSION * mu)
        residual = (y - mu) / np.maximum(mu, 1e-12)
        centred = _centre(x, weight, category, by_week)
        for k, control in enumerate(controls):
            apart = _centre(control, weight, category, by_week)
            told = float((weight * apart**2).sum())
            if told > 1e-6:
                effects[k] += float(np.clip((weight * residual * apart).sum() / told, -0.5, 0.5))
                centred = centred - float((weight * centred * apart).sum() / told) * apart
        pull = weight * residual * centred  # (I, T)
        score = np.bincount(category, pull.sum(axis=1), categories)
        information = np.bincount(category, (weight * centred**2).sum(axis=1), categories)
        moved = information > 1e-6
        step = np.where(moved, score / np.where(moved, information, 1.0), 0.0)
        elasticity = np.clip(elasticity + np.clip(step, -1.0, 1.0), -15.0, 15.0)
    # Few items may agree by chance: the variance is at least that of the weeks, and that of the counts.
    variance = np.bincount(category, pull.sum(axis=1) ** 2 + (pull**2).sum(axis=1), categories)
    variance = np.maximum(variance, information)
    error = np.where(moved, np.sqrt(variance) / np.where(moved, information, 1.0), 0.0)
    return elasticity, error, mu


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
