import numpy as np
import pytest

from merx.forecast import decompose, find_seasons
from tests.forecast.worlds import WEEK


def sums_up(parts):
    np.testing.assert_allclose(
        parts.trend + parts.seasonal + parts.holiday + parts.remainder, parts.observed, atol=1e-9
    )


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
    assert parts.season_lengths == ((season_length,) if 1 < season_length <= length / 2 else ())


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


def test_the_week_and_the_year_are_told_apart():
    rng, t = np.random.default_rng(0), np.arange(3 * 365)
    week = np.resize(WEEK - WEEK.mean(), len(t)) * 10
    year = 8 * np.cos(2 * np.pi * (t - 30) / 365) + 3 * np.cos(4 * np.pi * t / 365)
    y = 60 + 0.01 * t + week + year + rng.normal(0, 3, len(t))
    assert find_seasons(np.log1p(y), "day") == (7, 365)
    parts = decompose(y, (7, 365))
    sums_up(parts)
    assert parts.season_lengths == (7, 365)
    np.testing.assert_allclose(parts.seasonal, parts.seasons.sum(axis=0))
    assert np.corrcoef(parts.seasons[0], week)[0, 1] > 0.96
    assert np.corrcoef(parts.seasons[1], year)[0, 1] > 0.98
    assert np.corrcoef(parts.trend, t)[0, 1] > 0.98
    assert min(parts.seasonal_strengths) > 0.7


def test_hours_have_a_day_and_a_week():
    rng, t = np.random.default_rng(1), np.arange(24 * 7 * 8)
    day = 5 * np.sin(2 * np.pi * t / 24)
    week = np.repeat(np.resize(WEEK - WEEK.mean(), len(t) // 24), 24) * 4
    y = 30 + day + week + rng.normal(0, 1, len(t))
    assert find_seasons(np.log1p(y), "hour") == (24, 168)
    parts = decompose(y, (24, 168))
    assert np.corrcoef(parts.seasonal, day + week)[0, 1] > 0.99
    assert np.corrcoef(parts.seasons[0], day)[0, 1] > 0.98


def test_seasons_that_are_not_there_are_not_found():
    y = np.log1p(np.random.default_rng(2).poisson(20, 1100))
    assert find_seasons(y, "day") == ()
    assert find_seasons(y[:500], "hour") == ()
    assert find_seasons(np.zeros(0), "day") == ()


def test_a_stock_out_is_no_drop():
    rng = np.random.default_rng(3)
    truth = np.resize(20 * WEEK, 210)
    y = truth + rng.normal(0, 1, 210)
    known = np.ones(210, dtype=bool)
    known[100:112] = known[30] = False
    empty = np.where(known, y, 0.0)
    parts = decompose(empty, 7, known=known)
    sums_up(parts)
    assert np.isnan(parts.remainder).tolist() == (~known).tolist()
    np.testing.assert_allclose(parts.trend + parts.seasonal, truth, atol=2.5)
    assert len(parts.changes.at) == len(parts.anomalies) == 0
    blind = decompose(empty, 7)
    assert 100 in blind.anomalies or len(blind.changes.at)  # what it would be taken for


def test_a_holiday_adds_the_same_each_time():
    rng = np.random.default_rng(4)
    y = np.resize(20 * WEEK, 420) + rng.normal(0, 1, 420)
    names = np.full(420, "", dtype=object)
    for name, first, effect in (("fair", 50, 30), ("fair", 300, 30), ("closed", 200, -15)):
        names[first : first + 2] = name
        y[first : first + 2] += effect
    parts = decompose(y, 7, holidays=names.tolist())
    sums_up(parts)
    found = {holiday.name: holiday for holiday in parts.holiday_effects}
    assert found["fair"].effect == pytest.approx(30, abs=2)
    assert found["closed"].effect == pytest.approx(-15, abs=2)
    assert found["fair"].steps == 4 and found["closed"].steps == 2
    assert found["fair"].error < found["closed"].error < 1.5
    assert set(np.flatnonzero(parts.holiday)) == set(np.flatnonzero(names != ""))
    assert len(parts.anomalies) == 0


def test_anomalies_are_the_days_that_were_made_so():
    rng = np.random.default_rng(5)
    y = np.resize(20 * WEEK, 400) + rng.normal(0, 1, 400)
    y[[60, 300]] += (15, -12)
    parts = decompose(y, 7)
    assert parts.anomalies.tolist() == [60, 300]
    assert np.median(parts.score) == pytest.approx(0, abs=1e-9)
    assert np.diff(np.quantile(parts.score, [0.05, 0.95])) == pytest.approx(3.29)
    assert (parts.score[60] > 0) and (parts.score[300] < 0)


def test_steady_sales_have_few_anomalies():
    rng = np.random.default_rng(6)
    found = sum(len(decompose(rng.poisson(10 * np.resize(WEEK, 400)), 7).anomalies) for _ in range(20))
    assert found < 0.005 * 20 * 400


def test_nothing_known():
    parts = decompose(np.ones(30), 7, known=np.zeros(30, dtype=bool))
    assert np.isnan(parts.remainder).all() and np.isnan(parts.observed).all()
    assert parts.trend_strength == parts.seasonal_strength == 0
    assert len(parts.anomalies) == len(parts.changes.at) == 0
