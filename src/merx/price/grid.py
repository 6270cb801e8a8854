"""The price panel as dense item-by-week arrays, as the response and its checks read it."""

from dataclasses import dataclass

import numpy as np

from merx.data.panel import PricePanel


@dataclass(frozen=True)
class Grid:
    """What every item sold in every week, dense; a week without evidence has exposure 0.

    Parameters
    ----------
    units : float64 (I, T)
    log_price : float64 (I, T)
        log(price / reference); 0 where exposure is 0.
    promotion : float64 (I, T)
    exposure : float64 (I, T)
        Share of the week in stock; 0 where the week is missing or was mostly out of stock.
    reference : float64 (I,)
        Geometric mean of the item's prices over its weeks with exposure.
    competitor : float64 (I, T) or None
        Log of the lowest price of competitors over its mean; None where no such price is known.
    """

    units: np.ndarray
    log_price: np.ndarray
    promotion: np.ndarray
    exposure: np.ndarray
    reference: np.ndarray
    competitor: np.ndarray | None

    @classmethod
    def of(cls, panel: PricePanel, min_available: float) -> "Grid":
        """The grid of the panel; weeks in stock for less than `min_available` of the time are dropped."""
        items = panel.n_items
        weeks = int(panel.week.max()) + 1 if len(panel.week) else 1
        keep = panel.available >= min_available
        at = (panel.item[keep], panel.week[keep])

        def dense(values: np.ndarray) -> np.ndarray:
            grid = np.zeros((items, weeks))
            grid[at] = values[keep]
            return grid

        exposure = dense(panel.available)
        log_price = dense(np.log(panel.price))
        observed = exposure > 0
        count = observed.sum(axis=1)  # (I,)
        log_reference = np.where(
            count > 0, log_price.sum(axis=1) / np.maximum(count, 1), np.log(panel.price_now)
        )
        return cls(
            units=dense(panel.units),
            log_price=np.where(observed, log_price - log_reference[:, None], 0.0),
            promotion=dense(panel.promotion),
            exposure=exposure,
            reference=np.exp(log_reference),
            competitor=None if panel.competitor is None else dense(panel.competitor),
        )
