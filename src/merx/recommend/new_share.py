"""The share of a list's places that goes to new products.

With u drawn evenly from [0, 1) for each list, the first p places hold at least floor(share p + u) new
products. Over all lists that is share p on average, at every depth p: new products get their share of the
upper places too, whatever a place is worth. A least number at every depth is what Zehlike et al., FA*IR: a
fair top-k ranking algorithm, CIKM (2017), ask for a protected group; u makes it exact on average (systematic
sampling).
"""

import hashlib
import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class NewShare:
    """Of one list.

    Parameters
    ----------
    new : bool (n,)
        The products of the pool that are new.
    share : float, 0..1
    draw : float, 0 to below 1
        u, the same whenever the list is made again.
    """

    new: np.ndarray
    share: float
    draw: float

    def due(self, places: int) -> int:
        """How many new products the first so many places hold at least."""
        return math.floor(self.share * places + self.draw)

    def is_due(self, place: int, k: int, held: list[int], pinned: int) -> bool:
        """Whether a new product must take a place (from 0) of k.

        Parameters
        ----------
        held : list of int
            The products above it, and those that are pinned below it.
        pinned : int
            How many those are; where too few other places are left, a new product comes early.
        """
        shown = int(self.new[held].sum())
        return self.due(place + 1) > shown or self.due(k) - shown >= k - place - pinned


def draw(*said: str) -> float:
    """A number from [0, 1), by a hash of these words: the same for the same words on every machine."""
    digest = hashlib.blake2b("\x1f".join(said).encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") / 2**32
