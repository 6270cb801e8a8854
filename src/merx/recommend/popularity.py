"""What sells: the same list for everyone, newer events counting more. The bar for every other method."""

from dataclasses import dataclass

import numpy as np

from merx.data.interactions import Interactions
from merx.data.results import Contributions
from merx.data.schema import DAY
from merx.data.vocabulary import Vocabulary
from merx.tunable import between


@dataclass(frozen=True)
class Popularity:
    """Sum of event weights with exponential decay.

    Parameters
    ----------
    half_life : float
        Days after which an event counts half, measured back from the latest event.
    """

    half_life: float = between(14.0, 1.0, 365.0, log=True)

    def fit(self, interactions: Interactions) -> "FittedPopularity":
        """Decayed weight per item; refunds take away, but no item falls below 0."""
        if not len(interactions):
            return FittedPopularity(interactions.items, np.zeros(interactions.n_items, np.float32))
        age = (interactions.time.max() - interactions.time) / DAY  # (N,)
        decayed = interactions.weight * 0.5 ** (age / self.half_life)
        total = np.bincount(interactions.item, decayed, interactions.n_items)  # (I,)
        return FittedPopularity(interactions.items, np.maximum(total, 0).astype(np.float32))


@dataclass(frozen=True)
class FittedPopularity:
    """Parameters
    ----------
    items : Vocabulary (I,)
    popularity : float32 (I,)
    """

    items: Vocabulary
    popularity: np.ndarray

    def score(self, histories: Interactions) -> np.ndarray:
        """The popularity, for each user alike: float32 (U, I)."""
        score = np.where(self.popularity > 0, self.popularity, np.float32(-np.inf))
        return np.tile(score, (histories.n_users, 1))

    def explain(self, histories: Interactions, item: np.ndarray) -> Contributions:
        """Zeros (k, n): no entry of a history plays a part."""
        history = histories.matrix().indices.astype(np.int32)
        return Contributions(np.zeros((len(item), len(history))), history)
