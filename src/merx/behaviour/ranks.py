"""Measures of order: they see ranks alone."""

import numpy as np


def ranks(value: np.ndarray) -> np.ndarray:
    """From 1, float64 (n,); ties share their mean rank."""
    _, place, count = np.unique(value, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(count) - (count - 1) / 2)[place])


def rank_correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Spearman's; 0 where one of the two never changes."""
    left, right = (rank - rank.mean() for rank in (ranks(x), ranks(y)))
    spread = float(np.sqrt((left**2).sum() * (right**2).sum()))
    return float((left * right).sum()) / spread if spread else 0.0


def auc(said: np.ndarray, label: np.ndarray) -> float:
    """The chance that a shopper with the label (bool) is given more than one without; NaN without both."""
    yes, no = int(np.count_nonzero(label)), int(np.count_nonzero(~label))
    if not yes or not no:
        return float("nan")
    return float((ranks(said)[label].sum() - yes * (yes + 1) / 2) / (yes * no))
