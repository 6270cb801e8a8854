"""How much the price of an item moved."""

import numpy as np

from merx.data.panel import PricePanel


def price_spread(panel: PricePanel) -> np.ndarray:
    """Standard deviation of log price over the weeks with stock, float64 (I,); 0 without one."""
    stocked = panel.available > 0
    item, log_price = panel.item[stocked], np.log(panel.price[stocked])
    count = np.maximum(np.bincount(item, minlength=panel.n_items), 1)
    mean = np.bincount(item, log_price, panel.n_items) / count
    square = np.bincount(item, (log_price - mean[item]) ** 2, panel.n_items)
    spread: np.ndarray = np.sqrt(square / count)
    return spread
