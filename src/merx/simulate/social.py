"""Who follows whom, and how strongly each is moved by what the other bought."""

from dataclasses import dataclass

import numpy as np

from merx.simulate.draw import draw_from_columns
from merx.simulate.world import World

FOLLOWS = 8.0  # mean number of others a user follows
HOMOPHILY = 0.75  # share of follows chosen by taste rather than at large


@dataclass(frozen=True)
class Social:
    """R follows, sorted by leader.

    Parameters
    ----------
    follower, leader : int32 (R,)
    strength : float64 (R,)
        Of two followers of a leader, the one with twice the strength is moved twice as often.
    """

    follower: np.ndarray
    leader: np.ndarray
    strength: np.ndarray


def draw_social(world: World, rng: np.random.Generator) -> Social:
    """Draw the follows: by taste (active users of the same main taste) or at large, never oneself."""
    users = world.arrival.size
    follower = np.repeat(np.arange(users), rng.poisson(FOLLOWS, users))
    by_taste = rng.random(follower.size) < HOMOPHILY
    taste = np.where(
        by_taste, world.user_taste[follower], rng.integers(world.item_factors.shape[1], size=follower.size)
    )
    leader = draw_from_columns(world.user_factors.cumsum(axis=0), taste, np.full(follower.size, users), rng)
    pair = np.unique(leader * users + follower)  # sorted by leader, each pair once
    leader, follower = pair // users, pair % users
    other = leader != follower
    leader, follower = leader[other].astype(np.int32), follower[other].astype(np.int32)
    return Social(follower, leader, rng.gamma(2.0, 0.5, leader.size))
