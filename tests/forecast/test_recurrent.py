"""One network for all series: what it learns across them, covariates, and what it refuses."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from merx.errors import ConfigError, FitError, RequestError
from merx.forecast.recurrent import Recurrent
from tests.forecast.worlds import panel_of

PROBS = np.array([0.1, 0.5, 0.9])


def promoted(series: int = 20, steps: int = 200, seed: int = 0):
    """Poisson sales that triple under promotion; the last 14 of `steps` are kept apart."""
    rng = np.random.default_rng(seed)
    level = rng.gamma(4, 2, series)
    promotion = (rng.random((series, steps)) < 0.15).astype(float)
    rate = level[:, None] * np.where(promotion > 0, 3.0, 1.0)
    known = steps - 14
    panel = replace(
        panel_of(list(rng.poisson(rate[:, :known]))),
        exog=promotion[:, :known].reshape(-1, 1),
        exog_names=("promotion",),
        exog_ahead=promotion[:, known:, None],
    )
    return panel, rate[:, known:], promotion[:, known:]


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_what_a_promotion_adds_is_learnt_over_all_series(cell):
    panel, rate, promotion = promoted()
    fitted = Recurrent(14, 1, cell, learning_rate=0.01, epochs=10).fit(panel)
    mean = fitted.forecast(14, PROBS).mean
    assert np.abs(mean / rate - 1).mean() < 0.25
    lift = mean[promotion > 0].sum() / rate[promotion > 0].sum()
    assert lift == pytest.approx(1, abs=0.15)
    without = fitted.forecast(14, PROBS, np.zeros((20, 14, 1))).mean
    assert without[promotion > 0].mean() < 0.5 * mean[promotion > 0].mean()
    np.testing.assert_allclose(without[promotion == 0], mean[promotion == 0], rtol=1e-5)


def test_intervals_hold_what_they_say():
    panel, rate, _ = promoted(series=40)
    sold = np.random.default_rng(5).poisson(rate)
    quantile = Recurrent(14, 1, learning_rate=0.01, epochs=6).fit(panel).forecast(14, PROBS).quantile
    inside = ((sold >= quantile[:, :, 0]) & (sold <= quantile[:, :, 2])).mean()
    assert 0.76 < inside < 0.92  # counts: an interval holds at least its share


def test_a_missing_covariate_is_named():
    panel, _, _ = promoted(series=10, steps=80)
    fitted = Recurrent(horizon=14, epochs=1).fit(panel.head(panel.length))  # without the plan
    with pytest.raises(RequestError, match="promotion \\(0 steps planned\\)"):
        fitted.forecast(14, PROBS)


def test_too_little_to_learn_from_gives_the_level():
    fitted = Recurrent(horizon=7).fit(panel_of([np.full(12, 3.0)]))
    assert fitted.specification == ("level: too few steps for a network",)
    assert fitted.forecast(7, PROBS).mean == pytest.approx(3, rel=0.2)


def test_impossible_settings_are_refused():
    with pytest.raises(ConfigError, match="cell is 'rnn'; it is one of gru, lstm"):
        Recurrent(cell="rnn")
    with pytest.raises(ConfigError, match="at least 1"):
        Recurrent(epochs=0)


def test_a_loss_that_is_no_number_says_where():
    panel, _, _ = promoted(series=10, steps=80)
    with pytest.raises(FitError, match="in epoch 1, batch"):
        Recurrent(horizon=7, learning_rate=1e30).fit(panel)


def test_without_torch_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "merx.forecast.recurrent_training", None)
    with pytest.raises(FitError, match=r"pip install 'merx\[network\]'"):
        Recurrent(horizon=7).fit(promoted(series=3, steps=60)[0])
