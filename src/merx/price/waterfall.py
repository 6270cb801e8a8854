"""From the price now, through the best price without rules, through each rule, to the price proposed."""

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

from merx.data.contracts import DemandModel
from merx.data.panel import PricePanel
from merx.data.price_facts import PriceFacts
from merx.price.choose import best
from merx.price.limits import RANGE, RULES, PriceRules, ladder
from merx.price.optimise import summary, with_doubts
from merx.price.worth import Terms, worth


@dataclass(frozen=True)
class Step:
    """A price on the way, and what it is expected to do a week.

    Parameters
    ----------
    name : str
        "now", "response" (best without any rule), a name of `RULES`, "together" (rules that tie products
        together, and what the price does to others), or "others" (what the others' new prices do to it).
    words : str
        What was done at this step.
    price : float
    units, revenue, profit : float64 (3,)
        Mean, and the bounds of the central 80 %.
    """

    name: str
    words: str
    price: float
    units: np.ndarray
    revenue: np.ndarray
    profit: np.ndarray

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON: each expected figure as name, name_low, name_high, to 6 digits."""
        plain: dict[str, Any] = {"step": self.name, "words": self.words, "price": round(self.price, 6)}
        for name in ("units", "revenue", "profit"):
            for end, value in zip(("", "_low", "_high"), getattr(self, name).tolist(), strict=True):
                plain[name + end] = float(f"{value:.6g}")
        return plain


def waterfall(
    model: DemandModel,
    panel: PricePanel,
    rules: PriceRules,
    facts: PriceFacts,
    i: int,
    proposed: float,
    by_others: float = 1.0,
) -> tuple[Step, ...]:
    """How the price of item i comes about.

    The rules join in the order of `RULES`, each holding from its step on; a rule that moves nothing has no
    step. So a later rule's step is what it does beyond the earlier ones, and the steps add up to the whole.

    Parameters
    ----------
    model, panel, rules, facts : as `merx.price.optimise.optimise` was given them
    i : int
        Place of the item in the panel.
    proposed : float
        The price that `optimise` chose. Where it is not the best under the item's own rules, the rest is what
        rules on several products do, or what it does to other products.
    by_others : float
        Factor by which the other products' new prices move its units.

    Returns
    -------
    tuple of Step
        Empty where no cost is known or assumed: then no price is sought.
    """
    one = np.array([i])
    model, panel, facts = model.take(one), panel.take(one), facts.take(one)
    now, cost = panel.price_now, panel.cost
    if np.isnan(cost[0]):
        if rules.assumed_margin is None:
            return ()
        cost = now * (1.0 - rules.assumed_margin)
    terms = Terms.of(cost, rules, facts)
    steps = ladder(now, cost, rules, facts)
    found = worth(model, steps.price, terms, rules)
    barred = with_doubts(steps, found, rules).barred
    left = (1 << len(RULES)) - 1  # the rules that do not hold yet, as bits
    place = int(best(found.value, barred, left)[0][0])
    way = [("now", "The price now", float(now[0]))]
    top = float(steps.price[0, place])
    way.append(("response", f"{_best(top, float(now[0]), rules.objective)}, without any rule", top))
    for r, rule in enumerate(RULES):
        left &= ~(1 << r)
        place = max(int(best(found.value, barred, left)[0][0]), 0)  # no price is left: today's stays
        price = float(steps.price[0, place])
        if price != way[-1][2]:
            way.append((rule, f"The rule '{rules.in_words(rule)}'", price))
    if abs(proposed - way[-1][2]) > 1e-6:
        way.append(("together", "What ties products together", proposed))
    if by_others != 1.0:
        way.append(("others", "What the new prices of other products do to it", proposed))
    prices = np.array([[price for _, _, price in way]])
    units = np.minimum(model.draws(prices)[:, 0], terms.most[0])  # (draws, steps)
    if by_others != 1.0:
        units[:, -1] *= by_others
    sold, revenue, profit = (summary(d) for d in (units, units * prices, units * (prices - cost[0])))
    return tuple(
        Step(name, words, price, sold[n], revenue[n], profit[n]) for n, (name, words, price) in enumerate(way)
    )


def in_words(steps: tuple[Step, ...]) -> str:
    """The way to the price as one sentence for each step."""
    if not steps:
        return ""
    first = steps[0]
    said = [f"{first.words} is {first.price:.2f}: profit {first.profit[0]:,.2f} a week."]
    for before, step in itertools.pairwise(steps):
        change = step.profit[0] - before.profit[0]
        said.append(f"{step.words}: {step.price:.2f}, profit {change:+,.2f}.")
    if len(steps) > 2:
        said.append(f"In all {steps[-1].profit[0] - first.profit[0]:+,.2f} profit a week.")
    return " ".join(said)


def _best(price: float, now: float, objective: str) -> str:
    if price >= now * RANGE * 0.98 or price <= now / RANGE * 1.02:
        return f"The best {objective} at the end of the prices looked at"
    return f"The best {objective} by the response of demand"
