"""Estimates of products drawn towards their category's mean, and those towards the shop's."""

from dataclasses import dataclass

import numpy as np

from merx.price.confounding import LITERATURE_MEAN, LITERATURE_SD

ITEM_SD = np.array([0.2, 0.3, 0.45, 0.6, 0.8, 1.0, 1.25, 1.5])  # of elasticities in a category
CATEGORY_SD = np.array([0.1, 0.2, 0.35, 0.5, 0.75, 1.0])  # of categories in a shop


@dataclass(frozen=True)
class Shrunk:
    """Posterior means and variances, each (I,), and the shop's mean."""

    mean: np.ndarray
    variance: np.ndarray
    shop: float


def shrink(estimate: np.ndarray, variance: np.ndarray, category: np.ndarray, categories: int) -> Shrunk:
    """Normal estimates in a normal hierarchy of two levels, the shop's mean with the literature's prior.

    The two spreads are the likeliest of a grid (empirical Bayes: Efron and Morris 1973); a variance of
    infinity counts for nothing.

    Parameters
    ----------
    estimate, variance : float64 (I,)
    category : int (I,)
    """
    known = np.isfinite(variance)
    spreads = [(item, between) for item in ITEM_SD for between in CATEGORY_SD]
    if known.any():
        chance = [
            _fit(estimate, variance, category, categories, known, item, between)[0]
            for item, between in spreads
        ]
        item, between = spreads[int(np.argmax(chance))]
    else:
        item, between = 0.7, 0.5
    _, mean, spread, shop = _fit(estimate, variance, category, categories, known, item, between)
    return Shrunk(mean, spread, shop)


def _fit(
    estimate: np.ndarray,
    variance: np.ndarray,
    category: np.ndarray,
    categories: int,
    known: np.ndarray,
    item: float,
    between: float,
) -> tuple[float, np.ndarray, np.ndarray, float]:
    """Log likelihood, posterior mean and variance (I,), and the shop's mean, at two standard deviations."""
    precision = np.where(known, 1.0 / (np.where(known, variance, 1.0) + item**2), 0.0)  # (I,)
    estimate = np.where(known, estimate, 0.0)
    told = np.bincount(category, precision, categories)  # (C,)
    some = told > 0
    own = np.where(some, np.bincount(category, precision * estimate, categories) / np.where(some, told, 1), 0)
    reach = np.where(some, 1.0 / (1.0 / np.where(some, told, 1) + between**2), 0.0)
    shop_precision = reach.sum() + 1.0 / LITERATURE_SD**2
    shop = float((reach @ own + LITERATURE_MEAN / LITERATURE_SD**2) / shop_precision)

    keep = told / (told + 1.0 / between**2)  # of the category's own
    centre = keep * own + (1 - keep) * shop
    centre_variance = (1 - keep) * between**2 + (1 - keep) ** 2 / shop_precision
    trust = precision * item**2  # of the item's own
    mean = trust * estimate + (1 - trust) * centre[category]
    spread = (1 - trust) * item**2 + (1 - trust) ** 2 * centre_variance[category]

    # Integrate the item, the category and the shop out, one after the other.
    log = 0.5 * np.log(precision[known]).sum()
    log -= 0.5 * (precision * (estimate - own[category]) ** 2).sum()
    log += 0.5 * (np.log(reach[some]) - np.log(told[some])).sum()
    log -= 0.5 * (reach * (own - shop) ** 2).sum() + 0.5 * (shop - LITERATURE_MEAN) ** 2 / LITERATURE_SD**2
    log -= 0.5 * np.log(shop_precision)
    return float(log), mean, spread, shop
