"""Which products take sales from each other or bring them, and how much.

Substitutes stand side by side: products of one taste and one category, each with the next. Complements are of
one taste and two categories. What a price does to another product is a share of what its own price does to
that one.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from merx.simulate.world import World

SUBSTITUTES = (0.1, 0.3)  # cross elasticity over the size of the own one; a product has two at most
COMPLEMENTS = (0.05, 0.2)  # the same, with its sign turned


@dataclass(frozen=True)
class Cross:
    """What prices do to other products: n pairs.

    Parameters
    ----------
    sold, priced : int32 (n,)
        Whose units move, and whose price moves them.
    elasticity : float64 (n,)
        d log units of `sold` / d log price of `priced`.
    """

    sold: np.ndarray
    priced: np.ndarray
    elasticity: np.ndarray

    def matrix(self, items: int) -> sparse.csr_array:
        """[i, j]: of units of i to the price of j, CSR (I, I)."""
        return sparse.csr_array((self.elasticity, (self.sold, self.priced)), shape=(items, items))


def no_cross() -> Cross:
    """A shop whose products do not touch each other."""
    return Cross(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0))


def draw_cross(world: World, rng: np.random.Generator) -> Cross:
    """Draw who touches whom; both of a pair touch the other."""
    items = world.category.size
    order = np.lexsort((rng.random(items), world.category, world.item_taste))
    left, right = order[:-1], order[1:]
    same = (world.item_taste[left] == world.item_taste[right]) & (
        world.category[left] == world.category[right]
    )
    first = rng.permutation(items)[: items // 2]
    second = first[rng.permutation(first.size)]
    met = (world.item_taste[first] == world.item_taste[second]) & (
        world.category[first] != world.category[second]
    )
    pairs = []
    for a, b, (low, high), sign in (
        (left[same], right[same], SUBSTITUTES, 1.0),
        (first[met], second[met], COMPLEMENTS, -1.0),
    ):
        for sold, priced in ((a, b), (b, a)):
            share = rng.uniform(low, high, sold.size)
            pairs.append((sold, priced, -sign * share * world.elasticity[sold]))
    sold, priced, elasticity = (np.concatenate(part) for part in zip(*pairs, strict=True))
    return Cross(sold.astype(np.int32), priced.astype(np.int32), elasticity)
