"""User-based collaborative filtering that counts those a shopper follows among the neighbours.

Massa & Avesani, "Trust-aware recommender systems", RecSys 2007: who is trusted speaks beside who is similar.
To the score of `merx.recommend.user_knn`, the sum over neighbours v of similarity s_uv times what v met, come
the friends f with their shares t_uf of the ties of u, sum_f t_uf = 1:

    score_ui = sum_v s_uv r_vi + trust S_u sum_f t_uf r_fi,    S_u = sum_v s_uv,

r being damped weights. So `trust` is how much all friends together weigh against all neighbours together,
whoever asks. The neighbours are sought by the shopper's own history with `reach` times that of the mean
friend added, so that one who met little, or nothing, is compared by what friends met.
"""

from dataclasses import dataclass, field, replace

import numpy as np
from scipy import sparse

from merx.data.interactions import Interactions
from merx.data.relations import Relations
from merx.data.results import Contributions
from merx.data.vocabulary import Vocabulary
from merx.errors import ConfigError
from merx.kernels.products import sparse_scores
from merx.recommend.damping import damped
from merx.recommend.user_knn import FittedUserKNN, UserKNN
from merx.tunable import between


@dataclass(frozen=True)
class SocialKNN:
    """Shoppers who are similar, and those who are followed; without friends it is `user_knn`.

    Parameters
    ----------
    trust : float
        How much all friends together weigh against all neighbours together.
    reach : float
        How much what the mean friend met counts where neighbours are sought, against what the shopper met.
    user_knn : table
        Settings of the neighbourhood; what is not said here is as in [models.user_knn].
    """

    trust: float = between(0.1, 0.01, 2.0, log=True)
    reach: float = between(0.1, 0.01, 2.0, log=True)
    user_knn: UserKNN = field(default_factory=UserKNN)

    def __post_init__(self) -> None:
        if min(self.trust, self.reach) < 0:
            raise ConfigError("trust and reach are 0 or above.")

    def fit(self, interactions: Interactions, relations: Relations) -> "FittedSocialKNN":
        """Keep the histories as `user_knn` does; whose friends are whose comes with the request."""
        return FittedSocialKNN(self.user_knn.fit(interactions), self.trust, self.reach)


@dataclass(frozen=True)
class FittedSocialKNN:
    """It knows no shopper: what friends did comes with the request, as `Interactions.friends`.

    Parameters
    ----------
    user_knn : FittedUserKNN
    trust, reach : float
    """

    user_knn: FittedUserKNN
    trust: float
    reach: float

    @property
    def items(self) -> Vocabulary:
        """The items it was fitted on."""
        return self.user_knn.items

    def score(self, histories: Interactions) -> np.ndarray:
        """Scores float32 (U, I): what the neighbours met by their similarity, and what the friends met."""
        if histories.friends is None:
            return self.user_knn.score(histories)
        profile = self.user_knn.nearest(self._rows(histories))
        score = sparse_scores(profile, self.user_knn.similarity)
        near = profile.sum(axis=1)  # (U,)
        theirs = damped(histories.friends)
        weight = np.float32(self.trust) * np.where(near > 0, near, 1)
        owner = np.repeat(np.arange(len(near)), np.diff(theirs.indptr))
        said = weight[owner] * theirs.data
        told = score[owner, theirs.indices]
        score[owner, theirs.indices] = np.where(said > 0, np.maximum(told, 0) + said, told)
        return score

    def explain(self, histories: Interactions, item: np.ndarray) -> Contributions:
        """What the shopper's own items add, as `FittedUserKNN.explain`; friends add the rest: (k, n)."""
        rows = self._rows(histories)
        own = self.user_knn.weigh(replace(histories, friends=None)).indices
        return self.user_knn.shared_out(rows, self.user_knn.nearest(rows), item, own)

    def _rows(self, histories: Interactions) -> sparse.csr_array:
        """What shoppers are compared by, float32 CSR (U, I), sorted."""
        rows = self.user_knn.weigh(histories)
        if histories.friends is None or not self.reach:
            return rows
        rows = sparse.csr_array(rows + np.float32(self.reach) * self.user_knn.weigh(histories.friends))
        rows.sort_indices()
        return rows
