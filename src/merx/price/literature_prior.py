"""The bar for every other price response: each product reacts as the published ones do on average.

Bijmolt, van Heerde and Pieters (Journal of Marketing Research 42, 2005) found a mean of -2.62 over 1,851
published price elasticities. An estimator whose prices earn less than those that follow from this one
number has learnt less than nothing from the shop's data.
"""

from dataclasses import dataclass

import numpy as np

from merx.data.panel import PricePanel
from merx.errors import ConfigError, FitError
from merx.price.confounding import LITERATURE_MEAN, MIN_AVAILABLE
from merx.price.constant_elasticity import ConstantElasticity, from_estimates
from merx.price.grid import Grid


@dataclass(frozen=True)
class LiteraturePrior:
    """Every product has the mean elasticity of the literature; only the level is learnt.

    Parameters
    ----------
    elasticity : float
        Of every product.
    spread : float
        Standard deviation of a product's elasticity about it: that of shops, of categories in a shop and of
        products in a category, as the prior of `price_response` has them (.7, .5 and .7).
    draws : int
        Draws kept.
    """

    elasticity: float = LITERATURE_MEAN
    spread: float = 1.1
    draws: int = 200

    def fit(self, panel: PricePanel) -> ConstantElasticity:
        """The level of every item of the panel.

        Raises
        ------
        ConfigError
            Where a setting is out of its range.
        FitError
            Where the panel has no item.
        """
        if not self.elasticity < 0:
            raise ConfigError(f"elasticity is {self.elasticity}; it must be below 0.")
        for name, least in (("spread", 0), ("draws", 2)):
            if getattr(self, name) < least:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be at least {least}.")
        if panel.n_items == 0:
            raise FitError("The price panel has no item: hand over products with prices and sales.")
        grid = Grid.of(panel, MIN_AVAILABLE)
        same = np.ones(panel.n_items)
        return from_estimates(panel.items, grid, self.elasticity * same, self.spread * same, self.draws)


FittedLiteraturePrior = ConstantElasticity
