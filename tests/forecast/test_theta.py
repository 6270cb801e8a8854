"""Theta: its season, its drift, and its intervals."""

import numpy as np
import pytest

from merx.evaluate.forecasting import backtest
from merx.forecast import SeasonalNaive, Theta
from merx.forecast.theta import _seasonal_means
from tests.forecast.worlds import WEEK, panel_of, weekly_season

PROBS = np.array([0.1, 0.5, 0.9])


@pytest.mark.parametrize("m", [7, 12])
def test_the_season_is_found_beside_a_trend(m):
    season = np.sin(2 * np.pi * np.arange(m) / m)
    y = 3 + 0.01 * np.arange(5 * m + 3) + season[np.arange(5 * m + 3) % m]
    np.testing.assert_allclose(_seasonal_means(y, m), season - season.mean(), atol=1e-12)


def test_it_carries_on_a_part_of_the_growth():
    """The simple theta drifts by half the slope (Hyndman & Billah 2003), the optimised by up to all of it."""
    rng = np.random.default_rng(0)
    z = 3 + 0.01 * np.arange(150) + rng.normal(0, 0.05, 150)
    fitted = Theta(horizon=20, season_length=1).fit(panel_of([np.expm1(z)]))
    drift = np.diff(fitted.predictive.location[0]).mean()
    assert 0.003 < drift < 0.0105


def test_coverage_bias_and_error_on_counts():
    panel = weekly_season(30, 365, level=5, dispersion=2, seed=5)
    scores = backtest(Theta(horizon=28), panel, 28)
    means = scores.means()
    assert 0.75 < means["coverage_80"] < 0.9
    assert 0.92 < means["coverage_95"] < 0.99
    assert abs(scores.bias) < 0.1
    assert means["mase"] < 0.9 * means["naive_mase"]


def test_a_season_and_its_lack_are_named():
    y = np.random.default_rng(0).poisson(np.resize(30 * WEEK, 182))
    panel = panel_of([y, [1.0, 2.0], np.zeros(40)])
    assert Theta(horizon=7).fit(panel).specification == (
        "Theta[7]",
        "mean: 2 steps are too few",
        "mean: nothing sold",
    )
    assert Theta(horizon=7, season_length=1).fit(panel).specification[0] == "Theta"
    ahead = Theta(horizon=14).fit(panel).forecast(14, PROBS)
    np.testing.assert_allclose(np.diff(ahead.mean[0, :14].reshape(2, 7), axis=0) / 30, 0, atol=0.05)
    naive = SeasonalNaive(horizon=14).fit(panel).forecast(14, PROBS)
    assert np.corrcoef(ahead.mean[0], naive.mean[0])[0, 1] > 0.9
