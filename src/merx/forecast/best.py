"""Best: for each series the methods that forecast it best so far, combined, with conformal intervals."""

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from merx.data.contracts import ForecasterConfig, Progress
from merx.data.panel import Panel
from merx.data.results import Forecast
from merx.data.vocabulary import Vocabulary
from merx.errors import ConfigError
from merx.forecast.auto_ets import AutoETS
from merx.forecast.conformal import LEVELS, Conformal, place
from merx.forecast.intermittent import Intermittent
from merx.forecast.predictive import check_config, check_request
from merx.forecast.season import CANDIDATE
from merx.forecast.seasonal_naive import SeasonalNaive
from merx.forecast.theta import Theta

MEMBERS = ("seasonal naive", "ETS", "Theta", "TSB", "IMAPA")
NAIVE = 0

CHOICES: tuple[tuple[int, ...], ...] = tuple(
    choice for few in (1, 2, 3) for choice in combinations(range(len(MEMBERS)), few)
)
"""What a series can be forecast by: one member, or the mean of two or three."""

UNJUDGED = (1, 3)
"""The choice where no series at all reaches back to an origin."""

HOPELESS = 1.5
"""A member with an error this many times that of the best at the last origin is not tried at earlier ones."""

IMAGINED = 4
"""Origins that count as if the series had done there as all do together."""

SHORTEST = 10
"""An origin has at least this much history, and as much as the horizon."""

BATCH = 64
"""Series that are backtested together."""


@dataclass(frozen=True)
class Best:
    """Selection, combination and conformal intervals, per series.

    Every series is forecast from rolling origins, one horizon apart, by the seasonal naive method, ETS,
    Theta and the intermittent methods TSB and IMAPA. Each of them, and each mean of two or three (of their
    quantiles of log(1 + y)), is judged by its quantile loss. The loss is taken relative to that of the
    members and drawn towards what it is over all series, as few origins decide by chance. The lowest is
    chosen, and fitted to the whole history. A member that is hopeless at the last origin is not tried at the
    others.
    Series too short for an origin take what is best over all.

    The errors at these origins, of series with more than one, correct the quantiles
    (`merx.forecast.conformal`).

    Parameters
    ----------
    horizon : int
        Steps ahead that the fitted model can answer.
    season_length : int
        Steps in a cycle; 0: found per series, 1: none. The seasonal naive forecast repeats the usual cycle of
        the step (7 days, 52 weeks) where it would have to be found.
    origins : int
        Rolling origins, as far as a series reaches back.

    Notes
    -----
    Sources: Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., sections 5.10 (rolling
    origins) and 13.4 (combinations); Petropoulos & Svetunkov (2020), A simple combination of univariate
    models; Lichtendahl, Grushka-Cockayne & Winkler (2013) for means of quantiles.
    """

    horizon: int = 28
    season_length: int = 0
    origins: int = 4

    def fit(self, panel: Panel, progress: Progress | None = None) -> "FittedBest":
        """Choose for every series, and fit what was chosen.

        Stock-outs are neither learnt from as zeros nor counted in an error. `progress` is told after each
        series. Raises ConfigError on an impossible config.
        """
        check_config(self.horizon, self.season_length)
        if self.origins < 1:
            raise ConfigError(f"origins is {self.origins}; give 1 or more.")
        S = panel.n_series
        choosing = [
            self._backtest(panel.take(np.arange(first, min(first + BATCH, S))), progress, first, S)
            for first in range(0, S, BATCH)
        ]
        curve, actual, loss, tried = (
            np.concatenate([part[k] for part in choosing]) if choosing else np.empty((0, *shape))
            for k, shape in enumerate(_shapes(self.origins, self.horizon))
        )
        tried = tried.astype(bool)
        seen = np.isfinite(loss[:, :, NAIVE])  # (S, O)
        relative = _relative(loss, tried, seen)
        choice, usual = _choose(relative, tried, seen)
        chosen = np.full((S, self.origins, self.horizon, len(LEVELS)), np.nan)
        honest = np.zeros((S, self.origins))  # loss of what would have been chosen without that origin
        for o in range(self.origins):
            elsewhere = seen & (np.arange(self.origins) != o)
            without, _ = _choose(relative, tried, elsewhere)
            without = np.where(elsewhere.any(axis=1), without, choice)
            for s in range(S):
                chosen[s, o] = curve[s, o, list(CHOICES[without[s]])].mean(axis=0)
            honest[:, o] = loss[np.arange(S), o, without]
        # One origin alone does not tell how errors differ from one to the next.
        several = (seen.sum(axis=1) > 1)[:, None, None]
        moving = np.isfinite(actual) & np.isfinite(chosen[..., 0]) & (chosen[..., -1] > 0) & several
        curves, log = np.nan_to_num(chosen), np.log1p(np.nan_to_num(actual))
        last, first = (np.where(moving, place(curves, log, first), np.nan) for first in (False, True))
        conformal, spread = Conformal.of(last, first)
        total, naive = (np.where(seen, part, 0.0).sum(axis=1) for part in (honest, loss[:, :, NAIVE]))
        score = np.divide(total, naive, out=np.ones(S), where=naive > 0)
        score[choice == NAIVE] = 1.0
        return self._fitted(panel, choice, usual, seen.sum(axis=1), score, spread, conformal)

    def update(self, fitted: "FittedBest", panel: Panel) -> "FittedBest":
        """The choices, scores and intervals of `fitted`, with the chosen members fitted to `panel` anew.

        For the steps that came since: a small part of the time of `fit`. A series that `fitted` does not know
        takes what was best over all.
        """
        known = fitted.keys.codes(panel.keys.ids)
        new = known < 0

        def of(value: np.ndarray, unknown: float) -> np.ndarray:
            if not len(value):
                return np.full(len(known), unknown)
            return np.where(new, unknown, value[known])

        return self._fitted(
            panel,
            of(fitted.choice, fitted.usual).astype(np.int64),
            fitted.usual,
            of(fitted.origins, 0).astype(np.int64),
            of(fitted.score, 1.0),
            of(fitted.spread, 1.0),
            fitted.conformal,
        )

    def _config(self, m: int, step: str) -> ForecasterConfig:
        """The config of member m."""
        if m == NAIVE:
            return SeasonalNaive(self.horizon, self.season_length or CANDIDATE[step])
        if m == 1:
            return AutoETS(self.horizon, self.season_length)
        if m == 2:
            return Theta(self.horizon, self.season_length)
        return Intermittent(self.horizon, self.season_length, method=MEMBERS[m].lower())

    def _ahead(self, m: int, panel: Panel) -> tuple[np.ndarray, np.ndarray, Any]:
        """Curves (S, H, G) and means (S, H) of member m, and the fitted member."""
        fitted = self._config(m, panel.step).fit(panel)
        ahead = fitted.forecast(self.horizon, LEVELS)
        return np.log1p(ahead.quantile), ahead.mean, fitted

    def _backtest(
        self, panel: Panel, progress: Progress | None, before: int, of: int
    ) -> tuple[np.ndarray, ...]:
        """Curves (S, O, M, H, G), what came (S, O, H), loss of each choice (S, O, C), members tried (S, M).

        NaN where a series does not reach back so far, a stock-out, or a member that was not tried.
        """
        S, H = panel.n_series, self.horizon
        curve, actual, loss, _ = (np.full((S, *shape), np.nan) for shape in _shapes(self.origins, H))
        tried = np.ones((S, len(MEMBERS)), dtype=bool)
        for o in range(self.origins):
            origin = panel.length - (o + 1) * H
            reach = np.flatnonzero(origin >= max(SHORTEST, H))
            if not len(reach):
                break
            whole = panel.take(reach)
            future = whole.entries(origin[reach], origin[reach] + H)
            came = np.where(future.available, np.maximum(future.y, 0.0), np.nan).reshape(-1, H)
            actual[reach, o] = came
            for m in range(len(MEMBERS)):
                which = np.flatnonzero(tried[reach, m])
                if len(which):
                    history = whole.head(origin[reach]).take(which)
                    curve[reach[which], o, m] = self._ahead(m, history)[0]
            for c, choice in enumerate(CHOICES):
                loss[reach, o, c] = _loss(came, curve[reach, o][:, list(choice)].mean(axis=1))
            if o == 0:
                alone = loss[reach, 0, : len(MEMBERS)]
                tried[reach] = ~(alone > HOPELESS * alone.min(axis=1, keepdims=True))
                tried[:, NAIVE] = True
        if progress is not None:
            for s in range(S):
                progress("series", before + s + 1, of)
        return curve.astype(np.float32), actual, loss, tried

    def _fitted(
        self,
        panel: Panel,
        choice: np.ndarray,
        usual: int,
        origins: np.ndarray,
        score: np.ndarray,
        spread: np.ndarray,
        conformal: Conformal,
    ) -> "FittedBest":
        """The chosen members, fitted to the whole history and combined."""
        S = panel.n_series
        curve, mean = np.zeros((S, self.horizon, len(LEVELS))), np.zeros((S, self.horizon))
        season = np.ones(S, dtype=np.int64)
        named: list[list[str]] = [[] for _ in range(S)]
        member = _members_of(choice)
        for m in range(len(MEMBERS)):
            which = np.flatnonzero(member[:, m])
            if len(which):
                own_curve, own_mean, fitted = self._ahead(m, panel.take(which))
                share = 1 / member[which].sum(axis=1)
                curve[which] += own_curve * share[:, None, None]
                mean[which] += own_mean * share[:, None]
                season[which] = np.maximum(season[which], fitted.season_length)
                for s, words in zip(which, fitted.specification, strict=True):
                    named[s].append(words)
        specification = tuple(
            _words(*entry) for entry in zip(named, choice == NAIVE, origins, score, strict=True)
        )
        return FittedBest(
            keys=panel.keys,
            start=panel.end,
            step=panel.step,
            curve=curve,
            mean=mean,
            spread=spread,
            conformal=conformal,
            choice=choice,
            usual=usual,
            origins=origins,
            score=score,
            specification=specification,
            season_length=season,
        )


@dataclass(frozen=True)
class FittedBest:
    """The combined forecasts of every series, how they were chosen, and the correction of their quantiles.

    Parameters
    ----------
    keys : Vocabulary (S,)
    start : int64 (S,)
        First step forecast, on the clock of the step (`merx.data.panel.CLOCK`) since 1970.
    step : "hour", "day", "week" or "month"
    curve : float64 (S, H, G)
        Quantiles of log(1 + y) at `merx.forecast.conformal.LEVELS`, before the correction.
    mean : float64 (S, H)
    spread : float64 (S,)
        Of the errors of each series, in units of what its curves said.
    conformal : Conformal
    choice : int64 (S,)
        Place in CHOICES.
    usual : int
        The choice that is best over all series.
    origins : int64 (S,)
        At how many origins the series was judged; 0: it was too short.
    score : float64 (S,)
        The quantile loss over that of the seasonal naive forecast, at these origins: at each, of what would
        have been chosen by the others, so that the choice is not judged on what it was made from (a single
        origin leaves no other). 1 where the choice is the seasonal naive forecast.
    specification : tuple of S str
        What was chosen and its score.
    season_length : int64 (S,)
        1 where there is none.
    """

    keys: Vocabulary
    start: np.ndarray
    step: str
    curve: np.ndarray
    mean: np.ndarray
    spread: np.ndarray
    conformal: Conformal
    choice: np.ndarray
    usual: int
    origins: np.ndarray
    score: np.ndarray
    specification: tuple[str, ...]
    season_length: np.ndarray

    def forecast(self, horizon: int, probs: np.ndarray, exog: np.ndarray | None = None) -> Forecast:
        """The next `horizon` steps of every series: mean and quantiles in units.

        Raises RequestError where the horizon is beyond the fitted one, or `probs` are not ascending
        between 0 and 1.
        """
        probs = check_request(horizon, self.mean.shape[1], probs)
        quantile = self.conformal.quantile(self.curve[:, :horizon], self.spread, probs)
        return Forecast(self.keys, self.start, self.step, self.mean[:, :horizon].copy(), quantile, probs)


def _shapes(origins: int, horizon: int) -> list[tuple[int, ...]]:
    """Of what a backtest finds of each series."""
    M = len(MEMBERS)
    return [(origins, M, horizon, len(LEVELS)), (origins, horizon), (origins, len(CHOICES)), (M,)]


def _members_of(choice: np.ndarray) -> np.ndarray:
    """Which members choices (S,) have, bool (S, M)."""
    table = np.array([[m in members for m in range(len(MEMBERS))] for members in CHOICES])
    of: np.ndarray = table[choice]
    return of


def _loss(came: np.ndarray, curve: np.ndarray) -> np.ndarray:
    """Mean quantile loss in units, (S,), of curves (S, H, G); steps with NaN do not count."""
    error = came[:, :, None] - np.expm1(curve)
    each = np.maximum(LEVELS * error, (LEVELS - 1) * error).mean(axis=2)  # (S, H)
    count = np.isfinite(came).sum(axis=1)
    total = np.where(np.isfinite(came), each, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _relative(loss: np.ndarray, tried: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Losses (S, O, C) relative to the mean loss of the members tried, where the series were seen (S, O)."""
    alone = np.where(tried[:, None], loss[:, :, : len(MEMBERS)], 0.0)
    unit = np.nan_to_num(alone).sum(axis=2) / tried.sum(axis=1, keepdims=True)  # (S, O)
    relative = np.where(unit[:, :, None] > 0, loss / np.where(unit > 0, unit, 1.0)[:, :, None], 1.0)
    # A choice with a member that was dropped counts as it did at the last origin.
    relative = np.where(np.isfinite(relative), relative, relative[:, :1])
    found: np.ndarray = np.where(seen[:, :, None], relative, 0.0)
    return found


def _choose(relative: np.ndarray, tried: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, int]:
    """The choice of each series (S,), and what is best over all, from the origins that count (S, O)."""
    S = len(relative)
    if not seen.any():
        usual = CHOICES.index(UNJUDGED)
        return np.full(S, usual), usual
    total = np.where(seen[:, :, None], relative, 0.0).sum(axis=1)  # (S, C)
    overall = (
        np.sort(total, axis=0).sum(axis=0) / seen.sum()
    )  # sorted: the order of the series changes no digit
    own = (total + IMAGINED * overall) / (seen.sum(axis=1, keepdims=True) + IMAGINED)
    dropped = np.stack([(~tried[:, list(members)]).any(axis=1) for members in CHOICES], axis=1)
    return np.where(dropped, np.inf, own).argmin(axis=1), int(overall.argmin())


def _words(named: list[str], naive: bool, origins: int, score: float) -> str:
    """What was chosen and how well it did."""
    chosen = " + ".join(dict.fromkeys(named))
    if not origins:
        return f"{chosen}; too short to be judged"
    over = f"{origins} origins" if origins > 1 else "1 origin"
    if naive:
        return f"{chosen}; nothing beats it, {over}"
    if score >= 1:
        return f"{chosen}; no better than the seasonal naive forecast, {over}"
    return f"{chosen}; {score:.2f} of the loss of the seasonal naive forecast, {over}"
