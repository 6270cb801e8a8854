"""Gamma-Gamma: what a purchase of each customer is worth, from the few that were seen.

Fader, Hardie & Lee, RFM and CLV: Using Iso-Value Curves, Journal of Marketing Research 42 (2005); Fader &
Hardie, The Gamma-Gamma Model of Monetary Value (2013), equations (1a) and (5).
"""

from dataclasses import dataclass

import numpy as np

from merx.behaviour.likelihood import FEWEST, Rows, maximise
from merx.behaviour.ranks import rank_correlation
from merx.data.customers import Customers
from merx.errors import FitError
from merx.kernels.lifetime import gamma_gamma_rows

DEPENDENT = 0.5  # rank correlation of value and frequency beyond which the model's premise is false


@dataclass(frozen=True)
class GammaGamma:
    """What a purchase of each customer is worth: Gamma(p, rate), the rates of customers being Gamma(q, v).

    It takes what a purchase is worth to be independent of how often the customer comes. Their rank
    correlation is reported with the model, and it is not fitted where that is above 0.5 or below -0.5.
    """

    def fit(self, customers: Customers) -> "FittedGammaGamma":
        """Maximum likelihood over the customers who came back.

        Raises FitError where these are too few, or their values depend on their frequency or have no mean.
        """
        known = np.flatnonzero(np.isfinite(customers.value))
        known = known[np.argsort(customers.frequency[known], kind="stable")]  # the kernel meets each x once
        x, mean = customers.frequency[known], customers.value[known]
        if len(x) < FEWEST:
            raise FitError(
                f"gamma_gamma: the value of repeat purchases is known of {len(x):,} customers, and it takes "
                f"{FEWEST}. Ingest a longer history, with prices."
            )
        correlation = rank_correlation(x, mean)
        if abs(correlation) > DEPENDENT:
            raise FitError(
                f"gamma_gamma: the value of purchases goes with their number (rank correlation "
                f"{correlation:.2f}, at most {DEPENDENT:g} either way), so the model's premise is false."
            )
        unit = float(mean.mean())
        scaled = mean / unit

        def rows(some: slice) -> Rows:
            purchases, worth = x[some], scaled[some]
            return lambda first, last, parameters, value, slope: gamma_gamma_rows(
                first, last, purchases, worth, parameters, value, slope
            )

        (p, q, v), likelihood = maximise(rows, np.ones(len(x)), 3, "gamma_gamma")
        if q <= 1:
            raise FitError(
                f"gamma_gamma: values are so uneven that their mean is infinite (q = {q:.2f}, it takes more "
                "than 1). Look for orders of wholesale customers, or wrong prices."
            )
        return FittedGammaGamma(
            float(p),
            float(q),
            float(v) * unit,
            correlation,
            len(x),
            likelihood - len(x) * float(np.log(unit)),
        )


@dataclass(frozen=True)
class FittedGammaGamma:
    """Parameters
    ----------
    p, q, v : float
        v in the shop's currency.
    correlation : float
        Rank correlation of the value and the number of purchases, which the model takes to be 0.
    customers : int
        It was fitted on.
    log_likelihood : float
        Of their mean values, in the shop's currency.
    """

    p: float
    q: float
    v: float
    correlation: float
    customers: int
    log_likelihood: float

    def value(self, customers: Customers) -> np.ndarray:
        """Expected value of a later purchase of each customer, float64 (U,).

        The mean of all customers, weighed with the customer's own.
        """
        known = np.isfinite(customers.value)
        x = np.where(known, customers.frequency, 0.0)
        own = np.where(known, customers.value, 0.0)
        return np.asarray(self.p * (self.v + x * own) / (self.p * x + self.q - 1))
