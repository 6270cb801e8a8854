"""The Gaussian step of the price response: items within categories within the shop, solved exactly.

One weighted least-squares step of the hierarchical model of `response.py`. The unknowns are nested: the
effects of an item touch only those of its category and of the shop. So the items are eliminated first
(small blocks), then the categories, and what is left is one dense system of the shop (a Schur complement
at each level; Golub and Van Loan, Matrix Computations, section 4.2 and 10.3).
"""

from dataclasses import dataclass

import numpy as np
from scipy.fft import dct

LEVEL, PRICE, TREND, PROMOTION = range(4)  # the effects of one item
EFFECTS = 4
SLOW = 20  # weeks: a season and its first overtone are slower


@dataclass(frozen=True)
class Spread:
    """The variance of each kind of effect about its mean.

    Parameters
    ----------
    item : float64 (4,)
        Of an item's level, elasticity, trend and promotion effect, about their means.
    category : float
        Of a category's mean elasticity about the shop's.
    category_week, category_season : float
        Of a week's effect in a category about the same week's effect in the shop: from week to week, and,
        on top of it, along each slow cosine of the weeks (`slow_weeks`), because seasons are smooth.
    shop_week : float
        Of a week's effect in the shop.
    """

    item: np.ndarray
    category: float
    category_week: float
    category_season: float
    shop_week: float


def slow_weeks(weeks: int) -> np.ndarray:
    """Which of the weeks' cosines, bool (T,), have a period of `SLOW` weeks or more; the constant has none.

    The cosines are those of the discrete cosine transform: number k goes through k / 2 periods.
    """
    number = np.arange(weeks)
    slow: np.ndarray = (number > 0) & (number * SLOW <= 2 * weeks)
    return slow


@dataclass(frozen=True)
class Posterior:
    """The joint Gaussian posterior, as far as the fit needs it. O = T + 2 + S.

    Parameters
    ----------
    item : float64 (I, 4)
        Mean of the effects of each item.
    item_covariance : float64 (I, 4, 4)
    item_deviation : float64 (I, 4)
        Expected squared distance of each effect from its prior mean.
    week : float64 (C, T)
        Effect of each week in each category.
    week_variance : float64 (C, T)
    week_deviation, category_deviation : float64 (C, T), (C,)
        Expected squared distance of the category's week effects and mean elasticity from the shop's; that of
        the weeks along the cosines of `slow_weeks`.
    shop_week_deviation : float64 (T,)
    category_mean, category_variance : float64 (C,)
        Mean elasticity of each category.
    shared, shared_variance : float64 (S,)
        Effects that all items have in common, unit-variance priors.
    """

    item: np.ndarray
    item_covariance: np.ndarray
    item_deviation: np.ndarray
    week: np.ndarray
    week_variance: np.ndarray
    week_deviation: np.ndarray
    category_deviation: np.ndarray
    shop_week_deviation: np.ndarray
    category_mean: np.ndarray
    category_variance: np.ndarray
    shared: np.ndarray
    shared_variance: np.ndarray


def solve(
    design: np.ndarray,
    shared: np.ndarray,
    weight: np.ndarray,
    target: np.ndarray,
    members: list[np.ndarray],
    spread: Spread,
    prior_mean: float,
    prior_variance: float,
) -> Posterior:
    """Posterior of target ~ N(design @ item + week + shared @ effect, 1 / weight) under the nested prior.

    Parameters
    ----------
    design : float64 (I, T, 4)
    shared : float64 (I, T, S)
    weight, target : float64 (I, T)
        A weight of 0 leaves the entry out.
    members : C arrays of item codes
    spread : Spread
    prior_mean, prior_variance : float
        Of the shop's mean elasticity.
    """
    items, weeks, _ = design.shape
    n_shared = shared.shape[2]
    categories = len(members)
    outer = weeks + 2 + n_shared  # of a category: weeks, mean elasticity; of the shop: promotion mean, shared
    inner = weeks + 1
    precision = 1.0 / spread.item  # (4,)
    cosine = dct(np.eye(weeks), norm="ortho", axis=0)  # (T, T), one a row
    week_precision = (cosine.T / (spread.category_week + spread.category_season * slow_weeks(weeks))) @ cosine

    weighted = (design * weight[:, :, None]).transpose(0, 2, 1)  # (I, 4, T)
    block = weighted @ design + np.diag(precision)  # (I, 4, 4)
    coupling = np.empty((items, EFFECTS, outer + 1))  # (I, 4, O + 1), the right-hand side last
    coupling[:, :, :weeks] = weighted
    coupling[:, :, weeks : weeks + 2] = 0.0
    coupling[:, PRICE, weeks] = -precision[PRICE]
    coupling[:, PROMOTION, weeks + 1] = -precision[PROMOTION]
    coupling[:, :, weeks + 2 : outer] = weighted @ shared
    coupling[:, :, outer] = (weighted @ target[:, :, None])[:, :, 0]
    inverse = np.linalg.inv(block)  # (I, 4, 4)
    reduced = inverse @ coupling  # (I, 4, O + 1)

    week_weight = np.zeros((categories, weeks))
    shop = np.zeros((outer, outer))  # week, mean elasticity, promotion mean, shared
    shop_right = np.zeros(outer)
    shop[:weeks, :weeks] = categories * week_precision + np.eye(weeks) / spread.shop_week
    shop[weeks, weeks] = categories / spread.category + 1.0 / prior_variance
    shop_right[weeks] = prior_mean / prior_variance
    tail = np.arange(inner, outer)
    shop[tail, tail] += 1.0  # unit-variance priors
    own_inverse = np.empty((categories, inner, inner))
    own_reduced = np.empty((categories, inner, outer + 1))
    for c, member in enumerate(members):
        w, z, own_shared = weight[member], target[member], shared[member]
        total = np.zeros((outer, outer + 1))  # (O, O + 1)
        week_weight[c] = w.sum(axis=0)
        total[np.arange(weeks), np.arange(weeks)] = week_weight[c]
        total[weeks, weeks] = len(member) * precision[PRICE]
        total[weeks + 1, weeks + 1] = len(member) * precision[PROMOTION]
        cross = np.einsum("it,its->ts", w, own_shared)
        total[:weeks, weeks + 2 : outer] = cross
        total[weeks + 2 :, :weeks] = cross.T
        flat = own_shared.reshape(w.size, n_shared)
        total[weeks + 2 :, weeks + 2 : outer] = (flat * w.reshape(-1, 1)).T @ flat
        total[:weeks, outer] = (w * z).sum(axis=0)
        total[weeks + 2 :, outer] = flat.T @ (w * z).ravel()
        total -= coupling[member, :, :outer].reshape(-1, outer).T @ reduced[member].reshape(-1, outer + 1)

        own = total[:inner, :inner].copy()  # (T + 1, T + 1)
        own[:weeks, :weeks] += week_precision
        own[weeks, weeks] += 1.0 / spread.category
        to_shop = np.zeros((inner, outer + 1))  # (T + 1, O + 1)
        to_shop[:weeks, :weeks] = -week_precision
        to_shop[weeks, weeks] = -1.0 / spread.category
        to_shop[:, inner:] = total[:inner, inner:]
        own_inverse[c] = np.linalg.inv(own)
        own_reduced[c] = own_inverse[c] @ to_shop
        shop[inner:, inner:] += total[inner:, inner:outer]
        shop_right[inner:] += total[inner:, outer]
        shop -= to_shop[:, :outer].T @ own_reduced[c, :, :outer]
        shop_right -= to_shop[:, :outer].T @ own_reduced[c, :, outer]

    shop_covariance = np.linalg.inv(shop)  # (O, O)
    shop_mean = shop_covariance @ shop_right  # (O,)

    mean = np.empty((items, EFFECTS))
    covariance = np.empty((items, EFFECTS, EFFECTS))
    deviation = np.empty((items, EFFECTS))
    own_mean = np.empty((categories, inner))
    own_variance = np.empty((categories, inner))
    own_deviation = np.empty((categories, inner))
    for c, member in enumerate(members):
        step = own_reduced[c, :, :outer]  # (T + 1, O)
        own_mean[c] = own_reduced[c, :, outer] - step @ shop_mean
        to_shop = -step @ shop_covariance  # covariance of the category's effects with the shop's (T + 1, O)
        joint = np.empty((outer, outer))
        joint[:inner, :inner] = own_inverse[c] - to_shop @ step.T
        joint[:inner, inner:] = to_shop[:, inner:]
        joint[inner:, :inner] = to_shop[:, inner:].T
        joint[inner:, inner:] = shop_covariance[inner:, inner:]
        own_variance[c] = np.diag(joint)[:inner]
        apart = own_mean[c] - shop_mean[:inner]
        between = to_shop[:, :inner]
        doubt = joint[:inner, :inner] + shop_covariance[:inner, :inner] - between - between.T
        own_deviation[c, :weeks] = (cosine @ apart[:weeks]) ** 2
        own_deviation[c, :weeks] += np.einsum("kt,kt->k", cosine @ doubt[:weeks, :weeks], cosine)
        own_deviation[c, weeks] = apart[weeks] ** 2 + doubt[weeks, weeks]
        effects = np.concatenate([own_mean[c], shop_mean[inner:]])  # (O,)
        slope = reduced[member, :, :outer]  # (n, 4, O)
        mean[member] = reduced[member, :, outer] - slope @ effects
        covariance[member] = inverse[member] + (slope @ joint) @ slope.transpose(0, 2, 1)
        from_prior = slope.copy()
        from_prior[:, PRICE, weeks] += 1.0
        from_prior[:, PROMOTION, weeks + 1] += 1.0
        distance = mean[member].copy()
        distance[:, PRICE] -= effects[weeks]
        distance[:, PROMOTION] -= effects[weeks + 1]
        variance = np.einsum("ijo,ijo->ij", from_prior @ joint, from_prior)
        deviation[member] = distance**2 + variance + np.diagonal(inverse[member], axis1=1, axis2=2)

    return Posterior(
        item=mean,
        item_covariance=covariance,
        item_deviation=deviation,
        week=own_mean[:, :weeks],
        week_variance=own_variance[:, :weeks],
        week_deviation=own_deviation[:, :weeks],
        category_deviation=own_deviation[:, weeks],
        shop_week_deviation=shop_mean[:weeks] ** 2 + np.diag(shop_covariance)[:weeks],
        category_mean=own_mean[:, weeks],
        category_variance=own_variance[:, weeks],
        shared=shop_mean[inner + 1 :],
        shared_variance=np.diag(shop_covariance)[inner + 1 :],
    )
