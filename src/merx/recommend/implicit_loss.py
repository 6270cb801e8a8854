"""The loss that the implicit factor models minimise, over the vectors w_u of shoppers and v_i of items.

Hu, Koren & Volinsky, Collaborative filtering for implicit feedback datasets, ICDM (2008); with the scaled
regularisation of Rendle, Krichene, Zhang & Koren, Revisiting the performance of iALS on item recommendation
benchmarks, RecSys (2022), equations 1 to 5:

    sum over observed (u, i) of c_ui (1 - w_u . v_i)^2  +  alpha sum over all (u, i) of (w_u . v_i)^2
        + regularization (sum_u n_u^nu |w_u|^2 + sum_i n_i^nu |v_i|^2),

    c_ui = log2(1 + the summed weight), n_u = sum_i c_ui + alpha I, n_i = sum_u c_ui + alpha U:

the weight of all terms in which a vector occurs. Items and shoppers that met nothing do not count. Given the
vectors of one side, each of the other is a ridge regression of its own.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from merx.errors import ConfigError

SCALE = 0.1  # standard deviation of an item's first vector, times the square root of its length


@dataclass(frozen=True)
class Ridge:
    """How strongly the vectors of one side are held back.

    Parameters
    ----------
    unobserved : float
        alpha times the number of rows of the other side that met anything.
    regularization, nu : float
    """

    unobserved: float
    regularization: float
    nu: float

    def of(self, confidence: sparse.csr_array) -> np.ndarray:
        """regularization n_u^nu of each row of the confidences (U, I), float32 (U,)."""
        weight = confidence.sum(axis=1, dtype=np.float64) + self.unobserved
        return np.asarray(self.regularization * weight**self.nu, np.float32)


def active(matrix: sparse.csr_array) -> int:
    """Rows with an entry."""
    return int(np.count_nonzero(np.diff(matrix.indptr)))


def first_vectors(met: sparse.csr_array, factors: int, seed: int) -> np.ndarray:
    """Random vectors of the items (rows) that someone met, float32 (I, F); zeros for the others."""
    some = np.diff(met.indptr) > 0
    draw = np.random.default_rng(seed).standard_normal((np.count_nonzero(some), factors), np.float32)
    vectors = np.zeros((len(some), factors), np.float32)
    vectors[some] = draw * np.float32(SCALE / np.sqrt(factors))
    return vectors


def check_settings(factors: int, epochs: int, alpha: float, regularization: float) -> None:
    """Raises ConfigError where there is nothing to minimise with them, or no single minimum for a row."""
    if min(factors, epochs) < 1 or min(alpha, regularization) <= 0:
        raise ConfigError("factors and epochs are at least 1; alpha and regularization are above 0.")
