"""Intermittent: demand that comes now and then, as a rate and counts around it."""

from dataclasses import dataclass

import numpy as np

from merx.data.contracts import Progress
from merx.data.panel import Panel
from merx.data.results import Forecast
from merx.data.vocabulary import Vocabulary
from merx.errors import ConfigError
from merx.forecast.closed_days import opening
from merx.forecast.predictive import check_config, check_request, without_bulk
from merx.tunable import among

METHODS = ("croston_sba", "tsb", "adida", "imapa", "mean")

MEMORY: dict[str, float] = {"hour": 0.01, "day": 0.03, "week": 0.08, "month": 0.12}
"""The share by which a step's weight in the spread falls with each step that it is older."""

SMOOTHING: dict[str, float] = {"hour": 0.05, "day": 0.1, "week": 0.15, "month": 0.2}
"""Of TSB, for the chance of a sale and for its size. Measured on days and months."""


@dataclass(frozen=True)
class Intermittent:
    """A constant rate of demand for series with many zeros, and a negative binomial count around it.

    "croston_sba": size of a sale over the interval between sales, each smoothed, times 0.95. "tsb": chance of
    a sale times its size, so that the rate falls while nothing sells. "adida": smoothing of sums over the
    mean interval. "imapa": the mean of smoothed sums over all lengths up to that interval. "mean": that of
    TSB and IMAPA.

    The count has the rate as its mean and as the ratio of variance to mean what the history shows, its older
    steps weighing less (MEMORY), and at least that of a Poisson. Its quantiles are whole units.

    Parameters
    ----------
    horizon : int
        Steps ahead that the fitted model can answer.
    season_length : int
        Not used for the rate, which has no season; closed weekdays are found unless it is no number of weeks.
    method : "croston_sba", "tsb", "adida", "imapa" or "mean"
        How the rate is found.

    Notes
    -----
    Sources: Syntetos & Boylan (2005); Teunter, Syntetos & Babai (2011); Nikolopoulos, Syntetos, Boylan,
    Petropoulos & Assimakopoulos (2011); Petropoulos & Kourentzes (2015). The rates are statsforecast's.
    """

    horizon: int = 28
    season_length: int = 0
    method: str = among("mean", *METHODS)

    def fit(self, panel: Panel, progress: Progress | None = None) -> "FittedIntermittent":
        """Fit every series of the panel on its own.

        Steps that were not available (stock-outs) are left out; a closed weekday is forecast as 0
        (`merx.forecast.closed_days`). Values below 0 count as 0. A step beyond BULK times the mean of the
        other steps with sales counts as that much. `progress` is told after each series.
        Raises ConfigError on an impossible config.
        """
        check_config(self.horizon, self.season_length)
        if self.method not in METHODS:
            raise ConfigError(f"method is {self.method!r}; it is one of {', '.join(METHODS)}.")
        S = panel.n_series
        rate, level, dispersion = np.zeros(S), np.zeros(S), np.ones(S)
        is_open = np.ones((S, self.horizon), dtype=bool)
        specification = []
        for s in range(S):
            series = opening(
                np.maximum(panel.series(s), 0.0),
                panel.available[panel.offsets[s] : panel.offsets[s + 1]],
                panel.step,
                self.season_length,
                self.horizon,
            )
            sold = without_bulk(series.y[series.available])
            is_open[s] = series.ahead
            if sold.any():
                rate[s] = _rate(sold, self.method, SMOOTHING[panel.step])
                dispersion[s] = _dispersion(sold, MEMORY[panel.step])
                specification.append("tsb and imapa" if self.method == "mean" else self.method)
            else:
                specification.append("none: nothing sold" if len(sold) else "none: no data")
            # Half an imagined sale keeps a short series of zeros from claiming certainty.
            level[s] = max(rate[s], 0.5 / (len(sold) + 1))
            if progress is not None:
                progress("series", s + 1, S)
        return FittedIntermittent(
            panel.keys,
            panel.end,
            panel.step,
            rate,
            level,
            dispersion,
            is_open,
            tuple(specification),
            np.ones(S, dtype=np.int64),
        )


@dataclass(frozen=True)
class FittedIntermittent:
    """The rate of every series and the spread of the counts around it.

    Parameters
    ----------
    keys : Vocabulary (S,)
    start : int64 (S,)
        First step forecast, on the clock of the step (`merx.data.panel.CLOCK`) since 1970.
    step : "hour", "day", "week" or "month"
    rate : float64 (S,)
        Mean units of an open step.
    level : float64 (S,)
        The mean of the count, > 0: the rate, or what a short series of zeros leaves possible.
    dispersion : float64 (S,)
        Variance over mean of the count, >= 1.
    is_open : bool (S, H)
        Which of the steps ahead are on open weekdays.
    specification : tuple of S str
        The method, or "none: ..." with the reason why there is no rate.
    season_length : int64 (S,)
        1 throughout.
    """

    keys: Vocabulary
    start: np.ndarray
    step: str
    rate: np.ndarray
    level: np.ndarray
    dispersion: np.ndarray
    is_open: np.ndarray
    specification: tuple[str, ...]
    season_length: np.ndarray

    def forecast(self, horizon: int, probs: np.ndarray, exog: np.ndarray | None = None) -> Forecast:
        """The next `horizon` steps of every series: mean and quantiles in units.

        Raises RequestError where the horizon is beyond the fitted one, or `probs` are not ascending
        between 0 and 1.
        """
        from scipy.stats import nbinom

        probs = check_request(horizon, self.is_open.shape[1], probs)
        is_open = self.is_open[:, :horizon]
        # Variance / mean = 1 + mean / shape.
        excess = np.maximum(self.dispersion - 1, 1e-6)  # (S,)
        count = nbinom.ppf(probs, (self.level / excess)[:, None], 1 / (1 + excess)[:, None])  # (S, Q)
        return Forecast(
            self.keys,
            self.start,
            self.step,
            self.rate[:, None] * is_open,
            count[:, None, :] * is_open[:, :, None],
            probs,
        )


def _rate(sold: np.ndarray, method: str, smoothing: float) -> float:
    """Units a step after the steps sold (n,), some of them above 0."""
    from statsforecast.models import _adida, _croston_sba, _imapa, _tsb

    if method == "mean":
        return (_rate(sold, "tsb", smoothing) + _rate(sold, "imapa", smoothing)) / 2
    if method == "croston_sba":
        rate = _croston_sba(y=sold, h=1, fitted=False)
    elif method == "tsb":
        rate = _tsb(y=sold, h=1, fitted=False, alpha_d=smoothing, alpha_p=smoothing)
    elif method == "adida":
        rate = _adida(y=sold, h=1, fitted=False)
    else:
        rate = _imapa(y=sold, h=1, fitted=False)
    return max(float(rate["mean"][0]), 0.0)


def _dispersion(sold: np.ndarray, memory: float) -> float:
    """Variance over mean of the steps sold (n,), the older weighing less, and at least 1.

    The variance is raised by what the error of a mean so weighted adds to it, memory / (2 - memory).
    """
    weight = (1 - memory) ** np.arange(len(sold))[::-1]
    mean = np.average(sold, weights=weight)
    variance = np.average((sold - mean) ** 2, weights=weight) * (1 + memory / (2 - memory))
    return float(max(variance / mean, 1.0))
