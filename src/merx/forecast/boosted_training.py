"""How the forests of a boosted forecaster are grown: which steps they learn from, and what of each."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from merx.data.panel import Panel
from merx.forecast.boosted_features import FLOOR, Past, Rows
from merx.forecast.boosted_spread import shape_of
from merx.kernels.threads import THREADS

DAMPED = 0.1
"""A step of mean m counts as m / (1 + DAMPED m): the variance of sales grows about as m + DAMPED m^2."""

EACH, ENOUGH = 4, 200_000
"""How often a step is learnt from, at most, each time seen from another origin; until there are so many."""

OUTLIER = 50.0
"""A squared error counts as this many times what is usual, at most."""

SPREAD = (60, 15, 0.1)
"""Trees, leaves and learning rate of the forest of the variance."""

FEWEST = 100
"""Steps that a forest is grown on, at least."""

IN_LEAF = (20, 1 / 2000, 200)
"""Steps of a leaf, at least: this many, or this share of all, but no more than so many."""

OF_FEATURES, OF_ROWS = 0.8, 0.8
"""Shares that a tree sees."""

FOR_THREADS = 100_000
"""Rows below which a second thread waits more than it works."""

CHUNK = 200_000
"""Rows whose features are made together."""


@dataclass(frozen=True)
class Lesson:
    """Steps whose sales are known, each seen from an origin before it.

    Parameters
    ----------
    rows : Rows (n,)
    series, origin : int64 (n,)
        Whose steps they are, and how many steps were known.
    ahead : int64 (n,)
        Steps from the origin.
    sold : float64 (n,)
        Units.
    """

    rows: Rows
    series: np.ndarray
    origin: np.ndarray
    ahead: np.ndarray
    sold: np.ndarray


@dataclass(frozen=True)
class SpreadForest:
    """The variance of sales around a mean m, as a multiple of m + DAMPED m^2.

    Parameters
    ----------
    forest : str
        Of the multiple; "" where there was too little to learn from.
    usual : float
        The multiple then.
    """

    forest: str
    usual: float

    def shape(self, rows: Rows, mean: np.ndarray) -> np.ndarray:
        """The shape of the negative binomial of each of n steps with that mean, (n,)."""
        multiple = _exponential(self.forest, rows.X) if self.forest else self.usual
        return shape_of(mean, multiple * _usual_variance(mean))


def draw(past: Past, first: np.ndarray, last: np.ndarray, horizon: int, most: int) -> Lesson:
    """At most `most` available steps with the places first[s]..last[s] - 1 in their series.

    Each is seen from an origin at most `horizon` before it; where there are few steps, from several. Those
    before which the group had not sold anything yet are left out.
    """
    panel, rng = past.panel, np.random.default_rng(0)
    series = np.repeat(np.arange(panel.n_series, dtype=np.int32), panel.length)
    place = np.arange(len(series)) - panel.offsets[series]
    entry = np.flatnonzero(panel.available & (place >= first[series]) & (place < last[series]))
    if len(entry) > most:
        entry = np.sort(rng.choice(entry, most, replace=False))
    else:
        times = min(most, max(ENOUGH, len(entry))) // max(len(entry), 1)
        entry = np.repeat(entry, min(EACH, horizon, times))
    series, place = series[entry], place[entry]
    # A step is no further ahead than its series is long.
    ahead = 1 + (rng.random(len(entry)) * np.minimum(horizon, place + 1)).astype(np.int64)
    nothing = np.empty((panel.n_series, 0, len(panel.exog_names)))
    origin = place + 1 - ahead
    rows = rows_at(past, series, origin, ahead, nothing)
    known = rows.level > FLOOR  # of the others nothing was known, of their group neither
    return Lesson(
        Rows(rows.X[known], rows.level[known]),
        series[known],
        origin[known],
        ahead[known],
        past.sold[entry[known]],
    )


def rows_at(past: Past, series: np.ndarray, origin: np.ndarray, ahead: np.ndarray, plan: np.ndarray) -> Rows:
    """`Past.rows` of any number of steps."""
    X = np.empty((len(series), len(past.names)), dtype=np.float32)
    level = np.empty(len(series))
    for start in range(0, len(series), CHUNK):
        part = slice(start, start + CHUNK)
        rows = past.rows(series[part], origin[part], ahead[part], plan)
        X[part], level[part] = rows.X, rows.level
    return Rows(X, level)


def rows_ahead(past: Past, horizon: int, plan: np.ndarray) -> Rows:
    """The next `horizon` steps of each series, one series after the other; `plan` as in `Past.rows`."""
    series = np.repeat(np.arange(past.panel.n_series), horizon)
    ahead = np.tile(np.arange(1, horizon + 1), past.panel.n_series)
    return rows_at(past, series, past.panel.length[series], ahead, plan)


def told(model: str, panel: Panel) -> tuple[str, ...]:
    """What forecasts each series of a panel, S words: the model, and whether it was told anything of it."""
    series = np.repeat(np.arange(panel.n_series), panel.length)
    seen = np.bincount(series, panel.available, panel.n_series)
    return tuple(model if steps else f"{model}, from the level of its group: no data" for steps in seen)


def grow_mean(lesson: Lesson, trees: int, leaves: int, learning_rate: float) -> str:
    """A forest of log(mean / level); "" where there is too little to learn from."""
    level = lesson.rows.level
    weight = level / (1 + DAMPED * level)
    return _grow(lesson.rows.X, lesson.sold / level, weight, trees, leaves, learning_rate)


def mean_of(forest: str, rows: Rows) -> np.ndarray:
    """The mean of each of n steps, (n,)."""
    return rows.level * _exponential(forest, rows.X) if forest else rows.level.copy()


def grow_spread(lesson: Lesson, mean: np.ndarray) -> SpreadForest:
    """From steps that the forest which gave their `mean` (n,) had not seen."""
    multiple = np.minimum((lesson.sold - mean) ** 2 / _usual_variance(mean), OUTLIER)
    weight = np.minimum(mean, 1.0)  # with a mean below 1 the multiple itself varies as 1 / mean
    total = weight.sum()
    usual = float((weight * multiple).sum() / total) if total > 0 else 1.0
    return SpreadForest(_grow(lesson.rows.X, multiple, weight, *SPREAD), max(usual, 0.1))


def _usual_variance(mean: np.ndarray) -> np.ndarray:
    variance: np.ndarray = mean + DAMPED * mean**2
    return variance


def _exponential(forest: str, X: np.ndarray) -> np.ndarray:
    import lightgbm

    booster = lightgbm.Booster(model_str=forest)
    said = booster.predict(X, raw_score=True, num_threads=_threads(len(X)))
    return np.exp(np.clip(np.asarray(said, np.float64), -20.0, 20.0))


def _grow(
    X: np.ndarray, y: np.ndarray, weight: np.ndarray, trees: int, leaves: int, learning_rate: float
) -> str:
    """A forest f that minimises the Poisson deviance of y around exp(f), each times its weight."""
    if len(y) < FEWEST or not y.any():
        return ""
    import lightgbm

    fewest, share, most = IN_LEAF
    settings: dict[str, Any] = {
        "objective": "poisson",
        "num_leaves": leaves,
        "learning_rate": learning_rate,
        "min_data_in_leaf": int(np.clip(share * len(y), fewest, most)),
        "poisson_max_delta_step": 0.1,  # the default, 0.7, halves every step of the learning rate
        "max_delta_step": 1.0,  # towards a hundred times the level the first step would be one to exp(100)
        "feature_fraction": OF_FEATURES,
        "bagging_fraction": OF_ROWS,
        "bagging_freq": 1,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": _threads(len(y)),
        "seed": 0,
        "verbosity": -1,
    }
    return str(lightgbm.train(settings, lightgbm.Dataset(X, y, weight=weight), trees).model_to_string())


def _threads(rows: int) -> int:
    return THREADS if rows >= FOR_THREADS else 1
