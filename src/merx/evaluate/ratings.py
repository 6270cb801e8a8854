"""How well ratings are predicted: root mean square and mean absolute error over random folds."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from merx.data.contracts import RatingModel, RecommenderConfig
from merx.data.interactions import Interactions
from merx.data.schema import EVENT_CODE


@dataclass(frozen=True)
class RatingFold:
    """Histories without some of their ratings, and these.

    Parameters
    ----------
    train : Interactions (U users)
        All entries but those held out.
    user : int32 (n,), item : int32 (n,), stars : float32 (n,)
        Of the ratings held out.
    """

    train: Interactions
    user: np.ndarray
    item: np.ndarray
    stars: np.ndarray


def hold_out_ratings(histories: Interactions, held_out: np.ndarray) -> RatingFold:
    """Hold the entries out where `held_out` (N,) is true, which must be ratings."""
    return RatingFold(
        histories.keep(~held_out),
        histories.user[held_out],
        histories.item[held_out],
        histories.weight[held_out],
    )


def rating_folds(histories: Interactions, folds: int, seed: int) -> Iterator[RatingFold]:
    """Every rating held out once: the ratings cut into that many random parts of about the same size."""
    rated = np.flatnonzero(histories.event == EVENT_CODE["rate"])
    for part in np.array_split(np.random.default_rng(seed).permutation(rated), folds):
        held_out = np.zeros(len(histories), bool)
        held_out[part] = True
        yield hold_out_ratings(histories, held_out)


def rmse(predicted: np.ndarray, stars: np.ndarray) -> float:
    """Root of the mean square of what n predictions miss by."""
    return float(np.sqrt(np.mean((predicted - stars) ** 2)))


def mae(predicted: np.ndarray, stars: np.ndarray) -> float:
    """Mean of what n predictions miss by, whichever way."""
    return float(np.mean(np.abs(predicted - stars)))


@dataclass(frozen=True)
class RatingScores:
    """Errors of one model, each float64 (folds,), in stars.

    Parameters
    ----------
    rmse, mae : float64 (folds,)
    """

    rmse: np.ndarray
    mae: np.ndarray


def cross_validate(
    config: RecommenderConfig, histories: Interactions, folds: int = 5, seed: int = 0
) -> RatingScores:
    """Fit on all folds but one and predict that one, for each of the `rating_folds`."""
    found = []
    for fold in rating_folds(histories, folds, seed):
        model: RatingModel = config.fit(fold.train)
        predicted = model.predict(fold.train, fold.user, fold.item)
        found.append((rmse(predicted, fold.stars), mae(predicted, fold.stars)))
    return RatingScores(*np.array(found).T)
