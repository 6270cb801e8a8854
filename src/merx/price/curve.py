"""Demand as a curve over the price, for learners whose answer has no formula."""

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from scipy.optimize import isotonic_regression

from merx.data.vocabulary import Vocabulary
from merx.price.constant_elasticity import check_prices
from merx.price.rows import PRICE, Rows

STEP = np.linspace(-0.72, 0.72, 73)  # log of price over today's: half to double, 2 % apart
FEWEST = 1e-6  # units a week


@dataclass(frozen=True)
class DemandCurve:
    """Units a week at 73 prices from half to double today's, as draws; straight in logs between them.

    Parameters
    ----------
    items : Vocabulary (I,)
    price_now : float64 (I,)
    log_units : float32 (draws, I, 73)
        At the prices price_now exp(STEP), falling from left to right or level.
    """

    items: Vocabulary
    price_now: np.ndarray
    log_units: np.ndarray

    @classmethod
    def of(cls, items: Vocabulary, price_now: np.ndarray, log_units: np.ndarray) -> "DemandCurve":
        """Of curves (draws, I, 73), each replaced by the nearest that never rises (isotonic regression)."""
        falling = np.empty(log_units.shape, dtype=np.float32)
        for draw, i in np.ndindex(log_units.shape[:2]):
            falling[draw, i] = isotonic_regression(log_units[draw, i], increasing=False).x
        return cls(items, price_now.copy(), falling)

    def draws(self, prices: np.ndarray) -> np.ndarray:
        """Draws of the expected units a week, (draws, I, G), at the prices (I, G).

        Raises RequestError where the prices are not one row per item.
        """
        check_prices(prices, self.items)
        width = STEP[1] - STEP[0]
        place = np.clip((np.log(prices / self.price_now[:, None]) - STEP[0]) / width, 0.0, len(STEP) - 1.0)
        left = np.minimum(place.astype(np.int64), len(STEP) - 2)  # (I, G)
        row = np.arange(len(prices))[:, None]
        low = self.log_units[:, row, left].astype(np.float64)  # (draws, I, G)
        high = self.log_units[:, row, left + 1]
        units: np.ndarray = np.exp(low + (place - left) * (high - low))
        return units

    def demand(self, prices: np.ndarray) -> np.ndarray:
        """Expected units a week, (I, G), at the prices (I, G): the mean of the draws."""
        mean: np.ndarray = self.draws(prices).mean(axis=0)
        return mean

    def take(self, which: np.ndarray) -> "DemandCurve":
        """The same model of the items with the places `which` (n,) alone, in that order."""
        which = np.asarray(which)
        return replace(
            self,
            items=Vocabulary(self.items.ids.take(pa.array(which))),
            price_now=self.price_now[which],
            log_units=self.log_units[:, which],
        )


def along_the_curve(rows: Rows, price_now: np.ndarray) -> np.ndarray:
    """What is known of the coming week at each of the 73 prices, (I x 73, F), one item after the other."""
    X = np.repeat(rows.ahead, len(STEP), axis=0)
    X[:, PRICE] = (np.log(price_now / rows.reference)[:, None] + STEP).ravel()
    return X
