"""Prices and elasticities against the truth of a shop whose demand is known. Plain arrays in, figures out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import spearmanr


@dataclass(frozen=True)
class ProfitRegret:
    """What quoted prices earn, beside the best prices and beside standing still.

    Parameters
    ----------
    regret, regret_now : float
        Share of the best total profit that the quoted prices, and today's prices, leave behind.
    gain_share : float
        Share of the best possible gain over today's profit that the quoted prices reach; NaN where today's
        prices are already the best.
    """

    regret: float
    regret_now: float
    gain_share: float


@dataclass(frozen=True)
class ElasticityError:
    """Estimated elasticities beside the true ones; the correlation is Spearman's rank correlation."""

    rmse: float
    bias: float
    rank_correlation: float


def profit_regret(
    profit_at_quote: np.ndarray, profit_now: np.ndarray, profit_best: np.ndarray
) -> ProfitRegret:
    """Regret of the quoted prices, summed over items.

    Parameters
    ----------
    profit_at_quote, profit_now, profit_best : float64 (n,)
        True expected profit at the quoted price, at today's, and at the best price under the same rules.
    """
    quoted, now, best = (float(np.sum(p)) for p in (profit_at_quote, profit_now, profit_best))
    return ProfitRegret(
        regret=(best - quoted) / best,
        regret_now=(best - now) / best,
        gain_share=(quoted - now) / (best - now) if best > now else float("nan"),
    )


def elasticity_error(estimate: np.ndarray, truth: np.ndarray) -> ElasticityError:
    """Error of the estimates (n,) against the truth (n,); the correlation is NaN where either is constant."""
    difference = estimate - truth
    constant = len(truth) < 2 or np.ptp(estimate) == 0 or np.ptp(truth) == 0
    return ElasticityError(
        rmse=float(np.sqrt(np.mean(difference**2))),
        bias=float(np.mean(difference)),
        rank_correlation=float("nan") if constant else float(spearmanr(estimate, truth).statistic),
    )


def interval_coverage(
    draws: np.ndarray, truth: np.ndarray, levels: Sequence[float] = (0.8, 0.95)
) -> np.ndarray:
    """Share of the truths (n,) inside the central interval of the draws (draws, n), one per level."""
    shares = []
    for level in levels:
        low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2], axis=0)
        shares.append(np.mean((truth >= low) & (truth <= high)))
    return np.array(shares)
