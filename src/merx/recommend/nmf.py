"""Non-negative matrix factorisation of implicit feedback: what a shopper likes is a sum of a few parts.

Lee & Seung, Learning the parts of objects by non-negative matrix factorization, Nature 401 (1999). As zeros
in implicit feedback are no dislikes, the loss is that of `merx.recommend.implicit_loss`, where unobserved
pairs count less (Pan & Scholz, Mind the gaps: weighting the unknown in large-scale one-class collaborative
filtering, KDD 2009), minimised over vectors that are at least 0. The larger `alpha`, the nearer to the plain
sum of squares.

Shoppers and items are improved in turn by coordinate descent (`merx.kernels.nmf`).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from merx.data.interactions import Interactions
from merx.data.results import Contributions
from merx.data.vocabulary import Vocabulary
from merx.kernels.als import gramian
from merx.kernels.nmf import solve_rows
from merx.kernels.products import ProductIndex
from merx.recommend.damping import damped
from merx.recommend.implicit_loss import Ridge, active, check_settings, first_vectors
from merx.tunable import between

SWEEPS, TOLERANCE = 8, 1e-2  # of a half-step: the other side will move anyway
EXACT_SWEEPS, EXACT_TOLERANCE = 500, 1e-6  # of the answer to a shopper


@dataclass(frozen=True)
class NMF:
    """Implicit matrix factorisation into vectors without negative entries.

    Parameters
    ----------
    factors : int
        Length of the vectors: the number of parts.
    alpha : float
        Confidence in a pair that was not observed, where one observed once has 1.
    regularization : float
        How strongly long vectors are held back.
    nu : float
        How much more strongly those of long histories are: 0 not, 1 in proportion.
    epochs : int
        Times that shoppers and items are improved in turn.
    seed : int
        Of the first vectors of the items.
    """

    factors: int = between(64, 16, 256, log=True)
    alpha: float = between(0.1, 0.003, 1.0, log=True)
    regularization: float = between(0.3, 0.0001, 10.0, log=True)
    nu: float = between(0.5, 0.0, 1.0)
    epochs: int = between(15, 4, 32)
    seed: int = 0

    def __post_init__(self) -> None:
        check_settings(self.factors, self.epochs, self.alpha, self.regularization)

    def fit(self, interactions: Interactions) -> "FittedNMF":
        """Alternate from random items. Shoppers are solved for first, so their order has no influence."""
        observed = damped(interactions)  # (U, I)
        met = sparse.csr_array(observed.T)  # (I, U)
        user = np.zeros((interactions.n_users, self.factors))
        item = np.abs(first_vectors(met, self.factors, self.seed)).astype(np.float64)
        for _ in range(self.epochs):
            user = self._half_step(observed, item, user, met)
            item = self._half_step(met, user, item, observed)
        return FittedNMF(
            items=interactions.items,
            item_factors=item.astype(np.float32),
            shared=self.alpha * gramian(item),
            ridge=Ridge(self.alpha * active(met), self.regularization, self.nu),
        )

    def _half_step(
        self,
        confidence: sparse.csr_array,
        fixed: np.ndarray,
        start: np.ndarray,
        other: sparse.csr_array,
    ) -> np.ndarray:
        """Better vectors of one side (rows of `confidence`), those of the other fixed."""
        held = Ridge(self.alpha * active(other), self.regularization, self.nu).of(confidence)
        shared = self.alpha * gramian(fixed)
        return solve_rows(confidence, fixed, shared, held, start, SWEEPS, TOLERANCE)


@dataclass(frozen=True)
class FittedNMF:
    """Parameters
    ----------
    items : Vocabulary (I,)
    item_factors : float32 (I, F), at least 0
        How much of each part is in an item; zeros for an item never met.
    shared : float64 (F, F)
        alpha V'V of the item factors V: what unobserved pairs add to the normal equations of each shopper.
    ridge : Ridge
        Of the vectors of shoppers.
    """

    items: Vocabulary
    item_factors: np.ndarray
    shared: np.ndarray
    ridge: Ridge

    @cached_property
    def index(self) -> ProductIndex:
        """The item vectors, for ranking."""
        return ProductIndex.of(self.item_factors)

    def embed(self, histories: Interactions) -> np.ndarray:
        """How much of each part a shopper likes, for any history: float32 (U, F), at least 0."""
        confidence = damped(histories)
        held, start = self.ridge.of(confidence), np.zeros((histories.n_users, len(self.shared)))
        limits = EXACT_SWEEPS, EXACT_TOLERANCE
        return solve_rows(confidence, self.item_factors, self.shared, held, start, *limits).astype(np.float32)

    def score(self, histories: Interactions) -> np.ndarray:
        """Inner products float32 (U, I), about 1 for an item surely liked."""
        return self.index.scores(self.embed(histories))

    def explain(self, histories: Interactions, item: np.ndarray) -> Contributions:
        """With P the parts that the shopper likes at all, the score is a sum over the history's items h,

            score_i = sum_h v_iP' (A_PP)^-1 v_hP c_h,    A = alpha V'V + ridge I + V_h' C V_h,

        since at the minimum the gradient is 0 along P: part (k, n). P follows from the whole history.
        """
        confidence = damped(histories)
        liked = self.embed(histories)[0] > 0  # (F,)
        vectors = self.item_factors[confidence.indices][:, liked].astype(np.float64)  # (n, P)
        weighted = confidence.data[:, None] * vectors
        normal = self.shared[liked][:, liked] + vectors.T @ weighted  # (P, P)
        normal[np.diag_indices_from(normal)] += self.ridge.of(confidence)[0]
        part: np.ndarray = self.item_factors[item][:, liked] @ np.linalg.solve(normal, weighted.T)  # (k, n)
        return Contributions(part, confidence.indices.astype(np.int32))
