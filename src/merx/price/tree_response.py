"""A decision tree as a price response: a dozen rules that a merchant can read.

Breiman, Friedman, Olshen and Stone, Classification and Regression Trees (1984). A leaf holds the units sold
there over the usual units of the same weeks. One tree follows the chances of its weeks, so what is expected
is the mean over trees of resampled weeks (bagging: Breiman 1996), and their spread is the draws.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from merx.data.panel import PricePanel
from merx.data.vocabulary import Vocabulary
from merx.errors import ConfigError
from merx.price.curve import FEWEST, STEP, DemandCurve, along_the_curve
from merx.price.forest import grow
from merx.price.rows import NAMES, Rows

READABLE = tuple(NAMES.index(name) for name in ("price", "promotion", "season_sin", "lag_1", "market"))


@dataclass(frozen=True)
class TreeResponse:
    """A regression tree of all items together, monotone in the price.

    Parameters
    ----------
    leaves : int
        Rules, at most.
    draws : int
        Trees grown, each on the weeks as the Bayesian bootstrap weighs them.
    """

    leaves: int = 16
    draws: int = 50

    def fit(self, panel: PricePanel) -> "FittedTreeResponse":
        """The rules, and the curve of every item of the panel.

        Raises
        ------
        ConfigError
            Where a setting is below 2.
        FitError
            Where no item was in stock.
        """
        for name in ("leaves", "draws"):
            if getattr(self, name) < 2:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be at least 2.")
        rows = Rows.of(panel)
        weight = rows.weight()
        first, *trees = grow(
            rows.X[:, READABLE],
            rows.units / rows.usual,
            np.concatenate([weight[None], weight * rows.resampled(self.draws)]),
            *(1, self.leaves, 1.0),
            objective="regression",  # with these weights a leaf is units over usual units
            monotone=(-1, 0, 0, 0, 0),
        )
        X = along_the_curve(rows, panel.price_now)[:, READABLE]
        ratio = np.stack([tree.predict(X, num_threads=1) for tree in trees])  # (draws, I x 73)
        units = rows.level[:, None] * ratio.reshape(self.draws, panel.n_items, len(STEP))
        return FittedTreeResponse(
            curve=DemandCurve.of(panel.items, panel.price_now, np.log(np.maximum(units, FEWEST))),
            rules=_rules(first.dump_model()["tree_info"][0]["tree_structure"]),
        )


@dataclass(frozen=True)
class FittedTreeResponse:
    """The rules of one tree, and the curves of its resampled fellows.

    Parameters
    ----------
    curve : DemandCurve
    rules : tuple of str
        The tree of all weeks, a rule for each leaf, from the highest price to the lowest: "price over
        1.04 times its mean, not on promotion: 0.71 times the usual units (1,204 weeks)".
    """

    curve: DemandCurve
    rules: tuple[str, ...]

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

    def take(self, which: np.ndarray) -> "FittedTreeResponse":
        """The same model of the items with the places `which` (n,) alone, in that order."""
        return replace(self, curve=self.curve.take(which))


def _rules(root: dict[str, Any]) -> tuple[str, ...]:
    """A line for each leaf of LightGBM's tree."""
    leaves: list[tuple[dict[int, tuple[float, float]], float, int]] = []

    def walk(node: dict[str, Any], bounds: dict[int, tuple[float, float]]) -> None:
        if "leaf_value" in node:
            leaves.append((bounds, node["leaf_value"], node.get("leaf_count", 0)))
            return
        column, cut = node["split_feature"], node["threshold"]
        low, high = bounds.get(column, (-np.inf, np.inf))
        walk(node["left_child"], {**bounds, column: (low, min(high, cut))})
        walk(node["right_child"], {**bounds, column: (max(low, cut), high)})

    walk(root, {})
    leaves.sort(key=lambda leaf: leaf[1])
    return tuple(
        f"{', '.join(_words(column, *bounds[column]) for column in sorted(bounds)) or 'always'}: "
        f"{max(value, 0.0):.2f} times the usual units ({count:,} weeks)"
        for bounds, value, count in leaves
    )


def _words(column: int, low: float, high: float) -> str:
    """One condition, such as "price 0.91 to 1.04 times its mean"."""
    name = ("price", "promotion", "season", "sales of the week before", "sales of its category")[column]
    if name == "promotion":
        return "not on promotion" if high < 0.01 else f"promotion for {_between(low, high)} of the week"
    if name == "season":
        return f"season (-1 in October, 1 in April) {_between(low, high)}"
    return (
        f"{name} {_between(np.exp(low), np.exp(high))} times {'its mean' if name == 'price' else 'the usual'}"
    )


def _between(low: float, high: float) -> str:
    if low <= 0.01 or not np.isfinite(low):
        return f"up to {high:.2f}" if np.isfinite(high) else "some"
    return f"{low:.2f} to {high:.2f}" if np.isfinite(high) else f"over {low:.2f}"
