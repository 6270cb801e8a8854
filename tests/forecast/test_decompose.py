import numpy as np
import pytest

from merx.forecast import decompose
from tests.forecast.worlds import WEEK


def sums_up(parts):
    np.testing.assert_allclose(parts.trend + parts.seasonal + parts.remainder, parts.observed, atol=1e-9)


def test_a_line_and_a_week_are_told_apart():
    line, week = 10 + 0.1 * np.arange(140), np.resize(WEEK - WEEK.mean(), 140) * 4
    parts = decompose(line + week + np.random.default_rng(0).normal(0, 0.1, 140), 7)
    sums_up(parts)
    np.testing.assert_allclose(parts.trend, line, atol=0.25)
    np.testing.assert_allclose(parts.seasonal, week, atol=0.25)
    assert parts.trend_strength > 0.98
    assert parts.seasonal_strength > 0.98


def test_noise_has_little_season():
    parts = decompose(np.random.default_rng(0).normal(size=364), 7)
    sums_up(parts)
    assert parts.seasonal_strength < 0.35
    assert parts.trend_strength < 0.35


def test_strengths_are_those_of_the_book():
    parts = decompose(np.random.default_rng(1).poisson(np.resize(6 * WEEK, 200)).astype(float), 7)
    r = np.var(parts.remainder)
    assert parts.seasonal_strength == pytest.approx(1 - r / np.var(parts.seasonal + parts.remainder))
    assert parts.trend_strength == pytest.approx(max(0, 1 - r / np.var(parts.trend + parts.remainder)))


def test_one_huge_order_goes_to_the_remainder():
    y = np.resize(10 * WEEK, 140) + np.random.default_rng(0).normal(0, 1, 140)
    y[70] += 1000
    parts = decompose(y, 7)
    assert parts.remainder[70] > 900
    np.testing.assert_allclose(parts.seasonal, np.resize(10 * (WEEK - WEEK.mean()), 140), atol=3)


def test_a_slow_product_keeps_its_rate_as_trend():
    y = np.random.default_rng(0).poisson(0.1, 210).astype(float)
    parts = decompose(y, 7)
    assert parts.trend.mean() == pytest.approx(y.mean(), rel=0.1)


@pytest.mark.parametrize("length", [0, 1, 2, 3, 5, 13, 14, 15, 40])
@pytest.mark.parametrize("season_length", [1, 7, 52])
@pytest.mark.parametrize("value", [0.0, 3.0])
def test_short_and_constant_series(length, season_length, value):
    parts = decompose(np.full(length, value), season_length)
    sums_up(parts)
    assert parts.trend_strength == parts.seasonal_strength == 0
    assert parts.season_length == (season_length if length >= 2 * season_length else 1)


def test_mostly_zeros():
    y = (np.random.default_rng(0).random(100) < 0.04) * 1.0
    parts = decompose(y, 7)
    sums_up(parts)
    assert 0 <= parts.seasonal_strength <= 1


def test_a_year_of_weeks():
    year = 3 * np.sin(2 * np.pi * np.arange(160) / 52)
    parts = decompose(20 + year + np.random.default_rng(0).normal(0, 0.2, 160), 52)
    sums_up(parts)
    assert parts.seasonal_strength > 0.9


def test_the_input_is_kept_apart():
    y = np.resize(WEEK, 30)
    parts = decompose(y, 7)
    parts.observed[:] = 0
    assert y[0] == WEEK[0]
