"""What several regressions say of the same products, pooled to calibrated probabilities; see `completion`."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

FOLDS = 5
SHARP = 10.0  # what the weights of scores near 0 and 1 come to, about: where their search begins


@dataclass(frozen=True)
class Regressions:
    """Coefficients of C classes, the last row the constant.

    Parameters
    ----------
    alone : tuple of M float64 (F_m + 1, C)
    together : float64 (F_1 + ... + F_M + 1, C)
    """

    alone: tuple[np.ndarray, ...]
    together: np.ndarray

    def scores(self, blocks: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Scores (M, n, C) by each block alone; what each adds to those together (M, n, C), a constant."""
        parts = np.split(self.together[:-1], np.cumsum([len(one) - 1 for one in self.alone])[:-1])
        return (
            np.array([scores_of(own, x) for own, x in zip(self.alone, blocks, strict=True)]),
            np.array([x @ part for part, x in zip(parts, blocks, strict=True)]),
            self.together[-1],
        )


@dataclass(frozen=True)
class Pool:
    """Scores of n products known, from regressions that have not seen them: what the pool is learnt on.

    Parameters
    ----------
    alone : float64 (M, n, C)
        By each block.
    together : float64 (M, n, C)
        What each block adds in the regression on all.
    constant : float64 (n, C)
        Of that regression.
    prior : float64 (C,)
        Log shares of the classes.
    label : int (n,)
    usable : bool (n, M)
        Which blocks a product has, and may be learnt on.
    """

    alone: np.ndarray
    together: np.ndarray
    constant: np.ndarray
    prior: np.ndarray
    label: np.ndarray
    usable: np.ndarray

    def weights(self, pattern: np.ndarray, among: np.ndarray) -> np.ndarray | None:
        """Weights (m + 2,) for products that have the m blocks of `pattern`, bool (M,); the last is a_0.

        Learnt on those `among` all, bool (n,), that have at least these blocks, the others left out; None
        where those are fewer than 20. Outcomes count as certain but for one in n + 2, so that the weights
        stay finite where every product is put right (Platt, Probabilistic outputs for support vector
        machines, 1999).
        """
        able = np.flatnonzero(among & self.usable[:, pattern].all(axis=1))
        if not pattern.any() or len(able) < 4 * FOLDS:
            return None
        parts = self.parts(pattern, self.alone[:, able], self.together[:, able], self.constant[able])
        sure = 1 - 1 / (len(able) + 2)
        wanted = np.full(parts.shape[1:], (1 - sure) / max(len(self.prior) - 1, 1))
        wanted[np.arange(len(able)), self.label[able]] = sure

        def loss(weight: np.ndarray) -> tuple[float, np.ndarray]:
            log = log_softmax(np.tensordot(weight, parts, 1), axis=1)
            slope = np.tensordot(parts, np.exp(log) - wanted, ([1, 2], [0, 1]))
            return -float((wanted * log).sum()) / len(able), slope / len(able)

        begin = np.append(np.full(len(parts) - 1, SHARP / (len(parts) - 1)), 0.0)
        bounds = [(0.0, None)] * (len(parts) - 1) + [(-3.0, 3.0)]
        return np.asarray(minimize(loss, begin, jac=True, method="L-BFGS-B", bounds=bounds).x)

    def parts(
        self, pattern: np.ndarray, alone: np.ndarray, together: np.ndarray, constant: np.ndarray
    ) -> np.ndarray:
        """What is weighted, float64 (m + 2, n, C): each block of the pattern, all of them, and the prior.

        One block has nothing to be taken together with: (2, n, C).
        """
        every = together[pattern].sum(axis=0) + constant
        prior = np.broadcast_to(self.prior, every.shape)
        most = 1 if pattern.sum() > 1 else 0
        return np.concatenate([alone[pattern], every[None][:most], prior[None]])

    def judged(self, fold: np.ndarray) -> np.ndarray:
        """Probabilities (n, C) by weights that were learnt on the other folds; NaN where there are none."""
        found = np.full(self.constant.shape, np.nan)
        for pattern, of in patterns_of(self.usable):
            for one in range(FOLDS):
                own = of[fold[of] == one]
                weight = self.weights(pattern, fold != one) if len(own) else None
                if weight is not None:
                    parts = self.parts(pattern, self.alone[:, own], self.together[:, own], self.constant[own])
                    found[own] = softmax(np.tensordot(weight, parts, 1), axis=1)
        return found


def patterns_of(present: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """The distinct rows, bool (M,), of bool (n, M), and the places of each."""
    patterns, of = np.unique(present, axis=0, return_inverse=True)
    return [(pattern, np.flatnonzero(of.ravel() == place)) for place, pattern in enumerate(patterns)]


def scores_of(coefficients: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Scores (n, C) of coefficients (F + 1, C), the last row being the constant, at x (n, F)."""
    return np.asarray(x @ coefficients[:-1] + coefficients[-1])


def folds(label: np.ndarray, seed: int) -> np.ndarray:
    """The fold of each product, int (n,): each class spread over all of them as evenly as can be."""
    order = np.random.default_rng(seed).permutation(len(label))
    order = order[np.argsort(label[order], kind="stable")]
    found = np.empty(len(label), np.int64)
    found[order] = np.arange(len(label)) % FOLDS
    return found
