"""Boosted: one forest for all series, learning what follows from a series' past, its groups and its price."""

from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc

from merx.data.contracts import Progress
from merx.data.panel import Panel
from merx.data.results import Forecast
from merx.data.vocabulary import Vocabulary
from merx.errors import FitError
from merx.forecast.boosted_features import Past, Rows, with_covariates
from merx.forecast.boosted_spread import Spread, place_in
from merx.forecast.boosted_training import (
    SpreadForest,
    draw,
    grow_mean,
    grow_spread,
    mean_of,
    rows_ahead,
    told,
)
from merx.forecast.covariates import Plan
from merx.forecast.predictive import check_config, check_request
from merx.forecast.season import CANDIDATE
from merx.tunable import between

HELD = 5
"""A fifth of `rows` is held out for the spread."""


@dataclass(frozen=True)
class Boosted:
    """Gradient-boosted trees, learnt from all series together.

    The mean of step h after the origin t is

        mu_{t+h} = level_t exp(f(x_{t,h}))

    where level_t is the mean of the last four weeks or so, drawn towards that of the first group (its
    category) where little was seen, and f a forest over what was known at t (means over windows and over the
    same point of earlier cycles, relative to the level; whether the groups rise or fall), the calendar, and
    the covariates of the step (price, promotion, holidays) as such and less their mean over the window of
    the level. h is a feature too: one forest forecasts every step ahead, directly. f minimises the Poisson
    deviance, so that a forecast is never negative and sums over series are right, and a new product begins
    at the level of its category.

    The distribution is negative binomial with that mean. A second forest learns the variance on the last
    2 horizons, from the errors of one that had not seen them, and the quantiles are corrected there
    (`merx.forecast.boosted_spread`).

    Steps that were not available (stock-outs) are neither learnt from nor counted in any mean, and a bulk
    order counts as in the other models (`merx.forecast.predictive.BULK`).

    Parameters
    ----------
    horizon : int
        Steps ahead that the fitted model can answer.
    season_length : int
        Steps in a cycle; 0: that of the step (7 days, 52 weeks), 1: none. Series of less than two cycles
        have none.
    trees, leaves : int
        Size of the forest.
    learning_rate : float
        Share of each tree's answer that is added.
    rows : int
        Steps that it learns from, at most; drawn at random.

    Notes
    -----
    Sources: Friedman, Greedy function approximation, Annals of Statistics 29 (2001); Ke et al., LightGBM
    (2017); Makridakis, Spiliotis & Assimakopoulos, M5 accuracy competition (2022), most of whose best
    entries were such forests.
    """

    horizon: int = 28
    season_length: int = 0
    trees: int = between(300, 50, 1000, log=True)
    leaves: int = between(63, 7, 255, log=True)
    learning_rate: float = between(0.05, 0.01, 0.3, log=True)
    rows: int = 1_000_000

    def fit(self, panel: Panel, progress: Progress | None = None) -> "FittedBoosted":
        """Learn from all series of the panel together, whatever their order.

        `progress` is told after each of three parts. Raises ConfigError on an impossible config.
        """
        check_config(self.horizon, self.season_length)
        tell = progress or (lambda *_: None)
        H, cycle = self.horizon, self.season_length or CANDIDATE[panel.step]
        past = Past.of(panel, cycle)
        length = past.panel.length
        split = np.maximum(length - 2 * H, 0)

        size = (self.trees, self.leaves, self.learning_rate)
        forest = grow_mean(draw(past, np.zeros_like(split), split, H, self.rows), *size)
        held = draw(past, split, length, H, self.rows // HELD)
        mean = mean_of(forest, held.rows)
        tell("forest before the steps held out", 1, 3)
        spreading = grow_spread(held, mean)
        spread = Spread.of(place_in(held.sold, mean, spreading.shape(held.rows, mean)), held.ahead, H)
        tell("spread of the steps held out", 2, 3)
        del held

        forest = grow_mean(draw(past, np.zeros_like(split), length, H, self.rows), *size)
        fitted = _answer(panel, past, H, cycle, forest, spreading, spread)
        tell("forest", 3, 3)
        return fitted

    def update(self, fitted: "FittedBoosted", panel: Panel) -> "FittedBoosted":
        """The forests of `fitted` at the end of a panel that has gone on: a small part of the time of a fit.

        Series may have come and gone. Raises FitError where the step, covariates or groups are not those of
        the fit.
        """
        past = Past.of(panel, fitted.cycle)
        if (panel.step, tuple(past.names)) != (fitted.step, fitted.feature_names):
            raise FitError(
                f"The forest was grown on {fitted.step}s with {', '.join(fitted.feature_names)}; the "
                f"panel has {panel.step}s with {', '.join(past.names)}. Fit again."
            )
        return _answer(
            panel, past, self.horizon, fitted.cycle, fitted.forest, fitted.spreading, fitted.spread
        )


@dataclass(frozen=True)
class FittedBoosted:
    """The forests, and what they say of the fitted horizon under the plan of the covariates.

    Parameters
    ----------
    keys : Vocabulary (S,)
    start : int64 (S,)
        First step forecast, on the clock of the step (`merx.data.panel.CLOCK`) since 1970.
    step : "hour", "day", "week" or "month"
    specification : tuple of S str
        Such as "forest of 300 trees", or with the reason why a series begins at the level of its group.
    season_length : int64 (S,)
        1 where there is none.
    cycle : int
        Steps in a cycle of series that are long enough.
    feature_names : tuple of F str
    features : float32 (S, H, F)
        What is known of each step; the last 2 K are the K covariates, each followed by its change.
    level : float64 (S,)
        Units a step, before the forest.
    mean, shape : float64 (S, H)
        Of the negative binomials.
    forest : str
        In LightGBM's text format; "" where there was too little to learn from.
    spreading : SpreadForest
    spread : Spread
    plan : Plan
        What the panel planned of its covariates.
    """

    keys: Vocabulary
    start: np.ndarray
    step: str
    specification: tuple[str, ...]
    season_length: np.ndarray
    cycle: int
    feature_names: tuple[str, ...]
    features: np.ndarray
    level: np.ndarray
    mean: np.ndarray
    shape: np.ndarray
    forest: str
    spreading: SpreadForest
    spread: Spread
    plan: Plan

    def forecast(self, horizon: int, probs: np.ndarray, exog: np.ndarray | None = None) -> Forecast:
        """The next `horizon` steps of every series: mean and quantiles in units.

        Parameters
        ----------
        exog : float64 (S, horizon, K), optional
            What the covariates will be; None: as the panel planned.

        Raises RequestError where the horizon is beyond the fitted one, a covariate is missing, or `probs`
        are not ascending between 0 and 1.
        """
        probs = check_request(horizon, self.mean.shape[1], probs)
        planned = self.plan.ahead(horizon, exog)
        mean, shape = self.mean[:, :horizon].copy(), self.shape[:, :horizon]
        if exog is not None and self.plan.names:
            mean, shape = self._under(planned)
        return Forecast(
            self.keys, self.start, self.step, mean, self.spread.quantile(mean, shape, probs), probs
        )

    def quantile_around(self, mean: np.ndarray, probs: np.ndarray) -> np.ndarray:
        """Quantiles (S, h, Q) around other means (S, h), with the shapes of the plan."""
        return self.spread.quantile(mean, self.shape[:, : mean.shape[1]], probs)

    def effects(self, series: int, horizon: int) -> dict[str, float]:
        """How much more one series sells over the next `horizon` steps for the plan of each covariate.

        As a share, by name: against the same forecast with that covariate at its mean of the last weeks, and
        the others as planned. 0 where nothing out of the usual is planned.
        """
        X, F = self.features[series, :horizon], self.features.shape[2]
        level = np.full(horizon, self.level[series])
        planned, found = mean_of(self.forest, Rows(X, level)).sum(), {}
        for place, name in enumerate(self.plan.names):
            value = F - 2 * (len(self.plan.names) - place)
            usual = X.copy()
            usual[:, value] -= usual[:, value + 1]
            usual[:, value + 1] = 0.0
            found[name] = float(planned / mean_of(self.forest, Rows(usual, level)).sum() - 1)
        return found

    def _under(self, exog: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and shape, each (S, h), with covariates (S, h, K) other than planned."""
        S, horizon, _ = exog.shape
        X = with_covariates(self.features[:, :horizon], exog)
        rows = Rows(X.reshape(S * horizon, -1), np.repeat(self.level, horizon))
        mean = mean_of(self.forest, rows)
        return mean.reshape(S, horizon), self.spreading.shape(rows, mean).reshape(S, horizon)


def _answer(
    panel: Panel, past: Past, horizon: int, cycle: int, forest: str, spreading: SpreadForest, spread: Spread
) -> FittedBoosted:
    """What the forests say of the steps after the end of a panel."""
    S, order = panel.n_series, pc.sort_indices(panel.keys.ids).to_numpy()
    back, plan = np.argsort(order), Plan.of(panel)
    rows = rows_ahead(past, horizon, plan.value[order])
    mean = mean_of(forest, rows)
    trees = f"forest of {forest.count('Tree=')} trees" if forest else "level: too few steps for a forest"
    return FittedBoosted(
        keys=panel.keys,
        start=panel.end,
        step=panel.step,
        specification=told(trees, panel),
        season_length=past.season_length[back],
        cycle=cycle,
        feature_names=tuple(past.names),
        features=rows.X.reshape(S, horizon, len(past.names))[back],
        level=rows.level.reshape(S, horizon)[back, 0],
        mean=mean.reshape(S, horizon)[back],
        shape=spreading.shape(rows, mean).reshape(S, horizon)[back],
        forest=forest,
        spreading=spreading,
        spread=spread,
        plan=plan,
    )
