"""The fit of the hierarchical price response: reweighted least squares and empirical Bayes, step by step.

The mode is found by iteratively reweighted least squares, each step solved exactly (`merx.price.hierarchy`);
variance components by EM (Dempster, Laird and Rubin 1977).
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from merx.data.panel import PricePanel
from merx.price.forms import Form, demand_slope, demand_step
from merx.price.grid import Grid
from merx.price.hierarchy import EFFECTS, LEVEL, PRICE, PROMOTION, TREND, Posterior, Spread, slow_weeks, solve

START = Spread(
    item=np.array([9.0, 0.5, 0.1, 0.1]),
    category=0.25,
    category_week=0.02,
    category_season=0.1,
    shop_week=0.1,
)
PRIOR_WEIGHT = 2.0  # effects' worth of faith in START: keeps a variance off 0 where few effects tell of it
MAX_SPREAD = 1.5**2  # of elasticities in a category: published ones spread by less (Bijmolt et al. 2005)
YEAR = 52  # weeks
LEAST_LASTING = 0.005  # variance of what lasts of a recent ratio: an item may have changed for good
MAX_RESIDUAL = 5.0  # standard deviations: one huge order must not set a price


@dataclass(frozen=True)
class Fit:
    """What `fit` found.

    Parameters
    ----------
    posterior : Posterior
    mean : float64 (I, T)
        Expected units without the lagged residuals.
    dispersion : float64 (I,)
    lag : float64 (L,)
        How strongly the demand residual of 1..L weeks before carries on.
    controls : float64 (K,)
        Effects of the controls.
    log_likelihood : float
        Of all weeks, negative binomial.
    """

    posterior: Posterior
    mean: np.ndarray
    dispersion: np.ndarray
    lag: np.ndarray
    controls: np.ndarray
    log_likelihood: float


def fit(
    grid: Grid,
    category: np.ndarray,
    categories: int,
    controls: np.ndarray,
    form: Form,
    prior: tuple[float, float],
    n_lags: int,
    iterations: int,
) -> Fit:
    """The posterior of the model of `merx.price.response`.

    Parameters
    ----------
    controls : float64 (I, T, K)
        What else moves demand, with one effect for all items each; of size about 1.
    prior : float, float
        Mean and standard deviation of the shop's mean elasticity.
    """
    members = [np.flatnonzero(category == c) for c in range(categories)]
    items, weeks = grid.units.shape
    y, exposure = grid.units, grid.exposure
    observed = exposure > 0
    time = (np.arange(weeks) - (weeks - 1) / 2) / 52.0  # years from the middle of the panel
    design = np.empty((items, weeks, EFFECTS))  # (I, T, 4)
    design[:, :, LEVEL] = 1.0
    design[:, :, TREND] = time
    design[:, :, PROMOTION] = grid.promotion
    shared = np.concatenate([np.zeros((items, weeks, n_lags)), controls], axis=2)  # (I, T, L + K)

    start = mean_rate(grid)[:, None]  # (I, 1)
    effects = np.zeros((items, EFFECTS))
    effects[:, PRICE] = prior[0]
    eta = start + demand_step(form, effects[:, PRICE, None], grid.log_price)  # (I, T)
    carried = np.zeros_like(design)  # (I, T, 4)
    dispersion = np.full(items, 0.2)
    lasts = np.ones(n_lags, dtype=bool)  # lags that carry on: a negative one is an echo of the fitted season
    spread = START
    for _ in range(iterations):
        elasticity = effects[:, PRICE, None]
        design[:, :, PRICE] = demand_slope(form, elasticity, grid.log_price)
        bend = (
            demand_step(form, elasticity, grid.log_price) - elasticity * design[:, :, PRICE]
        )  # 0 if log_log
        mu = exposure * np.exp(np.clip(eta, -12.0, 14.0))  # (I, T)
        weight = mu / (1.0 + dispersion[:, None] * mu)
        safe = np.where(observed, mu, 1.0)
        bound = MAX_RESIDUAL * np.sqrt(safe + dispersion[:, None] * safe**2)
        residual = np.where(observed, np.clip(y - mu, -bound, bound), 0.0)
        target = eta - start - bend + residual / safe - _times(carried, effects)
        posterior = solve(design - carried, shared, weight, target, members, spread, prior[0], prior[1] ** 2)
        lasts &= posterior.shared[:n_lags] >= 0.0
        lag_effect = np.where(lasts, posterior.shared[:n_lags], 0.0)
        effects = posterior.item
        spread = _update_spread(posterior, spread)
        base = start + _times(design, effects) + posterior.week[category]
        base += demand_step(form, effects[:, PRICE, None], grid.log_price)
        base -= effects[:, PRICE, None] * design[:, :, PRICE]
        base += controls @ posterior.shared[n_lags:]

        # Expected log of the week's hidden demand factor, given its units (gamma prior of mean 1, shape
        # 1 / dispersion): near 0 where little was to be expected, the log residual where much was. It moves
        # with the effects, so their part of it is taken from the design (a generalised difference).
        mean = exposure * np.exp(np.clip(base, -12.0, 14.0))
        shape = 1.0 / dispersion[:, None]
        hidden = np.where(observed, np.log((shape + y) / (shape + mean)), 0.0)
        sensitive = np.where(observed, mean / (shape + mean), 0.0)[:, :, None] * design  # (I, T, 4)
        carried = np.zeros_like(design)
        for lag in range(1, min(n_lags, weeks - 1) + 1):
            shared[:, lag:, lag - 1] = hidden[:, :-lag] * lasts[lag - 1]
            carried[:, lag:] += lag_effect[lag - 1] * sensitive[:, :-lag]
        eta = base + shared[:, :, :n_lags] @ lag_effect

        mu = exposure * np.exp(np.clip(eta, -12.0, 14.0))
        rows = design - carried
        variance = np.einsum("itj,itj->it", rows @ posterior.item_covariance, rows)
        variance += posterior.week_variance[category]
        dispersion = _dispersion(y, mu, variance, dispersion, observed)
    return Fit(
        posterior=posterior,
        mean=mean,
        dispersion=dispersion,
        lag=lag_effect,
        controls=posterior.shared[n_lags:],
        log_likelihood=_log_likelihood(y, mu, dispersion, observed),
    )


def _log_likelihood(y: np.ndarray, mu: np.ndarray, dispersion: np.ndarray, observed: np.ndarray) -> float:
    """Of negative binomial counts of variance mu + dispersion mu^2."""
    size = 1.0 / dispersion[:, None]
    mu = np.maximum(mu, 1e-9)
    each = gammaln(y + size) - gammaln(size) - gammaln(y + 1.0)
    each += size * np.log(size / (size + mu)) + y * np.log(mu / (size + mu))
    return float(each[observed].sum())


def mean_rate(grid: Grid) -> np.ndarray:
    """log of the mean units of a week in stock, (I,), finite even where nothing was sold."""
    rate: np.ndarray = np.log((grid.units.sum(axis=1) + 0.5) / (grid.exposure.sum(axis=1) + 1.0))
    return rate


def _times(design: np.ndarray, effects: np.ndarray) -> np.ndarray:
    """(I, T, 4) times (I, 4) -> (I, T)."""
    product: np.ndarray = (design @ effects[:, :, None])[:, :, 0]
    return product


def _update_spread(posterior: Posterior, spread: Spread) -> Spread:
    """The EM step of the variance components, each with PRIOR_WEIGHT effects' worth of its start."""

    def variance(deviation: np.ndarray, start: float) -> float:
        return float((deviation.sum() + PRIOR_WEIGHT * start) / (deviation.size + PRIOR_WEIGHT))

    item = [variance(posterior.item_deviation[:, j], START.item[j]) for j in range(EFFECTS)]
    item[LEVEL] = float(START.item[LEVEL])  # levels are free: selling little says nothing about a neighbour
    item[PRICE] = min(item[PRICE], MAX_SPREAD)
    apart = posterior.week_deviation  # (C, T), along the cosines
    slow = slow_weeks(apart.shape[1])
    season = spread.category_season * slow
    share = season / (season + spread.category_week)  # of the season in each cosine
    unknown = share * spread.category_week  # variance of how the two share it
    return Spread(
        item=np.array(item),
        category=variance(posterior.category_deviation, START.category),
        category_week=variance((1.0 - share) ** 2 * apart + unknown, START.category_week),
        category_season=variance((share**2 * apart + unknown)[:, slow], START.category_season),
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


def recent_level(
    grid: Grid, fit: Fit, panel: PricePanel, form: Form, controls: np.ndarray, recent_weeks: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """log units a week at the recent mean price: mean (I,), variance (I,), and that price (I,).

    The model's level, moved by the recent ratio of sold to expected as far as such ratios last in this shop,
    and by the lagged residuals of the last weeks. Controls (I, T, K) stay as they were last. The variance is
    that of the item's effects, of the ratio and of the season's step to the coming week.
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
    season, season_variance = _coming_season(fit.posterior.week, recent_weeks)
    years = (weeks - 1) / 2 / 52.0  # from the middle of the panel
    model = mean_rate(grid) + effects[:, LEVEL] + demand_step(form, effects[:, PRICE], step)
    model += effects[:, TREND] * years + season[panel.category] + controls[:, -1] @ fit.controls
    row = np.zeros_like(effects)
    row[:, LEVEL], row[:, PRICE], row[:, TREND] = 1.0, demand_slope(form, effects[:, PRICE], step), years
    own = np.einsum("ij,ijk,ik->i", row, fit.posterior.item_covariance, row)

    # Weeks in a row are alike, so that a mean of eight tells less than eight weeks do.
    carried = min(float(fit.lag.sum()), 0.9) if fit.lag.size else 0.0
    alike = (1.0 + max(carried, 0.0)) / (1.0 - max(carried, 0.0))
    expected, sold = mean.sum(axis=1), grid.units[:, recent].sum(axis=1)
    information = (mean / (1.0 + fit.dispersion[:, None] * mean)).sum(axis=1) / alike  # 1 / variance
    ratio = np.log((sold + 0.5) / (expected + 0.5))
    told = information**2
    lasting = float((told * (ratio**2 - 1.0 / np.maximum(information, 1e-9))).sum() / max(told.sum(), 1e-9))
    lasting = min(max(lasting, LEAST_LASTING), 1.0)
    moved = lasting * information / (1.0 + lasting * information) * ratio
    shape = 1.0 / fit.dispersion
    for lag, effect in enumerate(fit.lag[:weeks], start=1):
        hidden = np.log((shape + grid.units[:, -lag]) / (shape + fit.mean[:, -lag])) - moved
        moved = moved + np.where(grid.exposure[:, -lag] > 0, effect * hidden, 0.0)
    season_variance += float(fit.posterior.week_variance[:, -1].mean())
    variance = own + lasting / (1.0 + lasting * information) + season_variance
    return np.clip(model + moved, -12.0, 14.0), variance, grid.reference * np.exp(step)


def _coming_season(week: np.ndarray, recent_weeks: int) -> tuple[np.ndarray, float]:
    """Effect of the coming week in each category (C,), and the variance of its error.

    The effect of the recent weeks, and the step that the season took from such weeks a year ago; without the
    step where the panel does not reach back so far. The variance is that of all such steps in the panel: of
    their differences from a year to the next where there are some.
    """
    weeks = week.shape[1]
    season: np.ndarray = week[:, -recent_weeks:].mean(axis=1)
    if weeks <= recent_weeks:
        return season, float(week.var())
    before = np.cumsum(np.pad(week, ((0, 0), (1, 0))), axis=1)
    step = (
        week[:, recent_weeks:] - (before[:, recent_weeks:-1] - before[:, : -recent_weeks - 1]) / recent_weeks
    )
    coming = weeks - YEAR - recent_weeks  # place of the step to the week a year before the coming one
    if coming < 0:
        return season, float((step**2).mean())
    repeated = step[:, YEAR:] - step[:, : step.shape[1] - YEAR]
    error = repeated if repeated.shape[1] >= recent_weeks else step
    return season + step[:, coming], float((error**2).mean())
