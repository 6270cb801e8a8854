"""Figures of merit of prices, by hand."""

import numpy as np
import pytest

from merx.evaluate.pricing import elasticity_error, interval_coverage, profit_regret


def test_profit_regret_by_hand():
    regret = profit_regret(np.array([9.0, 10.0]), np.array([8.0, 8.0]), np.array([10.0, 10.0]))
    assert regret.regret == pytest.approx(1 / 20)
    assert regret.regret_now == pytest.approx(4 / 20)
    assert regret.gain_share == pytest.approx(3 / 4)
    assert np.isnan(profit_regret(np.ones(2), np.ones(2), np.ones(2)).gain_share)


def test_elasticity_error_by_hand():
    error = elasticity_error(np.array([-2.0, -3.0, -1.0]), np.array([-2.5, -3.5, -1.5]))
    assert error.rmse == pytest.approx(0.5)
    assert error.bias == pytest.approx(0.5)
    assert error.rank_correlation == pytest.approx(1.0)
    assert np.isnan(elasticity_error(np.zeros(3), np.arange(3.0)).rank_correlation)


def test_interval_coverage_by_hand():
    draws = np.linspace(0, 1, 101)[:, None] * np.ones(4)
    assert interval_coverage(draws, np.array([0.5, 0.15, 0.05, 2.0])).tolist() == [0.5, 0.75]
