"""How demand changes along the price: constant elasticity, constant semi-elasticity, or a logit share.

Each form has one coefficient, the elasticity at the reference price, so that priors and hierarchies are the
same for all of them (Hanssens, Parsons and Schultz, Market Response Models, chapter 3).
"""

from typing import Literal

import numpy as np
from scipy.special import expit, log_expit

Form = Literal["log_log", "semi_log", "logit"]
FORMS: tuple[Form, ...] = ("log_log", "semi_log", "logit")
SHARE = 0.25  # of the market's potential that buys at the reference price, under `logit`
_AT_REFERENCE = float(np.log(SHARE / (1 - SHARE)))


def demand_step(form: Form, elasticity: np.ndarray, log_price: np.ndarray) -> np.ndarray:
    """log of the demand at a price over that at the reference price.

    log_log:  elasticity log(p / r)
    semi_log: elasticity (p / r - 1)
    logit:    log(s(p) / s(r)), logit s(p) = logit SHARE + elasticity / (1 - SHARE) (p / r - 1)

    Parameters
    ----------
    elasticity, log_price : float64, of shapes that go together
        The elasticity at the reference price r; log(p / r).
    """
    if form == "log_log":
        return np.asarray(elasticity * log_price)
    change = np.expm1(log_price)
    if form == "semi_log":
        return np.asarray(elasticity * change)
    utility = _AT_REFERENCE + elasticity / (1 - SHARE) * change
    return np.asarray(log_expit(utility) - np.log(SHARE))


def demand_slope(form: Form, elasticity: np.ndarray, log_price: np.ndarray) -> np.ndarray:
    """The derivative of `demand_step` by the elasticity."""
    if form == "log_log":
        return log_price
    change = np.expm1(log_price)
    if form == "semi_log":
        return np.asarray(change)
    utility = _AT_REFERENCE + elasticity / (1 - SHARE) * change
    return np.asarray(expit(-utility) / (1 - SHARE) * change)
