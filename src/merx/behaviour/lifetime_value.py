"""What customers are worth: what they brought, and what they are expected to bring."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from merx.data.contracts import LifetimeModel, ValueModel
from merx.data.customers import Customers
from merx.data.vocabulary import Vocabulary

STEPS = 12  # of the horizon; purchases of a step are discounted as if made in its middle
YEAR = 365.25


@dataclass(frozen=True)
class LifetimeValue:
    """Of U customers, over a horizon.

    Parameters
    ----------
    users : Vocabulary (U,)
    alive : float64 (U,)
        The chance that each is a customer still.
    purchases : float64 (U,)
        Expected days with a purchase within the horizon.
    days_to_next : float64 (U,)
        Median days to the next purchase of one who does not leave before.
    historic, predicted : float64 (U,)
        What was paid so far, and the discounted value of what is expected; in the shop's currency.
    """

    users: Vocabulary
    alive: np.ndarray
    purchases: np.ndarray
    days_to_next: np.ndarray
    historic: np.ndarray
    predicted: np.ndarray

    @property
    def total(self) -> np.ndarray:
        """Historic and predicted together, float64 (U,)."""
        return np.asarray(self.historic + self.predicted)

    def to_table(self) -> pa.Table:
        """One row per customer: user_id, alive, purchases, days_to_next, historic, predicted, total."""
        columns: dict[str, object] = {"user_id": self.users.ids}
        for name in ("alive", "purchases", "days_to_next", "historic", "predicted", "total"):
            columns[name] = getattr(self, name)
        return pa.table(columns)


def lifetime_value(
    purchases: LifetimeModel, values: ValueModel, customers: Customers, days: float, discount: float = 0.1
) -> LifetimeValue:
    """What customers are worth up to `days` ahead.

    Parameters
    ----------
    discount : float
        By which money loses worth in a year; 0: not at all.
    """
    alive = purchases.alive(customers)
    worth = np.zeros(len(customers))
    expected = np.zeros(len(customers))
    for step in range(STEPS):
        until = purchases.expected(customers, days * (step + 1) / STEPS)
        worth += (until - expected) * (1 + discount) ** (-days * (step + 0.5) / STEPS / YEAR)
        expected = until
    return LifetimeValue(
        customers.users,
        alive,
        expected,
        purchases.days_to_next(customers),
        customers.total,
        worth * values.value(customers),
    )
