"""Fusion of what shoppers take with what products are like: text, pictures, video, attributes.

Three ways to join them (Baltrušaitis, Ahuja & Morency, Multimodal machine learning: a survey and taxonomy,
IEEE TPAMI 41(2), 2019):

early   one vector of blocks side by side, the collaborative one first; of a new product that block is what
        its features make one expect (`merx.recommend.feature_map`).
late    a shopper's vector for each block alone, and the scores added; collaborative filtering has no opinion
        of a new product.
gated   as early, but the collaborative block of a product is the posterior mean of its vector: the ridge of
        ALS pulls it to what the features make one expect and not to zero, so they lead where few have met the
        product and fade where many have.

The features that a product has are weighed by the shares that the map finds for them, which add up to 1: what
was not seen to tell who takes a product does not make products alike, and what a product has takes the weight
of what it lacks.

The posterior follows collaborative topic regression (Wang & Blei, KDD 2011), where text alone gives the
expectation. A shopper who met the product before it was there is not held against it (`exposure`).
"""

from dataclasses import dataclass, field, replace

import numpy as np
from scipy import sparse

from merx.data.features import ItemFeatures
from merx.data.interactions import Interactions
from merx.errors import ConfigError
from merx.kernels.als import turned
from merx.kernels.prior import solve_rows_with_prior
from merx.recommend.als import ALS, FittedALS
from merx.recommend.damping import damped
from merx.recommend.feature_map import Taken, expected_factors, exposure
from merx.recommend.implicit_loss import Ridge, active
from merx.recommend.joint_factors import JointFactors, joint_factors
from merx.tunable import among, between

WAYS = ("gated", "early", "late")
FittedFusion = JointFactors


@dataclass(frozen=True)
class Fusion:
    """Collaborative filtering, text, pictures, video and attributes in one list.

    Parameters
    ----------
    how : str
        "gated", "early" or "late".
    weight : float
        Length of the features of a product beside that of its collaborative vector, on average 1.
    held : float
        How much more strongly the vectors of shoppers are held back than [models.als] does while it learns.
    regularization : float
        How strongly the map from features to vectors is held back.
    als : table
        Settings of the collaborative part; what is not said here is as in [models.als].
    """

    how: str = among("gated", *WAYS)
    weight: float = between(0.3, 0.1, 10.0, log=True)
    held: float = between(30.0, 1.0, 100.0, log=True)
    regularization: float = between(3.0, 0.1, 1000.0, log=True)
    als: ALS = field(default_factory=ALS)

    def __post_init__(self) -> None:
        if self.how not in WAYS:
            raise ConfigError(f"how = {self.how!r}: it is one of {', '.join(WAYS)}.")
        if min(self.weight, self.held, self.regularization) <= 0:
            raise ConfigError("weight, held and regularization are above 0.")

    def fit(self, histories: Interactions, features: ItemFeatures) -> FittedFusion:
        """Fit ALS, the map from features to its vectors, and join the blocks."""
        return self.join(self.als.fit(histories), histories, features)

    def join(self, collaborative: FittedALS, histories: Interactions, features: ItemFeatures) -> FittedFusion:
        """Fit all but ALS, which was fitted on the same histories."""
        user, axes, diagonal = turned(collaborative.embed(histories))  # (U, F), (F, F), (F,)
        met_by = sparse.csr_array(damped(histories).T)  # (I, U)
        taken = Taken(met_by, user, self.als.alpha * exposure(histories))
        met = np.diff(taken.met.indptr) > 0  # (I,)
        expected, share = expected_factors(features, taken, self.regularization)  # (M, I, F), (I, M)
        if self.how == "gated" and met.any():
            vector = self._posterior(taken, diagonal, expected)
        else:
            expected[:, met] = 0
            vector = collaborative.item_factors @ axes
            if self.how == "early":
                vector = vector + expected.sum(axis=0)
            else:
                expected[:] = 0
        length = np.sqrt(np.mean(np.sum(vector[met] ** 2, axis=1))) if met.any() else 0.0
        return joint_factors(
            histories.items,
            features.names,
            [vector, *self._blocks(features, share, float(length))],
            expected,
            met,
            self.als.alpha,
            replace(collaborative.ridge, regularization=self.held * self.als.regularization),
            together=self.how != "late",
        )

    def _posterior(self, taken: Taken, diagonal: np.ndarray, expected: np.ndarray) -> np.ndarray:
        """The vectors (I, F) given what was observed; what is left of `expected` is written into it."""
        shoppers = active(sparse.csr_array(taken.met.T))
        ridge = Ridge(self.als.alpha * shoppers, self.als.regularization, self.als.nu)
        curvature = taken.unobserved[:, None] * diagonal.astype(np.float64)  # (I, F)
        precision = ridge.of(taken.met).astype(np.float64)  # (I,)
        own, held = solve_rows_with_prior(taken.met, taken.user_factors, curvature, precision, expected)
        expected[:] = held
        return np.asarray(own + held.sum(axis=0))

    def _blocks(self, features: ItemFeatures, share: np.ndarray, length: float) -> list[np.ndarray]:
        """The features (I, F_m), together `weight` times as long as `length`, each by its share (I, M)."""
        scale = np.float32(length * self.weight) * np.sqrt(share).astype(np.float32)
        return [vector * scale[:, m, None] for m, vector in enumerate(features.vectors)]
