"""What each price of a ladder is worth to the shop: profit, revenue, units, buyers' surplus, or a mix."""

from dataclasses import dataclass

import numpy as np

from merx.data.contracts import DemandModel
from merx.data.price_facts import PriceFacts
from merx.price.limits import PriceRules, clearing

BLOCK = 4_000_000  # draws x items x prices held at once


@dataclass(frozen=True)
class Terms:
    """On what terms I items are sold.

    Parameters
    ----------
    cost : float64 (I,)
        What a unit sold costs the shop: of stock that must go, what it would be worth if left over.
    most : float64 (I,)
        Units that can be sold in a week; inf where nothing limits them.
    """

    cost: np.ndarray
    most: np.ndarray

    @classmethod
    def of(cls, cost: np.ndarray, rules: PriceRules, facts: PriceFacts) -> "Terms":
        """Of the rules on stock and clearance; `cost` (I,) may be NaN."""
        cost, most = cost.copy(), np.full(len(cost), np.inf)
        stock = facts.stock_quantity
        if rules.stock_weeks > 0:
            most = np.where(np.isfinite(stock), stock / rules.stock_weeks, most)
        found, weeks, worth = clearing(rules, facts)
        most[found] = stock[found] / weeks[found]
        cost[found] = np.where(worth[found] > 0, worth[found] * cost[found], 0.0)
        return cls(cost=cost, most=most)


@dataclass(frozen=True)
class Worth:
    """Of I items at G prices, the first of which is today's; all float64 (I, G), a week.

    Parameters
    ----------
    value : the objective
    confidence : how probably the price is worth more than today's
    units : expected units sold
    """

    value: np.ndarray
    confidence: np.ndarray
    units: np.ndarray


def worth(model: DemandModel, price: np.ndarray, terms: Terms, rules: PriceRules) -> Worth:
    """What the prices (I, G) are worth under the objective of the rules."""
    items, points = price.shape
    value, confidence, units = np.empty((3, items, points))
    draws = len(model.take(np.arange(1)).draws(price[:1, :1])) if items else 1
    width = max(1, BLOCK // (draws * points))
    for first in range(0, items, width):
        block = slice(first, min(first + width, items))
        sold = model.take(np.arange(block.start, block.stop)).draws(price[block])  # (draws, n, G)
        np.minimum(sold, terms.most[block, None], out=sold)
        units[block] = sold.mean(axis=0)
        drawn = _objective(sold, price[block], terms.cost[block], rules.mix)
        confidence[block] = (drawn > drawn[:, :, :1]).mean(axis=0)
        if rules.quantile is None:
            value[block] = drawn.mean(axis=0)
        else:
            value[block] = np.quantile(drawn, rules.quantile, axis=0)
    return Worth(value=value, confidence=confidence, units=units)


def _objective(sold: np.ndarray, price: np.ndarray, cost: np.ndarray, mix: dict[str, float]) -> np.ndarray:
    """Of draws of units sold (draws, n, G) at the prices (n, G)."""
    each = np.full(price.shape, mix.get("units", 0.0))  # what a unit sold counts
    each += mix.get("revenue", 0.0) * price
    if mix.get("profit", 0.0) != 0.0:
        each += mix["profit"] * (price - cost[:, None])
    total: np.ndarray = sold * each
    if mix.get("surplus", 0.0) != 0.0:
        total += mix["surplus"] * _surplus(sold, price)
    return total


def _surplus(sold: np.ndarray, price: np.ndarray) -> np.ndarray:
    """What buyers would have paid beyond the price: the area under demand from there to the highest price."""
    order = np.argsort(price, axis=1, kind="stable")
    rising = np.take_along_axis(price, order, axis=1)  # (n, G)
    units = np.take_along_axis(sold, order[None], axis=2)  # (draws, n, G)
    strip = 0.5 * (units[:, :, 1:] + units[:, :, :-1]) * np.diff(rising, axis=1)
    area = np.zeros_like(units)
    area[:, :, :-1] = strip[:, :, ::-1].cumsum(axis=2)[:, :, ::-1]
    surplus = np.empty_like(area)
    np.put_along_axis(surplus, np.broadcast_to(order[None], area.shape), area, axis=2)
    return surplus
