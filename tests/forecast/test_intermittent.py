"""Intermittent demand: the rates by the book, and counts that cover what they say."""

import numpy as np
import pytest

from merx.errors import ConfigError
from merx.evaluate.forecasting import backtest
from merx.forecast import Intermittent
from tests.forecast.worlds import panel_of

PROBS = np.array([0.025, 0.1, 0.5, 0.9, 0.975])
METHODS = ["croston_sba", "tsb", "adida", "imapa", "mean"]


def now_and_then(n_series, steps, chance, size, seed):
    """A sale with that chance, of 1 + Poisson(size - 1) units."""
    rng = np.random.default_rng(seed)
    return [(rng.random(steps) < chance) * (1.0 + rng.poisson(size - 1, steps)) for _ in range(n_series)]


def test_croston_by_hand():
    """Syntetos & Boylan (2005): size and interval smoothed by 0.1, their ratio times 0.95."""
    y = np.array([0.0, 2, 0, 0, 4, 0, 1, 0])
    size = 2.0
    for sold in (4.0, 1.0):
        size += 0.1 * (sold - size)
    interval = 2.0  # steps until the first sale
    for gap in (3.0, 2.0):
        interval += 0.1 * (gap - interval)
    fitted = Intermittent(horizon=3, method="croston_sba").fit(panel_of([y], step="month"))
    np.testing.assert_allclose(fitted.forecast(3, PROBS).mean, 0.95 * size / interval)


def test_tsb_by_hand():
    """Teunter, Syntetos & Babai (2011): the chance is smoothed at every step, the size at sales."""
    y = np.array([2.0, 0, 0, 4, 0])
    chance, size = 1.0, 2.0
    for sold in y[1:]:
        chance += 0.1 * ((sold > 0) - chance)
        if sold > 0:
            size += 0.1 * (sold - size)
    fitted = Intermittent(horizon=1, method="tsb").fit(panel_of([y], step="day"))
    np.testing.assert_allclose(fitted.rate, chance * size)


@pytest.mark.parametrize("method", METHODS)
def test_rate_coverage_and_whole_units(method):
    panel = panel_of(now_and_then(60, 120, 0.25, 3, seed=1), step="week")
    scores = backtest(Intermittent(horizon=12, method=method), panel, 12)
    assert abs(scores.bias) < 0.12
    means = scores.means()
    assert 0.8 < means["coverage_80"] < 0.95  # a quarter of the steps sell: no interval covers exactly 80 %
    assert 0.93 < means["coverage_95"] < 0.99
    assert means["rmsse"] < means["naive_rmsse"]
    fitted = Intermittent(horizon=12, method=method).fit(panel)
    quantile = fitted.forecast(12, PROBS).quantile
    np.testing.assert_array_equal(quantile, np.round(quantile))
    assert set(fitted.specification) == {"tsb and imapa" if method == "mean" else method}


def test_after_long_silence_tsb_comes_down_and_croston_does_not():
    y = np.concatenate([now_and_then(1, 100, 0.5, 2, seed=0)[0], np.zeros(60)])
    tsb, croston = (
        Intermittent(horizon=1, method=method).fit(panel_of([y], step="week")).rate[0]
        for method in ("tsb", "croston_sba")
    )
    assert tsb < 0.02 < 0.5 < croston


def test_stock_outs_do_not_lower_the_rate():
    series = now_and_then(20, 200, 0.4, 2, seed=3)
    available = np.ones(200, dtype=bool)
    available[110:190] = False
    cut = [np.where(available, y, 0.0) for y in series]
    told = Intermittent(horizon=4).fit(panel_of(cut, [available] * 20, step="week")).rate.mean()
    believed = Intermittent(horizon=4).fit(panel_of(cut, step="week")).rate.mean()
    assert told == pytest.approx(0.8, rel=0.15)
    assert believed < 0.7


def test_series_without_sales_are_named_and_not_certain():
    fitted = Intermittent(horizon=2).fit(panel_of([np.zeros(3), [], np.zeros(400)], step="week"))
    assert fitted.specification == ("none: nothing sold", "none: no data", "none: nothing sold")
    forecast = fitted.forecast(2, np.array([0.5, 0.99]))
    np.testing.assert_array_equal(forecast.mean, 0)
    assert forecast.quantile[0, 0, 1] >= 1
    np.testing.assert_array_equal(forecast.quantile[2], 0)


def test_an_unknown_method_is_refused():
    with pytest.raises(ConfigError, match="one of croston_sba, tsb, adida, imapa, mean"):
        Intermittent(method="prophecy").fit(panel_of([np.ones(20)]))
