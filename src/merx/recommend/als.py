"""Implicit alternating least squares: shoppers and items as vectors whose inner product is the liking.

Hu, Koren & Volinsky, Collaborative filtering for implicit feedback datasets, ICDM (2008); with the scaled
regularisation of Rendle, Krichene, Zhang & Koren, Revisiting the performance of iALS on item recommendation
benchmarks, RecSys (2022), whose loss is minimised over the vectors w_u and v_i (equations 1 to 5):

    sum over observed (u, i) of c_ui (1 - w_u . v_i)^2  +  alpha sum over all (u, i) of (w_u . v_i)^2
        + regularization (sum_u n_u^nu |w_u|^2 + sum_i n_i^nu |v_i|^2),

    c_ui = log2(1 + the summed weight), n_u = sum_i c_ui + alpha I, n_i = sum_u c_ui + alpha U:

the weight of all terms in which a vector occurs. Items and shoppers that met nothing do not count.

The loss stays the same when all vectors are turned alike. So they are turned, before each half-step, to the
axes in which V'V is diagonal. What all shoppers share of their normal equations is then a diagonal matrix,
and a shopper with n items is solved for exactly by an n x n system instead of one of the size of the factors
(`merx.kernels.als`). Most histories are short, so this costs less than a few steps of conjugate gradients.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from merx.data.interactions import Interactions
from merx.data.results import Contributions
from merx.data.vocabulary import Vocabulary
from merx.errors import ConfigError
from merx.kernels.als import descend_rows, solve_rows, turned
from merx.kernels.products import ProductIndex
from merx.recommend.damping import damped
from merx.tunable import between

SCALE = 0.1  # standard deviation of an item's first vector, times the square root of its length


@dataclass(frozen=True)
class ALS:
    """Implicit matrix factorisation by alternating least squares.

    Parameters
    ----------
    factors : int
        Length of the vectors.
    alpha : float
        Confidence in a pair that was not observed, where one observed once has 1 (alpha_0 in the paper).
    regularization : float
        How strongly long vectors are held back (lambda).
    nu : float
        How much more strongly those of long histories are: 0 not, 1 in proportion.
    epochs : int
        Times that shoppers and items are solved for in turn.
    block : int
        Factors that are solved for at once (iALS++); 0: all, exactly. Worth it where histories and factors
        go into the hundreds.
    seed : int
        Of the first vectors of the items.
    """

    factors: int = between(64, 16, 256, log=True)
    alpha: float = between(0.1, 0.003, 1.0, log=True)
    regularization: float = between(0.3, 0.0001, 10.0, log=True)
    nu: float = between(0.5, 0.0, 1.0)
    epochs: int = between(15, 4, 32)
    block: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.factors, self.epochs) < 1 or min(self.alpha, self.regularization) <= 0:
            raise ConfigError("factors and epochs are at least 1; alpha and regularization are above 0.")

    def fit(self, interactions: Interactions) -> "FittedALS":
        """Alternate from random items. Shoppers are solved for first, so their order has no influence."""
        observed = damped(interactions)  # (U, I)
        met = sparse.csr_array(observed.T)  # (I, U)
        user = np.zeros((interactions.n_users, self.factors), np.float32)
        item = first_vectors(met, self.factors, self.seed)
        for _ in range(self.epochs):
            item, user = self._half_step(observed, item, user, met)
            user, item = self._half_step(met, user, item, observed)
        item, _, gramian = turned(item)
        return FittedALS(
            items=interactions.items,
            item_factors=item,
            curvature=np.float32(self.alpha) * gramian,
            unobserved=self.alpha * active(met),
            regularization=self.regularization,
            nu=self.nu,
        )

    def _half_step(
        self,
        confidence: sparse.csr_array,
        fixed: np.ndarray,
        start: np.ndarray,
        other: sparse.csr_array,
    ) -> tuple[np.ndarray, np.ndarray]:
        """The vectors of the other side, turned, and those of one side (rows of `confidence`) given them."""
        fixed, axes, gramian = turned(fixed)
        shared = np.float32(self.alpha) * gramian
        held = ridge(confidence, self.alpha * active(other), self.regularization, self.nu)
        if self.block:
            return fixed, descend_rows(confidence, fixed, shared, held, start @ axes, self.block)
        return fixed, solve_rows(confidence, fixed, shared, held)


@dataclass(frozen=True)
class FittedALS:
    """Parameters
    ----------
    items : Vocabulary (I,)
    item_factors : float32 (I, F)
        On axes in which their Gramian is diagonal; zeros for an item never met.
    curvature : float32 (F,)
        That diagonal, times alpha: what the unobserved pairs add to the normal equations of every shopper.
    unobserved : float
        alpha times the number of items met.
    regularization, nu : float
        As in ALS.
    """

    items: Vocabulary
    item_factors: np.ndarray
    curvature: np.ndarray
    unobserved: float
    regularization: float
    nu: float

    @cached_property
    def index(self) -> ProductIndex:
        """The item vectors, for ranking."""
        return ProductIndex.of(self.item_factors)

    def embed(self, histories: Interactions) -> np.ndarray:
        """Solve the normal equations of each history, of whomever: float32 (U, F)."""
        confidence = damped(histories)
        return solve_rows(confidence, self.item_factors, self.curvature, self._ridge(confidence))

    def score(self, histories: Interactions) -> np.ndarray:
        """Inner products float32 (U, I), about 1 for an item surely liked."""
        return self.index.scores(self.embed(histories))

    def explain(self, histories: Interactions, item: np.ndarray) -> Contributions:
        """Hu, Koren & Volinsky (2008), section 5: the score is a sum over the history's items h,

            score_i = sum_h v_i' (V' C V + D)^-1 v_h c_h,

        of how alike i and h are in this shopper's eyes, times the confidence in h: part (k, n).
        """
        confidence = damped(histories)
        vectors = self.item_factors[confidence.indices].astype(np.float64)  # (n, F)
        weighted = confidence.data[:, None] * vectors
        normal = vectors.T @ weighted + np.diag(self.curvature + self._ridge(confidence)[0])  # (F, F)
        part: np.ndarray = self.item_factors[item] @ np.linalg.solve(normal, weighted.T)  # (k, n)
        return Contributions(part, confidence.indices.astype(np.int32))

    def _ridge(self, confidence: sparse.csr_array) -> np.ndarray:
        return ridge(confidence, self.unobserved, self.regularization, self.nu)


def active(matrix: sparse.csr_array) -> int:
    """Rows with an entry."""
    return int(np.count_nonzero(np.diff(matrix.indptr)))


def ridge(confidence: sparse.csr_array, unobserved: float, regularization: float, nu: float) -> np.ndarray:
    """How strongly the vector of each row is held back, float32 (U,)."""
    strength = regularization * (confidence.sum(axis=1, dtype=np.float64) + unobserved) ** nu
    return np.asarray(strength, np.float32)


def first_vectors(met: sparse.csr_array, factors: int, seed: int) -> np.ndarray:
    """Random vectors of the items (rows) that someone met, float32 (I, F); zeros for the others."""
    some = np.diff(met.indptr) > 0
    draw = np.random.default_rng(seed).standard_normal((np.count_nonzero(some), factors), np.float32)
    vectors = np.zeros((len(some), factors), np.float32)
    vectors[some] = draw * np.float32(SCALE / np.sqrt(factors))
    return vectors
