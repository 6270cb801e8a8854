"""Fusion of what shoppers take with what products are like: text, pictures, video, attributes.

Three ways to join them (Baltrušaitis, Ahuja & Morency, Multimodal machine learning: a survey and taxonomy,
IEEE TPAMI 41(2), 2019):

early   one vector of blocks side by side, the collaborative one first; of a new product that block is what
        its features make one expect (`merx.recommend.feature_map`).
late    a shopper's vector for each block alone, and the scores added; collaborative filtering has no opinion
        of a new product.
gated   as early, with weights for each product. Its collaborative block is the posterior mean of its vector:
        the ridge of ALS pulls it to what the features make one expect and not to zero, so they lead where few
        have met the product and fade where many have. And the features that a product has take the weight of
        those that it lacks.

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
from merx.recommend.als import ALS
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
    weight: float = between(0.5, 0.1, 10.0, log=True)
    held: float = between(30.0, 1.0, 100.0, log=True)
    regularization: float = between(10.0, 0.1, 1000.0, log=True)
    als: ALS = field(default_factory=ALS)

    def __post_init__(self) -> None:
        if self.how not in WAYS:
            raise ConfigError(f"how = {self.how!r}: it is one of {', '.join(WAYS)}.")
        if min(self.weight, self.held, self.regularization) <= 0:
            raise ConfigError("weight, held and regularization are above 0.")

    def fit(self, histories: Interactions, features: ItemFeatures) -> FittedFusion:
        """Fit ALS, the map from features to its vectors, and join the blocks."""
        collaborative = self.als.fit(histories)
        user, axes, diagonal = turned(collaborative.embed(histories))  # (U, F), (F, F), (F,)
        met_by = sparse.csr_array(damped(histories).T)  # (I, U)
        taken = Taken(met_by, user, self.als.alpha * exposure(histories))
        met = np.diff(taken.met.indptr) > 0  # (I,)
        expected = expected_factors(features, taken, self.regularization)  # (M, I, F)
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
            [vector, *self._blocks(features, float(length))],
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

    def _blocks(self, features: ItemFeatures, length: float) -> list[np.ndarray]:
        """The features (I, F_m), weighted so that together they are `weight` times as long as `length`."""
        present = features.present.astype(np.float64)  # (I, M)
        if self.how != "early":  # what a product has takes the weight of what it lacks
            has = present.sum(axis=1, keepdims=True)
            present *= present.shape[1] / np.where(has > 0, has, 1)
        scale = length * self.weight * np.sqrt(present / max(present.shape[1], 1))
        return [vector * scale[:, m, None].astype(np.float32) for m, vector in enumerate(features.vectors)]
