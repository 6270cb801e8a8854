"""Coherent: forecasts of products, categories and the shop that add up."""

from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa

from merx.data.contracts import Progress
from merx.data.panel import STRIDE, Panel, stack
from merx.data.results import Forecast
from merx.data.vocabulary import Vocabulary
from merx.errors import ConfigError, FitError
from merx.forecast.auto_ets import AutoETS, FittedAutoETS
from merx.forecast.boosted import Boosted, FittedBoosted
from merx.forecast.predictive import check_config, check_request
from merx.forecast.reconcile import bottom_up, min_trace, summing
from merx.tunable import among

METHODS = ("bottom_up", "mint")


@dataclass(frozen=True)
class Coherent:
    """A forest for the products, exponential smoothing for what they add up to, and both made to add up.

    Bottom-up, the means of the products stay and their sums take the place of the others, of which only the
    spread is kept. By least squares (MinT, `merx.forecast.reconcile.min_trace`) each mean moves the more, the
    larger its errors were on the last `horizon` steps, held out before; that takes twice the time. The counts
    of a product are spread around its new mean as around the old; the quantiles of a sum are multiplied as
    its mean is.

    Where the panel holds only some of the products of a category, the sales of the rest are forecast as one
    more series, which is not given out. A panel without sums (`groups`) is forecast by the forest alone.

    Parameters
    ----------
    horizon : int
        Steps ahead that the fitted model can answer.
    season_length : int
        Steps in a cycle; 0: found from the data, 1: none.
    method : "bottom_up" or "mint"
        The products alone, or least squares.
    boosted, auto_ets : table
        Hyper-parameters of the two, as in [models.NAME]; their horizon and season length are those above.
    """

    horizon: int = 28
    season_length: int = 0
    method: str = among("bottom_up", *METHODS)
    boosted: Boosted = field(default_factory=Boosted)
    auto_ets: AutoETS = field(default_factory=AutoETS)

    def fit(self, panel: Panel, progress: Progress | None = None) -> "FittedCoherent":
        """Fit both kinds, for MinT also without the last steps; `progress` is told after each of three parts.

        Raises ConfigError on an impossible config, FitError where the sums are not those of the parts.
        """
        check_config(self.horizon, self.season_length)
        if self.method not in METHODS:
            raise ConfigError(f'method is {self.method!r}; it is "bottom_up" or "mint".')
        tell = progress or (lambda *_: None)
        whole = with_rest(panel)
        sums, parts, _ = summing(whole.groups)
        rest = np.arange(panel.n_series, whole.n_series)
        errors = np.empty((0, whole.n_series))
        if self.method == "mint" and len(sums):
            errors = self._errors(whole, rest)
        tell("errors on the steps held out", 1, 3)
        products, others = self._members(whole, rest)
        tell("all series", 2, 3)
        known = np.setdiff1d(parts, rest)
        specification, season = np.empty(whole.n_series, dtype=object), np.empty(whole.n_series, np.int64)
        for places, member in ((known, products), (np.append(sums, rest), others)):
            specification[places], season[places] = member.specification, member.season_length
        adds_up = {"mint": "adds up by MinT", "bottom_up": "adds up"}[self.method]
        fitted = FittedCoherent(
            keys=panel.keys,
            start=panel.end,
            step=panel.step,
            specification=tuple(
                f"{text}; {adds_up}" if len(sums) else str(text) for text in specification[: panel.n_series]
            ),
            season_length=season[: panel.n_series],
            method=self.method,
            groups=whole.groups,
            errors=errors,
            products=products,
            others=others,
        )
        tell("sums", 3, 3)
        return fitted

    def _members(self, whole: Panel, rest: np.ndarray) -> tuple[FittedBoosted, FittedAutoETS]:
        known, others = _places(whole.groups, rest)
        own = {"horizon": self.horizon, "season_length": self.season_length}
        return (
            replace(self.boosted, **own).fit(whole.take(known)),
            replace(self.auto_ets, **own).fit(whole.take(others)),
        )

    def _errors(self, whole: Panel, rest: np.ndarray) -> np.ndarray:
        """What the members got wrong on the last steps, (H, S); 0 on steps that were not available."""
        H, S, length = self.horizon, whole.n_series, whole.length
        step = length[:, None] - H + np.arange(H)  # (S, H)
        entry = whole.offsets[:-1, None] + np.maximum(step, 0)
        entry = np.minimum(entry, max(len(whole.y) - 1, 0))
        known, others = _places(whole.groups, rest)
        products, sums = self._members(whole.head(np.maximum(length - H, 0)), rest)
        mean, none = np.empty((S, H)), np.empty(0)
        exog = whole.exog[entry[known]] if whole.exog_names else None
        mean[known] = products.forecast(H, none, exog).mean
        mean[others] = sums.forecast(H, none).mean
        counted = (step >= 0) & whole.available[entry]
        return np.where(counted, whole.y[entry] - mean, 0.0).T


@dataclass(frozen=True)
class FittedCoherent:
    """The members, and what it takes to make them add up.

    Parameters
    ----------
    keys : Vocabulary (S,)
    start : int64 (S,)
        First step forecast, on the clock of the step (`merx.data.panel.CLOCK`) since 1970.
    step : "hour", "day", "week" or "month"
    specification : tuple of S str
        That of the member, and how it was made to add up.
    season_length : int64 (S,)
        1 where there is none.
    method : "mint" or "bottom_up"
    groups : int64 (S + R, G)
        As in `merx.data.panel.Panel`; the R series after the S are what no product of the panel sold.
    errors : float64 (T, S + R)
        Of the steps held out; T is 0 where they are not needed.
    products : FittedBoosted
    others : FittedAutoETS
        The sums, and the R series.
    """

    keys: Vocabulary
    start: np.ndarray
    step: str
    specification: tuple[str, ...]
    season_length: np.ndarray
    method: str
    groups: np.ndarray
    errors: np.ndarray
    products: FittedBoosted
    others: FittedAutoETS

    def forecast(self, horizon: int, probs: np.ndarray, exog: np.ndarray | None = None) -> Forecast:
        """The next `horizon` steps of every series: mean and quantiles in units; the means add up.

        Parameters
        ----------
        exog : float64 (S, horizon, K), optional
            What the covariates will be; None: as the panel planned.

        Raises RequestError where the horizon is beyond the fitted one, a covariate is missing, or `probs`
        are not ascending between 0 and 1.
        """
        probs = check_request(horizon, self.products.mean.shape[1], probs)
        S = len(self.keys)
        known, others = _places(self.groups, np.arange(S, len(self.groups)))
        products = self.products.forecast(horizon, probs, None if exog is None else exog[known])
        sums = self.others.forecast(horizon, probs)
        mean = np.empty((len(self.groups), horizon))
        quantile = np.empty((*mean.shape, len(probs)))
        for places, member in ((known, products), (others, sums)):
            mean[places], quantile[places] = member.mean, member.quantile
        coherent = (
            min_trace(mean, self.groups, self.errors) if len(self.errors) else bottom_up(mean, self.groups)
        )
        moved = np.divide(coherent, mean, out=np.ones_like(mean), where=mean > 0)
        quantile[others] *= moved[others][:, :, None]
        quantile[known] = self.products.quantile_around(coherent[known], probs)
        return Forecast(self.keys, self.start, self.step, coherent[:S], quantile[:S], probs)


def with_rest(panel: Panel) -> Panel:
    """The panel and, behind it, what the finest sums sold beyond their parts in the panel, where that is any.

    Raises FitError where the series do not end together, or a sum is not that of its parts then.
    """
    if not panel.group_names:
        return replace(panel, groups=np.empty((panel.n_series, 0), dtype=np.int64))
    sums, parts, add = summing(panel.groups)
    if not len(sums):
        return panel
    ends = len(np.unique(panel.end))
    if ends > 1:
        raise FitError(
            f"The series end at {ends} different steps, so they cannot be added up. Give "
            "series that end together, with zeros where nothing was sold."
        )
    y = _aligned(panel)  # (S, T)
    level = (panel.groups[sums] >= 0).sum(axis=1)
    finest = np.flatnonzero(level == level.max())
    beyond = y[sums[finest]] - add[finest] @ y[parts]  # (f, T)
    some = np.flatnonzero(np.abs(beyond).max(axis=1, initial=0.0) > 1e-6)
    groups = panel.groups[sums[finest[some]]].copy()
    new = panel.groups.max(initial=-1) + 1 + np.arange(len(some))
    groups = np.where(groups < 0, new[:, None], groups)
    T = y.shape[1]
    names = [f"rest: {panel.keys.ids[int(s)]}" for s in sums[finest[some]]]
    rest = Panel(
        keys=Vocabulary(pa.array(names, pa.string())),
        offsets=np.arange(len(some) + 1) * T,
        y=beyond[some].ravel(),
        available=np.ones(len(some) * T, dtype=bool),
        start=panel.end[:1].repeat(len(some)) - T * STRIDE[panel.step],
        step=panel.step,
        exog=np.zeros((len(some) * T, len(panel.exog_names))),
        exog_names=panel.exog_names,
        exog_ahead=np.zeros((min(len(some), len(panel.exog_ahead)), *panel.exog_ahead.shape[1:])),
        groups=groups,
        group_names=panel.group_names,
    )
    whole = stack([panel, rest]) if len(some) else panel
    sums, parts, add = summing(whole.groups)
    y = np.concatenate([y, beyond[some]])
    off = np.abs(y[sums] - add @ y[parts]).max(axis=1) > 1e-6 * np.maximum(y[sums].max(axis=1), 1.0)
    if off.any():
        names = [str(panel.keys.ids[int(s)]) for s in sums[off][:3]]
        raise FitError(
            f"{int(off.sum())} of {len(sums)} sums are not what their parts sold ({', '.join(names)}). "
            "Check the panel's groups."
        )
    return whole


def _places(groups: np.ndarray, rest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The series that the forest forecasts, and the others."""
    sums, parts, _ = summing(groups)
    return np.setdiff1d(parts, rest), np.concatenate([sums, rest])


def _aligned(panel: Panel) -> np.ndarray:
    """All series with 0 before their start, (S, T)."""
    T = int(panel.length.max(initial=0))
    y = np.zeros((panel.n_series, T))
    y[np.arange(T) >= (T - panel.length)[:, None]] = panel.y
    return y
