"""From what a model says to what comes of it, and how well the two agree."""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

BINS = 10


@dataclass(frozen=True)
class Reliability:
    """Predictions against what came, over bins of equally many, lowest first.

    Parameters
    ----------
    predicted, observed : float64 (B,)
        Means of each bin.
    count : int64 (B,)
    """

    predicted: np.ndarray
    observed: np.ndarray
    count: np.ndarray

    @property
    def error(self) -> float:
        """Expected calibration error: the mean distance of the two, bins by their count.

        Naeini, Cooper & Hauskrecht, Obtaining well calibrated probabilities using Bayesian binning, AAAI
        (2015); with bins of equal counts, since most chances are small.
        """
        return float((np.abs(self.predicted - self.observed) * self.count).sum() / self.count.sum())


def reliability(predicted: np.ndarray, observed: np.ndarray) -> Reliability:
    """The curve over at most 10 bins, of predictions and outcomes (n,), n > 0."""
    order = np.argsort(predicted, kind="stable")
    bins = np.array_split(order, min(BINS, len(order)))
    return Reliability(
        np.array([predicted[one].mean() for one in bins]),
        np.array([observed[one].mean() for one in bins]),
        np.array([len(one) for one in bins]),
    )


def platt(said: np.ndarray, label: np.ndarray) -> tuple[float, float]:
    """The stretch and the shift that make expit(stretch * said + shift) likeliest, by Newton's method.

    Labels (bool) count as (n1 + 1) / (n1 + 2) and 1 / (n0 + 2), so that both stay finite (Platt,
    Probabilistic outputs for support vector machines, 1999).
    """
    yes, no = np.count_nonzero(label), np.count_nonzero(~label)
    wanted = np.where(label, (yes + 1) / (yes + 2), 1 / (no + 2))
    x = np.column_stack([said, np.ones(len(said))])
    answer = np.array([1.0, 0.0])
    for _ in range(30):
        chance = expit(x @ answer)
        curvature = x.T @ (x * (chance * (1 - chance))[:, None]) + 1e-9 * np.eye(2)
        step = np.linalg.solve(curvature, x.T @ (chance - wanted))
        answer -= step * min(1.0, 2.0 / max(np.abs(step).max(), 1e-300))
    return float(answer[0]), float(answer[1])
