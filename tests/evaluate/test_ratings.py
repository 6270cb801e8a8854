"""Errors of predicted ratings, and the folds they are measured on."""

import numpy as np
import pytest

from merx.data.schema import EVENT_CODE
from merx.evaluate.ratings import cross_validate, mae, rating_folds, rmse
from merx.recommend.rating_item_knn import RatingItemKNN
from tests.worlds import random_histories


def test_errors_by_hand():
    predicted, stars = np.array([1.0, 2.0, 5.0]), np.array([1.0, 4.0, 4.0])
    assert rmse(predicted, stars) == pytest.approx(np.sqrt(5 / 3))
    assert mae(predicted, stars) == pytest.approx(1.0)


def test_folds_hold_every_rating_out_once_and_nothing_else():
    histories = random_histories(1)
    n_rated = (histories.event == EVENT_CODE["rate"]).sum()
    held = []
    for fold in rating_folds(histories, 5, seed=3):
        assert len(fold.train) + len(fold.stars) == len(histories)
        assert fold.train.n_users == histories.n_users
        held += list(zip(fold.user.tolist(), fold.item.tolist(), fold.stars.tolist(), strict=True))
    rated = histories.keep(histories.event == EVENT_CODE["rate"])
    assert sorted(held) == sorted(
        zip(rated.user.tolist(), rated.item.tolist(), rated.weight.tolist(), strict=True)
    )
    assert len(held) == n_rated


def test_folds_are_drawn_by_their_seed():
    first, again, other = (next(rating_folds(random_histories(2), 5, seed)) for seed in (0, 0, 1))
    assert first.user.tolist() == again.user.tolist()
    assert first.user.tolist() != other.user.tolist() or first.item.tolist() != other.item.tolist()


def test_cross_validation_is_repeatable_and_one_figure_a_fold():
    scores = [cross_validate(RatingItemKNN(), random_histories(3), folds=3, seed=1) for _ in range(2)]
    assert scores[0].rmse.shape == scores[0].mae.shape == (3,)
    np.testing.assert_array_equal(scores[0].rmse, scores[1].rmse)
    assert (scores[0].rmse >= scores[0].mae).all()
