"""Propensities: who buys, who stays away, and how much is bought, by forests over what shoppers did lately.

The three are those of Google Analytics 4 ("Predictive metrics", Analytics Help). The forests are gradient
boosted trees (Friedman, Greedy function approximation, Annals of Statistics 29, 2001; LightGBM).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.special import expit

from merx.behaviour.activity_features import FEATURES, features
from merx.behaviour.calibration import Reliability
from merx.behaviour.propensity_training import CHURN, GOALS, PURCHASE, REVENUE, Goal, learn, raw, threads
from merx.data.activity import Activity
from merx.data.results import Attribution


@dataclass(frozen=True)
class Purchase:
    """The chance that a shopper active in the last 28 days orders within the next 7.

    Parameters
    ----------
    windows : int
        Past spans of 7 days that it learns from, at most.
    trees, leaves : int
        Size of the forest.
    learning_rate : float
        Share of each tree's answer that is added.
    """

    windows: int = 16
    trees: int = 200
    leaves: int = 16
    learning_rate: float = 0.03

    def fit(self, activity: Activity) -> "FittedPropensity":
        """Learn from past spans. Raises FitError where the data do not carry it."""
        return _fit(activity, PURCHASE, self)


@dataclass(frozen=True)
class Churn:
    """The chance that a shopper active in the last 7 days does nothing in the next 7.

    Parameters
    ----------
    windows : int
        Past spans of 7 days that it learns from, at most.
    trees, leaves : int
        Size of the forest.
    learning_rate : float
        Share of each tree's answer that is added.
    """

    windows: int = 16
    trees: int = 200
    leaves: int = 16
    learning_rate: float = 0.03

    def fit(self, activity: Activity) -> "FittedPropensity":
        """Learn from past spans. Raises FitError where the data do not carry it."""
        return _fit(activity, CHURN, self)


@dataclass(frozen=True)
class Revenue:
    """What a shopper active in the last 28 days is expected to order for in the next 28.

    Parameters
    ----------
    windows : int
        Past spans of 28 days that it learns from, at most.
    trees, leaves : int
        Size of the forest.
    learning_rate : float
        Share of each tree's answer that is added.
    """

    windows: int = 6
    trees: int = 200
    leaves: int = 16
    learning_rate: float = 0.03

    def fit(self, activity: Activity) -> "FittedPropensity":
        """Learn from past spans. Raises FitError where the data do not carry it."""
        return _fit(activity, REVENUE, self)


@dataclass(frozen=True)
class FittedPropensity:
    """Parameters
    ----------
    goal : str
        "purchase", "churn" or "revenue".
    forest : str
        In LightGBM's text format.
    stretch, shift : float
        Of what the forest says, found on a later span than it learnt from.
    tested : Reliability
        Of a forest learnt and calibrated in the same way on earlier spans, on spans that it had not seen.
    order : float
        There: the AUC, for revenue the rank correlation.
    base : float
        There: the mean of what came.
    shoppers : int
        There.
    """

    goal: str
    forest: str
    stretch: float
    shift: float
    tested: Reliability
    order: float
    base: float
    shoppers: int

    @property
    def target(self) -> Goal:
        """Whom and which days it is about."""
        return GOALS[self.goal]

    def predict(self, activity: Activity) -> np.ndarray:
        """A chance or an amount as of the end of the activity, float64 (U,), NaN for who was not active."""
        found = np.full(activity.n_users, np.nan)
        user = activity.active(activity.end - self.target.active, activity.end)
        if len(user):
            said = raw(self._booster, features(activity, user, activity.end))
            found[user] = link(self.target, self.stretch * said + self.shift)
        return found

    def explain(self, activity: Activity, user: np.ndarray) -> Attribution:
        """What moves the prediction of the shoppers (n,): Shapley values of the forest's features.

        Lundberg et al., From local explanations to global understanding with explainable AI for trees,
        Nature Machine Intelligence 2 (2020).
        """
        value = features(activity, np.asarray(user), activity.end)
        said = self._booster.predict(value, pred_contrib=True, num_threads=threads(len(value)))
        part = self.stretch * said  # (n, K + 1)
        return Attribution(FEATURES, part[:, -1] + self.shift, part[:, :-1], value.astype(np.float64))

    @cached_property
    def _booster(self) -> Any:
        import lightgbm

        return lightgbm.Booster(model_str=self.forest)


FittedPurchase = FittedChurn = FittedRevenue = FittedPropensity  # one record, of which `goal` is told


def link(goal: Goal, said: np.ndarray) -> np.ndarray:
    """From the scale on which parts add up to a chance or an amount."""
    return np.asarray(np.exp(said) if goal.amount else expit(said))


def _fit(activity: Activity, goal: Goal, config: Purchase | Churn | Revenue) -> FittedPropensity:
    learnt = learn(activity, goal, config.windows, config.trees, config.leaves, config.learning_rate)
    return FittedPropensity(goal.name, **learnt)
