"""Steps on which a series did what it was not expected to do, and how seldom it does so."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import betainc, log_ndtr, ndtri

from merx.data.contracts import Progress
from merx.data.panel import Panel
from merx.forecast.auto_ets import fit_ets
from merx.forecast.log_series import SeriesFit, fit_panel

FEWEST = 56
"""Steps of history below which nothing is called unusual: the tails are not known."""

TAIL = 0.99
"""The quantile of the past errors that says how much heavier a tail is than that of a normal."""

IMAGINED = 10
"""Steps on which each point of the season errs as all do together, beside its own."""


@dataclass(frozen=True)
class Unusual:
    """A steps of a panel; all arrays (A,).

    Parameters
    ----------
    series : int64
        The place of the series in the panel.
    step : int64
        The place of the step in its series.
    actual, expected, low, high : float64
        In units: what was, the mean forecast, and the bounds of the central 95 %.
    log_chance : float64
        Logarithm of the probability of so much or more, or of so little or less.
    judged : int
        Steps that were looked at.
    """

    series: np.ndarray
    step: np.ndarray
    actual: np.ndarray
    expected: np.ndarray
    low: np.ndarray
    high: np.ndarray
    log_chance: np.ndarray
    judged: int


def unusual(
    panel: Panel, steps: int, chance: float, season_length: int = 0, progress: Progress | None = None
) -> Unusual:
    """The last `steps` of each series against a forecast made before them; those less probable than `chance`.

    The forecast is that of `AutoETS`, with a standard deviation for each point of the season: on the log
    scale a day of few sales varies most. With z the error in these, the probability of so much or more is
    that of a standard normal beyond z / max(1, tail), where `tail` is the 99 % quantile of the one-step
    errors of the history, likewise in standard deviations, over that of a normal (2.33); for so little or
    less the same with the 1 % quantile. So a series with a bulk order now and then needs a larger one to be
    called unusual. So little or less is no less probable than of a negative binomial of the same median and
    variance (Var log(1 + y) being about Var y / (1 + mean)^2): near zero, counts are no lognormals.

    Steps that were not available, closed weekdays, and series with fewer than FEWEST steps before are not
    judged.

    Parameters
    ----------
    panel : Panel
    steps : int
        1 or more.
    chance : float
        On one side: 0.001 calls one step in a thousand too high where all is as ever, and one too low.
    season_length : int
        As in `AutoETS`.
    """
    before = np.maximum(panel.length - steps, 0)
    fit = fit_panel(panel.head(before), steps, season_length, _fit_one, progress)
    rows = []
    judged = 0
    for s in np.flatnonzero(before >= FEWEST):
        if fit.detail[s] is None:
            continue
        entries = slice(panel.offsets[s] + before[s], panel.offsets[s + 1])
        y = np.maximum(panel.y[entries], 0.0)
        location, scale = fit.predictive.location[s], fit.predictive.scale[s]
        seen = panel.available[entries] & (scale > 0)
        judged += int(seen.sum())
        upper, lower = fit.detail[s]
        z = (np.log1p(y) - location) / np.where(scale > 0, scale, 1.0)
        log_chance = log_ndtr(-np.abs(z) / np.where(z > 0, upper, lower))
        count = _log_chance_of_count(y, location, scale)
        log_chance = np.where(z > 0, log_chance, np.maximum(log_chance, count))
        for h in np.flatnonzero(seen & (log_chance < np.log(chance))):
            bounds = location[h] + ndtri(0.975) * scale[h] * np.array([-lower, upper])
            low, high = np.maximum(np.expm1(np.minimum(bounds, 700.0)), 0.0)  # exp(710) overflows
            rows.append((s, before[s] + h, y[h], fit.predictive.mean(steps)[s, h], low, high, log_chance[h]))
    figures = np.array(rows, dtype=np.float64).reshape(-1, 7).T
    series, step = figures[:2].astype(np.int64)
    actual, expected, low, high, log_chance = figures[2:]
    return Unusual(series, step, actual, expected, low, high, log_chance, judged)


def _fit_one(log: np.ndarray, season_length: int, horizon: int) -> SeriesFit:
    """As `AutoETS`, with a scale for each point of the season.

    `detail` says how heavy the upper and the lower tail of its errors are, 1 or more.
    """
    fit = fit_ets(log, season_length, horizon)
    n = len(log)
    error = (log - fit.fitted) / max(fit.scale[0], 1e-9)
    point = np.arange(n + horizon) % season_length
    square, count = np.bincount(point[:n], error**2), np.bincount(point[:n])
    usual = max(np.mean(error**2), 1e-9)
    spread = np.sqrt((square / usual + IMAGINED) / (count + IMAGINED))[point]  # (n + H,)
    tails = np.quantile(error / spread[:n], [TAIL, 1 - TAIL]) / ndtri([TAIL, 1 - TAIL])
    return replace(fit, scale=fit.scale * spread[n:], detail=np.maximum(tails, 1.0))


def _log_chance_of_count(y: np.ndarray, location: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Log of the probability of y or less, (H,), of a negative binomial for each location and scale."""
    mean = np.maximum(np.expm1(np.minimum(location, 700.0)), 1e-6)  # exp(710) overflows
    overdispersion = np.clip((scale * (1 + mean) / mean) ** 2 - 1 / mean, 1e-6, 1e6)
    chance = betainc(1 / overdispersion, y + 1, 1 / (1 + overdispersion * mean))
    log: np.ndarray = np.log(np.maximum(chance, 1e-300))
    return log
