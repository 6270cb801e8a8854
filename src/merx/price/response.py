"""How units sold respond to the price: a hierarchical log-log model of weekly demand.

log E[units_it] = level_i + elasticity_i log(price_it / reference_i) + trend_i t + promotion_i promotion_it
                + week_ct + sum_l lag_l residual_i,t-l + competitor competitor_it + log available_it

with variance mean + dispersion_i mean^2. Elasticities are shrunk towards their category's mean and those
towards the shop's, whose weak prior is centred at the mean of 1,851 published elasticities (Bijmolt, van
Heerde and Pieters, Journal of Marketing Research 42, 2005). Variance components are found by empirical
Bayes (EM, Dempster, Laird and Rubin 1977), the mode by iteratively reweighted least squares. The lagged
residuals are the autoregressive part of the model (GLARMA: Davis, Dunsmuir and Streett 2003): they block
the path from last week's demand to this week's price. Where costs move prices strongly enough, the part of
the price that costs do not explain is one more regressor (`merx.price.instrument`).
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pyarrow as pa
from scipy.special import expit, ndtr, ndtri
from scipy.stats import norm

from merx.data.panel import PricePanel
from merx.data.vocabulary import Vocabulary
from merx.errors import ConfigError, FitError
from merx.price.confounding import BAR, LITERATURE_MEAN, LITERATURE_SD, Confounding, find_confounding
from merx.price.constant_elasticity import STEEPEST, check_prices, normal_scores
from merx.price.experiment_result import updated
from merx.price.forms import FORMS, Form, demand_step
from merx.price.grid import Grid
from merx.price.hierarchy import PRICE
from merx.price.instrument import CHANCE, CostInstrument, chance_of_feedback
from merx.price.response_fit import Fit, fit, recent_level

BIAS = 1.5  # of an elasticity where prices follow demand: between none and the 2.5 seen in simulation


@dataclass(frozen=True)
class PriceResponse:
    """Hierarchical log-log price response.

    Parameters
    ----------
    prior_elasticity, prior_sd : float
        Mean and standard deviation of the prior of the shop's mean elasticity.
    tested_elasticity, tested_error : float, optional
        The shop's mean elasticity as price tests found it, and its standard error. The weeks of the tests are
        in the panel already: this says how far the panel is to be believed, and what holds where it is not.
    lags : int
        Weeks of own demand residuals that enter as controls.
    recent_weeks : int
        Weeks at the end of the panel that set the level of the demand to come.
    min_available : float
        A week in stock for a smaller share of the time is dropped; others count by their share.
    iterations : int
        Steps of the fit.
    draws : int
        Posterior draws kept.
    form : "log_log", "semi_log", "logit" or "auto"
        How demand changes along the price (`merx.price.forms`); auto: the likeliest for the shop.
    """

    prior_elasticity: float = LITERATURE_MEAN
    prior_sd: float = LITERATURE_SD
    tested_elasticity: float | None = None
    tested_error: float | None = None
    lags: int = 4
    recent_weeks: int = 8
    min_available: float = 0.5
    iterations: int = 20
    draws: int = 200
    form: Literal["log_log", "semi_log", "logit", "auto"] = "log_log"

    def fit(self, panel: PricePanel) -> "FittedPriceResponse":
        """The response of every item of the panel.

        Raises
        ------
        ConfigError
            Where a setting is out of its range.
        FitError
            Where the panel has no item.
        """
        self._check()
        if panel.n_items == 0:
            raise FitError("The price panel has no item: hand over products with prices and sales.")
        grid = Grid.of(panel, self.min_available)
        confounding = find_confounding(panel)
        controls = _controls(grid)
        forms = FORMS if self.form == "auto" else (self.form,)
        prior = self.prior_elasticity, self.prior_sd
        found = [self._fit(grid, panel, controls, form, prior) for form in forms]
        best = int(np.argmax([one.log_likelihood for one in found]))  # they have as many parameters
        plain, form = found[best], forms[best]
        if confounding.costs is not None and confounding.costs.strong:
            mean, variance = self._by_costs(
                plain, confounding, confounding.costs, grid, panel, controls, form
            )
        else:
            mean, variance = self._believed(plain, confounding, panel)

        level, level_variance, reference = recent_level(grid, plain, panel, form, controls, self.recent_weeks)
        score = normal_scores(panel.items, self.draws)  # (2, draws, I)
        sd = np.sqrt(variance)
        below = ndtr(-mean / sd)  # probability of an elasticity below 0
        elasticity = mean + sd * ndtri(ndtr(score[0]) * below)  # (draws, I), never above 0
        level_draws = level - 0.5 * level_variance + np.sqrt(level_variance) * score[1]
        return FittedPriceResponse(
            items=panel.items,
            categories=panel.categories,
            form=form,
            reference=reference,
            level=level_draws,
            elasticity=np.clip(elasticity, STEEPEST, 0.0),
            category_elasticity=plain.posterior.category_mean,
            category_elasticity_sd=np.sqrt(plain.posterior.category_variance),
            dispersion=plain.dispersion,
            lag=plain.lag,
        )

    def _fit(
        self,
        grid: Grid,
        panel: PricePanel,
        controls: np.ndarray,
        form: Form,
        prior: tuple[float, float],
    ) -> Fit:
        categories = len(panel.categories)
        return fit(grid, panel.category, categories, controls, form, prior, self.lags, self.iterations)

    def _by_costs(
        self,
        plain: Fit,
        confounding: Confounding,
        costs: CostInstrument,
        grid: Grid,
        panel: PricePanel,
        controls: np.ndarray,
        form: Form,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance (I,) of the elasticities where costs are an instrument.

        The plain ones and those beside the part of the price that costs do not explain, mixed by how likely
        the plain ones are biased. What that part does to demand is learnt with all the rest.
        """
        known = self._known_beside()
        chance = chance_of_feedback(costs, bool(confounding.item.any()), known, BIAS)
        unexplained = costs.residual[:, :, None] * (BIAS / costs.share)  # an effect of 1: a bias of BIAS
        freed = self._fit(grid, panel, np.concatenate([controls, unexplained], axis=2), form, known)
        means = [one.posterior.item[:, PRICE] for one in (plain, freed)]
        spreads = [one.posterior.item_covariance[:, PRICE, PRICE] for one in (plain, freed)]
        mean = (1 - chance) * means[0] + chance * means[1]
        variance = (1 - chance) * spreads[0] + chance * spreads[1]
        return mean, variance + chance * (1 - chance) * (means[1] - means[0]) ** 2

    def _believed(
        self, found: Fit, confounding: Confounding, panel: PricePanel
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance (I,) of the elasticities as far as they are believed.

        Where prices follow demand, the mean of a category carries a bias of unknown size; the differences
        about it keep most of their worth. The believed mean weighs the estimate, with a bias of standard
        deviation BIAS, against what is known beside it; an implausible estimate is not believed at all. Where
        the mean of the whole shop is not, the differences between its categories are kept. After price tests
        that is not judged by the literature but by them: the estimate has a bias with the chance that they
        tell.
        """
        posterior, (known, known_sd) = found.posterior, self._known_beside()
        category_mean = posterior.category_mean[panel.category]  # (I,)
        category_sd = np.sqrt(posterior.category_variance[panel.category])
        implausible = confounding.implausible | BAR.is_implausible(category_mean, category_sd)
        shop_mean = np.full_like(category_mean, category_mean.mean())
        doubted, chance = category_mean, 0.0
        if self.tested_elasticity is not None:
            chance = chance_of_bias(float(shop_mean[0]) - known, known_sd)
            doubted = np.where(implausible | confounding.feedback, category_mean, shop_mean)
        elif confounding.shop_implausible:
            implausible, doubted = np.ones_like(implausible), shop_mean
        doubt = known_sd**2 / (known_sd**2 + BIAS**2)
        maybe = 1.0 - chance * (1.0 - doubt)
        belief = np.where(implausible, 0.0, np.where(confounding.feedback, doubt, maybe))
        mean = posterior.item[:, PRICE] + (1 - belief) * (known - doubted)
        variance = posterior.item_covariance[:, PRICE, PRICE] + (1 - belief) * known_sd**2
        undecided = np.where(belief == maybe, chance * (1 - chance), 0.0)
        return mean, variance + undecided * ((1 - doubt) * (known - doubted)) ** 2

    def _known_beside(self) -> tuple[float, float]:
        """Mean and standard deviation of the shop's mean elasticity by all that is known beside the panel."""
        prior = self.prior_elasticity, self.prior_sd
        if self.tested_elasticity is None or self.tested_error is None:
            return prior
        return updated(prior, (self.tested_elasticity, self.tested_error))

    def _check(self) -> None:
        if not self.prior_elasticity < 0:
            raise ConfigError(f"prior_elasticity is {self.prior_elasticity}; it must be below 0.")
        if not self.prior_sd > 0:
            raise ConfigError(f"prior_sd is {self.prior_sd}; it must be above 0.")
        if (self.tested_elasticity is None) != (self.tested_error is None):
            raise ConfigError("tested_elasticity and tested_error are told together, or neither is.")
        if self.tested_error is not None and not self.tested_error > 0:
            raise ConfigError(f"tested_error is {self.tested_error}; it must be above 0.")
        if not 0 < self.min_available <= 1:
            raise ConfigError(f"min_available is {self.min_available}; it must be in (0, 1].")
        if self.form not in (*FORMS, "auto"):
            raise ConfigError(f"form is '{self.form}'; it must be one of {', '.join(FORMS)} or auto.")
        for name, least in (("lags", 0), ("recent_weeks", 1), ("iterations", 1), ("draws", 2)):
            if getattr(self, name) < least:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be at least {least}.")


@dataclass(frozen=True)
class FittedPriceResponse:
    """Demand of I items along their prices, as posterior draws.

    Parameters
    ----------
    items : Vocabulary (I,)
    categories : Vocabulary (C,)
    form : "log_log", "semi_log" or "logit"
    reference : float64 (I,)
        Mean price of the recent weeks.
    level : float64 (draws, I)
        log of the units a week to be expected at the reference price, without promotion.
    elasticity : float64 (draws, I)
        At the reference price; at most 0.
    category_elasticity, category_elasticity_sd : float64 (C,)
        Posterior of each category's mean elasticity.
    dispersion : float64 (I,)
        Variance of a week's units beyond the Poisson's, over the squared mean.
    lag : float64 (L,)
        How strongly the demand residual of 1..L weeks before carries on.
    """

    items: Vocabulary
    categories: Vocabulary
    form: Form
    reference: np.ndarray
    level: np.ndarray
    elasticity: np.ndarray
    category_elasticity: np.ndarray
    category_elasticity_sd: np.ndarray
    dispersion: np.ndarray
    lag: np.ndarray

    def draws(self, prices: np.ndarray) -> np.ndarray:
        """Posterior draws of the expected units a week, (draws, I, G), at the prices (I, G).

        Raises RequestError where the prices are not one row per item.
        """
        check_prices(prices, self.items)
        step = np.log(prices / self.reference[:, None])  # (I, G)
        power = demand_step(self.form, self.elasticity[:, :, None], step)  # (draws, I, G)
        power += self.level[:, :, None]
        np.exp(power, out=power)
        return power

    def take(self, which: np.ndarray) -> "FittedPriceResponse":
        """The same model of the items with the places `which` (n,) alone, in that order."""
        which = np.asarray(which)
        return replace(
            self,
            items=Vocabulary(self.items.ids.take(pa.array(which))),
            reference=self.reference[which],
            level=self.level[:, which],
            elasticity=self.elasticity[:, which],
            dispersion=self.dispersion[which],
        )

    def demand(self, prices: np.ndarray) -> np.ndarray:
        """Expected units a week, (I, G), at the prices (I, G): the mean of the draws."""
        units = np.empty(prices.shape)
        for g in range(prices.shape[1]):  # one column at a time keeps the memory at (draws, I)
            units[:, g] = self.draws(prices[:, g : g + 1]).mean(axis=0)[:, 0]
        return units


def chance_of_bias(distance: float, error: float) -> float:
    """How likely the panel's mean elasticity is biased, that far from one known beside it with that error.

    The ratio of the marginal likelihoods with a bias of standard deviation BIAS and without, from CHANCE.
    """
    biased = norm.logpdf(distance, scale=np.hypot(error, BIAS))
    honest = norm.logpdf(distance, scale=error)
    return float(expit(biased - honest + np.log(CHANCE / (1 - CHANCE))))


def _controls(grid: Grid) -> np.ndarray:
    """What else moves demand, (I, T, K): the price of competitors, where one is known."""
    if grid.competitor is None:
        return np.zeros((*grid.units.shape, 0))
    return grid.competitor[:, :, None]
