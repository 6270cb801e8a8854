"""How the price of one product moves the sales of another, for the few pairs worth looking at.

Units of an item are regressed on its own price and those of its candidates, one item at a time:

    log E[units_it] = level_i + season_it + promotion_i promotion_it + market_i market_t + elasticity_i x_it
                      + sum_j cross_ij x_jt + log available_it,     x = log(price / mean price)

with variance mean + dispersion_i mean^2. Most pairs have nothing to do with each other: what is found of all
together says how much of each to believe (`merx.price.mixture_prior`). The market is what the other
categories sold beside what was expected of them; effects of single weeks would swallow what a category loses
to one item. Positive: substitutes; negative: complements (Cournot; Hicks, Value and Capital, 1939).
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from merx.data.panel import PricePanel
from merx.errors import RequestError
from merx.price.confounding import MIN_AVAILABLE, category_elasticities
from merx.price.grid import Grid
from merx.price.mixture_prior import shrunk

WIDE_SD = 1.0  # of a cross elasticity before all are looked at together
CLEAR = 0.5  # an effect counts in prices if its sign is as sure as that
OWN_SD = 0.7  # of an own elasticity about its category's
MARKET_WEIGHT = 20.0  # units that the market's ratio is drawn to 1 with
ITERATIONS = 6
LAGS = 10  # weeks that a shock may last
BLOCK = 250  # items at once
YEAR = 365.25 / 7
NUISANCE_SD = np.array([3.0, 0.5, 0.5, 0.5, 1.0, 1.0])  # level, wave (2), trend, promotion, market


@dataclass(frozen=True)
class CrossEffects:
    """Cross elasticities of n pairs of I items.

    Parameters
    ----------
    sold, priced : int64 (n,)
        Of each pair, whose units move and whose price moves them.
    mean, sd : float64 (n,)
        Posterior of d log units of `sold` / d log price of `priced`.
    sure : float64 (n,)
        How probably there is an effect with the sign of the mean: not none, and not one the other way.
    items : int
    """

    sold: np.ndarray
    priced: np.ndarray
    mean: np.ndarray
    sd: np.ndarray
    sure: np.ndarray
    items: int

    @property
    def clear(self) -> np.ndarray:
        """Whether there is likelier such an effect than not, bool (n,)."""
        clear: np.ndarray = self.sure > CLEAR
        return clear

    def only_clear(self) -> "CrossEffects":
        """The clear ones alone."""
        kept = self.clear
        return CrossEffects(
            self.sold[kept], self.priced[kept], self.mean[kept], self.sd[kept], self.sure[kept], self.items
        )

    def matrix(self) -> sparse.csr_array:
        """The means as a sparse array (I, I): [i, j] of units of i to the price of j."""
        return sparse.csr_array((self.mean, (self.sold, self.priced)), shape=(self.items, self.items))


@dataclass(frozen=True)
class Cannibalised:
    """What other items sell more (above 0) or less a week when one price moves, most money first.

    Parameters
    ----------
    item : int64 (n,)
    units, profit : float64 (n,)
        `profit` is NaN where the cost is not known.
    """

    item: np.ndarray
    units: np.ndarray
    profit: np.ndarray


def cross_elasticities(panel: PricePanel, pairs: np.ndarray) -> CrossEffects:
    """The cross elasticities of candidate pairs.

    Parameters
    ----------
    pairs : int (n, 2)
        Places of items of the panel: whose units, and whose price. Each pair once, no item with itself.

    Raises
    ------
    RequestError
        Where a pair names an item that is not there, or the same twice.
    """
    pairs = np.asarray(pairs, dtype=np.int64).reshape(-1, 2)
    items = panel.n_items
    outside = (pairs < 0).any() or (pairs >= items).any()
    if outside or (pairs[:, 0] == pairs[:, 1]).any() or len(np.unique(pairs, axis=0)) < len(pairs):
        raise RequestError(f"Pairs are of two different items out of {items}, each pair once.")
    if not len(pairs):
        return CrossEffects(pairs[:, 0], pairs[:, 1], np.zeros(0), np.zeros(0), np.zeros(0), items)
    grid = Grid.of(panel, MIN_AVAILABLE)
    elasticity = category_elasticities(grid, panel.category, len(panel.categories))[panel.category]
    market = _market(grid, elasticity, panel.category, len(panel.categories))

    order = np.argsort(pairs[:, 0], kind="stable")
    sold, priced = pairs[order].T
    who, first, count = np.unique(sold, return_index=True, return_counts=True)
    column = np.arange(len(sold)) - np.repeat(first, count)
    row = np.repeat(np.arange(len(who)), count)
    partner = np.full((len(who), count.max()), -1)
    partner[row, column] = priced

    dispersion = np.full(len(who), 0.2)
    effects: np.ndarray | None = None
    for _ in range(ITERATIONS):
        found = []
        for start in range(0, len(who), BLOCK):
            block = slice(start, start + BLOCK)
            found.append(
                _step(
                    grid, who[block], partner[block], elasticity, market, panel.category,
                    None if effects is None else effects[block], dispersion[block],
                )
            )  # fmt: skip
        effects, covariance, dispersion, lagged, square = (
            np.concatenate(part) for part in zip(*found, strict=True)
        )
    assert effects is not None
    mean = effects[:, -partner.shape[1] :][row, column]
    spread = covariance[:, -partner.shape[1] :][row, column]
    # What the units alone say of each pair: the wide prior is taken out again.
    noise = 1.0 / np.maximum(1.0 / spread - WIDE_SD**-2.0, 1e-6)
    estimate = mean * noise / spread
    # Shocks last for weeks, and so do prices: there is less evidence than there are weeks (Bartlett 1935).
    shocks = np.maximum(lagged.sum(axis=0) / max(square.sum(), 1e-12), 0.0)  # (LAGS,) correlation over time
    moves = grid.log_price[:, :, None]
    prices = _lagged(moves, moves) / np.maximum((grid.log_price**2).sum(axis=1), 1e-12)[:, None]
    noise *= 1.0 + 2.0 * np.maximum(prices @ shocks, 0.0)[priced]
    return CrossEffects(sold, priced, *shrunk(estimate, np.sqrt(noise)), items)


def cannibalised(
    effects: CrossEffects, panel: PricePanel, units_now: np.ndarray, item: int, price: float
) -> Cannibalised:
    """What the other items gain or lose a week if one item (a place) moves to that price, theirs as today.

    Parameters
    ----------
    units_now : float64 (I,)
        Expected units a week at today's prices.
    """
    touched = effects.priced == item
    other, cross = effects.sold[touched], effects.mean[touched]
    units = units_now[other] * np.expm1(cross * np.log(price / panel.price_now[item]))
    profit = units * (panel.price_now - panel.cost)[other]
    order = np.argsort(-np.abs(np.where(np.isnan(profit), units, profit)), kind="stable")
    return Cannibalised(other[order], units[order], profit[order])


def _market(grid: Grid, elasticity: np.ndarray, category: np.ndarray, categories: int) -> np.ndarray:
    """Log ratio of sold to expected in the other categories, (C, T); 0 in a shop of one."""
    at_price = grid.exposure * np.exp(np.clip(elasticity[:, None] * grid.log_price, -6.0, 6.0))
    level = (grid.units.sum(axis=1) + 0.5) / (at_price.sum(axis=1) + 1.0)

    def elsewhere(values: np.ndarray) -> np.ndarray:
        own = np.zeros((categories, values.shape[1]))
        np.add.at(own, category, values)
        rest: np.ndarray = values.sum(axis=0) - own
        return rest

    units = elsewhere(np.where(grid.exposure > 0, grid.units, 0.0))
    return np.log((units + MARKET_WEIGHT) / (elsewhere(level[:, None] * at_price) + MARKET_WEIGHT))


def _lagged(later: np.ndarray, earlier: np.ndarray) -> np.ndarray:
    """Sums of products of (n, T, P) with what was 1 to LAGS weeks before in (n, T, P), (n, LAGS)."""
    weeks = later.shape[1]
    sums = [
        np.einsum("ntp,ntp->n", later[:, k:], earlier[:, : max(weeks - k, 0)]) for k in range(1, LAGS + 1)
    ]
    return np.stack(sums, axis=1)


def _step(
    grid: Grid,
    who: np.ndarray,
    partner: np.ndarray,
    elasticity: np.ndarray,
    market: np.ndarray,
    category: np.ndarray,
    effects: np.ndarray | None,
    dispersion: np.ndarray,
) -> tuple[np.ndarray, ...]:
    """One reweighted least-squares step of n items.

    Gives effects and variances, each (n, P), the dispersion (n,), the products of residuals of two weeks,
    (n, LAGS), and their squares (n,), summed.
    """
    weeks = grid.units.shape[1]
    own, exposure, y = grid.log_price[who], grid.exposure[who], grid.units[who]
    turn = 2 * np.pi * np.arange(weeks) / YEAR
    design = np.zeros((len(who), weeks, len(NUISANCE_SD) + 1 + partner.shape[1]))  # (n, T, P)
    design[:, :, 0] = 1.0
    design[:, :, 1], design[:, :, 2] = np.sin(turn), np.cos(turn)
    design[:, :, 3] = (np.arange(weeks) - (weeks - 1) / 2) / YEAR
    design[:, :, 4], design[:, :, 5] = grid.promotion[who], market[category[who]]
    design[:, :, 6] = own
    others = np.where(partner[:, :, None] >= 0, grid.log_price[partner], 0.0)  # (n, K, T)
    design[:, :, 7:] = others.transpose(0, 2, 1)
    centre = np.zeros((len(who), design.shape[2]))
    centre[:, 6] = elasticity[who]
    precision = np.concatenate([NUISANCE_SD**-2.0, [OWN_SD**-2.0], np.full(partner.shape[1], WIDE_SD**-2.0)])
    start = np.log((y.sum(axis=1) + 0.5) / (exposure.sum(axis=1) + 1.0))[:, None]
    now = centre if effects is None else effects

    eta = np.clip((design @ now[:, :, None])[:, :, 0], -5.0, 5.0)
    mu = np.where(exposure > 0, exposure * np.exp(start + eta), 1.0)
    bound = 5.0 * np.sqrt(mu + dispersion[:, None] * mu**2)  # one huge order is no sign
    rest = np.clip(y - mu, -bound, bound)
    weight = np.where(exposure > 0, mu / (1.0 + dispersion[:, None] * mu), 0.0)
    weighted = (design * weight[:, :, None]).transpose(0, 2, 1)  # (n, P, T)
    inverse = np.linalg.inv(weighted @ design + np.diag(precision))
    right = (weighted @ (eta + rest / mu)[:, :, None])[:, :, 0] + precision * centre
    found = (inverse @ right[:, :, None])[:, :, 0]

    # Moments of the dispersion, with the degrees of freedom that the effects took, and 10 weeks' worth of .2.
    above = np.where(exposure > 0, (rest**2 - mu) / mu**2 * weight / mu, 0.0)
    base = np.where(exposure > 0, weight / mu, 0.0)
    free = np.maximum(1.0 - design.shape[2] / np.maximum((exposure > 0).sum(axis=1), 1), 0.2)
    total = base.sum(axis=1)
    pseudo = 10.0 * total / np.maximum((exposure > 0).sum(axis=1), 1)
    spread = (above.sum(axis=1) / free + pseudo * 0.2) / np.maximum(total + pseudo, 1e-12)
    residual = np.where(exposure > 0, rest / mu * np.sqrt(weight), 0.0)  # (n, T), of variance 1
    # The fit itself takes from both what its effects explain of noise without memory: the hat matrix.
    root = design * np.sqrt(weight)[:, :, None]  # (n, T, P)
    hat = root @ inverse
    lagged = _lagged(residual[:, :, None], residual[:, :, None]) + _lagged(hat, root)
    square = (residual**2).sum(axis=1) + (hat * root).sum(axis=(1, 2))
    variances = np.diagonal(inverse, axis1=1, axis2=2)
    return found, variances, np.clip(spread, 0.005, 5.0), lagged, square
