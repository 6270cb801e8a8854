"""BG/NBD and MBG/NBD: customers buy at random at rates of their own and leave after a purchase.

Fader, Hardie & Lee, "Counting Your Customers" the Easy Way, Marketing Science 24 (2005), equations (3), (6),
(9), (10). Batislam, Denizel & Filiztekin, Empirical validation and comparison of models for customer base
analysis, IJRM 24 (2007): customers may leave right after their first purchase, too.
"""

from dataclasses import dataclass

import numpy as np

from merx.behaviour.likelihood import ROWS, Kernel, chance_alive, likeliest, median_wait
from merx.data.customers import Customers
from merx.kernels.lifetime import beta_geometric_future, beta_geometric_rows
from merx.kernels.threads import over_rows


@dataclass(frozen=True)
class BGNBD:
    """Who is a customer still, and how often each will buy; one leaves after a repeat purchase.

    Rates of purchase are Gamma(r, alpha), the chances to leave Beta(a, b).
    A customer who has bought once is taken to be there still, however long ago it was; see MBGNBD.
    """

    def fit(self, customers: Customers) -> "FittedBGNBD":
        """Maximum likelihood. Raises FitError where the data do not carry it."""
        return _fit(customers, False, "bg_nbd")


@dataclass(frozen=True)
class MBGNBD:
    """As bg_nbd, but one may leave after the first purchase, too."""

    def fit(self, customers: Customers) -> "FittedBGNBD":
        """Maximum likelihood. Raises FitError where the data do not carry it."""
        return _fit(customers, True, "mbg_nbd")


@dataclass(frozen=True)
class FittedBGNBD:
    """Parameters
    ----------
    r, alpha : float
        Shape of the rates of purchase, and their scale in days.
    a, b : float
        Of the chances to leave.
    at_zero : bool
        Whether one may leave after the first purchase (MBG/NBD).
    customers : int
        It was fitted on.
    log_likelihood : float
        Of their histories, times in days.
    """

    r: float
    alpha: float
    a: float
    b: float
    at_zero: bool
    customers: int
    log_likelihood: float

    def alive(self, customers: Customers) -> np.ndarray:
        """The chance that each is a customer still, float64 (U,)."""
        return chance_alive(_rows(self.at_zero), customers, (self.r, self.alpha, self.a, self.b))

    def expected(self, customers: Customers, days: float) -> np.ndarray:
        """Days with a purchase in the next `days`, float64 (U,)."""
        return np.asarray(self.alive(customers) * self._if_alive(customers.frequency, customers.age, days))

    def expected_new(self, days: float) -> float:
        """Days with a purchase after the first one, of a new customer in `days`."""
        stays = self.b / (self.a + self.b) if self.at_zero else 1.0
        return stays * float(self._if_alive(np.zeros(1), np.zeros(1), days)[0])

    def days_to_next(self, customers: Customers) -> np.ndarray:
        """Median days to the next purchase of those who have not left, float64 (U,)."""
        return median_wait(self.r, self.alpha, customers)

    def _if_alive(self, x: np.ndarray, T: np.ndarray, days: float) -> np.ndarray:
        found = np.empty(len(x))
        given = (self.r, self.alpha, self.a, self.b)
        over_rows(
            len(x),
            ROWS,
            lambda i, j: beta_geometric_future(i, j, x, T, given, int(self.at_zero), float(days), found),
        )
        return found


FittedMBGNBD = FittedBGNBD  # the same record, with at_zero


def _fit(customers: Customers, at_zero: bool, model: str) -> FittedBGNBD:
    (r, alpha, a, b), likelihood = likeliest(_rows(at_zero), customers, (False, True, False, False), model)
    return FittedBGNBD(r, alpha, a, b, at_zero, len(customers), likelihood)


def _rows(at_zero: bool) -> Kernel:
    return lambda first, last, x, t, T, given, value, slope, alive: beta_geometric_rows(
        first, last, x, t, T, given, int(at_zero), value, slope, alive
    )
