"""How much the price of an item moved."""

import numpy as np

from merx.data.panel import PricePanel

STEP = 0.01  # prices closer than 1 % of each other count as one


def distinct_prices(panel: PricePanel) -> np.ndarray:
    """How many prices, counted in steps of 1 %, each item had in weeks with stock, int64 (I,)."""
    stocked = panel.available > 0
    step = np.round(np.log(panel.price[stocked]) / STEP).astype(np.int64)
    pairs = np.unique(np.stack([panel.item[stocked].astype(np.int64), step]), axis=1)
    return np.bincount(pairs[0], minlength=panel.n_items)


def price_spread(panel: PricePanel) -> np.ndarray:
    """Standard deviation of log price over the weeks with stock, float64 (I,); 0 without one."""
    stocked = panel.available > 0
    item, log_price = panel.item[stocked], np.log(panel.price[stocked])
    count = np.maximum(np.bincount(item, minlength=panel.n_items), 1)
    mean = np.bincount(item, log_price, panel.n_items) / count
    square = np.bincount(item, (log_price - mean[item]) ** 2, panel.n_items)
    spread: np.ndarray = np.sqrt(square / count)
    return spread
