"""A simulated shop run again, week by week, with all that decides who will buy what before it is drawn.

By the rules of `merx.simulate.buyers`: a unit is a reorder by a late buyer of the item; or is taken by a
follower of one, if it is to her taste; each such unit is an order of its own. The others are bought by taste
alone, and share baskets by day and taste.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from merx.simulate import Simulation
from merx.simulate.buyers import (
    BASKET_END,
    BASKET_MAX,
    INFLUENCE_SHARE,
    INFLUENCE_WEEKS,
    REORDER_WEEKS,
    Buyers,
)
from merx.simulate.demand import Demand, draw_demand
from merx.simulate.paths import Ring, draw_ring
from merx.simulate.sessions import ANONYMOUS_SHARE, Events, draw_week
from merx.simulate.social import draw_social
from merx.simulate.world import World, draw_world

ENDS = BASKET_END + (1 - BASKET_END) / BASKET_MAX  # chance that a basket ends after a unit, room or not


@dataclass(frozen=True)
class Week:
    """What is so on the eve of a week of d days.

    Parameters
    ----------
    number : int
    world : World
    demand : Demand
    ring : Ring
    alone : float64 (I, F)
        Chance that a unit of an item is an order of its own out of that taste.
    shared : float64 (I, F)
        Chance that it goes into a basket of that taste; the two sum to 1 over the tastes.
    orders : float64 (U,)
        Expected orders of each user in the week, those without a login left out.
    events : Events
        What was then drawn.
    """

    number: int
    world: World
    demand: Demand
    ring: Ring
    alone: np.ndarray
    shared: np.ndarray
    orders: np.ndarray
    events: Events

    @property
    def expected(self) -> np.ndarray:
        """Expected units, float64 (I, d)."""
        found: np.ndarray = self.demand.expected_units[:, 7 * self.number : 7 * self.number + 7]
        return found


def replay(config: Simulation) -> Iterator[Week]:
    """The weeks of `config.run()`, drawn in the same way."""
    world_rng, _, social_rng, ring_rng, demand_rng, visit_rng, _ = (
        np.random.default_rng(child) for child in np.random.SeedSequence(config.seed).spawn(7)
    )
    world = draw_world(config.users, config.items, config.days, world_rng)
    social = draw_social(world, social_rng)
    ring = draw_ring(world, ring_rng)
    demand = draw_demand(
        world, config.start, config.days, config.price_policy, config.cost_shifters, demand_rng
    )
    buyers = Buyers(world, social)
    whole = np.bincount(social.leader, social.strength, config.users)
    follows = sparse.csr_array(
        (social.strength / whole[social.leader], (social.leader, social.follower)),
        shape=(config.users, config.users),
    )
    sessions = 0
    for number in range(demand.price.shape[1]):
        expected = demand.expected_units[:, 7 * number : 7 * number + 7]
        present = world.arrival <= 7 * number + 3  # who comes within the week: half of it
        reorders = sparse.csr_array(
            world.repeat_share[:, None] * _late_buyers(buyers, REORDER_WEEKS).toarray()
        )  # (I, U)
        offered = (INFLUENCE_SHARE * (_late_buyers(buyers, INFLUENCE_WEEKS) @ follows)).toarray() * present
        after_friends = offered * (world.item_factors @ buyers.leaning.T)  # (I, U)
        again = np.asarray(reorders.sum(axis=1))[:, None]
        alone = world.item_factors * (again + offered @ buyers.leaning)  # (I, F)
        shared = world.item_factors - alone
        baskets = expected_baskets(expected.T @ shared).sum(axis=0)  # (F,)
        here = world.user_factors * present[:, None]
        orders = (reorders.toarray() + after_friends).T @ expected.sum(axis=1)
        orders += here @ (baskets / here.sum(axis=0))
        events, opened = draw_week(number, world, demand, buyers, ring, sessions, visit_rng)
        sessions += opened
        yield Week(number, world, demand, ring, alone, shared, (1 - ANONYMOUS_SHARE) * orders, events)


def expected_baskets(units: np.ndarray) -> np.ndarray:
    """Expected baskets that a Poisson number of units of that mean share: the first, and after each end."""
    some = -np.expm1(-units)
    return np.asarray(some + ENDS * (units - some))


def _late_buyers(buyers: Buyers, weeks: int) -> sparse.csr_array:
    """Each user's share of an item's units in the last weeks, CSR (I, U)."""
    shape = (len(buyers.world.launch), len(buyers.world.arrival))
    if not buyers.weeks:
        return sparse.csr_array(shape)
    item = np.concatenate([item for item, _ in buyers.weeks[-weeks:]])
    user = np.concatenate([user for _, user in buyers.weeks[-weeks:]])
    share = 1 / np.bincount(item, minlength=shape[0])[item]
    return sparse.csr_array((share, (item, user)), shape=shape)
