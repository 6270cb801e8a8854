"""Who buys the units that demand has drawn: by taste, by habit, or after a friend.

Only who buys is decided here, never how much is bought, so the truth of demand stays exact. A reorder
goes to an earlier buyer of the item drawn at random; as earlier buyers were themselves drawn by taste,
it does not move the expected shares of users who were there all along. Friends move them a little,
towards those who share the taste.
"""

from dataclasses import dataclass

import numpy as np

from merx.simulate.draw import draw_from_columns
from merx.simulate.social import Social
from merx.simulate.world import World

REORDER_WEEKS = 12  # a reorder follows a purchase of the last twelve weeks
INFLUENCE_WEEKS = 3  # a friend's purchase is felt for three weeks
INFLUENCE_SHARE = 0.25  # of units offered to a follower of a recent buyer, where nothing else is said
BASKET_END = 0.6  # chance that a basket ends after a unit
BASKET_MAX = 8


@dataclass(frozen=True)
class Baskets:
    """The purchases of a week: n units in B baskets.

    Parameters
    ----------
    item, basket : int64 (n,)
        Item and basket of each unit.
    day, taste, user : int64 (B,)
        Of each basket.
    """

    item: np.ndarray
    basket: np.ndarray
    day: np.ndarray
    taste: np.ndarray
    user: np.ndarray


class Buyers:
    """Assigns buyers week after week; remembers the last weeks' purchases.

    `units` and `influenced` count what was bought so far, and what of it a follower took after a friend.

    Parameters
    ----------
    influence : float
        Share of the units offered to a follower of a recent buyer, who takes them if to her taste.
    """

    def __init__(self, world: World, social: Social, influence: float = INFLUENCE_SHARE) -> None:
        users = world.arrival.size
        self.influence = influence
        self.units = self.influenced = 0
        self.world = world
        self.social = social
        self.leaning = world.user_factors / world.user_factors.sum(
            axis=1, keepdims=True
        )  # (U, F), rows sum to 1
        self.cumulative = world.user_factors.cumsum(axis=0)  # (U, F), users in order of arrival
        self.follow_start = np.searchsorted(social.leader, np.arange(users + 1))  # (U + 1,)
        self.follow_strength = np.concatenate([[0.0], social.strength.cumsum()])  # (R + 1,)
        self.weeks: list[tuple[np.ndarray, np.ndarray]] = []  # item and user of each unit, newest week last

    def assign(self, units: np.ndarray, first_day: int, rng: np.random.Generator) -> Baskets:
        """Baskets of the units (I, d) of the week that begins on `first_day`."""
        item, day_of_week = np.nonzero(units)
        count = units[item, day_of_week]
        item, day = np.repeat(item, count), np.repeat(first_day + day_of_week, count)  # (n,)
        passed = self.world.item_factors.cumsum(axis=1)[item] < rng.random((item.size, 1))  # (n, F)
        taste = np.minimum(passed.sum(axis=1), passed.shape[1] - 1)

        chance = rng.random(item.size)
        reorder = np.flatnonzero(chance < self.world.repeat_share[item])
        follow = np.flatnonzero(chance > 1 - self.influence)  # no unit is both
        user = np.full(item.size, -1, np.int64)
        user[reorder] = self._earlier_buyer(item[reorder], REORDER_WEEKS, rng)
        leader = self._earlier_buyer(item[follow], INFLUENCE_WEEKS, rng)
        user[follow] = self._follower(leader, taste[follow], day[follow], rng)
        self.units += item.size
        self.influenced += int(np.count_nonzero(user[follow] >= 0))

        baskets = self._baskets(item, day, taste, user, rng)
        self.weeks = [*self.weeks[1 - REORDER_WEEKS :], (baskets.item, baskets.user[baskets.basket])]
        return baskets

    def draw_users(self, taste: np.ndarray, day: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """A user (n,) for each taste (n,), of those who have arrived by the day (n,)."""
        present = np.searchsorted(self.world.arrival, day, side="right")
        return draw_from_columns(self.cumulative, taste, present, rng)

    def _baskets(
        self, item: np.ndarray, day: np.ndarray, taste: np.ndarray, user: np.ndarray, rng: np.random.Generator
    ) -> Baskets:
        """Units without a buyer share baskets by day and taste; each other unit is a basket of its own."""
        order = np.lexsort((rng.random(item.size), taste, day, user >= 0))
        item, day, taste, user = item[order], day[order], taste[order], user[order]
        place = np.arange(item.size)
        first = (user >= 0) | (rng.random(item.size) < BASKET_END) | (place % BASKET_MAX == 0)
        first[1:] |= (day[1:] != day[:-1]) | (taste[1:] != taste[:-1])
        day, taste, user = day[first], taste[first], user[first]
        by_taste = np.flatnonzero(user < 0)
        user[by_taste] = self.draw_users(taste[by_taste], day[by_taste], rng)
        return Baskets(item, first.cumsum() - 1, day, taste, user)

    def _earlier_buyer(self, item: np.ndarray, weeks: int, rng: np.random.Generator) -> np.ndarray:
        """A random buyer (n,) of each item in the last weeks, -1 where there was none."""
        if not self.weeks:
            return np.full(item.size, -1)
        bought = np.concatenate([i for i, _ in self.weeks[-weeks:]])
        buyer = np.concatenate([u for _, u in self.weeks[-weeks:]])
        buyer = buyer[np.argsort(bought, kind="stable")]
        start = np.concatenate(
            [[0], np.bincount(bought, minlength=self.world.launch.size).cumsum()]
        )  # (I + 1,)
        found = start[item + 1] - start[item]
        drawn = start[item] + (rng.random(item.size) * found).astype(np.int64)
        return np.where(found > 0, np.append(buyer, -1)[np.minimum(drawn, buyer.size)], -1)

    def _follower(
        self, leader: np.ndarray, taste: np.ndarray, day: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """A follower (n,) of each leader (n,), by strength; -1 where none is there or it is not to her taste.

        She takes what is offered with a chance of the share of its taste in her own purchases.
        """
        if not self.social.follower.size:
            return np.full(leader.size, -1)
        low, high = self.follow_start[leader], self.follow_start[leader + 1]
        below, above = self.follow_strength[low], self.follow_strength[high]
        target = below + rng.random(leader.size) * (above - below)
        edge = np.searchsorted(self.follow_strength, target, side="right") - 1
        follower = self.social.follower[np.minimum(edge, self.social.follower.size - 1)]
        taken = rng.random(leader.size) < self.leaning[follower, taste]
        valid = (leader >= 0) & (low < high) & (self.world.arrival[follower] <= day) & taken
        return np.where(valid, follower, -1)
