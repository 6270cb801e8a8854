"""The textbook's price response: ordinary least squares of log(1 + units) on log price, product by product.

Kept to be compared with: its slope is that of log(1 + units), which is too flat where little sells; season,
promotion and trend are in its error; and where prices react to demand it is the wrong slope altogether
(Wooldridge, Introductory Econometrics, chapters 3 and 16).
"""

from dataclasses import dataclass

import numpy as np

from merx.data.panel import PricePanel
from merx.errors import ConfigError, FitError
from merx.price.confounding import MIN_AVAILABLE
from merx.price.constant_elasticity import ConstantElasticity, from_estimates
from merx.price.grid import Grid

LEAST_WEEKS = 3  # two give a line without an error


@dataclass(frozen=True)
class NaiveLogLog:
    """Least squares of log(1 + units) on log price and a constant, for each product alone.

    A product whose price never moved takes the mean slope of the others.

    Parameters
    ----------
    draws : int
        Draws kept, of the normal distribution of the estimate.
    """

    draws: int = 200

    def fit(self, panel: PricePanel) -> ConstantElasticity:
        """The slope of every item of the panel.

        Raises
        ------
        ConfigError
            Where `draws` is below 2.
        FitError
            Where no price moved in any week with stock.
        """
        if self.draws < 2:
            raise ConfigError(f"draws is {self.draws}; it must be at least 2.")
        grid = Grid.of(panel, MIN_AVAILABLE)
        seen = grid.exposure > 0  # (I, T)
        weeks = seen.sum(axis=1)  # (I,)
        y = np.where(seen, np.log1p(grid.units), 0.0)
        y = np.where(seen, y - (y.sum(axis=1) / np.maximum(weeks, 1))[:, None], 0.0)
        x = grid.log_price  # about its mean already
        square = (x**2).sum(axis=1)
        moved = (square > 1e-9) & (weeks >= LEAST_WEEKS)
        if not moved.any():
            raise FitError("No price moved, so there is no slope to be found: use literature_prior.")
        slope = (x * y).sum(axis=1) / np.where(moved, square, 1.0)
        rest = np.where(seen, y - slope[:, None] * x, 0.0)
        variance = (rest**2).sum(axis=1) / np.maximum(weeks - 2, 1) / np.where(moved, square, 1.0)
        slope = np.where(moved, slope, slope[moved].mean())
        error = np.where(moved, np.sqrt(variance), np.sqrt(variance[moved].mean()))
        return from_estimates(panel.items, grid, slope, error, self.draws)


FittedNaiveLogLog = ConstantElasticity
