"""Metrics against hand-computed values and a slow reference; the backtest against what it must not see."""

from dataclasses import dataclass

import numpy as np
import pytest

from merx.data.panel import Panel
from merx.data.results import Forecast
from merx.data.vocabulary import Vocabulary
from merx.errors import FitError, RequestError
from merx.evaluate.forecasting import (
    PROBS,
    backtest,
    compare,
    coverage,
    interval_width,
    mase,
    naive_error,
    pinball,
    rmsse,
    smape,
)
from merx.forecast import AutoETS, SeasonalNaive


def panel_of(series, available=None, step="day"):
    length = np.array([len(y) for y in series], dtype=np.int64)
    y = np.concatenate([np.asarray(y, dtype=np.float64) for y in series])
    return Panel(
        keys=Vocabulary.of([f"s{s:03d}" for s in range(len(series))]),
        offsets=np.concatenate([[0], np.cumsum(length)]).astype(np.int64),
        y=y,
        available=np.ones(len(y), dtype=bool) if available is None else np.concatenate(available),
        start=np.zeros(len(series), dtype=np.int64),
        step=step,
    )


def test_naive_error_by_hand():
    history = panel_of([[1, 3, 2, 6], [5, 5, 5], [4]])
    np.testing.assert_array_equal(naive_error(history, 1, 1), [(2 + 1 + 4) / 3, np.nan, np.nan])
    np.testing.assert_array_equal(naive_error(history, 1, 2), [(4 + 1 + 16) / 3, np.nan, np.nan])
    np.testing.assert_array_equal(naive_error(history, 2, 1), [(1 + 3) / 2, np.nan, np.nan])


def test_naive_error_leaves_out_pairs_with_a_stock_out():
    history = panel_of([[1, 0, 2, 6]], [np.array([True, False, True, True])])
    np.testing.assert_array_equal(naive_error(history, 1, 1), [4])


def test_metrics_by_hand():
    actual, forecast = np.array([[2.0, 4.0], [0.0, 1.0]]), np.array([[3.0, 1.0], [0.0, 3.0]])
    np.testing.assert_allclose(mase(actual, forecast, np.array([2.0, np.nan])), [1.0, np.nan])
    np.testing.assert_allclose(rmsse(actual, forecast, np.array([5.0, 0.5])), [1.0, 2.0])
    np.testing.assert_allclose(smape(actual, forecast), [(2 / 5 + 6 / 5) / 2, (0 + 4 / 4) / 2])
    quantile = np.array([[[1.0, 3.0], [5.0, 6.0]]])  # (1, 2, 2)
    # y = 2: .1 * 1 and .1 * 1; y = 4: .9 * 1 and .1 * 2
    loss = pinball(actual[:1], quantile, np.array([0.1, 0.9]))
    np.testing.assert_allclose(loss, [(0.1 + 0.1 + 0.9 + 0.2) / 4])
    low, high = np.array([[1.0, 5.0]]), np.array([[2.0, 9.0]])
    np.testing.assert_allclose(coverage(actual[:1], low, high), [0.5])  # a bound is within
    np.testing.assert_allclose(interval_width(low, high, np.array([5.0])), [0.5])


def test_stock_outs_are_not_scored():
    actual, forecast = np.array([[2.0, 0.0], [0.0, 0.0]]), np.array([[3.0, 9.0], [5.0, 5.0]])
    available = np.array([[True, False], [False, False]])
    np.testing.assert_allclose(mase(actual, forecast, np.ones(2), available), [1.0, np.nan])
    np.testing.assert_allclose(smape(actual, forecast, available), [2 / 5, np.nan])


def slow_mean(values):
    return sum(values) / len(values) if values else float("nan")


def test_metrics_agree_with_a_slow_reference():
    rng = np.random.default_rng(0)
    S, H, Q = 6, 9, 3
    actual = rng.poisson(2, (S, H)).astype(float)
    forecast = rng.gamma(2, 1, (S, H))
    quantile = np.sort(rng.gamma(2, 1, (S, H, Q)), axis=2)
    probs = np.array([0.1, 0.5, 0.9])
    available = rng.random((S, H)) < 0.7
    scale = rng.gamma(2, 1, S)
    measured = {
        "mase": mase(actual, forecast, scale, available),
        "rmsse": rmsse(actual, forecast, scale, available),
        "smape": smape(actual, forecast, available),
        "pinball": pinball(actual, quantile, probs, available),
        "coverage": coverage(actual, quantile[..., 0], quantile[..., 2], available),
        "width": interval_width(quantile[..., 0], quantile[..., 2], scale, available),
    }
    for s in range(S):
        steps = [h for h in range(H) if available[s, h]]
        y, f, q = actual[s], forecast[s], quantile[s]
        percent = [0 if y[h] == f[h] == 0 else 2 * abs(y[h] - f[h]) / (abs(y[h]) + abs(f[h])) for h in steps]
        losses = [
            p * (y[h] - q[h, i]) if y[h] >= q[h, i] else (1 - p) * (q[h, i] - y[h])
            for h in steps
            for i, p in enumerate(probs)
        ]
        expected = {
            "mase": slow_mean([abs(y[h] - f[h]) for h in steps]) / scale[s],
            "rmsse": (slow_mean([(y[h] - f[h]) ** 2 for h in steps]) / scale[s]) ** 0.5,
            "smape": slow_mean(percent),
            "pinball": slow_mean(losses),
            "coverage": slow_mean([1.0 if q[h, 0] <= y[h] <= q[h, 2] else 0.0 for h in steps]),
            "width": slow_mean([q[h, 2] - q[h, 0] for h in steps]) / scale[s],
        }
        for name, value in expected.items():
            assert measured[name][s] == pytest.approx(value, nan_ok=True), name


@dataclass(frozen=True)
class Oracle:
    """Records the panel it is given, and answers a constant with a known spread."""

    seen: list
    value: float = 1.0

    def fit(self, panel, progress=None):
        self.seen.append(panel)
        return FittedOracle(panel, self.value)


@dataclass(frozen=True)
class FittedOracle:
    panel: Panel
    value: float

    @property
    def keys(self):
        return self.panel.keys

    def forecast(self, horizon, probs, exog=None):
        S = self.panel.n_series
        mean = np.full((S, horizon), self.value)
        quantile = np.broadcast_to(self.value + 2 * (probs - 0.5), (S, horizon, len(probs)))
        return Forecast(self.panel.keys, self.panel.end, self.panel.step, mean, quantile, probs)


def test_the_model_sees_only_what_came_before():
    panel = panel_of([np.arange(20.0), np.arange(12.0), np.arange(3.0)])
    oracle = Oracle([])
    scores = backtest(oracle, panel, 5)
    (seen,) = oracle.seen
    np.testing.assert_array_equal(seen.length, [15, 7])
    np.testing.assert_array_equal(seen.y, np.concatenate([np.arange(15.0), np.arange(7.0)]))
    assert len(scores.mase) == 3
    assert np.isnan(scores.mase[2])  # too short to be split


def test_scores_of_a_known_forecast():
    history = np.tile([0.0, 2.0], 10)  # one-step error 2, squared 4; at lag 7 also 2
    scores = backtest(Oracle([]), panel_of([np.concatenate([history, [1.0, 3.0]])]), 2)
    assert scores.mase[0] == pytest.approx((0 + 2) / 2 / 2)
    assert scores.rmsse[0] == pytest.approx(np.sqrt((0 + 4) / 2 / 4))
    assert scores.bias == pytest.approx(2 / 4 - 1)
    assert scores.coverage_80[0] == 0.5
    assert scores.width_80[0] == pytest.approx(1.6 / 2)
    assert scores.naive_mase[0] == pytest.approx((1 + 3) / 2 / 2)  # a week before: 2, 0
    assert scores.sentence.startswith("Oracle beats the seasonal naive forecast: MASE 0.500 against 1.000")


def test_the_seasonal_naive_forecast_does_not_beat_itself():
    rng = np.random.default_rng(0)
    panel = panel_of([rng.poisson(5, 60) for _ in range(4)])
    scores = backtest(SeasonalNaive(horizon=14, season_length=7), panel, 14)
    np.testing.assert_array_equal(scores.mase, scores.naive_mase)
    assert "does not beat the seasonal naive forecast" in scores.sentence


def test_a_constant_world_cannot_be_scored_and_says_so():
    scores = backtest(AutoETS(horizon=7), panel_of([np.full(40, 3.0)]), 7)
    assert np.isnan(scores.mase[0])
    assert np.isnan(scores.means()["mase"])
    assert "could not be scored" in scores.sentence
    assert scores.bias == pytest.approx(0)


def test_nothing_sold_has_no_bias():
    assert np.isnan(backtest(AutoETS(horizon=7), panel_of([np.zeros(40)]), 7).bias)


def test_too_short_everywhere_is_refused():
    with pytest.raises(FitError, match="the longest of 2 has 5"):
        backtest(AutoETS(), panel_of([np.ones(5), np.ones(3)]), 28)


def test_a_config_with_a_shorter_horizon_is_refused():
    with pytest.raises(RequestError, match="the model was fitted for 1 to 7"):
        backtest(AutoETS(horizon=7), panel_of([np.arange(60.0)]), 14)


def test_the_quantiles_hold_the_median_and_both_intervals():
    assert {0.025, 0.1, 0.5, 0.9, 0.975} <= set(PROBS.tolist())
    assert PROBS[len(PROBS) // 2] == 0.5


def test_compare_names_the_better_and_means_over_origins():
    rng = np.random.default_rng(1)
    week = np.resize([1.0, 1, 1, 1, 2, 3, 0], 140)
    panel = panel_of([rng.poisson(8 * week) for _ in range(6)])
    configs = {"ets": AutoETS(horizon=14), "naive": SeasonalNaive(horizon=14, season_length=7)}
    comparison = compare(configs, panel, 14, origins=2)
    assert comparison.name == ("ets", "naive")
    assert comparison.mase[0] < comparison.mase[1]
    assert "ets has the lowest error" in comparison.sentence
    assert "below naive" in comparison.sentence
    by_hand = [
        backtest(configs["naive"], panel.head(panel.length - cut), 14).means()["mase"] for cut in (14, 0)
    ]
    assert comparison.mase[1] == pytest.approx(np.mean(by_hand))


def test_compare_of_one_is_a_plain_statement():
    rng = np.random.default_rng(1)
    comparison = compare({"naive": SeasonalNaive(horizon=7)}, panel_of([rng.poisson(5, 60)]), 7, origins=1)
    assert comparison.sentence.startswith("Over 1 origins of 7 days, naive has the lowest error: MASE")


def test_compare_says_when_nothing_can_be_compared():
    comparison = compare({"naive": SeasonalNaive(horizon=7)}, panel_of([np.full(60, 2.0)]), 7, origins=2)
    assert comparison.sentence.startswith("Nothing could be compared over 2 origins of 7 days")


def test_compare_needs_history_at_the_first_origin():
    with pytest.raises(FitError, match="longer than that"):
        compare({"naive": SeasonalNaive(horizon=7)}, panel_of([np.arange(20.0)]), 7, origins=3)
