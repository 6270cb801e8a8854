"""Who bought on which days, summed up: all that models of repeat purchase look at."""

from dataclasses import dataclass

import numpy as np

from merx.data.vocabulary import Vocabulary


@dataclass(frozen=True)
class Customers:
    """U customers, each with at least one purchase, seen up to the end of a day.

    Several orders of one day are one purchase. A customer's clock starts on the day of the first one.

    Parameters
    ----------
    users : Vocabulary (U,)
    frequency : float64 (U,)
        Days with a purchase after the first such day.
    recency : float64 (U,)
        Days from the first to the last purchase, 0 where there is one only.
    age : float64 (U,)
        Days from the first purchase to the last day seen.
    value : float64 (U,)
        Mean value of a purchase after the first, NaN where there is none or its prices are not known.
    total : float64 (U,)
        Value of all purchases, the first included, less what was sent back.
    """

    users: Vocabulary
    frequency: np.ndarray
    recency: np.ndarray
    age: np.ndarray
    value: np.ndarray
    total: np.ndarray

    def __len__(self) -> int:
        return len(self.frequency)

    def take(self, which: np.ndarray) -> "Customers":
        """The customers at the places (n,), in that order."""
        return Customers(
            Vocabulary(self.users.ids.take(which)),
            self.frequency[which],
            self.recency[which],
            self.age[which],
            self.value[which],
            self.total[which],
        )


def customers_of(
    users: Vocabulary, user: np.ndarray, day: np.ndarray, value: np.ndarray, end: int
) -> Customers:
    """Sum up purchase days.

    Parameters
    ----------
    users : Vocabulary (U,), each with at least one purchase
    user : int (n,)
        Codes of the customers, ascending.
    day : int (n,)
        Of each purchase, in days since 1970; ascending and distinct for each customer.
    value : float64 (n,)
        Of each purchase.
    end : int
        The last day seen.
    """
    count = np.bincount(user, minlength=len(users))
    last = np.cumsum(count) - 1
    first = last - count + 1
    total = np.bincount(user, value, minlength=len(users))
    repeat = np.delete(np.arange(len(user)), first)
    later = np.bincount(user[repeat], value[repeat], minlength=len(users))
    frequency = count - 1.0
    known = later > 0
    return Customers(
        users,
        frequency,
        (day[last] - day[first]).astype(np.float64),
        (end - day[first]).astype(np.float64),
        np.where(known, later / np.where(known, frequency, 1), np.nan),
        total,
    )
