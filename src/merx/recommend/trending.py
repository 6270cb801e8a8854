"""What sells just now: popularity with a memory of days, the list of a page of trends."""

from dataclasses import dataclass

import numpy as np

from merx.data.interactions import Interactions
from merx.data.results import Contributions
from merx.data.vocabulary import Vocabulary
from merx.recommend.popularity import FittedPopularity, Popularity
from merx.tunable import between


@dataclass(frozen=True)
class Trending:
    """Sum of event weights with a fast decay.

    Parameters
    ----------
    half_life : float
        Days after which an event counts half, measured back from the latest event.
    """

    half_life: float = between(2.0, 0.25, 14.0, log=True)

    def fit(self, interactions: Interactions) -> "FittedTrending":
        """Decayed weight per item."""
        return FittedTrending(Popularity(self.half_life).fit(interactions))


@dataclass(frozen=True)
class FittedTrending:
    """Parameters
    ----------
    recent : FittedPopularity
    """

    recent: FittedPopularity

    @property
    def items(self) -> Vocabulary:
        """The items it was fitted on, (I,)."""
        return self.recent.items

    def score(self, histories: Interactions) -> np.ndarray:
        """The decayed weight, for each user alike: float32 (U, I)."""
        return self.recent.score(histories)

    def explain(self, histories: Interactions, item: np.ndarray) -> Contributions:
        """Zeros (k, n): no entry of a history plays a part."""
        return self.recent.explain(histories, item)
