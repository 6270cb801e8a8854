"""Implicit alternating least squares in which each shopper is drawn towards those they follow.

Social regularisation by the mean of friends: Jamali & Ester, "A matrix factorization technique with trust
propagation", RecSys 2010, equation 11 (SocialMF); Ma, Zhou, Liu, Lyu & King, "Recommender systems with social
regularization", WSDM 2011, equation 6. To the loss of `merx.recommend.implicit_loss` comes

    pull sum_u r_u |w_u - sum_v s_uv w_v|^2,

r_u being the ridge of shopper u and s_uv the share of v among those u follows. The means are held at what
they were an epoch before, so a shopper's vector still is a ridge regression of its own, in closed form, and
the epochs pass on what friends of friends like. One whom others follow is not drawn towards these: that part
of the gradient is left out, since a follower tells nothing of the one who is followed.
"""

from dataclasses import dataclass, field

import numpy as np

from merx.data.interactions import Interactions
from merx.data.relations import Relations
from merx.data.results import Contributions
from merx.data.vocabulary import Vocabulary
from merx.errors import ConfigError
from merx.kernels.als import solve_rows
from merx.kernels.products import ProductIndex
from merx.recommend.als import ALS, FittedALS, Pull, drawn_to
from merx.recommend.damping import damped
from merx.tunable import between


@dataclass(frozen=True)
class SocialALS:
    """ALS with each shopper's vector drawn towards the mean of their friends'; without friends it is `als`.

    Parameters
    ----------
    pull : float
        How strongly, in units of the shopper's own ridge.
    als : table
        Settings of the factorisation; what is not said here is as in [models.als].
    """

    pull: float = between(1.0, 0.05, 20.0, log=True)
    als: ALS = field(default_factory=ALS)

    def __post_init__(self) -> None:
        if self.pull < 0:
            raise ConfigError(f"pull = {self.pull:g}: 0 or above.")

    def fit(self, interactions: Interactions, relations: Relations) -> "FittedSocialALS":
        """Alternate as `als` does, with the friends of the relations (the same U rows)."""
        fitted = self.als.drawn(interactions, Pull(relations.shares, self.pull))
        return FittedSocialALS(fitted, self.pull)


@dataclass(frozen=True)
class FittedSocialALS:
    """It knows no shopper: whom one is drawn towards comes with the request, as `Interactions.friends`.

    Parameters
    ----------
    als : FittedALS
    pull : float
    """

    als: FittedALS
    pull: float

    @property
    def items(self) -> Vocabulary:
        """The items it was fitted on."""
        return self.als.items

    @property
    def index(self) -> ProductIndex:
        """The item vectors, for ranking."""
        return self.als.index

    def embed(self, histories: Interactions) -> np.ndarray:
        """Vectors float32 (U, F): of one with friends, drawn towards the vector of their joint history.

        One without a history has that of the friends.
        """
        if histories.friends is None:
            return self.als.embed(histories)
        ridge, means = self._drawn(histories, histories.friends)
        return solve_rows(damped(histories), self.als.item_factors, self.als.curvature, ridge, means)

    def _drawn(self, histories: Interactions, friends: Interactions) -> tuple[np.ndarray, np.ndarray]:
        """The ridge (U,) and the means (U, F) that the shoppers are drawn towards."""
        own, theirs = damped(histories), damped(friends)
        towards = solve_rows(theirs, self.als.item_factors, self.als.curvature, self.als.ridge.of(theirs))
        some, curvature = np.diff(theirs.indptr) > 0, self.als.curvature
        ridge, means = drawn_to(towards, some, self.pull, curvature, self.als.ridge.of(own))
        alone = np.diff(own.indptr) == 0
        means[alone] = towards[alone]
        return ridge, means

    def score(self, histories: Interactions) -> np.ndarray:
        """Inner products float32 (U, I), about 1 for an item surely liked."""
        return self.index.scores(self.embed(histories))

    def explain(self, histories: Interactions, item: np.ndarray) -> Contributions:
        """What each item of the history adds to what friends say, as `FittedALS.explain`: part (k, n)."""
        if histories.friends is None:
            return self.als.explain(histories, item)
        ridge, means = self._drawn(histories, histories.friends)
        confidence = damped(histories)
        vectors = self.als.item_factors[confidence.indices].astype(np.float64)  # (n, F)
        weighted = confidence.data[:, None] * vectors
        normal = vectors.T @ weighted + np.diag(self.als.curvature + ridge[0])  # (F, F)
        weighted *= 1 - (vectors @ means[0])[:, None]  # what friends leave to explain
        part: np.ndarray = self.als.item_factors[item] @ np.linalg.solve(normal, weighted.T)  # (k, n)
        return Contributions(part, confidence.indices.astype(np.int32))
