"""Double machine learning: the price response with all that moves both price and demand partialled out.

    E[units_it | price, x] = exp(theta_i p_it) g(x_it),    E[p_it | x] = m(x_it)
    theta_i solves  sum_t w_it (units_it exp(-theta_i p_it) - a_i g(x_it)) (p_it - m(x_it)) = 0

p is the log price over the item's mean. g (Poisson) and m (least squares) are forests of the controls x:
promotion, season, week, the category's sales, and the item's own demand of the four weeks before, which
prices may have followed. Each is learnt on four of five sets of blocks of weeks and used on the fifth.
Robinson (Econometrica 56, 1988) partialled out; Chernozhukov et al. (Econometrics Journal 21, 2018) showed
that with cross-fitting the errors of g and m enter as their product only. The score is theirs for an
exponential mean: its derivative by g is 0 where m is right, and by m where g is.

What prices did for reasons outside of x is taken for chance. Where they followed the week's own demand, that
is not so, and theta is as wrong as a plain regression's: no method that sees these data alone is better off.
"""

from dataclasses import dataclass

import numpy as np

from merx.data.panel import PricePanel
from merx.data.vocabulary import Vocabulary
from merx.errors import ConfigError
from merx.price.confounding import LITERATURE_MEAN, MIN_AVAILABLE, USUAL_DISPERSION
from merx.price.constant_elasticity import ConstantElasticity, from_estimates
from merx.price.forest import grow
from merx.price.grid import Grid
from merx.price.rows import CATEGORY, CONTROLS, PRICE, Rows
from merx.price.shrink import shrink

BLOCK = 4  # weeks of a block: shocks of demand last about as long
ROUNDS = 6  # of the steps that solve the score
FARTHEST = 5.0  # standard deviations that a week's units may lie above what is expected
MEMORY = 4  # weeks over which scores of an item are taken to be dependent
REFUSED_SD = 1.5  # of an elasticity that the data do not tell: beyond grade C


@dataclass(frozen=True)
class DoubleML:
    """Partialling-out with cross-fitting, then each product drawn towards its category and the shop.

    Parameters
    ----------
    folds : int
        Sets of blocks of weeks.
    trees, leaves : int
        Size of a forest.
    learning_rate : float
        Share of each tree's answer that is added.
    least_move : float
        Standard deviation of log price that the controls must leave unexplained; below it the price hardly
        moves of itself, and the product is refused: its own weeks do not count and its interval is wide.
    draws : int
        Draws kept.
    """

    folds: int = 5
    trees: int = 100
    leaves: int = 15
    learning_rate: float = 0.05
    least_move: float = 0.01
    draws: int = 200

    def fit(self, panel: PricePanel) -> "FittedDoubleML":
        """The elasticity of every item of the panel.

        Raises
        ------
        ConfigError
            Where a setting is out of its range.
        FitError
            Where no item was in stock.
        """
        for name, least in (("folds", 2), ("trees", 1), ("leaves", 2), ("least_move", 0), ("draws", 2)):
            if getattr(self, name) < least:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be at least {least}.")
        if not self.learning_rate > 0:
            raise ConfigError(f"learning_rate is {self.learning_rate}; it must be above 0.")
        rows = Rows.of(panel)
        price = rows.X[:, PRICE]
        weight = rows.weight()
        predicted = self._out_of_fold(rows, price, weight, "regression")
        theta = np.full(panel.n_items, LITERATURE_MEAN)
        for _ in range(2):  # the second g is freed of the price's effect by a theta of the shop's own
            usual = rows.usual * np.exp(theta[rows.item] * price)
            counts = usual / (1.0 + USUAL_DISPERSION * usual)
            ratio = self._out_of_fold(rows, rows.units / usual, counts, "poisson")
            found = _solve(rows, np.maximum(ratio, 1e-3) * rows.usual, price - predicted, panel, self)
            theta = np.full(panel.n_items, found.shop)
        grid = Grid.of(panel, MIN_AVAILABLE)
        total = np.sum(weight * (price - np.average(price, weights=weight)) ** 2)
        left = np.sum(weight * (price - predicted) ** 2)
        return FittedDoubleML(
            response=from_estimates(panel.items, grid, found.mean, found.sd, self.draws),
            unexplained=found.unexplained,
            refused=found.refused,
            explained=float(1.0 - left / total) if total > 0 else 0.0,
        )

    def _out_of_fold(self, rows: Rows, y: np.ndarray, weight: np.ndarray, objective: str) -> np.ndarray:
        """What forests of the other folds say of y (n,) given the controls."""
        X = rows.X[:, CONTROLS]
        fold = rows.week // BLOCK % self.folds
        said = np.full(len(y), np.average(y, weights=weight))
        for held in range(self.folds):
            learn, ask = fold != held, fold == held
            if ask.any() and learn.any():
                (forest,) = grow(
                    X[learn],
                    y[learn],
                    weight[None, learn],
                    *(self.trees, self.leaves, self.learning_rate),
                    objective=objective,
                    categorical=(CONTROLS.index(CATEGORY),),
                )
                said[ask] = forest.predict(X[ask], num_threads=1)
        return said


@dataclass(frozen=True)
class FittedDoubleML:
    """Constant-elasticity demand, and how far prices moved of themselves.

    Parameters
    ----------
    response : ConstantElasticity
    unexplained : float64 (I,)
        Standard deviation of log price that the controls leave unexplained: the strength of the first stage.
    refused : bool (I,)
        Where that was too little.
    explained : float
        Share of the variance of log price that the controls explain out of sample; below 0 where none.
    """

    response: ConstantElasticity
    unexplained: np.ndarray
    refused: np.ndarray
    explained: float

    @property
    def items(self) -> Vocabulary:
        """The items it was fitted on."""
        return self.response.items

    @property
    def elasticity(self) -> np.ndarray:
        """Draws, (draws, I)."""
        return self.response.elasticity

    def draws(self, prices: np.ndarray) -> np.ndarray:
        """Draws of the expected units a week, (draws, I, G), at the prices (I, G).

        Raises RequestError where the prices are not one row per item.
        """
        return self.response.draws(prices)

    def demand(self, prices: np.ndarray) -> np.ndarray:
        """Expected units a week, (I, G), at the prices (I, G): the mean of the draws."""
        return self.response.demand(prices)

    def take(self, which: np.ndarray) -> "FittedDoubleML":
        """The same model of the items with the places `which` (n,) alone, in that order."""
        return FittedDoubleML(
            self.response.take(which), self.unexplained[which], self.refused[which], self.explained
        )


@dataclass(frozen=True)
class _Found:
    mean: np.ndarray  # (I,)
    sd: np.ndarray
    unexplained: np.ndarray
    refused: np.ndarray
    shop: float


def _solve(
    rows: Rows, usual: np.ndarray, residual: np.ndarray, panel: PricePanel, config: DoubleML
) -> _Found:
    """Elasticities given g, as the units usual (n,) for each week, and the residual of the price (n,)."""
    items, item, price = panel.n_items, rows.item, rows.X[:, PRICE]
    weight = 1.0 / (1.0 + USUAL_DISPERSION * usual)  # of a week's units
    worth = weight * usual

    def total(values: np.ndarray) -> np.ndarray:  # (n,) -> (I,)
        return np.bincount(item, values, items)

    # About each item's own mean, so that its level drops out.
    whole = np.maximum(total(worth), 1e-12)
    residual = residual - (total(worth * residual) / whole)[item]
    unexplained = np.sqrt(total(worth * residual**2) / whole)
    refused = unexplained < config.least_move

    theta = np.full(items, LITERATURE_MEAN)
    for _ in range(ROUNDS):
        effect = np.exp(theta[item] * price)
        expected = (total(weight * rows.units / effect) / whole)[item] * usual * effect
        most = expected + FARTHEST * np.sqrt(expected + USUAL_DISPERSION * expected**2)
        sold = np.minimum(rows.units, most) / effect  # at the mean price
        level = (total(weight * sold) / whole)[item]
        score = weight * (sold - level * usual) * residual
        slope = total(worth * level * residual**2)
        noise = weight**2 * residual**2 * (level * usual / effect + USUAL_DISPERSION * (level * usual) ** 2)
        ratio = _spread(rows, score, noise)
        safe = np.maximum(slope, 1e-12)
        variance = np.where(refused | (slope < 1e-9), np.inf, ratio * total(noise) / safe**2)
        estimate = theta + np.clip(total(score) / safe, -2.0, 2.0)
        believed = shrink(estimate, variance, panel.category, len(panel.categories))
        theta = believed.mean
    sd = np.where(refused, REFUSED_SD, np.sqrt(believed.variance))
    return _Found(believed.mean, sd, unexplained, refused, believed.shop)


def _spread(rows: Rows, score: np.ndarray, noise: np.ndarray) -> float:
    """The variance of the scores over what independent counts would have, with their memory (Newey-West)."""
    variance = float((score**2).sum())
    for lag in range(1, MEMORY):
        same = (rows.item[lag:] == rows.item[:-lag]) & (rows.week[lag:] - rows.week[:-lag] <= MEMORY)
        variance += 2.0 * (1.0 - lag / MEMORY) * float((score[lag:] * score[:-lag])[same].sum())
    return max(variance / max(float(noise.sum()), 1e-12), 0.5)
