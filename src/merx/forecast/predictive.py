"""The predictive distribution of log(1 + y), and the way back to units."""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from merx.data.results import Forecast
from merx.data.vocabulary import Vocabulary
from merx.errors import ConfigError, RequestError

BULK = 40
"""A single step this many times as large as the mean of the others is no rate of sale, but one order."""


@dataclass(frozen=True)
class LogNormal:
    """log(1 + y) of the next H steps of S series is normal; the mean in units is calibrated.

    Quantiles are those of the normal, taken back: max(0, exp(location + z_p scale) - 1).

    The mean is not that of the lognormal, exp(location + scale^2 / 2) - 1: on sales the upper tail of the
    normal is too heavy, and that mean came out half as high again as what was sold. Instead, with the
    median m = max(0, exp(location) - 1),

        mean = m + excess min(1, m / usual)

    where `excess` is chosen so that the one-step means over the history add up to what was sold (one bulk
    order apart, see `calibrate`). What sales bring above their median is in proportion to the median on
    slow days, so that a closed day stays at 0, and constant on busy ones. The mean lies between 0 and
    twice the largest step of the history.

    Parameters
    ----------
    location, scale : float64 (S, H)
        Both 0 on closed weekdays.
    excess, usual : float64 (S,)
        `usual`, > 0, is the mean of the one-step medians over the history.
    ceiling : float64 (S,)
        Twice the largest step of the history; no mean exceeds it.
    """

    location: np.ndarray
    scale: np.ndarray
    excess: np.ndarray
    usual: np.ndarray
    ceiling: np.ndarray

    def mean(self, horizon: int) -> np.ndarray:
        """Mean in units, (S, horizon)."""
        median = np.maximum(np.expm1(self.location[:, :horizon]), 0.0)  # (S, H)
        mean = median + self.excess[:, None] * np.minimum(median / self.usual[:, None], 1.0)
        within: np.ndarray = np.clip(mean, 0.0, self.ceiling[:, None])
        return within

    def quantile(self, horizon: int, probs: np.ndarray) -> np.ndarray:
        """Quantiles in units, (S, horizon, Q)."""
        z = ndtri(probs)  # (Q,)
        log = self.location[:, :horizon, None] + self.scale[:, :horizon, None] * z  # (S, H, Q)
        quantile: np.ndarray = np.maximum(np.expm1(np.minimum(log, 700.0)), 0.0)  # exp(710) overflows
        return quantile

    def forecast(
        self, keys: Vocabulary, start: np.ndarray, step: str, horizon: int, probs: np.ndarray
    ) -> Forecast:
        """The Forecast of the next `horizon` steps.

        Raises RequestError as `check_request` does.
        """
        probs = check_request(horizon, self.location.shape[1], probs)
        return Forecast(keys, start, step, self.mean(horizon), self.quantile(horizon, probs), probs)


def check_config(horizon: int, season_length: int) -> None:
    """Raise ConfigError where a forecaster's hyper-parameters are impossible."""
    if horizon < 1:
        raise ConfigError(f"horizon is {horizon}; it is a number of steps, give 1 or more.")
    if season_length < 0:
        raise ConfigError(
            f"season_length is {season_length}; give the steps in a cycle (7, 52), 1 for none, "
            "or 0 to find it from the data."
        )


def check_request(horizon: int, fitted: int, probs: np.ndarray) -> np.ndarray:
    """`probs` as float64 (Q,).

    Raises RequestError where the horizon is not within 1..fitted, or `probs` are not ascending between
    0 and 1.
    """
    if not 1 <= horizon <= fitted:
        raise RequestError(
            f"The horizon asked for is {horizon} steps, the model was fitted for 1 to {fitted}. "
            f"Ask for 1 to {fitted}, or set a longer [forecast] horizon in shop.toml and fit again."
        )
    probs = np.array(probs, dtype=np.float64).reshape(-1)
    if not (np.all(probs > 0) and np.all(probs < 1) and np.all(np.diff(probs) > 0)):
        raise RequestError(
            f"probs are {probs.tolist()}; give them ascending and strictly between 0 and 1, such as 0.1, 0.9."
        )
    return probs


def without_bulk(sold: np.ndarray) -> np.ndarray:
    """`sold` (n,) with a step beyond BULK times the mean of the other steps with sales held to that."""
    with_sales = np.count_nonzero(sold)
    if with_sales < 2:
        return sold
    held: np.ndarray = np.minimum(sold, BULK * (sold.sum() - sold) / (with_sales - 1))
    return held


def calibrate(median: np.ndarray, sold: np.ndarray) -> tuple[float, float]:
    """`excess` and `usual` of one series, from one-step medians and what was sold, both (n,), in units.

    A step beyond BULK times the mean of the other steps with sales counts as that much.
    """
    usual = median.mean() if len(median) else 0.0
    if usual <= 0:
        return 0.0, 1.0
    sold = without_bulk(sold)
    return float((sold - median).sum() / np.minimum(median / usual, 1.0).sum()), float(usual)
