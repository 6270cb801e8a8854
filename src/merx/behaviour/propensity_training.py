"""What propensities learn from: past days, what was known of shoppers before them, and what came after."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit

from merx.behaviour.activity_features import features
from merx.behaviour.calibration import platt, reliability
from merx.behaviour.ranks import auc, rank_correlation
from merx.data.activity import Activity
from merx.errors import FitError
from merx.kernels.threads import THREADS

MEMORY = 28  # days before the first day learnt from
SPANS = 3  # one to learn, one to calibrate, one to test, at least
FEWEST = 100  # shoppers who did it, and as many who did not, among those learnt from
LATE = 20  # the same among those calibrated or tested on
MOST = 200_000  # shoppers of one span are learnt from, at most
IN_LEAF, OF_FEATURES, OF_ROWS = 20, 0.8, 0.7  # rows of a leaf, at least; shares that a tree sees
FLOOR = 1e-9  # of an amount
FOR_THREADS = 20_000  # rows below which a second thread waits more than it works


@dataclass(frozen=True)
class Goal:
    """What is foretold.

    Parameters
    ----------
    name, words : str
        `words` say who counts as having done it.
    active : int
        It is about shoppers who were active in so many days before.
    ahead : int
        Days that it is about.
    amount : bool
        An amount, not a chance.
    """

    name: str
    words: str
    active: int
    ahead: int
    amount: bool = False


PURCHASE = Goal("purchase", "ordered", 28, 7)
CHURN = Goal("churn", "stayed away", 7, 7)
REVENUE = Goal("revenue", "ordered", 28, 28, amount=True)
GOALS = {goal.name: goal for goal in (PURCHASE, CHURN, REVENUE)}


@dataclass(frozen=True)
class Lesson:
    """Shoppers as they were before some day, and what they did after.

    Parameters
    ----------
    features : float32 (n, K)
    outcome : float64 (n,)
        1 or 0, or an amount.
    """

    features: np.ndarray
    outcome: np.ndarray


def outcome(activity: Activity, goal: Goal, user: np.ndarray, day: int) -> np.ndarray:
    """What the shoppers (n,) did from that day on, float64 (n,): 1 or 0, or an amount."""
    after = activity.between(user, day, day + goal.ahead)
    if goal is PURCHASE:
        return np.asarray(after["order_days"] > 0, np.float64)
    if goal is CHURN:
        return np.asarray(after["days"] == 0, np.float64)
    return after["revenue"]


def lessons(activity: Activity, goal: Goal, windows: int) -> list[Lesson]:
    """Of the last spans that are over, newest first; they do not overlap. The last day may not be over."""
    rng = np.random.default_rng(0)
    found = []
    for number in range(1, windows + 1):
        day = activity.end - 1 - number * goal.ahead
        if day - activity.first < MEMORY:
            break
        user = activity.active(day - goal.active, day)
        if len(user) > MOST:
            user = np.sort(rng.choice(user, MOST, replace=False))
        found.append(Lesson(features(activity, user, day), outcome(activity, goal, user, day)))
    return found


def learn(
    activity: Activity, goal: Goal, windows: int, trees: int, leaves: int, learning_rate: float
) -> dict[str, Any]:
    """The fields of a fitted propensity.

    The newest quarter of the spans tests a forest that has learnt from the older half and was calibrated on
    the quarter between. The forest given is one quarter further: calibrated on the newest, learnt from all
    others. Several weeks together, because each has a level of its own.

    Raises
    ------
    FitError
        The history is too short, or too few shoppers did it or did not.
    """
    found = lessons(activity, goal, windows)
    late = max(1, len(found) // 4)
    _check(found, late, goal, activity)
    newest, second = joined(found[:late]), joined(found[late : 2 * late])
    forest = train(joined(found[2 * late :]), goal, trees, leaves, learning_rate)
    stretch, shift = calibrate(goal, _said(forest, second), second.outcome)
    said = stretch * _said(forest, newest) + shift
    predicted = np.exp(said) if goal.amount else expit(said)
    order = rank_correlation(said, newest.outcome) if goal.amount else auc(said, newest.outcome > 0)

    forest = train(joined(found[late:]), goal, trees, leaves, learning_rate)
    stretch, shift = calibrate(goal, _said(forest, newest), newest.outcome)
    return {
        "forest": forest,
        "stretch": stretch,
        "shift": shift,
        "tested": reliability(predicted, newest.outcome),
        "order": order,
        "base": float(newest.outcome.mean()),
        "shoppers": len(newest.outcome),
    }


def calibrate(goal: Goal, said: np.ndarray, outcome: np.ndarray) -> tuple[float, float]:
    """The stretch and the shift of what the forest says; of an amount the shift alone, to the right sum."""
    if not goal.amount:
        return platt(said, outcome > 0)
    return 1.0, float(np.log(max(outcome.sum(), FLOOR) / np.exp(said).sum()))


def joined(lessons: list[Lesson]) -> Lesson:
    """One after the other."""
    return Lesson(
        np.concatenate([one.features for one in lessons]), np.concatenate([one.outcome for one in lessons])
    )


def train(lesson: Lesson, goal: Goal, trees: int, leaves: int, learning_rate: float) -> str:
    """The forest, in LightGBM's text format; an amount is taken for mostly 0, now and then much (Tweedie)."""
    return grow(
        lesson.features,
        lesson.outcome,
        "tweedie" if goal.amount else "binary",
        trees,
        leaves,
        learning_rate,
    )


def grow(
    features: np.ndarray, outcome: np.ndarray, objective: str, trees: int, leaves: int, learning_rate: float
) -> str:
    """A forest over features (n, K) and outcomes (n,), in LightGBM's text format."""
    import lightgbm

    forest = lightgbm.train(
        {
            "objective": objective,
            "num_leaves": leaves,
            "learning_rate": learning_rate,
            "min_data_in_leaf": IN_LEAF,
            "feature_fraction": OF_FEATURES,
            "bagging_fraction": OF_ROWS,
            "bagging_freq": 1,
            "lambda_l2": 1.0,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": threads(len(features)),
            "seed": 0,
            "verbosity": -1,
        },
        lightgbm.Dataset(features, outcome),
        trees,
    )
    return str(forest.model_to_string())


def raw(booster: Any, features: np.ndarray) -> np.ndarray:
    """What a forest says of (n, K) before its link, float64 (n,)."""
    return np.asarray(
        booster.predict(features, raw_score=True, num_threads=threads(len(features))), np.float64
    )


def threads(rows: int) -> int:
    """How many threads a forest works with on so many rows."""
    return THREADS if rows >= FOR_THREADS else 1


def _said(forest: str, lesson: Lesson) -> np.ndarray:
    import lightgbm

    return raw(lightgbm.Booster(model_str=forest), lesson.features)


def _check(found: list[Lesson], late: int, goal: Goal, activity: Activity) -> None:
    if len(found) < SPANS:
        days, needed = activity.end - activity.first, MEMORY + SPANS * goal.ahead + 1
        raise FitError(
            f"{goal.name}: the events span {days:,} days, and it takes {needed}: {MEMORY} to know shoppers, "
            f"and {SPANS} times {goal.ahead} to learn, to calibrate and to test. Ingest a longer history."
        )
    for use, some, fewest in (
        ("to learn from", found[2 * late :], FEWEST),
        ("to calibrate on", found[late : 2 * late], LATE),
        ("to test on", found[:late], LATE),
    ):
        did = sum(int(np.count_nonzero(one.outcome > 0)) for one in some)
        did_not = sum(len(one.outcome) for one in some) - did
        if min(did, did_not) < fewest:
            raise FitError(
                f"{goal.name}: {did:,} shoppers {goal.words} and {did_not:,} did not among those {use}, and "
                f"it takes {fewest} of each. Ingest a longer history, or events of more shoppers."
            )
