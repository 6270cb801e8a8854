"""The most profitable price of every item under the shop's rules, by enumeration of its ladder."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from merx.data.contracts import DemandModel
from merx.data.panel import PricePanel
from merx.data.results import Quotes
from merx.errors import ConfigError, RequestError
from merx.price.confounding import find_confounding
from merx.price.grade import grade
from merx.price.limits import LADDER_RULES, Ladder, PriceRules, ladder
from merx.price.reasons import Choice, Found, reason

Objective = Literal["profit", "revenue"]
RULES = (*LADDER_RULES, "min_confidence")
INTERVAL = (0.1, 0.9)  # central 80 %
NOTICEABLE = 1e-3  # of today's value: a rule that costs less has not decided the price
BLOCK = 4_000_000  # draws x items x prices held at once


@dataclass(frozen=True)
class Curve:
    """What one item is expected to do per week at each price of a grid: mean, low, high of 80 %.

    Parameters
    ----------
    price : float64 (G,)
    units, revenue, profit : float64 (G, 3)
        `profit` is NaN where the cost is not known.
    """

    price: np.ndarray
    units: np.ndarray
    revenue: np.ndarray
    profit: np.ndarray


def optimise(
    model: DemandModel,
    panel: PricePanel,
    rules: PriceRules,
    objective: Objective = "profit",
    which: np.ndarray | None = None,
) -> Quotes:
    """The best price of every item of the panel, or of some.

    An item keeps its price where the evidence is of grade D, where its cost is not known and no margin may
    be assumed, where the rules leave no price, and where no allowed price gains with enough confidence.
    Today's price counts as allowed unless it breaks `min_margin`.

    Parameters
    ----------
    model : DemandModel
        Fitted on the items of the panel, in the same order.
    panel : PricePanel
    rules : PriceRules
    objective : "profit" or "revenue"
    which : int (n,), optional
        Places of the items to price, in the order of the quotes. Their quotes are those that they have among
        all: signs that prices follow demand are still looked for in the whole panel.

    Raises
    ------
    RequestError
        Where the model was fitted on other items.
    ConfigError
        Where the objective is not known.
    """
    if objective not in ("profit", "revenue"):
        raise ConfigError(f"objective is '{objective}'; it must be 'profit' or 'revenue'.")
    if model.items != panel.items:
        raise RequestError("The demand model was fitted on other items than the panel's: fit it again.")
    confounding = find_confounding(panel)
    if which is not None:
        model, panel, confounding = model.take(which), panel.take(which), confounding.take(which)
    now = panel.price_now  # (I,)
    assumed = np.isnan(panel.cost)
    cost = panel.cost.copy()
    if rules.assumed_margin is not None:
        cost[assumed] = now[assumed] * (1.0 - rules.assumed_margin)
    unit_cost = cost if objective == "profit" else np.zeros_like(cost)

    elasticity = local_elasticity(model, now)  # (draws, I)
    grades = grade(panel, elasticity, confounding)
    steps = ladder(now, cost, rules)
    value, confidence = _expected_gain(model, steps, unit_cost)  # (I, G)
    choice = _choose(steps, value, confidence, rules)

    refused = np.array([g == "D" for g in grades.grade], dtype=bool) | np.isnan(cost)
    price = np.where(refused, now, choice.price)
    units_now, units = model.draws(now[:, None])[:, :, 0], model.draws(price[:, None])[:, :, 0]
    without = np.array([g == "D" for g in grades.grade], dtype=bool)

    def figure(draws: np.ndarray) -> np.ndarray:  # (draws, I) -> (I, 3)
        return np.where(without[:, None], np.nan, _summary(draws))

    low, high = np.quantile(elasticity, INTERVAL, axis=0)
    mean = elasticity.mean(axis=0)
    found = Found(now, price, np.stack([mean, low, high], axis=1), assumed, np.isnan(cost))
    reasons = tuple(reason(i, choice, found, grades, rules, objective) for i in range(panel.n_items))
    return Quotes(
        item_id=tuple(panel.items.ids.to_pylist()),
        price_now=now.copy(),
        price=price,
        cost=cost,
        elasticity=mean,
        units_now=figure(units_now),
        revenue_now=figure(units_now * now),
        profit_now=figure(units_now * (now - cost)),
        units=figure(units),
        revenue=figure(units * price),
        profit=figure(units * (price - cost)),
        binding=tuple("" if r else b for r, b in zip(refused, choice.binding, strict=True)),
        grade=grades.grade,
        reason=reasons,
    )


def curve(model: DemandModel, i: int, grid: np.ndarray, cost: float) -> Curve:
    """Expected units, revenue and profit of item i at the prices (G,), with 80 % bands; cost may be NaN."""
    draws = model.take(np.array([i])).draws(grid[None])[:, 0]  # (draws, G)
    return Curve(grid, _summary(draws), _summary(draws * grid), _summary(draws * (grid - cost)))


def local_elasticity(model: DemandModel, price: np.ndarray) -> np.ndarray:
    """d log units / d log price at the prices (I,), by a step of 1 % each way, (draws, I)."""
    step = 0.01
    units = np.log(np.maximum(model.draws(np.stack([price * (1 - step), price * (1 + step)], axis=1)), 1e-12))
    slope: np.ndarray = (units[:, :, 1] - units[:, :, 0]) / np.log((1 + step) / (1 - step))
    return slope


def _summary(draws: np.ndarray) -> np.ndarray:
    """Mean and the bounds of the central 80 % of draws (draws, n), as (n, 3)."""
    low, high = np.quantile(draws, INTERVAL, axis=0)
    return np.stack([draws.mean(axis=0), low, high], axis=1)


def _expected_gain(model: DemandModel, steps: Ladder, unit_cost: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Expected value a week at each price of the ladder, and how probably it beats today's, (I, G)."""
    items, points = steps.price.shape
    margin = steps.price - unit_cost[:, None]  # (I, G)
    today = model.draws(steps.price[:, :1]) * margin[:, :1]  # (draws, I, 1)
    value, confidence = np.empty((items, points)), np.empty((items, points))
    width = max(1, BLOCK // max(today.size, 1))
    for g in range(0, points, width):
        block = slice(g, g + width)
        worth = model.draws(steps.price[:, block]) * margin[:, block]  # (draws, I, width)
        value[:, block] = worth.mean(axis=0)
        confidence[:, block] = (worth > today).mean(axis=0)
    return value, confidence


def _choose(steps: Ladder, value: np.ndarray, confidence: np.ndarray, rules: PriceRules) -> Choice:
    """The best allowed price of each item, and the rule that stands between it and the best of all."""
    items = len(value)
    doubtful = confidence < rules.min_confidence
    doubtful[:, 0] = False  # keeping the price needs no gain,
    doubtful[steps.excluded[0, :, 0]] = False  # and leaving a price that breaks the margin is no gamble
    excluded = np.concatenate([steps.excluded, doubtful[None]])  # (4, I, G)

    def free_of(broken: np.ndarray) -> np.ndarray:  # (R, I, G) -> (I, G)
        allowed: np.ndarray = np.logical_not(np.any(broken, axis=0))
        return allowed

    def best(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        masked = np.where(mask, value, -np.inf)
        place = masked.argmax(axis=1)
        return place, masked[np.arange(items), place]

    allowed = free_of(excluded)
    place, reached = best(allowed)
    stuck = ~allowed.any(axis=1)  # today's price breaks the margin, and the other rules leave no way out
    place = np.where(stuck, 0, place)
    reached = np.where(stuck, value[:, 0], reached)
    top, top_value = best(np.ones_like(allowed))

    without = np.stack([best(free_of(np.delete(excluded, r, axis=0)))[1] for r in range(len(RULES))])
    lost = without - reached  # (4, I)
    threshold = NOTICEABLE * np.abs(value[:, 0])
    worst = lost.argmax(axis=0)
    at_top = excluded[:, np.arange(items), top]  # rules that the best of all breaks (4, I)
    binding = []
    for i in range(items):
        if top_value[i] - reached[i] <= threshold[i]:
            binding.append("")
        elif lost[worst[i], i] > threshold[i]:
            binding.append(RULES[worst[i]])
        else:  # no rule alone: each of these would have to give way
            binding.append("+".join(rule for r, rule in enumerate(RULES) if at_top[r, i]))

    others: np.ndarray = steps.excluded[:, :, 1:]  # all but today's price
    no_ladder = np.logical_not(np.any(free_of(others), axis=1, keepdims=True))[:, 0]  # (I,)
    eased: np.ndarray = np.stack(  # (3, I): would the ladder have a price without this rule?
        [free_of(np.delete(others, r, axis=0)).any(axis=1) for r in range(len(LADDER_RULES))]
    )
    conflict = tuple(
        tuple(rule for r, rule in enumerate(LADDER_RULES) if eased[r, i] or not eased[:, i].any())
        if no_ladder[i]
        else ()
        for i in range(items)
    )
    chosen = np.arange(items), place
    return Choice(
        price=steps.price[chosen],
        gain=value[chosen] - value[:, 0],
        value_now=value[:, 0],
        best_price=steps.price[np.arange(items), top],
        best_confidence=confidence[np.arange(items), top],
        binding=tuple(binding),
        conflict=conflict,
        breaks_margin=steps.excluded[0, :, 0],
    )
