"""What the past prices of an item were: the list price behind its order lines, and how much it moved."""

import numpy as np

from merx.data.panel import PricePanel

STEP = 0.01  # prices closer than 1 % of each other count as one


def list_price(
    item: np.ndarray, week: np.ndarray, price: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The price most order lines of the week were sold at, for each item and week with a line.

    Where large orders get a discount, revenue / units falls in weeks with large orders whatever the list
    price: units 'explain' the price, and every elasticity comes out too strong. The price on most lines is
    that of the ordinary order. Ties go to the higher price, the one before discount.

    Parameters
    ----------
    item, week : int (n,)
        Of each order line.
    price : float64 (n,)
        Unit price of the line, > 0.

    Returns
    -------
    item, week : int (m,)
        Distinct pairs, ascending.
    price : float64 (m,)
    """
    if len(price) == 0:
        return item.copy(), week.copy(), np.empty(0)
    order = np.lexsort((price, week, item))
    i, w, p = item[order], week[order], price[order]
    new_pair = np.r_[True, (np.diff(i) != 0) | (np.diff(w) != 0)]
    first = np.flatnonzero(new_pair | np.r_[True, np.diff(p) != 0])  # one run per pair and price
    lines = np.diff(np.r_[first, len(p)])
    pair = (np.cumsum(new_pair) - 1)[first]
    best = np.lexsort((p[first], lines, pair))  # within a pair: most lines last, then the higher price
    last = best[np.r_[np.flatnonzero(np.diff(pair[best])), len(best) - 1]]
    return i[first][last], w[first][last], p[first][last]


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
