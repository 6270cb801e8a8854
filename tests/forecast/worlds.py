"""Small simulated shops for the forecasting tests."""

import numpy as np

from merx.data.panel import Panel
from merx.data.vocabulary import Vocabulary

WEEK = np.array([1.0, 0.9, 0.9, 1.0, 1.4, 1.6, 0.2])


def panel_of(series, available=None, step="day", start=None):
    """A Panel of the given arrays, keys s000, s001, ..."""
    length = np.array([len(y) for y in series], dtype=np.int64)
    y = np.concatenate([np.asarray(y, dtype=np.float64) for y in series]) if len(series) else np.empty(0)
    return Panel(
        keys=Vocabulary.of([f"s{s:03d}" for s in range(len(series))]),
        offsets=np.concatenate([[0], np.cumsum(length)]).astype(np.int64),
        y=y,
        available=np.ones(len(y), dtype=bool) if available is None else np.concatenate(available),
        start=np.zeros(len(series), dtype=np.int64) if start is None else start,
        step=step,
    )


def weekly_season(n_series, days, level, dispersion, seed):
    """Counts with a weekly season: Poisson, mixed by a gamma of that shape; level in units a day."""
    rng = np.random.default_rng(seed)
    rate = level * np.resize(WEEK / WEEK.mean(), days)
    return panel_of(
        [rng.poisson(rate * rng.gamma(dispersion, 1 / dispersion, days)) for _ in range(n_series)]
    )


def mixed(seed=0):
    """Ten series of every kind: busy, slow, short, constant, empty, with stock-outs, with one huge order."""
    rng = np.random.default_rng(seed)
    season = np.resize(WEEK, 120)
    series = [
        rng.poisson(20 * season),
        rng.poisson(3 * season),
        rng.poisson(0.3 * season),
        rng.poisson(5, 40),
        np.array([2.0, 0.0, 1.0]),
        np.full(30, 4.0),
        np.zeros(50),
        np.empty(0),
        rng.poisson(10 * season),
        rng.poisson(2 * season) + 5000 * (np.arange(120) == 60),
    ]
    available = [np.ones(len(y), dtype=bool) for y in series]
    available[8][50:70] = False
    series[8][50:70] = 0
    return panel_of(series, available)
