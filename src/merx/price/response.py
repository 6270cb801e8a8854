"""How units sold respond to the price: a hierarchical log-log model of weekly demand.

log E[units_it] = level_i + elasticity_i log(price_it / reference_i) + trend_i t + promotion_i promotion_it
                + week_ct + sum_l lag_l residual_i,t-l + log available_it

with variance mean + dispersion_i mean^2. Elasticities are shrunk towards their category's mean and those
towards the shop's, whose weak prior is centred at the mean of 1,851 published elasticities (Bijmolt, van
Heerde and Pieters, Journal of Marketing Research 42, 2005). Variance components are found by empirical
Bayes (EM, Dempster, Laird and Rubin 1977), the mode by iteratively reweighted least squares. The lagged
residuals are the autoregressive part of the model (GLARMA: Davis, Dunsmuir and Streett 2003): they block
the path from last week's demand to this week's price.
"""

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from scipy.special import ndtr, ndtri

from merx.data.panel import PricePanel
from merx.data.vocabulary import Vocabulary
from merx.errors import ConfigError, FitError, RequestError
from merx.price.confounding import BAR, LITERATURE_MEAN, LITERATURE_SD, find_confounding
from merx.price.grid import Grid
from merx.price.hierarchy import EFFECTS, LEVEL, PRICE, PROMOTION, TREND, Posterior, Spread, solve

START = Spread(item=np.array([9.0, 0.5, 0.1, 0.1]), category=0.25, category_week=0.02, shop_week=0.1)
PRIOR_WEIGHT = 2.0  # effects' worth of faith in START: keeps a variance off 0 where few effects tell of it
MAX_SPREAD = 1.5**2  # of elasticities in a category: published ones spread by less (Bijmolt et al. 2005)
BIAS = 1.5  # of an elasticity where prices follow demand: between none and the 2.5 seen in simulation
YEAR = 52  # weeks
MAX_RESIDUAL = 5.0  # standard deviations: one huge order must not set a price


@dataclass(frozen=True)
class PriceResponse:
    """Hierarchical log-log price response.

    Parameters
    ----------
    prior_elasticity, prior_sd : float
        Mean and standard deviation of the prior of the shop's mean elasticity.
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
    """

    prior_elasticity: float = LITERATURE_MEAN
    prior_sd: float = LITERATURE_SD
    lags: int = 4
    recent_weeks: int = 8
    min_available: float = 0.5
    iterations: int = 20
    draws: int = 200

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
        members = [np.flatnonzero(panel.category == c) for c in range(len(panel.categories))]
        fit = _fit(grid, members, panel.category, self)

        mean = fit.posterior.item[:, PRICE]  # (I,)
        variance = fit.posterior.item_covariance[:, PRICE, PRICE]
        # Where prices follow demand, the mean of a category carries a bias of unknown size; the differences
        # about it keep most of their worth. The believed mean weighs the estimate, with a bias of standard
        # deviation BIAS, against the prior; an implausible estimate is not believed at all. Where the mean of
        # the whole shop is not, the differences between its categories are kept.
        confounding = find_confounding(panel)
        category_mean = fit.posterior.category_mean[panel.category]  # (I,)
        category_sd = np.sqrt(fit.posterior.category_variance[panel.category])
        implausible = confounding.implausible | BAR.is_implausible(category_mean, category_sd)
        doubted = category_mean
        if confounding.shop_implausible:
            implausible = np.ones_like(implausible)
            doubted = np.full_like(category_mean, category_mean.mean())
        doubt = self.prior_sd**2 / (self.prior_sd**2 + BIAS**2)
        belief = np.where(implausible, 0.0, np.where(confounding.feedback, doubt, 1.0))
        mean = mean + (1 - belief) * (self.prior_elasticity - doubted)
        variance = variance + (1 - belief) * self.prior_sd**2

        level, level_variance, reference = _recent_level(grid, fit, panel, self.recent_weeks)
        score = _normal_scores(panel.items, self.draws)  # (2, draws, I)
        sd = np.sqrt(variance)
        below = ndtr(-mean / sd)  # probability of an elasticity below 0
        elasticity = mean + sd * ndtri(ndtr(score[0]) * below)  # (draws, I), never above 0
        level_draws = level - 0.5 * level_variance + np.sqrt(level_variance) * score[1]
        return FittedPriceResponse(
            items=panel.items,
            categories=panel.categories,
            reference=reference,
            level=level_draws,
            elasticity=np.clip(elasticity, -50.0, 0.0),
            category_elasticity=fit.posterior.category_mean,
            category_elasticity_sd=np.sqrt(fit.posterior.category_variance),
            dispersion=fit.dispersion,
            lag=fit.posterior.lag,
        )

    def _check(self) -> None:
        if not self.prior_elasticity < 0:
            raise ConfigError(f"prior_elasticity is {self.prior_elasticity}; it must be below 0.")
        if not self.prior_sd > 0:
            raise ConfigError(f"prior_sd is {self.prior_sd}; it must be above 0.")
        if not 0 < self.min_available <= 1:
            raise ConfigError(f"min_available is {self.min_available}; it must be in (0, 1].")
        for name, least in (("lags", 0), ("recent_weeks", 1), ("iterations", 1), ("draws", 2)):
            if getattr(self, name) < least:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be at least {least}.")


@dataclass(frozen=True)
class FittedPriceResponse:
    """Constant-elasticity demand of I items, as posterior draws.

    Parameters
    ----------
    items : Vocabulary (I,)
    categories : Vocabulary (C,)
    reference : float64 (I,)
        Mean price of the recent weeks.
    level : float64 (draws, I)
        log of the units a week to be expected at the reference price, without promotion.
    elasticity : float64 (draws, I)
        At most 0.
    category_elasticity, category_elasticity_sd : float64 (C,)
        Posterior of each category's mean elasticity.
    dispersion : float64 (I,)
        Variance of a week's units beyond the Poisson's, over the squared mean.
    lag : float64 (L,)
        How strongly the demand residual of 1..L weeks before carries on.
    """

    items: Vocabulary
    categories: Vocabulary
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
        if prices.ndim != 2 or len(prices) != len(self.items):
            raise RequestError(
                f"Prices of shape {prices.shape} were given; {len(self.items)} rows are needed, one per item."
            )
        step = np.log(prices / self.reference[:, None])  # (I, G)
        power: np.ndarray = self.elasticity[:, :, None] * step  # (draws, I, G)
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


@dataclass(frozen=True)
class _Fit:
    posterior: Posterior
    mean: np.ndarray  # expected units without the lagged residuals (I, T)
    dispersion: np.ndarray  # (I,)


def _fit(grid: Grid, members: list[np.ndarray], category: np.ndarray, config: PriceResponse) -> _Fit:
    items, weeks = grid.units.shape
    y, exposure = grid.units, grid.exposure
    observed = exposure > 0
    time = (np.arange(weeks) - (weeks - 1) / 2) / 52.0  # years from the middle of the panel
    design = np.empty((items, weeks, EFFECTS))  # (I, T, 4)
    design[:, :, LEVEL] = 1.0
    design[:, :, PRICE] = grid.log_price
    design[:, :, TREND] = time
    design[:, :, PROMOTION] = grid.promotion
    lags = np.zeros((items, weeks, config.lags))  # (I, T, L)

    start = _mean_rate(grid)  # (I,)
    effects = np.zeros((items, EFFECTS))
    effects[:, PRICE] = config.prior_elasticity
    eta = start[:, None] + config.prior_elasticity * grid.log_price  # (I, T)
    carried = np.zeros_like(design)  # (I, T, 4)
    dispersion = np.full(items, 0.2)
    spread = START
    for _ in range(config.iterations):
        mu = exposure * np.exp(np.clip(eta, -12.0, 14.0))  # (I, T)
        weight = mu / (1.0 + dispersion[:, None] * mu)
        safe = np.where(observed, mu, 1.0)
        bound = MAX_RESIDUAL * np.sqrt(safe + dispersion[:, None] * safe**2)
        residual = np.where(observed, np.clip(y - mu, -bound, bound), 0.0)
        target = eta - start[:, None] + residual / safe - _times(carried, effects)
        posterior = solve(
            design - carried,
            lags,
            weight,
            target,
            members,
            spread,
            config.prior_elasticity,
            config.prior_sd**2,
        )
        effects = posterior.item
        spread = _update_spread(posterior)
        base = start[:, None] + _times(design, effects) + posterior.week[category]

        # Expected log of the week's hidden demand factor, given its units (gamma prior of mean 1, shape
        # 1 / dispersion): near 0 where little was to be expected, the log residual where much was. It moves
        # with the effects, so their part of it is taken from the design (a generalised difference).
        mean = exposure * np.exp(np.clip(base, -12.0, 14.0))
        shape = 1.0 / dispersion[:, None]
        hidden = np.where(observed, np.log((shape + y) / (shape + mean)), 0.0)
        sensitive = np.where(observed, mean / (shape + mean), 0.0)[:, :, None] * design  # (I, T, 4)
        carried = np.zeros_like(design)
        for lag in range(1, min(config.lags, weeks - 1) + 1):
            lags[:, lag:, lag - 1] = hidden[:, :-lag]
            carried[:, lag:] += posterior.lag[lag - 1] * sensitive[:, :-lag]
        eta = base + lags @ posterior.lag

        mu = exposure * np.exp(np.clip(eta, -12.0, 14.0))
        rows = design - carried
        variance = np.einsum("itj,itj->it", rows @ posterior.item_covariance, rows)
        variance += posterior.week_variance[category]
        dispersion = _dispersion(y, mu, variance, dispersion, observed)
    return _Fit(posterior=posterior, mean=mean, dispersion=dispersion)


def _mean_rate(grid: Grid) -> np.ndarray:
    """log of the mean units of a week in stock, (I,), finite even where nothing was sold."""
    rate: np.ndarray = np.log((grid.units.sum(axis=1) + 0.5) / (grid.exposure.sum(axis=1) + 1.0))
    return rate


def _times(design: np.ndarray, effects: np.ndarray) -> np.ndarray:
    """(I, T, 4) times (I, 4) -> (I, T)."""
    product: np.ndarray = (design @ effects[:, :, None])[:, :, 0]
    return product


def _update_spread(posterior: Posterior) -> Spread:
    """The EM step of the variance components, each with PRIOR_WEIGHT effects' worth of its start."""

    def variance(deviation: np.ndarray, start: float) -> float:
        return float((deviation.sum() + PRIOR_WEIGHT * start) / (deviation.size + PRIOR_WEIGHT))

    item = [variance(posterior.item_deviation[:, j], START.item[j]) for j in range(EFFECTS)]
    item[LEVEL] = float(START.item[LEVEL])  # levels are free: selling little says nothing about a neighbour
    item[PRICE] = min(item[PRICE], MAX_SPREAD)
    return Spread(
        item=np.array(item),
        category=variance(posterior.category_deviation, START.category),
        category_week=variance(posterior.week_deviation, START.category_week),
        shop_week=variance(posterior.shop_week_deviation, START.shop_week),
    )


def _dispersion(
    y: np.ndarray, mu: np.ndarray, variance: np.ndarray, dispersion: np.ndarray, observed: np.ndarray
) -> np.ndarray:
    """Moment estimate of each item's dispersion (I,), shrunk to the shop's by 20 weeks' worth of it."""
    spread = mu + dispersion[:, None] * mu**2
    bound = MAX_RESIDUAL**2 * spread
    square = np.minimum((y - mu) ** 2, bound) + np.minimum(variance, 1.0) * mu**2  # the fit's own error too
    weight = np.where(observed, (mu / np.where(observed, spread, 1.0)) ** 2, 0.0)  # 1 / variance, relative
    above = (weight * (square - mu)).sum(axis=1)  # (I,)
    scale = (weight * mu**2).sum(axis=1)
    pooled = above.sum() / max(scale.sum(), 1e-12)
    pseudo = 20.0 * scale.sum() / max(observed.sum(), 1)
    shrunk: np.ndarray = np.clip((above + pseudo * pooled) / np.maximum(scale + pseudo, 1e-12), 0.005, 10.0)
    return shrunk


def _recent_level(
    grid: Grid, fit: _Fit, panel: PricePanel, recent_weeks: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """log units a week at the recent mean price: mean (I,), variance (I,), and that price (I,).

    The model's recent level, moved by the recent ratio of sold to expected as far as the noise of that ratio
    allows (a normal prior of the item's dispersion on its log).
    """
    recent = slice(-recent_weeks, None)
    exposure, mean = grid.exposure[:, recent], fit.mean[:, recent]  # (I, R)
    total = exposure.sum(axis=1)
    share = np.where(total[:, None] > 0, exposure / np.where(total > 0, total, 1.0)[:, None], 0.0)
    # An item without a recent week is read at its price of now, in the model's last weeks.
    step = np.where(
        total > 0, (share * grid.log_price[:, recent]).sum(axis=1), np.log(panel.price_now / grid.reference)
    )
    effects = fit.posterior.item
    weeks = grid.units.shape[1]
    season = _coming_season(fit.posterior.week, recent_weeks)[panel.category]
    model = _mean_rate(grid) + effects[:, LEVEL] + effects[:, PRICE] * step
    model += effects[:, TREND] * (weeks - 1) / 2 / 52.0 + season

    expected, sold = mean.sum(axis=1), grid.units[:, recent].sum(axis=1)
    information = (mean / (1.0 + fit.dispersion[:, None] * mean)).sum(axis=1)  # 1 / variance of the log ratio
    prior = fit.dispersion
    shrink = prior * information / (1.0 + prior * information)
    ratio = np.log((sold + 0.5) / (expected + 0.5))
    level = model + shrink * ratio
    return np.clip(level, -12.0, 14.0), prior / (1.0 + prior * information), grid.reference * np.exp(step)


def _coming_season(week: np.ndarray, recent_weeks: int) -> np.ndarray:
    """Effect of the coming week in each category (C,): that of the recent weeks, and the step of a year ago.

    The step is left out where the panel does not reach back so far.
    """
    season: np.ndarray = week[:, -recent_weeks:].mean(axis=1)
    coming = week.shape[1] - YEAR  # the week a year before the coming one
    if coming >= recent_weeks:
        season += week[:, coming] - week[:, coming - recent_weeks : coming].mean(axis=1)
    return season


def _normal_scores(items: Vocabulary, draws: int) -> np.ndarray:
    """Two sets of standard normal scores for each item, (2, draws, I), stratified, in an order of the id.

    An item's draws depend on its id alone: whatever its neighbours are, it gets the same ones.
    """
    stratum = ndtri((np.arange(draws) + 0.5) / draws)
    score = np.empty((2, draws, len(items)))
    for i, name in enumerate(items.ids.to_pylist()):
        rng = np.random.default_rng(list(name.encode()))
        score[0, :, i] = rng.permutation(stratum)
        score[1, :, i] = rng.permutation(stratum)
    return score
