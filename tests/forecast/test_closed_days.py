"""Days on which a shop is closed: forecast as 0 where they recur, and no demand where they don't."""

import numpy as np
import pytest

from merx.forecast import AutoARIMA, AutoETS, SeasonalNaive
from merx.forecast.closed_days import closed_steps, closed_weekdays, opening
from tests.forecast.worlds import panel_of

PROBS = np.array([0.025, 0.1, 0.5, 0.9, 0.975])
CONFIGS = [SeasonalNaive(horizon=14), AutoETS(horizon=14), AutoARIMA(horizon=14)]


def shop(days=300, level=5_000.0, closed=(5,), holidays=(), seed=0):
    """Units of a shop with a week, always closed on some weekdays and once on each holiday."""
    rng = np.random.default_rng(seed)
    week = np.resize([1.0, 1.1, 0.9, 0.8, 1.0, 1.3, 0.7], days)
    y = rng.poisson(level * week * np.exp(rng.normal(0, 0.3, days))).astype(float)
    y[np.isin(np.arange(days) % 7, closed)] = 0
    y[list(holidays)] = 0
    return y


def known(y):
    return np.ones(len(y), dtype=bool)


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: type(config).__name__)
def test_a_closed_weekday_is_forecast_as_0_without_doubt_and_the_others_as_usual(config):
    y = shop()  # ends on day 299: the next is of weekday 6
    forecast = config.fit(panel_of([y])).forecast(14, PROBS)
    closed = (np.arange(300, 314) % 7) == 5
    assert not forecast.mean[0, closed].any()
    assert not forecast.quantile[0, closed].any()
    assert forecast.mean[0, ~closed].min() > 2_000
    assert forecast.mean[0, ~closed].sum() == pytest.approx(12 * 5_000, rel=0.15)
    assert np.diff(forecast.interval(0.8), axis=0)[0, 0, ~closed].max() < 15_000


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: type(config).__name__)
def test_single_closed_days_change_little(config):
    holidays = [60, 61, 130, 131, 132, 133, 200, 285]
    without = config.fit(panel_of([shop()])).forecast(14, PROBS)
    within = config.fit(panel_of([shop(holidays=holidays)])).forecast(14, PROBS)
    np.testing.assert_allclose(within.mean, without.mean, rtol=0.15)
    np.testing.assert_allclose(within.quantile, without.quantile, rtol=0.3)


def test_closed_weekdays_are_told_by_the_last_quarter():
    assert closed_weekdays(shop(closed=(2, 5)), known(shop())).nonzero()[0].tolist() == [2, 5]
    began = shop(closed=())
    began[180:][np.arange(180, 300) % 7 == 3] = 0  # closed for the last 17 weeks
    assert closed_weekdays(began, known(began)).nonzero()[0].tolist() == [3]
    once = shop()
    once[250 - 250 % 7 + 5] = 4_000
    assert closed_weekdays(once, known(once)).nonzero()[0].tolist() == [5]


def test_a_weekday_that_opened_last_week_is_open_and_was_closed_before():
    opened = shop()
    opened[299] = 4_000
    series = opening(opened, known(opened), "day", 0, 14)
    assert series.week == 7
    assert set(np.flatnonzero(~series.available) % 7) == {5}
    assert np.count_nonzero(~series.available) == 42


def test_a_weekday_out_of_stock_or_seen_too_seldom_is_not_closed():
    y, available = shop(), known(shop())
    available[np.arange(300) % 7 == 5] = False
    assert not closed_weekdays(y, available).any()
    assert not closed_weekdays(y[:49], available[:49]).any()


@pytest.mark.parametrize("level", [0.05, 0.5, 2.0, 5.0])
def test_zeros_of_slow_series_are_demand(level):
    rng = np.random.default_rng(1)
    for y in (
        rng.poisson(level, 300),
        25 * (rng.random(300) < 0.4),
        rng.poisson(level * rng.gamma(1, 1, 300)),
    ):
        series = opening(y.astype(float), known(y), "day", 0, 28)
        assert series.available.all()
        assert series.week == 7
        assert series.ahead.all()


def test_a_long_run_of_zeros_is_an_end_of_sales():
    y = shop(closed=())
    y[-10:] = 0
    assert np.flatnonzero(closed_steps(y, known(y), "day", 7)).tolist() == list(range(290, 300))
    y[-15:] = 0
    assert not closed_steps(y, known(y), "day", 7).any()


def test_next_to_nothing_on_one_day_is_closed_and_half_a_day_is_not():
    y = shop(closed=())
    y[100], y[200] = 40, 1_500
    assert np.flatnonzero(closed_steps(y, known(y), "day", 7)).tolist() == [100]


def test_a_wild_series_has_no_closed_days():
    rng = np.random.default_rng(0)
    y = rng.poisson(60 * rng.gamma(0.7, 1 / 0.7, 300)).astype(float)
    assert (y == 0).any()
    assert not closed_steps(y, known(y), "day", 7).any()


def test_a_closed_week():
    y = shop(100, closed=())
    y[[30, 31, 60, 61, 62]] = 0
    series = opening(y, known(y), "week", 0, 8)
    assert np.flatnonzero(~series.available).tolist() == [30, 31]
    assert series.week == 1
    assert series.ahead.all()


def test_a_season_of_broken_weeks_keeps_every_weekday():
    assert opening(shop(), known(shop()), "day", 12, 14).week == 7
    assert opening(shop(), known(shop()), "day", 14, 14).week == 6


def test_a_horizon_of_closed_days_alone():
    y = shop(299)  # the next two days are of weekdays 5 and 6
    y[np.arange(299) % 7 == 6] = 0
    forecast = AutoETS(horizon=2).fit(panel_of([y])).forecast(2, PROBS)
    assert not forecast.quantile.any()


@pytest.mark.parametrize("step", ["hour", "month"])
def test_a_step_without_closures_has_none(step):
    y = np.full(60, 200.0)
    y[[20, 40]] = 0.0
    assert opening(y, np.ones(60, dtype=bool), step, 1, 12).available.all()
