"""Expected and drawn units per item and day, with the prices and stock they came about under.

    units_it ~ Poisson(base_i * trend_t * holiday_t * season_kt * exp(shock_iw)
                       * (price_iw / reference_i) ** elasticity_i * lift_i ** promotion_iw
                       * prod_j (price_jw / reference_j) ** cross_ij
                       * launched_it * available_it)

for item i of category k on day t of week w.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np

from merx.simulate.calendar import Calendar, draw_calendar
from merx.simulate.catalogue import CATEGORIES
from merx.simulate.cross import Cross, no_cross
from merx.simulate.prices import Seen, draw_changes, draw_promotions, next_deviation
from merx.simulate.world import World

SHOCK_SD = 0.25  # of the log demand shock
SHOCK_MEMORY = 0.5  # correlation of the shocks of two weeks in a row
PASS_THROUGH = 0.5  # share of a log cost move that goes into the price
LEAST_MARKUP = 1.05  # regular prices stay above the cost by this factor


@dataclass(frozen=True)
class Demand:
    """Demand of I items over D days and W weeks; week w holds the days 7w to 7w + 6.

    Parameters
    ----------
    units : int64 (I, D)
        Units bought.
    expected_units : float64 (I, D)
        Their means; 0 on days without stock.
    unconstrained_units : float64 (I, D)
        What the means would be with stock on every day since the launch.
    next_units : float64 (I,)
        Expected units of the seven days after the span at the reference prices, with stock, without
        promotion, given the shock of the last week.
    calendar : Calendar over the D days
    shock : float64 (I, W)
        Log; exp(shock) has mean 1.
    price, cost : float64 (I, W)
    promotion : bool (I, W)
    available : bool (I, D)
        False before the launch and while out of stock.
    """

    units: np.ndarray
    expected_units: np.ndarray
    unconstrained_units: np.ndarray
    next_units: np.ndarray
    calendar: Calendar
    shock: np.ndarray
    price: np.ndarray
    cost: np.ndarray
    promotion: np.ndarray
    available: np.ndarray


def draw_demand(
    world: World,
    start: date,
    days: int,
    policy: str,
    cost_shifters: bool,
    rng: np.random.Generator,
    jitter: float = 0.0,
    cross: Cross | None = None,
) -> Demand:
    """Run the shop's prices and demand week by week under the named price policy.

    `jitter` is the standard deviation of a random move of each log price on top of the policy's; `cross` what
    prices do to other products.
    """
    items, weeks = world.launch.size, -(-days // 7)
    calendar = draw_calendar(start, days + 7, rng)
    shock = draw_shocks(items, weeks, rng)  # (I, W)
    launched = np.arange(days) >= world.launch[:, None]  # (I, D)
    available = launched & ~_stock_outs(items, days, rng)
    discount = draw_promotions(items, weeks, policy, rng)  # (I, W)
    changes = draw_changes(items, weeks, rng)  # (I, W)
    cost_move = _cost_moves(weeks, rng)[world.category] if cost_shifters else np.zeros((items, weeks))
    cost = np.round(world.cost[:, None] * np.exp(cost_move), 2)  # (I, W)

    random_move = rng.normal(0.0, jitter, (items, weeks)) if jitter else np.zeros((items, weeks))

    level = (  # (I, D + 7): units a day at the reference price, without shock
        world.base_units[:, None] * calendar.trend * calendar.holiday * calendar.season[world.category]
    )
    touching = (no_cross() if cross is None else cross).matrix(items)
    deviation, surprise = rng.normal(0.0, 0.10, items), np.zeros(items)
    price = np.empty((items, weeks))
    unconstrained = np.empty((items, days))
    units = np.empty((items, days), np.int64)
    for week in range(weeks):
        day = slice(7 * week, min(7 * week + 7, days))
        seen = Seen(deviation, surprise, shock[:, week] + SHOCK_SD**2 / 2, changes[:, week])
        deviation = next_deviation(policy, seen, rng)
        move = deviation + random_move[:, week] + PASS_THROUGH * cost_move[:, week]
        regular = world.reference_price * np.exp(move)
        regular = np.maximum(regular, LEAST_MARKUP * cost[:, week])
        price[:, week] = np.round(regular * (1 - discount[:, week]), 2)
        response = (price[:, week] / world.reference_price) ** world.elasticity
        response *= np.exp(touching @ np.log(price[:, week] / world.reference_price))
        response *= np.where(discount[:, week] > 0, world.promotion_lift, 1.0) * np.exp(shock[:, week])
        unconstrained[:, day] = level[:, day] * response[:, None] * launched[:, day]
        units[:, day] = rng.poisson(unconstrained[:, day] * available[:, day])
        average = units[:, : day.stop].sum(axis=1) / np.maximum(launched[:, : day.stop].sum(axis=1), 1)
        surprise = np.log((units[:, day].mean(axis=1) * 7 + 0.5) / (average * 7 + 0.5))

    return Demand(
        units=units,
        expected_units=unconstrained * available,
        unconstrained_units=unconstrained,
        next_units=(level[:, days:] * next_shock(shock[:, -1], days)).sum(axis=1),
        calendar=Calendar(calendar.trend[:days], calendar.holiday[:days], calendar.season[:, :days]),
        shock=shock,
        price=price,
        cost=cost,
        promotion=discount > 0,
        available=available,
    )


def draw_shocks(items: int, weeks: int, rng: np.random.Generator) -> np.ndarray:
    """Log demand shocks (I, W): stationary and autoregressive, exp of them of mean 1."""
    noise = rng.normal(0.0, SHOCK_SD, (items, weeks))
    shock = noise.copy()
    for week in range(1, weeks):
        shock[:, week] = SHOCK_MEMORY * shock[:, week - 1] + np.sqrt(1 - SHOCK_MEMORY**2) * noise[:, week]
    return shock - SHOCK_SD**2 / 2


def next_shock(last: np.ndarray, days: int) -> np.ndarray:
    """Expected shock factor (I, 7) of the seven days after day `days`, given the last week's log shock (I,).

    Where the last week is not over, its own shock still holds for its remaining days.
    """
    memory = SHOCK_MEMORY * (last + SHOCK_SD**2 / 2)
    following = np.exp(memory - SHOCK_MEMORY**2 * SHOCK_SD**2 / 2)
    same_week = np.arange(days, days + 7) // 7 == (days - 1) // 7  # (7,)
    return np.where(same_week, np.exp(last)[:, None], following[:, None])


def _stock_outs(items: int, days: int, rng: np.random.Generator) -> np.ndarray:
    """Bool (I, D): out of stock, in spells of nine days on average that begin regardless of demand."""
    item, begin = np.nonzero(rng.random((items, days)) < 0.004)
    end = np.minimum(begin + rng.geometric(1 / 9, item.size), days)
    change = np.zeros((items, days + 1), np.int64)
    np.add.at(change, (item, begin), 1)
    np.add.at(change, (item, end), -1)
    out: np.ndarray = change.cumsum(axis=1)[:, :days] > 0
    return out


def _cost_moves(weeks: int, rng: np.random.Generator) -> np.ndarray:
    """Log cost moves (K, W) of each category's inputs: a slow autoregression that starts at 0."""
    move = np.zeros((len(CATEGORIES), weeks))
    for week in range(1, weeks):
        move[:, week] = 0.97 * move[:, week - 1] + rng.normal(0.0, 0.025, len(CATEGORIES))
    return move
