"""Implicit alternating least squares: shoppers and items as vectors whose inner product is the liking.

The loss is that of `merx.recommend.implicit_loss` (Hu, Koren & Volinsky 2008; Rendle, Krichene, Zhang & Koren
2022), minimised over the vectors of shoppers and of items in turn.

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
from merx.kernels.als import descend_rows, solve_rows, turned
from merx.kernels.products import ProductIndex
from merx.recommend.damping import damped
from merx.recommend.implicit_loss import Ridge, active, check_settings, first_vectors
from merx.tunable import between


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
        check_settings(self.factors, self.epochs, self.alpha, self.regularization)

    def fit(self, interactions: Interactions) -> "FittedALS":
        """Alternate from random items. Shoppers are solved for first, so their order has no influence."""
        return self.drawn(interactions, None)

    def drawn(self, interactions: Interactions, pull: "Pull | None") -> "FittedALS":
        """The same, each shopper's vector drawn towards the mean of others."""
        observed = damped(interactions)  # (U, I)
        met = sparse.csr_array(observed.T)  # (I, U)
        user = np.zeros((interactions.n_users, self.factors), np.float32)
        item = first_vectors(met, self.factors, self.seed)
        for epoch in range(self.epochs):
            # before the first epoch nobody has a vector to be drawn towards
            item, user = self._half_step(observed, item, user, met, pull if epoch else None)
            user, item = self._half_step(met, user, item, observed)
        item, _, gramian = turned(item)
        return FittedALS(
            items=interactions.items,
            item_factors=item,
            curvature=np.float32(self.alpha) * gramian,
            ridge=Ridge(self.alpha * active(met), self.regularization, self.nu),
        )

    def _half_step(
        self,
        confidence: sparse.csr_array,
        fixed: np.ndarray,
        start: np.ndarray,
        other: sparse.csr_array,
        pull: "Pull | None" = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """The vectors of the other side, turned, and those of one side (rows of `confidence`) given them."""
        fixed, axes, gramian = turned(fixed)
        shared = np.float32(self.alpha) * gramian
        held = Ridge(self.alpha * active(other), self.regularization, self.nu).of(confidence)
        means = None
        if pull is not None:
            some = np.diff(pull.shares.indptr) > 0
            held, means = drawn_to(pull.shares @ (start @ axes), some, pull.strength, shared, held)
        if self.block:
            return fixed, descend_rows(confidence, fixed, shared, held, start @ axes, self.block, means)
        return fixed, solve_rows(confidence, fixed, shared, held, means)


@dataclass(frozen=True)
class Pull:
    """Shoppers drawn towards the mean of others.

    Parameters
    ----------
    shares : float32 CSR (U, U)
        What part of the mean each of the others is; a shopper whose row is empty is not drawn.
    strength : float
        As in `drawn_to`.
    """

    shares: sparse.csr_array
    strength: float


def drawn_to(
    target: np.ndarray, some: np.ndarray, strength: float, curvature: np.ndarray, ridge: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The ridge (U,) and the means (U, F) of shoppers who are drawn to targets (U, F), for `solve_rows`.

    To sum_f d_f w_f^2, d_f = curvature_f + ridge, comes p |w - target|^2, p = strength * ridge. But for what
    does not depend on w that is sum_f (d_f + p) (w_f - p target_f / (d_f + p))^2: ridge towards a mean.

    Parameters
    ----------
    some : bool (U,)
        Who is drawn at all.
    """
    pull = np.where(some, np.float32(strength) * ridge, np.float32(0))
    held = ridge + pull
    means = target * (pull[:, None] / (curvature + held[:, None]))
    return held, np.ascontiguousarray(means, np.float32)


@dataclass(frozen=True)
class FittedALS:
    """Parameters
    ----------
    items : Vocabulary (I,)
    item_factors : float32 (I, F)
        On axes in which their Gramian is diagonal; zeros for an item never met.
    curvature : float32 (F,)
        That diagonal, times alpha: what the unobserved pairs add to the normal equations of every shopper.
    ridge : Ridge
        Of the vectors of shoppers.
    """

    items: Vocabulary
    item_factors: np.ndarray
    curvature: np.ndarray
    ridge: Ridge

    @cached_property
    def index(self) -> ProductIndex:
        """The item vectors, for ranking."""
        return ProductIndex.of(self.item_factors)

    def embed(self, histories: Interactions) -> np.ndarray:
        """Solve the normal equations of each history, of whomever: float32 (U, F)."""
        confidence = damped(histories)
        return solve_rows(confidence, self.item_factors, self.curvature, self.ridge.of(confidence))

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
        normal = vectors.T @ weighted + np.diag(self.curvature + self.ridge.of(confidence)[0])  # (F, F)
        part: np.ndarray = self.item_factors[item] @ np.linalg.solve(normal, weighted.T)  # (k, n)
        return Contributions(part, confidence.indices.astype(np.int32))
