"""How far sales lie from a forest's mean: a negative binomial, its quantiles corrected on steps held out."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import nbinom

GRID = np.linspace(0.0, 1.0, 401)
"""Probabilities at which the correction is kept; between them it is linear."""

BANDS = 4
"""Parts of the horizon, each with a correction of its own."""

FEWEST = 200
"""Steps held out in one part, at least; with fewer all parts have the same correction."""

PRIOR = 20
"""Imagined steps, on which the negative binomial was right."""

POISSON = 1e6
"""A shape from which a negative binomial is a Poisson distribution."""


@dataclass(frozen=True)
class Spread:
    """The correction of probabilities, for each step ahead.

    Where a share G(p) of the steps held out was below the p-quantile of its negative binomial, the p-quantile
    given is that of G^-1(p). So over all series together the share below it is p, whatever the true
    distribution is, as long as the steps ahead are like those held out.

    Parameters
    ----------
    probability : float64 (B, 401)
        G^-1 at GRID, for each part of the horizon.
    part : int64 (H,)
        Which of the B parts each step belongs to.

    Notes
    -----
    Source: Chernozhukov, Wüthrich & Zhu, Distributional conformal prediction, PNAS 118 (2021); a count is
    placed at random within its own probability (Czado, Gneiting & Held 2009).
    """

    probability: np.ndarray
    part: np.ndarray

    @classmethod
    def of(cls, place: np.ndarray, ahead: np.ndarray, horizon: int) -> "Spread":
        """From where steps held out fell in their distributions (n,), and how far ahead they were (n,)."""
        part = np.arange(horizon) * min(BANDS, horizon) // horizon
        parts = int(part[-1]) + 1
        held = part[ahead - 1]
        if np.bincount(held, minlength=parts).min() < FEWEST:
            part, held, parts = np.zeros_like(part), np.zeros_like(held), 1
        imagined = (np.arange(PRIOR) + 0.5) / PRIOR
        probability = [np.quantile(np.append(place[held == one], imagined), GRID) for one in range(parts)]
        return cls(np.stack(probability), part)

    def quantile(self, mean: np.ndarray, shape: np.ndarray, probs: np.ndarray) -> np.ndarray:
        """Quantiles in units, float64 (S, h, Q), of steps with that mean and shape, both (S, h)."""
        found = np.empty((*mean.shape, len(probs)))
        success = shape / (shape + mean)
        for step in range(mean.shape[1]):
            corrected = np.interp(probs, GRID, self.probability[self.part[step]])
            for q, p in enumerate(np.clip(corrected, 1e-9, 1 - 1e-9)):
                found[:, step, q] = nbinom.ppf(p, shape[:, step], success[:, step])
        return np.maximum(found, 0.0)


def shape_of(mean: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """The shape k of negative binomials of that mean and variance, mean + mean^2 / k; at most POISSON."""
    beyond = np.maximum(variance - mean, 0.0)
    shape: np.ndarray = np.where(beyond * POISSON > mean**2, mean**2 / np.maximum(beyond, 1e-300), POISSON)
    return shape


def place_in(sold: np.ndarray, mean: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """Where sales (n,) fall in their distributions, 0..1, at random within the probability of the count."""
    success = shape / (shape + mean)
    whole = np.floor(sold)
    below, up_to = nbinom.cdf(whole - 1, shape, success), nbinom.cdf(whole, shape, success)
    place: np.ndarray = below + np.random.default_rng(0).random(len(sold)) * (up_to - below)
    return place
