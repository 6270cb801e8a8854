"""Popularity and trends by their definition."""

import numpy as np
import pytest

from merx.recommend.popularity import Popularity
from merx.recommend.trending import Trending
from tests.worlds import interactions, random_histories


@pytest.mark.parametrize(("config", "half_life"), [(Popularity(half_life=7.0), 7.0), (Trending(), 2.0)])
def test_the_score_is_the_sum_of_decayed_weights(config, half_life):
    histories = random_histories(0)
    day = histories.time / 86_400_000_000
    expected = np.zeros(histories.n_items)
    for item, weight, age in zip(histories.item, histories.weight, day.max() - day, strict=True):
        expected[item] += weight * 0.5 ** (age / half_life)
    score = config.fit(histories).score(histories)
    assert (score == score[0]).all()  # one list for all
    np.testing.assert_allclose(score[0], np.where(expected > 0, expected, -np.inf), rtol=1e-5)


def test_a_trend_forgets_what_popularity_remembers():
    histories = interactions(
        [(0, "old", 10.0, 0), (1, "old", 10.0, 1), (0, "new", 3.0, 30)], ["new", "old"], 2
    )
    assert Popularity(half_life=90.0).fit(histories).score(histories)[0].argmax() == 1
    assert Trending().fit(histories).score(histories)[0].argmax() == 0


def test_what_was_sent_back_in_full_is_not_popular():
    histories = interactions([(0, "a", 3.0, 1), (0, "a", -3.0, 1), (1, "b", 1.0, 1)], ["a", "b"], 2)
    assert np.isneginf(Popularity().fit(histories).score(histories)[0, 0])
