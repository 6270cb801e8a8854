"""SeasonalAR: against statsmodels' autoregression, hours of a known week, short series."""

import numpy as np
import pytest

from merx.forecast import AutoETS, SeasonalAR
from merx.forecast.seasonal_ar import lags_of
from tests.forecast.test_mstl import hours
from tests.forecast.worlds import panel_of

PROBS = np.array([0.1, 0.5, 0.9])
MEDIAN = 1


def test_the_lags_are_those_around_now_and_around_the_last_cycles():
    assert lags_of(()).tolist() == [1, 2]
    assert lags_of((7,)).tolist() == [1, 2, *range(5, 10), *range(12, 17)]
    day_and_week = [1, 2, *range(22, 27), *range(46, 51), *range(166, 171)]
    assert lags_of((24, 168)).tolist() == day_and_week
    assert lags_of((2,)).tolist() == [1, 2, 3, 4, 5, 6]


def test_the_forecast_is_that_of_statsmodels():
    from statsmodels.tsa.ar_model import AutoReg

    rng, t = np.random.default_rng(0), np.arange(600)
    y = np.exp(3 + 0.5 * np.sin(t * 2 * np.pi / 24) + rng.normal(0, 0.1, 600))
    fitted = SeasonalAR(horizon=60, season_length=24).fit(panel_of([y], step="hour"))
    assert fitted.specification == ("AR[24]",)
    quantile = np.log1p(fitted.forecast(60, PROBS).quantile[0])
    reference = AutoReg(np.log1p(y), lags=lags_of((24,)).tolist()).fit()
    ahead = reference.get_prediction(600, 659)
    np.testing.assert_allclose(quantile[:, MEDIAN], ahead.predicted_mean, rtol=1e-6)
    # statsmodels' variance of the errors takes no account of the number and the errors of coefficients
    n, k = 550, 13
    spread = (quantile[:, 2] - quantile[:, MEDIAN]) / 1.2815515655
    np.testing.assert_allclose(spread, ahead.se_mean * np.sqrt(n / (n - k) * (1 + k / n)), rtol=1e-6)


def test_hours_know_the_weekend():
    series, rate = hours(0)
    ahead, truth = np.array([y[-168:] for y in series]), rate[-168:]
    panel = panel_of([y[:-168] for y in series], step="hour")
    fitted = SeasonalAR(horizon=168).fit(panel)
    assert fitted.specification == ("AR[24,168]",) * 4
    forecast = fitted.forecast(168, PROBS)
    error = np.abs(forecast.mean - truth).mean()
    other = AutoETS(horizon=168).fit(panel).forecast(168, PROBS)
    assert error < 0.12 * truth.mean()
    assert error < 0.4 * np.abs(other.mean - truth).mean()
    low, high = forecast.interval(0.8)
    assert 0.7 < ((ahead >= low) & (ahead <= high)).mean() < 0.92


def test_a_short_series_reads_no_season_that_it_cannot_carry():
    (y, *_), _ = hours(1)
    of = {n: SeasonalAR(horizon=12).fit(panel_of([y[:n]], step="hour")) for n in (5, 30, 115, 259, 260)}
    assert of[5].specification == ("mean: 5 steps are too few",)
    assert of[30].specification == ("AR",)
    assert of[115].specification == of[259].specification == ("AR[24]",)
    assert of[260].specification == ("AR[24,168]",)
    for fitted in of.values():
        assert np.isfinite(fitted.forecast(12, PROBS).quantile).all()


def test_days_have_the_seasons_that_they_show():
    week = np.resize([3.0, 4, 5, 6, 7, 8, 90], 200) * np.random.default_rng(2).uniform(0.9, 1.1, 200)
    assert SeasonalAR().fit(panel_of([week])).specification == ("AR[7]",)
    assert SeasonalAR(season_length=1).fit(panel_of([week])).specification == ("AR",)
    forecast = SeasonalAR().fit(panel_of([week[:196]])).forecast(28, PROBS)
    np.testing.assert_allclose(forecast.mean[0], np.resize([3.0, 4, 5, 6, 7, 8, 90], 28), rtol=0.25)


def test_steps_that_were_not_available_are_no_zeros():
    (y, *_), rate = hours(3)
    seen = np.ones(len(y), dtype=bool)
    seen[300:330] = False
    y = np.where(seen, y, 0)
    forecast = SeasonalAR(horizon=48).fit(panel_of([y[:-48]], [seen[:-48]], step="hour")).forecast(48, PROBS)
    assert np.abs(forecast.mean[0] - rate[-48:]).mean() < 0.15 * rate.mean()


def test_a_constant_but_for_one_step_stays_in_bounds():
    y = np.full(400, 5.0)
    y[200] = 6.0
    forecast = SeasonalAR(horizon=48).fit(panel_of([y], step="hour")).forecast(48, PROBS)
    assert forecast.mean == pytest.approx(5.0, abs=0.1)
