"""Prices that learn while they earn: Thompson sampling over the allowed prices of each item's ladder.

One draw of the response is taken as the truth, and the prices that are best under it are charged: a price is
tried as often as it may be the best (Thompson 1933; Russo et al., A Tutorial on Thompson Sampling, 2018).
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from merx.data.contracts import DemandModel
from merx.data.panel import PricePanel
from merx.data.price_facts import PriceFacts
from merx.data.vocabulary import Vocabulary
from merx.price.choose import choose
from merx.price.limits import PriceRules, ladder
from merx.price.together import settle
from merx.price.worth import Terms, Worth, worth


@dataclass(frozen=True)
class Drawn:
    """One draw of the response of each of I items, as if it were the truth.

    Parameters
    ----------
    model : DemandModel
        Its draws are the posterior.
    draw : int64 (I,)
        Which of them each item has.
    """

    model: DemandModel
    draw: np.ndarray

    @classmethod
    def of(cls, model: DemandModel, seed: int) -> "Drawn":
        """Equal seeds draw equally; take another each time that prices are set."""
        draws = len(model.draws(np.ones((len(model.items), 1))))
        return cls(model, np.random.default_rng(seed).integers(0, draws, len(model.items)))

    @property
    def items(self) -> Vocabulary:
        """The items of the model."""
        return self.model.items

    def draws(self, prices: np.ndarray) -> np.ndarray:
        """The units a week that the one draw expects, (1, I, G), at the prices (I, G)."""
        found: np.ndarray = self.model.draws(prices)[self.draw, np.arange(len(prices))][None]
        return found

    def demand(self, prices: np.ndarray) -> np.ndarray:
        """The same, (I, G)."""
        found: np.ndarray = self.draws(prices)[0]
        return found

    def take(self, which: np.ndarray) -> "Drawn":
        """The items with the places `which` (n,) alone, in that order."""
        return Drawn(self.model.take(which), self.draw[which])


def explored(
    model: DemandModel,
    panel: PricePanel,
    rules: PriceRules,
    facts: PriceFacts,
    most: float,
    seed: int,
    fixed: np.ndarray,
    cross: sparse.csr_array | None = None,
) -> np.ndarray:
    """A price to learn from for each item of the panel, float64 (I,).

    The best prices under one draw, chosen as `merx.price.optimise` chooses them: they keep every rule but
    `min_confidence`, those that tie products together too, and move by a share of `most` at most. Where the
    shared rules cannot all be kept, every price stays.

    Parameters
    ----------
    most : float
        Largest change, beside that of the rules.
    fixed : bool (I,)
        Items whose price stays; so does that of an item without a cost.
    cross : sparse array (I, I), optional
        Cross elasticities, as `merx.price.optimise.optimise` takes them.
    """
    now, cost = panel.price_now, panel.cost.copy()
    if rules.assumed_margin is not None:
        cost = np.where(np.isnan(cost), now * (1.0 - rules.assumed_margin), cost)
    rules = replace(rules, max_change=min(rules.max_change, most))
    fixed = fixed | np.isnan(cost)
    terms = Terms.of(cost, rules, facts)
    steps = ladder(now, cost, rules, facts)
    found = worth(Drawn.of(model, seed), steps.price, terms, rules)
    choice = choose(found.value, found.confidence, steps.barred)
    place = choice.place
    if rules.shared or cross is not None:
        # A rule on units asks for those that are expected, as everywhere, not for those of one draw.
        expected = worth(model, steps.price, terms, rules).units
        told = Worth(found.value, found.confidence, expected)
        place = settle(choice, told, steps, rules, facts, fixed, cross).place
    chosen: np.ndarray = steps.price[np.arange(len(now)), np.where(fixed, 0, place)]
    return chosen
