"""New products beside old ones: vectors of ALS, and for what nobody met the vectors that its features give.

An item that was met has the vector that ALS learnt. One that nobody met has what `merx.recommend.feature_map`
expects of it from its text, pictures and attributes, on the same scale, so both stand in one list.
"""

from dataclasses import dataclass, field

import numpy as np
from scipy import sparse

from merx.data.features import ItemFeatures
from merx.data.interactions import Interactions
from merx.recommend.als import ALS
from merx.recommend.damping import damped
from merx.recommend.feature_map import Taken, expected_factors, exposure
from merx.recommend.joint_factors import JointFactors, joint_factors
from merx.tunable import between

FittedFeatureFactors = JointFactors


@dataclass(frozen=True)
class FeatureFactors:
    """ALS with a linear map from the features of items to their vectors, for those that nobody met.

    Parameters
    ----------
    regularization : float
        How strongly the map is held back.
    als : table
        Settings of the collaborative part; what is not said here is as in [models.als].
    """

    regularization: float = between(3.0, 0.1, 1000.0, log=True)
    als: ALS = field(default_factory=ALS)

    def fit(self, histories: Interactions, features: ItemFeatures) -> FittedFeatureFactors:
        """Fit ALS, then the map on the items that someone met."""
        collaborative = self.als.fit(histories)
        confidence = damped(histories)
        taken = Taken(
            sparse.csr_array(confidence.T),
            collaborative.embed(histories),
            self.als.alpha * exposure(histories),
        )
        met = np.diff(taken.met.indptr) > 0  # (I,)
        expected, _ = expected_factors(features, taken, self.regularization)  # (M, I, F)
        expected[:, met] = 0
        return joint_factors(
            histories.items,
            features.names,
            [collaborative.item_factors + expected.sum(axis=0), *_nothing(features)],
            expected,
            met,
            self.als.alpha,
            collaborative.ridge,
        )


def _nothing(features: ItemFeatures) -> list[np.ndarray]:
    """Blocks of no columns: the features speak through the map alone."""
    return [np.zeros((len(features.items), 0), np.float32) for _ in features.names]
