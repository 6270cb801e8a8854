import numpy as np
import pytest

from merx.forecast.season import find_season, season_of, seasonal_profile
from tests.forecast.worlds import WEEK


def test_a_week_is_found():
    y = np.log1p(np.random.default_rng(0).poisson(np.resize(5 * WEEK, 140)))
    assert find_season(y, "day") == 7


def test_noise_has_no_season():
    found = [find_season(np.random.default_rng(s).normal(size=140), "day") for s in range(100)]
    assert found.count(7) <= 10  # 5 % by the test's own level


def test_a_trend_is_no_season():
    assert find_season(np.arange(100.0), "day") == 1


def test_a_year_of_weeks_is_found_with_two_cycles_and_not_with_less():
    year = np.sin(2 * np.pi * np.arange(200) / 52) + np.random.default_rng(0).normal(0, 0.3, 200)
    assert find_season(year[:104], "week") == 52
    assert find_season(year[:103], "week") == 1


def test_a_random_walk_of_weeks_has_no_year():
    rng = np.random.default_rng(0)
    found = [find_season(np.cumsum(rng.normal(size=156)) + rng.normal(size=156), "week") for _ in range(100)]
    assert found.count(52) <= 5


@pytest.mark.parametrize("length", [0, 1, 13, 14, 15])
def test_short_and_constant_series_have_none(length):
    assert find_season(np.full(length, 3.0), "day") == 1


def test_a_given_season_is_taken_where_two_cycles_were_seen():
    assert season_of(np.arange(24.0), "day", 12) == 12
    assert season_of(np.arange(23.0), "day", 12) == 1
    assert season_of(np.arange(23.0), "day", 1) == 1


@pytest.mark.parametrize("phase", [0.0, 1.0, 2.5])
def test_the_profile_of_a_cycle_on_a_line_is_that_cycle(phase):
    cycle = np.sin(2 * np.pi * np.arange(52) / 52 + phase)
    profile = seasonal_profile(np.resize(5 + cycle, 180) + 0.01 * np.arange(180), 52)
    np.testing.assert_allclose(profile, cycle, atol=0.06)
    assert abs(profile.sum()) < 1e-9


def test_a_week_less_its_closed_days_is_found_and_given_seasons_shrink_with_it():
    y = np.log1p(np.random.default_rng(0).poisson(np.resize([5.0, 9, 5, 7, 6, 20], 140)))
    assert find_season(y, "day", week=6) == 6
    assert season_of(y, "day", 7, week=6) == 6
    assert season_of(y, "day", 14, week=5) == 10
    assert season_of(y, "day", 12, week=6) == 12
    assert find_season(y, "day", week=1) == 1
