"""ARIMA with regressors: known coefficients found, orders given and chosen, plans, the test of residuals."""

from dataclasses import replace

import numpy as np
import pytest

from merx.errors import ConfigError, FitError, RequestError
from merx.evaluate.forecasting import backtest
from merx.forecast import ARIMA, AutoARIMA
from merx.forecast.arima_fit import residual_test
from tests.forecast.worlds import panel_of, weekly_season

PROBS = np.array([0.1, 0.5, 0.9])
MEDIAN = 1


def with_exog(panel, exog, names, ahead=None):
    """The panel with covariates (N, K), planned `ahead` (S, H, K)."""
    plan = np.empty((0, 0, 0)) if ahead is None else ahead
    return replace(panel, exog=exog, exog_names=names, exog_ahead=plan)


def walk(n, seed, drift=0.0):
    return np.cumsum(np.random.default_rng(seed).normal(drift, 1, n)) + 100


def regression(n=300, seed=0):
    """y = 50 + 3 price - 2 heat + AR(1) noise of coefficient 0.6."""
    rng = np.random.default_rng(seed)
    noise = np.zeros(n)
    for t in range(1, n):
        noise[t] = 0.6 * noise[t - 1] + rng.normal()
    x = np.stack([rng.normal(10, 2, n), rng.uniform(0, 5, n)], axis=1)
    return 50 + x @ [3.0, -2.0] + noise, x


def test_regression_coefficients_and_order_are_found():
    y, x = regression()
    ahead = np.array([[[10.0, 1.0], [12.0, 1.0], [10.0, 2.0]]])
    panel = with_exog(panel_of([y], step="month"), x, ("price", "heat"), ahead)
    fitted = ARIMA(horizon=3, order=(1, 0, 0), scale="plain").fit(panel)
    np.testing.assert_allclose(fitted.details.coefficient[0], [3.0, -2.0], atol=0.1)
    assert fitted.specification == ("ARIMA(1,0,0) + regression",)
    np.testing.assert_array_equal(fitted.details.order, [[1, 0, 0]])
    assert fitted.details.p_value[0] > 0.05
    first, dearer, hotter = fitted.forecast(3, PROBS).mean[0]
    assert first == pytest.approx(50 + 30 - 2, abs=2.5)
    # the noise dies out by the same factor whatever is planned
    rest = ARIMA(horizon=3, order=(1, 0, 0), scale="plain").fit(
        replace(panel, exog_ahead=ahead[:, [0, 0, 0]])
    )
    steady = rest.forecast(3, PROBS).mean[0]
    assert dearer - steady[1] == pytest.approx(2 * fitted.details.coefficient[0, 0])
    assert hotter - steady[2] == pytest.approx(fitted.details.coefficient[0, 1])


def test_a_forecast_of_given_values_is_that_of_the_same_plan():
    y, x = regression()
    ahead = np.random.default_rng(1).normal(5, 1, (1, 4, 2))
    plain = with_exog(panel_of([y], step="month"), x, ("price", "heat"))
    config = ARIMA(horizon=4, order=(), scale="plain")
    planned = config.fit(replace(plain, exog_ahead=ahead)).forecast(4, PROBS)
    given = config.fit(plain).forecast(4, PROBS, exog=ahead)
    np.testing.assert_array_equal(given.quantile, planned.quantile)


@pytest.mark.parametrize(
    "config", [ARIMA(horizon=4, order=(1, 0, 0), scale="plain"), AutoARIMA(horizon=4, order=(1, 0, 0))]
)
def test_a_missing_covariate_is_refused_by_name(config):
    y, x = regression()
    panel = with_exog(panel_of([y], step="month"), x, ("price", "heat"))
    with pytest.raises(RequestError, match=r"price \(0 steps planned\), heat \(0 steps planned\)"):
        config.fit(panel).forecast(4, PROBS)
    ahead = np.ones((1, 4, 2))
    ahead[0, 2:, 1] = np.nan
    fitted = config.fit(replace(panel, exog_ahead=ahead))
    with pytest.raises(RequestError, match=r"all 4 steps: heat \(2 steps planned\)"):
        fitted.forecast(4, PROBS)
    assert np.isfinite(fitted.forecast(2, PROBS).mean).all()
    with pytest.raises(RequestError, match="without a value of heat;"):
        fitted.forecast(4, PROBS, exog=ahead)
    with pytest.raises(RequestError, match=r"has the shape \(1, 4, 1\), needed is \(1, 4, 2\)"):
        fitted.forecast(4, PROBS, exog=ahead[:, :, :1])


def test_covariates_of_no_use_leave_the_forecast_as_it_is():
    y, x = regression()
    ahead = np.full((1, 4, 2), 10.0)
    panel = with_exog(panel_of([y], step="month"), x, ("price", "heat"), ahead)
    constant = np.full((300, 1), 4.0)
    sums = x[:, :1] + x[:, 1:]
    wider = with_exog(
        panel,
        np.concatenate([x, constant, sums], axis=1),
        ("price", "heat", "constant", "both"),
        np.full((1, 4, 4), 10.0),
    )
    config = ARIMA(horizon=4, order=(1, 0, 0), scale="plain")
    fitted = config.fit(wider)
    np.testing.assert_array_equal(fitted.details.coefficient[0, 2:], 0.0)
    np.testing.assert_allclose(fitted.forecast(4, PROBS).mean, config.fit(panel).forecast(4, PROBS).mean)


def test_promotions_of_sales_are_learnt_on_the_log_scale_and_closed_days_stay_closed():
    rng = np.random.default_rng(5)
    promotion = (rng.random(364) < 0.15).astype(float)
    open_ = np.arange(364) % 7 != 6
    y = rng.poisson(60 * 2.0**promotion) * open_
    ahead = np.zeros((1, 14, 1))
    ahead[0, [1, 6, 8], 0] = 1.0
    panel = with_exog(panel_of([y]), promotion[:, None], ("promotion",), ahead)
    fitted = AutoARIMA(horizon=14).fit(panel)
    assert fitted.details.coefficient[0, 0] == pytest.approx(np.log(2), abs=0.05)
    mean = fitted.forecast(14, PROBS).mean[0]
    assert mean[[6, 13]].tolist() == [0.0, 0.0]
    np.testing.assert_allclose(mean[[1, 8]], 120, rtol=0.1)
    np.testing.assert_allclose(np.delete(mean, [1, 6, 8, 13]), 60, rtol=0.1)
    scored = backtest(AutoARIMA(horizon=14), panel, 14)
    blind = backtest(AutoARIMA(horizon=14), panel_of([y]), 14)
    assert scored.means()["mase"] < 0.8 * blind.means()["mase"]


def test_a_given_order_is_statsforecasts_own_fit():
    from statsforecast import models

    y = np.exp(np.sin(np.arange(144) * 2 * np.pi / 12) / 2 + walk(144, 3) / 40)
    config = ARIMA(12, season_length=12, order=(0, 1, 1), seasonal_order=(0, 1, 1), scale="log", market=False)
    fitted = config.fit(panel_of([y], step="month"))
    reference = models.ARIMA(order=(0, 1, 1), season_length=12, seasonal_order=(0, 1, 1)).forecast(
        np.log(y), 12, level=[80]
    )
    forecast = fitted.forecast(12, PROBS)
    np.testing.assert_allclose(np.log(forecast.quantile[0, :, MEDIAN]), reference["mean"], rtol=1e-9)
    np.testing.assert_allclose(np.log(forecast.quantile[0, :, 2]), reference["hi-80"], rtol=1e-9)
    assert fitted.specification == ("ARIMA(0,1,1)(0,1,1)[12]",)
    np.testing.assert_array_equal(fitted.details.seasonal_order, [[0, 1, 1]])


def test_a_trend_goes_on_with_its_drift():
    y = 20 + 2.0 * np.arange(80) + np.random.default_rng(0).normal(0, 1, 80)
    fitted = ARIMA(horizon=10, order=(), scale="plain", drift=True).fit(panel_of([y], step="month"))
    np.testing.assert_allclose(fitted.forecast(10, PROBS).mean[0], 20 + 2.0 * np.arange(80, 90), rtol=0.03)


def test_without_drift_a_random_walk_stays_where_it_is():
    y = np.exp(walk(120, 2, drift=0.5) / 50)
    panel = panel_of([y], step="month")
    stays = ARIMA(horizon=6, order=(0, 1, 0), drift=False).fit(panel).forecast(6, PROBS)
    np.testing.assert_allclose(stays.quantile[0, :, MEDIAN], y[-1])
    climbs = ARIMA(horizon=6, order=(0, 1, 0), drift=True).fit(panel)
    assert climbs.specification == ("ARIMA(0,1,0) with drift",)
    assert (np.diff(climbs.forecast(6, PROBS).quantile[0, :, MEDIAN]) > 0).all()


def test_a_straight_line_is_continued():
    config = ARIMA(horizon=5, order=(), scale="plain", drift=True)
    forecast = config.fit(panel_of([3.0 * np.arange(40)], step="month")).forecast(5, PROBS)
    np.testing.assert_allclose(forecast.mean[0], 3.0 * np.arange(40, 45), rtol=1e-3)


def test_intervals_of_a_random_walk_cover_and_widen():
    series = [walk(220, seed) for seed in range(100)]
    fitted = ARIMA(horizon=20, order=(0, 1, 0), scale="plain").fit(
        panel_of([y[:200] for y in series], step="month")
    )
    forecast = fitted.forecast(20, PROBS)
    low, high = forecast.interval(0.8)
    actual = np.stack([y[200:] for y in series])
    assert ((actual >= low) & (actual <= high)).mean() == pytest.approx(0.8, abs=0.06)
    np.testing.assert_allclose((high - low)[:, 15], 4 * (high - low)[:, 0], rtol=0.02)


def market_price(n, theta, seed, last=0.0):
    """Steps of the log are e_t + theta e_{t-1}, e with a standard deviation of .02; `last` comes on top."""
    e = np.random.default_rng(seed).normal(0, 0.02, n)
    e[-1] += last
    return np.exp(4 + np.cumsum(e + theta * np.append(0.0, e[:-1])))


def test_a_market_price_goes_on_by_a_share_of_its_last_error_but_not_of_a_shock():
    for last in (0.02, -0.02, 0.12, -0.12):
        y = market_price(1000, 0.3, seed=1, last=last)
        plain = ARIMA(horizon=6, market=False).fit(panel_of([y], step="month"))
        market = ARIMA(horizon=6).fit(panel_of([y], step="month"))
        assert market.specification == ("ARIMA(0,1,1)",)
        theta = (plain.spread[0, 1] ** 2 / plain.spread[0, 0] ** 2 - 1) ** 0.5 - 1
        assert theta == pytest.approx(0.3, abs=0.12)
        step = plain.location[0] - np.log(y[-1])  # theta e_n at every horizon
        np.testing.assert_allclose(step, step[0])
        bound = 2 * theta * market.spread[0, 0]
        expected = np.sign(last) * bound if abs(last) > 0.1 else step
        np.testing.assert_allclose(market.location[0], np.log(y[-1]) + expected, rtol=1e-6)


def test_the_spread_of_a_market_price_is_that_of_late():
    rng = np.random.default_rng(2)
    calm, wild = rng.normal(0, 0.01, 200), rng.normal(0, 0.04, 200)
    for steps, late in (([calm, wild], 0.04), ([wild, calm], 0.01)):
        y = np.exp(4 + np.cumsum(np.concatenate(steps)))
        market = ARIMA(horizon=6, order=(0, 1, 0)).fit(panel_of([y], step="month"))
        assert market.spread[0, 0] == pytest.approx(late, rel=0.25)
        np.testing.assert_allclose(market.spread[0] / market.spread[0, 0], np.sqrt(np.arange(1, 7)))
        long = ARIMA(horizon=6, order=(0, 1, 0), market=False).fit(panel_of([y], step="month"))
        assert long.spread[0, 0] == pytest.approx(0.029, rel=0.1)


def test_the_log_scale_needs_series_above_zero():
    panel = panel_of([walk(50, 0), np.arange(50.0)], step="month")
    with pytest.raises(FitError, match=r"1 of 2 series are not above 0 throughout \(s001\)"):
        ARIMA(horizon=3, scale="log").fit(panel)
    seen = [np.ones(50, dtype=bool), np.arange(50) > 0]
    ARIMA(horizon=3, scale="log").fit(panel_of([walk(50, 0), np.arange(50.0)], seen, step="month"))


def test_impossible_orders_and_scales_are_refused():
    panel = weekly_season(1, 60, 8, 50, 0)
    for config in (ARIMA, AutoARIMA):
        with pytest.raises(ConfigError, match=r"order is \[1, 0\]; give three numbers"):
            config(order=(1, 0)).fit(panel)
        with pytest.raises(ConfigError, match=r"seasonal_order is \[0, -1, 1\]"):
            config(order=(1, 0, 0), seasonal_order=(0, -1, 1)).fit(panel)
        with pytest.raises(ConfigError, match="order is not given; give both or neither"):
            config(order=(), seasonal_order=(0, 1, 1)).fit(panel)
    with pytest.raises(ConfigError, match="scale is 'logs'"):
        ARIMA(scale="logs").fit(panel)


def test_the_residual_test_is_ljung_and_boxs():
    from statsmodels.stats.diagnostic import acorr_ljungbox

    residuals = walk(120, 4) * 0.1 + np.random.default_rng(4).normal(0, 1, 120)
    for parameters, season, lags in ((0, 1, 10), (3, 1, 10), (2, 7, 14)):
        autocorrelation, p_value = residual_test(residuals, parameters, season)
        table = acorr_ljungbox(residuals, lags=[lags], model_df=parameters)
        assert p_value == pytest.approx(table["lb_pvalue"].iloc[0])
    error = residuals - residuals.mean()
    assert autocorrelation[2] == pytest.approx(error[3:] @ error[:-3] / (error @ error))


def test_a_model_that_misses_a_pattern_says_so():
    y = weekly_season(1, 210, level=30, dispersion=50, seed=3).y
    blind = AutoARIMA(horizon=7, order=(0, 0, 0)).fit(panel_of([y]))
    seeing = AutoARIMA(horizon=7, order=(0, 0, 0), seasonal_order=(0, 1, 1)).fit(panel_of([y]))
    assert blind.details.p_value[0] < 1e-6
    assert blind.details.autocorrelation[0, 6] > 0.5
    assert seeing.details.p_value[0] > 0.01
    assert seeing.specification == ("ARIMA(0,0,0)(0,1,1)[7]",)
