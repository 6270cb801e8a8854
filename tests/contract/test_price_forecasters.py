"""What every forecaster of prices in the registry must do. A new kind is under test once it is registered."""

from dataclasses import is_dataclass

import numpy as np
import pytest

from merx import artefact, registry
from merx.data.contracts import Forecaster, ForecasterConfig
from merx.errors import ConfigError, RequestError
from tests.contract.forecasts import plain, same
from tests.forecast.price_worlds import mixed_prices
from tests.forecast.worlds import panel_of

KINDS = [kind.name for kind in registry.kinds_for("price_forecast")]
PROBS = np.array([0.001, 0.1, 0.5, 0.9, 0.999])


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def config(kind):
    config_type, _ = registry.kind(kind).load()
    return config_type(horizon=6)


@pytest.fixture(scope="module")
def fitted(config):
    return config.fit(mixed_prices())


def test_meets_the_protocol(kind, config, fitted):
    _, fitted_type = registry.kind(kind).load()
    assert isinstance(config, ForecasterConfig)
    assert isinstance(fitted, Forecaster)
    assert isinstance(fitted, fitted_type)
    assert is_dataclass(config) and config.__dataclass_params__.frozen
    assert fitted_type.__dataclass_params__.frozen


def test_shapes_and_keys(fitted):
    panel = mixed_prices()
    forecast = fitted.forecast(6, PROBS)
    assert forecast.mean.shape == (7, 6)
    assert forecast.quantile.shape == (7, 6, 5)
    assert forecast.keys == panel.keys == fitted.keys
    np.testing.assert_array_equal(forecast.start, panel.end)
    assert len(fitted.specification) == 7
    assert fitted.specification[6] == "none: no data"
    assert fitted.forecast(6, np.empty(0)).quantile.shape == (7, 6, 0)


def test_fit_twice_is_fit_once_and_the_input_is_not_changed(config, fitted):
    panel = mixed_prices()
    same(config.fit(panel).forecast(6, PROBS), fitted.forecast(6, PROBS))
    for name in ("y", "available", "offsets", "start"):
        np.testing.assert_array_equal(getattr(panel, name), getattr(mixed_prices(), name))


def test_save_and_load_is_bit_equal(kind, config, fitted, tmp_path):
    _, fitted_type = registry.kind(kind).load()
    artefact.save(fitted, tmp_path / "m", kind=kind, config=config, about={})
    again = artefact.load(tmp_path / "m", kind, fitted_type, type(config))
    assert again.specification == fitted.specification
    same(again.forecast(6, PROBS), fitted.forecast(6, PROBS))


def test_never_negative_always_finite_and_monotone(fitted):
    forecast = fitted.forecast(6, PROBS)
    assert np.isfinite(forecast.mean).all() and np.isfinite(forecast.quantile).all()
    assert forecast.mean.min() >= 0 and forecast.quantile.min() >= 0
    assert np.diff(forecast.quantile, axis=2).min() >= 0


def test_the_median_starts_near_the_last_price(fitted):
    panel = mixed_prices()
    median = fitted.forecast(1, PROBS).quantile[:6, 0, 2]
    last = [panel.series(s)[panel.available[panel.offsets[s] : panel.offsets[s + 1]]][-1] for s in range(6)]
    np.testing.assert_allclose(np.log(median / last), 0, atol=0.4)
    np.testing.assert_allclose(median[2:4], last[2:4])


def test_a_shorter_horizon_is_the_beginning_of_the_longer(fitted):
    short, long = fitted.forecast(3, PROBS), fitted.forecast(6, PROBS)
    np.testing.assert_array_equal(short.mean, long.mean[:, :3])
    np.testing.assert_array_equal(short.quantile, long.quantile[:, :3])


def test_impossible_requests_and_configs_are_refused(config, fitted):
    for horizon in (0, 7):
        with pytest.raises(RequestError, match="Ask for 1 to 6, or set a longer"):
            fitted.forecast(horizon, PROBS)
    with pytest.raises(RequestError, match="strictly between 0 and 1"):
        fitted.forecast(3, np.array([0.9, 0.1]))
    with pytest.raises(ConfigError, match="horizon is 0"):
        type(config)(horizon=0).fit(mixed_prices())


def test_progress_counts_the_series(config):
    seen = []
    config.fit(mixed_prices().take(np.array([0, 2, 5])), progress=lambda _, done, of: seen.append(done))
    assert seen == [1, 2, 3]


def test_no_series_at_all(config):
    forecast = config.fit(panel_of([])).forecast(6, PROBS)
    assert forecast.mean.shape == (0, 6)
    assert forecast.quantile.shape == (0, 6, 5)


@pytest.mark.parametrize("step", ["hour", "day", "week", "month"])
@pytest.mark.parametrize("length", [1, 2, 7, 13, 30])
def test_no_length_and_no_step_crashes(config, length, step):
    rng = np.random.default_rng(length)
    series = [np.exp(rng.normal(0, 1, length)), np.exp(0.1 * (rng.random(length) < 0.2))]
    forecast = config.fit(panel_of(series, step=step)).forecast(6, PROBS)
    assert np.isfinite(forecast.quantile).all()


def test_the_record_is_plain_and_finite(fitted):
    plain(fitted)
