"""What every shopper did on which day: counts and revenue, ragged by shopper."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from merx.data.vocabulary import Vocabulary

COUNTS = ("events", "views", "carts", "orders", "items", "sessions")
FAR = 1 << 32  # days that no shopper has: a shopper's keys do not reach into the next one's


@dataclass(frozen=True)
class Activity:
    """N days on which U shoppers did something.

    Parameters
    ----------
    users : Vocabulary (U,)
    offsets : int64 (U + 1,)
        Shopper u owns the days offsets[u]:offsets[u + 1], oldest first.
    day : int64 (N,)
        Days since 1970, UTC.
    count : float64 (N, len(COUNTS))
        Of events, of product views, of products put into the cart, of orders, of different products, of
        visits. A refund is the shop's doing and no event here.
    revenue : float64 (N,)
        Of the day's orders, in the shop's currency, whatever came back later.
    first, end : int
        The first day of the shop, and the day after the last.
    """

    users: Vocabulary
    offsets: np.ndarray
    day: np.ndarray
    count: np.ndarray
    revenue: np.ndarray
    first: int
    end: int

    @property
    def n_users(self) -> int:
        """U."""
        return len(self.offsets) - 1

    @cached_property
    def user(self) -> np.ndarray:
        """The shopper of every day, int64 (N,)."""
        return np.repeat(np.arange(self.n_users), np.diff(self.offsets))

    @cached_property
    def _key(self) -> np.ndarray:
        return np.asarray(self.user * FAR + self.day)

    @cached_property
    def _running(self) -> np.ndarray:
        """Sums over all earlier entries of the counts, active days, order days, revenue: (N + 1, C + 3)."""
        ordered = self.count[:, COUNTS.index("orders")] > 0
        each = np.column_stack([self.count, self.count[:, 0] > 0, ordered, self.revenue])
        return np.concatenate([np.zeros((1, each.shape[1])), np.cumsum(each, axis=0)])

    def entry(self, user: np.ndarray, day: np.ndarray | int) -> np.ndarray:
        """The place of each shopper's (n,) first entry on or after a day, int64 (n,)."""
        return np.asarray(np.searchsorted(self._key, np.asarray(user, np.int64) * FAR + day))

    def between(self, user: np.ndarray, start: int, stop: int) -> dict[str, np.ndarray]:
        """Sums over the days start..stop - 1 of each shopper (n,): float64 (n,) by name.

        The names are those of COUNTS, "days" with an event, "order_days", and "revenue".
        """
        found = self._running[self.entry(user, stop)] - self._running[self.entry(user, start)]
        return dict(zip((*COUNTS, "days", "order_days", "revenue"), found.T, strict=True))

    def active(self, start: int, stop: int) -> np.ndarray:
        """The shoppers with an event on the days start..stop - 1, int64 (n,) ascending."""
        inside = (self.day >= start) & (self.day < stop) & (self.count[:, 0] > 0)
        return np.unique(self.user[inside])
