"""Pareto/NBD: customers buy at random at rates of their own and leave at a moment of their own.

Schmittlein, Morrison & Colombo, Counting Your Customers, Management Science 33 (1987); the likelihood as in
Fader & Hardie, A Note on Deriving the Pareto/NBD Model (2005), equation (18), its integral by quadrature
instead of by the hypergeometric function, which fails where alpha and beta are far apart.
"""

from dataclasses import dataclass

import numpy as np

from merx.behaviour.likelihood import chance_alive, likeliest, median_wait
from merx.data.customers import Customers
from merx.kernels.lifetime import pareto_rows


@dataclass(frozen=True)
class ParetoNBD:
    """Who is a customer still, and how often each will buy; one leaves at any moment.

    Rates of purchase are Gamma(r, alpha), rates of leaving Gamma(s, beta).
    """

    def fit(self, customers: Customers) -> "FittedParetoNBD":
        """Maximum likelihood. Raises FitError where the data do not carry it."""
        (r, alpha, s, beta), likelihood = likeliest(
            pareto_rows, customers, (False, True, False, True), "pareto_nbd"
        )
        return FittedParetoNBD(r, alpha, s, beta, len(customers), likelihood)


@dataclass(frozen=True)
class FittedParetoNBD:
    """Parameters
    ----------
    r, alpha : float
        Shape of the rates of purchase, and their scale in days.
    s, beta : float
        Shape of the rates of leaving, and their scale in days.
    customers : int
        It was fitted on.
    log_likelihood : float
        Of their histories, times in days.
    """

    r: float
    alpha: float
    s: float
    beta: float
    customers: int
    log_likelihood: float

    def alive(self, customers: Customers) -> np.ndarray:
        """The chance that each is a customer still, float64 (U,)."""
        return chance_alive(pareto_rows, customers, (self.r, self.alpha, self.s, self.beta))

    def expected(self, customers: Customers, days: float) -> np.ndarray:
        """Days with a purchase in the next `days`, float64 (U,)."""
        return np.asarray(self.alive(customers) * self._if_alive(customers.frequency, customers.age, days))

    def expected_new(self, days: float) -> float:
        """Days with a purchase after the first one, of a new customer in `days`."""
        return float(self._if_alive(np.zeros(1), np.zeros(1), days)[0])

    def days_to_next(self, customers: Customers) -> np.ndarray:
        """Median days to the next purchase of those who do not leave before, float64 (U,)."""
        return median_wait(self.r, self.alpha, customers)

    def _if_alive(self, x: np.ndarray, T: np.ndarray, days: float) -> np.ndarray:
        """(r + x) (beta + T) / (alpha + T) times the integral of the chance to be there."""
        span = np.log1p(days / (self.beta + T))
        power = (self.s - 1) * span  # of no length where s is 1
        there = np.where(np.abs(power) < 1e-9, 1 - power / 2, -np.expm1(-power) / np.where(power, power, 1))
        return np.asarray((self.r + x) * (self.beta + T) / (self.alpha + T) * span * there)
