"""Each method against what is known: formulas, worlds with a known rate, coverage."""

import subprocess
import sys

import numpy as np
import pytest

from merx.evaluate.forecasting import backtest
from merx.forecast import AutoARIMA, AutoETS, SeasonalNaive
from merx.forecast.filling import fill
from merx.forecast.predictive import LogNormal, calibrate
from tests.forecast.worlds import WEEK, panel_of, weekly_season

PROBS = np.array([0.025, 0.1, 0.5, 0.9, 0.975])


def test_seasonal_naive_repeats_the_last_week_and_widens_by_the_book():
    y = np.tile([1.0, 2, 3, 4, 5, 6, 7], 3) + np.repeat([0.0, 1, 3], 7)
    fitted = SeasonalNaive(horizon=15, season_length=7).fit(panel_of([y]))
    assert fitted.specification == ("SNaive[7]",)
    forecast = fitted.forecast(15, PROBS)
    np.testing.assert_array_equal(forecast.mean[0], np.resize([4.0, 5, 6, 7, 8, 9, 10], 15))
    np.testing.assert_array_equal(forecast.quantile[0, :, 2], forecast.mean[0])
    variance = (7 * 1 + 7 * 4 + 1) / 15  # 14 errors, and the imagined one
    np.testing.assert_allclose(fitted.scale[0], np.sqrt(variance * np.repeat([1, 2, 3], [7, 7, 1])))


def test_naive_without_a_season():
    fitted = SeasonalNaive(horizon=2, season_length=1).fit(panel_of([[1.0, 4.0, 2.0]]))
    assert fitted.specification == ("Naive",)
    np.testing.assert_array_equal(fitted.forecast(2, PROBS).mean, [[2.0, 2.0]])


def test_the_mean_reproduces_what_was_sold():
    rng = np.random.default_rng(0)
    median, sold = rng.gamma(1, 3, 500), rng.gamma(0.3, 20, 500)
    excess, usual = calibrate(median, sold)
    log = np.log1p(median)[None]
    record = LogNormal(log, np.ones_like(log), np.array([excess]), np.array([usual]), np.array([1e9]))
    assert record.mean(500).sum() == pytest.approx(sold.sum())
    assert calibrate(np.zeros(3), np.zeros(3)) == (0.0, 1.0)


def test_one_bulk_order_does_not_become_a_rate():
    y = np.random.default_rng(0).poisson(4, 300).astype(float)
    y[100] = 70_000
    daily = AutoETS(horizon=7).fit(panel_of([y])).forecast(7, PROBS).mean.mean()
    assert daily == pytest.approx(4, rel=0.3)
    lumpy = np.where(np.arange(300) % 60 == 30, 100.0, 0.0)  # five equal orders are a rate
    assert AutoETS(horizon=7).fit(panel_of([lumpy])).forecast(7, PROBS).mean.mean() > 0.8


def test_a_closed_day_stays_closed():
    week = np.array([5.0, 6, 5, 7, 6, 0, 3])
    y = np.random.default_rng(0).poisson(np.resize(week, 203))  # ends with a closed day six behind
    forecast = AutoETS(horizon=7).fit(panel_of([y])).forecast(7, PROBS)
    assert forecast.mean[0, 5] < 0.2
    assert forecast.mean[0, 3] == pytest.approx(7, rel=0.25)


@pytest.mark.parametrize("config", [AutoETS(horizon=14), AutoARIMA(horizon=14)])
def test_models_are_named(config):
    y = np.random.default_rng(0).poisson(np.resize(30 * WEEK, 182))
    fitted = config.fit(panel_of([y, [1.0, 2.0], np.zeros(40), np.full(40, 5.0), []]))
    assert "[7]" in fitted.specification[0]
    assert fitted.season_length.tolist() == [7, 1, 1, 1, 1]
    assert fitted.aicc[0] != 0
    assert fitted.specification[1:] == (
        "mean: 2 steps are too few",
        "mean: nothing sold",
        "mean: constant",
        "none: no data",
    )
    forecast = fitted.forecast(14, PROBS)
    np.testing.assert_allclose(forecast.mean[1:, 0], [1.5, 0, 5, 0])
    width = forecast.quantile[:, 0, 4] - forecast.quantile[:, 0, 0]
    assert width[1] > 3  # two steps: wide
    assert 0 < width[2] < 1  # forty zeros: narrow, not certain


def test_ets_variance_is_the_books():
    """ETS(A,N,N): sigma^2 (1 + alpha^2 (h - 1)); ETS(A,N,A) jumps at each new week."""
    rng = np.random.default_rng(0)
    walk = np.exp(np.cumsum(rng.normal(0, 0.1, 200)) + 3)
    variance = AutoETS(horizon=10, season_length=1).fit(panel_of([walk])).predictive.scale[0] ** 2
    np.testing.assert_allclose(np.diff(variance, 2), 0, atol=1e-12)
    assert variance[9] > variance[0] * 3
    seasonal = rng.poisson(np.resize(20 * WEEK, 210))
    step = np.diff(AutoETS(horizon=21).fit(panel_of([seasonal])).predictive.scale[0] ** 2)
    assert step[6] == pytest.approx(step[13])
    assert step[6] >= step[0]


def test_fill_takes_what_is_usual_around_and_on_that_weekday():
    log = np.resize(WEEK, 70)
    available = np.ones(70, dtype=bool)
    available[[0, 30, 31, 32, 69]] = False
    np.testing.assert_allclose(fill(np.where(available, log, 0), available, "day", 7), log, atol=0.05)
    assert not fill(np.ones(5), np.zeros(5, dtype=bool), "day", 7).any()


def test_intervals_do_not_narrow_because_of_filled_steps():
    panel = weekly_season(8, 210, level=10, dispersion=2, seed=4)
    available = [np.ones(210, dtype=bool) for _ in range(8)]
    for a in available:
        a[40:120] = False
    masked = panel_of([panel.series(s) for s in range(8)], available)
    full, part = (AutoETS(horizon=7).fit(p).predictive.scale.mean() for p in (panel, masked))
    assert part == pytest.approx(full, rel=0.1)


@pytest.mark.parametrize("level", [0.5, 3.0, 50.0])
@pytest.mark.parametrize("dispersion", [1.0, 1000.0])
def test_ets_coverage_and_bias_on_counts(level, dispersion):
    panel = weekly_season(40, 365, level, dispersion, seed=5)
    scores = backtest(AutoETS(horizon=28), panel, 28)
    means = scores.means()
    # The steps of a count are coarse: at low levels no interval covers exactly 80 %.
    assert 0.72 < means["coverage_80"] < 0.92
    assert 0.92 < means["coverage_95"] < 0.99
    assert abs(scores.bias) < 0.1
    assert means["rmsse"] < means["naive_rmsse"]


def test_a_yearly_season_of_weeks_is_used():
    rng = np.random.default_rng(0)
    weeks = np.arange(170)
    rate = 30 * np.exp(0.7 * np.sin(2 * np.pi * weeks / 52))
    panel = panel_of([rng.poisson(rate) for _ in range(10)], step="week")
    fitted = AutoETS(horizon=13).fit(panel)
    assert fitted.specification == ("profile[52] + ETS(A,N,N)",) * 10
    with_year = backtest(AutoETS(horizon=13), panel, 13).means()
    without = backtest(AutoETS(horizon=13, season_length=1), panel, 13).means()
    assert with_year["mase"] < 0.8 * without["mase"]
    assert 0.7 < with_year["coverage_80"] < 0.95


def test_refunds_beyond_sales_count_as_nothing_sold():
    rng = np.random.default_rng(0)
    y = rng.poisson(4, 100) - 2.0
    forecast = AutoETS(horizon=7).fit(panel_of([y])).forecast(7, PROBS)
    assert forecast.mean.mean() == pytest.approx(np.maximum(y, 0).mean(), rel=0.3)


def test_importing_the_room_does_not_import_statsforecast():
    code = (
        "import sys, merx.forecast; assert not {'statsforecast', 'pandas', 'scipy.signal'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
