"""The best price of every item under the shop's rules, by enumeration of its ladder."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from merx.data.contracts import DemandModel
from merx.data.panel import PricePanel
from merx.data.price_facts import PriceFacts
from merx.data.results import Quotes
from merx.errors import RequestError
from merx.price.choose import choose
from merx.price.confounding import find_confounding
from merx.price.grade import grade
from merx.price.limits import RULES, Ladder, PriceRules, ladder
from merx.price.reasons import Found, reason
from merx.price.together import settle
from merx.price.worth import Terms, Worth, worth

INTERVAL = (0.1, 0.9)  # central 80 %


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
    facts: PriceFacts | None = None,
    which: np.ndarray | None = None,
    cross: sparse.csr_array | None = None,
) -> Quotes:
    """The best price of every item of the panel, or of some.

    An item keeps its price where the evidence is of grade D, where its cost is not known and no margin may
    be assumed, where the rules leave no price or conflict, and where no allowed price gains with enough
    confidence. Today's price counts as allowed unless it breaks one of its rules.

    Parameters
    ----------
    model : DemandModel
        Fitted on the items of the panel, in the same order.
    panel : PricePanel
    rules : PriceRules
    facts : PriceFacts, optional
        Of the items of the panel, in the same order. None: nothing but their categories is known.
    which : int (n,), optional
        Places of the items to price, in the order of the quotes. Their quotes are those that they have among
        all: signs that prices follow demand are still looked for in the whole panel.
    cross : sparse array (I, I), optional
        Cross elasticities [i, j]: d log units of i / d log price of j, 0 on the diagonal.

    Raises
    ------
    RequestError
        Where the model was fitted on other items.
    ConfigError
        Where a rule names a category or brand that there is not.
    """
    if model.items != panel.items:
        raise RequestError("The demand model was fitted on other items than the panel's: fit it again.")
    facts = PriceFacts.of(panel) if facts is None else facts
    confounding = find_confounding(panel)
    asked = np.arange(panel.n_items) if which is None else which
    shared = rules.shared or cross is not None
    if which is not None and not shared:  # else every price depends on all
        model, panel, facts = model.take(which), panel.take(which), facts.take(which)
        confounding, asked = confounding.take(which), np.arange(len(which))
    now = panel.price_now  # (I,)
    assumed = np.isnan(panel.cost)
    cost = panel.cost.copy()
    if rules.assumed_margin is not None:
        cost[assumed] = now[assumed] * (1.0 - rules.assumed_margin)

    elasticity = local_elasticity(model, now)  # (draws, I)
    grades = grade(panel, elasticity, confounding)
    terms = Terms.of(cost, rules, facts)
    steps = ladder(now, cost, rules, facts)
    found = worth(model, steps.price, terms, rules)
    steps = with_doubts(steps, found, rules)
    choice = choose(found.value, found.confidence, steps.barred)

    without = np.array([g == "D" for g in grades.grade], dtype=bool)
    refused = without | np.isnan(cost)
    items = np.arange(panel.n_items)
    place, alone, binding, together = choice.place, choice.place, choice.binding, None
    held = np.full(len(items), "", dtype=object)
    if shared:
        settled = settle(choice, found, steps, rules, facts, refused, cross)
        place, alone, held, together = settled.place, settled.alone, settled.held, settled.together
        binding = held if together.conflict else np.where(settled.kind == "", binding, settled.kind)
    place, alone = np.where(refused, 0, place), np.where(refused, 0, alone)
    price = steps.price[items, place]
    sold = [np.minimum(model.draws(p[:, None])[:, :, 0], terms.most) for p in (now, price)]
    by_others = np.ones(len(items)) if cross is None else np.exp(cross @ np.log(price / now))
    sold[1] = sold[1] * by_others

    def figure(draws: np.ndarray) -> np.ndarray:  # (draws, I) -> (I, 3)
        return np.where(without[:, None], np.nan, summary(draws))

    low, high = np.quantile(elasticity, INTERVAL, axis=0)
    mean = elasticity.mean(axis=0)
    told = Found(
        price_now=now,
        price=price,
        best_price=steps.price[items, choice.top],
        alone_price=steps.price[items, alone],
        gain=found.value[items, place] - choice.value_now,
        elasticity=np.stack([mean, low, high], axis=1),
        cost_assumed=assumed,
        cost_missing=np.isnan(cost),
        held=held,
        conflict=() if together is None else together.conflict,
        proven=together is None or together.proven,
    )
    ids = panel.items.ids.to_pylist()
    return Quotes(
        item_id=tuple(ids[i] for i in asked),
        price_now=now[asked],
        price=price[asked],
        cost=cost[asked],
        elasticity=mean[asked],
        units_now=figure(sold[0])[asked],
        revenue_now=figure(sold[0] * now)[asked],
        profit_now=figure(sold[0] * (now - cost))[asked],
        units=figure(sold[1])[asked],
        revenue=figure(sold[1] * price)[asked],
        profit=figure(sold[1] * (price - cost))[asked],
        binding=tuple("" if refused[i] else str(binding[i]) for i in asked),
        grade=tuple(grades.grade[i] for i in asked),
        reason=tuple(reason(int(i), choice, told, grades, rules) for i in asked),
        prior_price=np.where(rules.announced & (price < now), facts.lowest_30d, np.nan)[asked],
        by_others=by_others[asked],
        together=together,
    )


def with_doubts(steps: Ladder, found: Worth, rules: PriceRules) -> Ladder:
    """The ladder with unsure gains barred; to leave a price that breaks a rule is no gamble."""
    doubtful = (found.confidence < rules.min_confidence) & (steps.barred[:, :1] == 0)
    doubtful[:, 0] = False
    return Ladder(steps.price, steps.barred | doubtful * np.uint32(1 << RULES.index("min_confidence")))


def curve(model: DemandModel, i: int, grid: np.ndarray, cost: float) -> Curve:
    """Expected units, revenue and profit of item i at the prices (G,), with 80 % bands; cost may be NaN."""
    draws = model.take(np.array([i])).draws(grid[None])[:, 0]  # (draws, G)
    return Curve(grid, summary(draws), summary(draws * grid), summary(draws * (grid - cost)))


def local_elasticity(model: DemandModel, price: np.ndarray) -> np.ndarray:
    """d log units / d log price at the prices (I,), by a step of 1 % each way, (draws, I)."""
    step = 0.01
    units = np.log(np.maximum(model.draws(np.stack([price * (1 - step), price * (1 + step)], axis=1)), 1e-12))
    slope: np.ndarray = (units[:, :, 1] - units[:, :, 0]) / np.log((1 + step) / (1 - step))
    return slope


def summary(draws: np.ndarray) -> np.ndarray:
    """Mean and the bounds of the central 80 % of draws (draws, n), as (n, 3)."""
    low, high = np.quantile(draws, INTERVAL, axis=0)
    return np.stack([draws.mean(axis=0), low, high], axis=1)
