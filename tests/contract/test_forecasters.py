"""What every forecaster in the registry must do. A new kind is under test as soon as it is registered."""

from dataclasses import is_dataclass, replace

import numpy as np
import pytest

from merx import artefact, registry
from merx.data.contracts import Forecaster, ForecasterConfig
from merx.errors import ConfigError, RequestError
from tests.contract.forecasts import plain, same
from tests.forecast.worlds import mixed, panel_of, weekly_season

KINDS = [kind.name for kind in registry.kinds_for("forecast")]
TOGETHER = ("best", "boosted", "coherent", "recurrent")
"""Kinds that learn from all series together, so that a forecast depends on which others there are."""
QUICK = {"recurrent": {"epochs": 4, "width": 16}}
"""What a contract is tested with where the defaults would take long."""
PROBS = np.array([0.001, 0.1, 0.5, 0.9, 0.999])


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def config(kind):
    config_type, _ = registry.kind(kind).load()
    return config_type(horizon=14, **QUICK.get(kind, {}))


@pytest.fixture(scope="module")
def fitted(config):
    return config.fit(mixed())


def test_meets_the_protocol(kind, config, fitted):
    _, fitted_type = registry.kind(kind).load()
    assert isinstance(config, ForecasterConfig)
    assert isinstance(fitted, Forecaster)
    assert isinstance(fitted, fitted_type)
    assert is_dataclass(config) and config.__dataclass_params__.frozen
    assert fitted_type.__dataclass_params__.frozen


def test_shapes_and_keys(fitted):
    panel = mixed()
    forecast = fitted.forecast(14, PROBS)
    assert forecast.mean.shape == (10, 14)
    assert forecast.quantile.shape == (10, 14, 5)
    assert forecast.keys == panel.keys == fitted.keys
    np.testing.assert_array_equal(forecast.start, panel.end)
    assert len(fitted.specification) == 10
    assert forecast.to_table().num_rows == 140


def test_fit_twice_is_fit_once(config, fitted):
    again = config.fit(mixed())
    assert again.specification == fitted.specification
    same(again.forecast(14, PROBS), fitted.forecast(14, PROBS))


def test_input_is_not_mutated(config):
    panel = mixed().take(np.array([1, 5, 8]))
    copies = {name: getattr(panel, name).copy() for name in ("y", "available", "offsets", "start")}
    config.fit(panel)
    for name, copy in copies.items():
        np.testing.assert_array_equal(getattr(panel, name), copy)


def test_save_and_load_is_bit_equal(kind, config, fitted, tmp_path):
    _, fitted_type = registry.kind(kind).load()
    artefact.save(fitted, tmp_path / "m", kind=kind, config=config, about={})
    again = artefact.load(tmp_path / "m", kind, fitted_type, type(config))
    assert again.specification == fitted.specification
    before, after = fitted.forecast(14, PROBS), again.forecast(14, PROBS)
    same(after, before)
    assert after.mean.tobytes() == before.mean.tobytes()
    assert after.quantile.tobytes() == before.quantile.tobytes()
    assert {path.name for path in tmp_path.iterdir()} == {"m"}


def test_a_subset_in_any_order_gives_the_same_forecasts(kind, config, fitted):
    which = np.array([8, 1, 6, 4])
    if kind in TOGETHER:  # all, in another order
        which = np.array([8, 1, 6, 4, 0, 9, 2, 5, 3, 7])
    part = config.fit(mixed().take(which)).forecast(14, PROBS)
    whole = fitted.forecast(14, PROBS)
    np.testing.assert_array_equal(part.mean, whole.mean[which])
    np.testing.assert_array_equal(part.quantile, whole.quantile[which])
    np.testing.assert_array_equal(part.start, whole.start[which])


def test_never_negative_always_finite_and_monotone(fitted):
    forecast = fitted.forecast(14, PROBS)
    assert np.isfinite(forecast.mean).all()
    assert np.isfinite(forecast.quantile).all()
    assert forecast.mean.min() >= 0
    assert forecast.quantile.min() >= 0
    assert np.diff(forecast.quantile, axis=2).min() >= 0


def test_a_shorter_horizon_is_the_beginning_of_the_longer(fitted):
    short, long = fitted.forecast(3, PROBS), fitted.forecast(14, PROBS)
    np.testing.assert_array_equal(short.mean, long.mean[:, :3])
    np.testing.assert_array_equal(short.quantile, long.quantile[:, :3])


def test_forecasting_does_not_hand_out_the_models_own_arrays(fitted):
    first = fitted.forecast(14, PROBS)
    before = first.mean.copy()
    first.mean[:] = -1
    np.testing.assert_array_equal(fitted.forecast(14, PROBS).mean, before)


@pytest.mark.parametrize("horizon", [0, 15])
def test_a_horizon_outside_the_fitted_one_is_refused(fitted, horizon):
    with pytest.raises(RequestError, match="Ask for 1 to 14, or set a longer"):
        fitted.forecast(horizon, PROBS)


@pytest.mark.parametrize("probs", [[0.0, 0.5], [0.5, 1.0], [0.9, 0.1], [90.0]])
def test_impossible_probs_are_refused(fitted, probs):
    with pytest.raises(RequestError, match="strictly between 0 and 1"):
        fitted.forecast(7, np.array(probs))


def test_an_interval_that_was_not_asked_for_is_refused(fitted):
    forecast = fitted.forecast(3, np.array([0.025, 0.1, 0.5, 0.9]))
    np.testing.assert_array_equal(forecast.interval(0.8), np.moveaxis(forecast.quantile[:, :, [1, 3]], 2, 0))
    for level in (0.95, 0.5, 0.0, 80.0):
        with pytest.raises(RequestError, match=r"its levels are: 0\.8\."):
            forecast.interval(level)
    with pytest.raises(RequestError, match=r"its levels are: none\."):
        fitted.forecast(3, np.empty(0)).interval(0.8)


def test_a_stock_out_is_not_zero_demand(kind, config):
    y = weekly_season(4, 210, level=8, dispersion=50, seed=3).y.copy().reshape(4, 210)
    available = np.ones((4, 210), dtype=bool)
    available[:, 150:185] = available[:, 200:] = False
    y[~available] = 0
    weekly = replace(config, season_length=7)
    daily = weekly.fit(panel_of(list(y), list(available))).forecast(14, PROBS).mean.mean()
    assert daily == pytest.approx(8, rel=0.2)
    believed = weekly.fit(panel_of(list(y))).forecast(14, PROBS).mean.mean()
    # a network that is stopped by the last 28 days saw sales come back there, and doubts that the zeros last
    assert believed < (5.2 if kind == "recurrent" else 4)


def test_no_probs_give_the_mean_alone(fitted):
    assert fitted.forecast(7, np.empty(0)).quantile.shape == (10, 7, 0)


def test_impossible_configs_are_refused(config):
    with pytest.raises(ConfigError, match="horizon is 0"):
        replace(config, horizon=0).fit(mixed())
    with pytest.raises(ConfigError, match="season_length is -7"):
        replace(config, season_length=-7).fit(mixed())


def test_progress_counts_the_series(config):
    seen = []
    config.fit(mixed().take(np.array([4, 5, 7])), progress=lambda _, done, of: seen.append(done))
    assert seen == [1, 2, 3]


def test_no_series_at_all(config):
    forecast = config.fit(panel_of([])).forecast(14, PROBS)
    assert forecast.mean.shape == (0, 14)
    assert forecast.quantile.shape == (0, 14, 5)


def test_the_record_is_plain_and_finite(fitted):
    plain(fitted)


def test_weeks_start_seven_days_apart(config):
    rng = np.random.default_rng(2)
    panel = panel_of([rng.poisson(9, 60)], step="week", start=np.array([7000]))
    forecast = config.fit(panel).forecast(14, PROBS)
    assert forecast.start[0] == 7000 + 60 * 7
    assert forecast.to_table()["date"][1].as_py().toordinal() - forecast.to_table()["date"][
        0
    ].as_py().toordinal() == (7)


@pytest.mark.parametrize("length", [0, 1, 2, 7, 9, 10, 11, 13, 14, 15, 20, 21, 22])
def test_no_length_crashes(config, length):
    rng = np.random.default_rng(length)
    sparse = (rng.random(length) < 0.15).astype(float)
    forecast = config.fit(panel_of([rng.poisson(3, length), sparse, np.arange(length)])).forecast(14, PROBS)
    assert np.isfinite(forecast.quantile).all()


@pytest.mark.parametrize("season_length", [7, 12, 52])
def test_a_given_season_longer_than_half_the_series_is_left_out(config, season_length):
    panel = panel_of([np.random.default_rng(0).poisson(6, 2 * season_length - 1)], step="week")
    fitted = replace(config, season_length=season_length).fit(panel)
    assert fitted.season_length[0] == 1
