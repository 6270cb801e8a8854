"""Boosted trees as a price response: demand that may only fall with the price, its shape left to the data.

    E[units_it] = usual_it exp(f(x_it)),    f falling in the price

f minimises the Poisson deviance (Friedman 2001; LightGBM: Ke et al. 2017) with a monotone constraint. A
forest minimises the error of sales, most of which are not about the price; so it is a better forecaster than
price setter, and is offered to be compared with.
"""

from dataclasses import dataclass, replace

import numpy as np

from merx.data.panel import PricePanel
from merx.data.vocabulary import Vocabulary
from merx.errors import ConfigError
from merx.price.curve import FEWEST, STEP, DemandCurve, along_the_curve
from merx.price.forest import grow
from merx.price.rows import CATEGORY, NAMES, PRICE, Rows
from merx.tunable import between

TOLD = {
    "price": (NAMES.index("price"),),
    "promotion": (NAMES.index("promotion"),),
    "season": (NAMES.index("season_sin"), NAMES.index("season_cos")),
    "time": (NAMES.index("week"),),
    "its own last weeks": tuple(place for place, name in enumerate(NAMES) if name.startswith("lag_")),
    "its category's sales": (NAMES.index("market"),),
    "what it is": tuple(NAMES.index(name) for name in ("price_level", "sales_level", "category")),
}
"""What is told of the columns, by name."""

NOTICEABLE = 0.01


@dataclass(frozen=True)
class BoostedResponse:
    """Gradient-boosted Poisson trees of all items together, monotone in the price.

    Parameters
    ----------
    trees, leaves : int
        Size of a forest.
    learning_rate : float
        Share of each tree's answer that is added.
    draws : int
        Forests grown, each on the weeks as the Bayesian bootstrap weighs them.
    """

    trees: int = between(120, 20, 600, log=True)
    leaves: int = between(15, 4, 63, log=True)
    learning_rate: float = between(0.05, 0.01, 0.3, log=True)
    draws: int = 12

    def fit(self, panel: PricePanel) -> "FittedBoostedResponse":
        """The curve of every item of the panel.

        Raises
        ------
        ConfigError
            Where a setting is out of its range.
        FitError
            Where no item was in stock.
        """
        for name, least in (("trees", 1), ("leaves", 2), ("draws", 2)):
            if getattr(self, name) < least:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be at least {least}.")
        if not self.learning_rate > 0:
            raise ConfigError(f"learning_rate is {self.learning_rate}; it must be above 0.")
        rows = Rows.of(panel)
        forests = grow(
            rows.X,
            rows.units / rows.usual,
            rows.weight() * rows.resampled(self.draws),
            *(self.trees, self.leaves, self.learning_rate),
            objective="poisson",
            monotone=tuple(-1 if place == PRICE else 0 for place in range(len(NAMES))),
            categorical=(CATEGORY,),
        )
        X = along_the_curve(rows, panel.price_now)
        ratio = np.stack([forest.predict(X, num_threads=1) for forest in forests])  # (draws, I x 73)
        units = rows.level[:, None] * ratio.reshape(self.draws, panel.n_items, len(STEP))
        here = X.reshape(panel.n_items, len(STEP), -1)[:, len(STEP) // 2]  # at the price of now
        added = np.mean(
            [forest.predict(here, pred_contrib=True, num_threads=1) for forest in forests], axis=0
        )
        part = np.stack([added[:, list(columns)].sum(axis=1) for columns in TOLD.values()], axis=1)
        return FittedBoostedResponse(
            curve=DemandCurve.of(panel.items, panel.price_now, np.log(np.maximum(units, FEWEST))),
            base=added[:, -1],
            part=part,
        )


@dataclass(frozen=True)
class FittedBoostedResponse:
    """The curves of the forests, and what each feature adds to the units of the coming week.

    Parameters
    ----------
    curve : DemandCurve
    base : float64 (I,)
        Mean of the forests: log of units over the item's usual ones, whatever the features.
    part : float64 (I, K)
        What each of `TOLD` adds to it at the price of now: TreeSHAP values (Lundberg et al., Nature Machine
        Intelligence 2, 2020; LightGBM's own), which with the base add up to the mean log of the forests.
    """

    curve: DemandCurve
    base: np.ndarray
    part: np.ndarray

    @property
    def items(self) -> Vocabulary:
        """The items it was fitted on."""
        return self.curve.items

    def draws(self, prices: np.ndarray) -> np.ndarray:
        """Draws of the expected units a week, (draws, I, G), at the prices (I, G).

        Raises RequestError where the prices are not one row per item.
        """
        return self.curve.draws(prices)

    def demand(self, prices: np.ndarray) -> np.ndarray:
        """Expected units a week, (I, G), at the prices (I, G): the mean of the draws."""
        return self.curve.demand(prices)

    def take(self, which: np.ndarray) -> "FittedBoostedResponse":
        """The same model of the items with the places `which` (n,) alone, in that order."""
        return replace(self, curve=self.curve.take(which), base=self.base[which], part=self.part[which])

    def why(self, i: int) -> str:
        """What makes the coming week of item i another than usual, the strongest first."""
        order = np.argsort(-np.abs(self.part[i]), kind="stable")
        names = list(TOLD)
        told = [
            f"{names[place]} {np.expm1(self.part[i, place]):+.0%}"
            for place in order
            if abs(self.part[i, place]) >= NOTICEABLE
        ]
        return "Of the units of a usual week: " + (", ".join(told) or "nothing adds or takes away 1 %") + "."
