"""Boosted trees as a price response: demand that may only fall with the price, its shape left to the data.

    E[units_it] = usual_it exp(f(x_it)),    f falling in the price

f minimises the Poisson deviance (Friedman 2001; LightGBM: Ke et al. 2017) with a monotone constraint. A
forest minimises the error of sales, most of which are not about the price; so it is a better forecaster than
price setter, and is offered to be compared with.
"""

from dataclasses import dataclass

import numpy as np

from merx.data.panel import PricePanel
from merx.errors import ConfigError
from merx.price.curve import FEWEST, STEP, DemandCurve, along_the_curve
from merx.price.forest import grow
from merx.price.rows import CATEGORY, NAMES, PRICE, Rows
from merx.tunable import between


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

    def fit(self, panel: PricePanel) -> DemandCurve:
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
        return DemandCurve.of(panel.items, panel.price_now, np.log(np.maximum(units, FEWEST)))


FittedBoostedResponse = DemandCurve
