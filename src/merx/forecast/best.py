"""Best: for each series the methods that forecast it best so far, combined, with conformal intervals."""

from dataclasses import dataclass
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
from merx.forecast.selection import (
    CHOICES,
    MEMBERS,
    NAIVE,
    SLOW,
    choose,
    class_losses,
    class_of,
    loss_of,
    members_of,
    relative_to_members,
    to_judge,
)
from merx.forecast.theta import Theta

HOPELESS = 1.5
"""A member with an error this many times that of the best at the last origin is not tried at earlier ones."""

SHORTEST = 10
"""An origin has at least this much history, and as much as the horizon."""

SHOWN = 4
"""Choices that a summary names."""

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

    Where there are many series, the best sellers and an even spread of the rest are judged. The others, and
    series too short for an origin, take what is best over the judged of their class of demand: smooth,
    erratic, intermittent or lumpy.

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
    judged : int
        Series that are judged one by one, at most; half of them are the best sellers.

    Notes
    -----
    Sources: Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., sections 5.10 (rolling
    origins) and 13.4 (combinations); Petropoulos & Svetunkov (2020), A simple combination of univariate
    models; Lichtendahl, Grushka-Cockayne & Winkler (2013) for means of quantiles; Syntetos, Boylan & Croston
    (2005), On the categorization of demand patterns, for the classes.
    """

    horizon: int = 28
    season_length: int = 0
    origins: int = 4
    judged: int = 500

    def fit(self, panel: Panel, progress: Progress | None = None) -> "FittedBest":
        """Choose for every series, and fit what was chosen.

        Stock-outs are neither learnt from as zeros nor counted in an error. `progress` is told after each
        series. Raises ConfigError on an impossible config.
        """
        check_config(self.horizon, self.season_length)
        for name in ("origins", "judged"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; give 1 or more.")
        judged = to_judge(panel, self.judged)
        J = len(judged)
        choosing = [
            self._backtest(panel.take(judged[first : first + BATCH]), progress, first, J)
            for first in range(0, J, BATCH)
        ]
        curve, actual, loss, tried = (
            np.concatenate([part[k] for part in choosing]) if choosing else np.empty((0, *shape))
            for k, shape in enumerate(_shapes(self.origins, self.horizon))
        )
        tried = tried.astype(bool)
        seen = np.isfinite(loss[:, :, NAIVE])  # (J, O)
        relative = relative_to_members(loss, tried, seen)
        demand = class_of(panel)
        of_class = class_losses(relative, seen, demand[judged])  # (4, C)
        own = choose(relative, tried, seen, of_class[demand[judged]])
        chosen = np.full((J, self.origins, self.horizon, len(LEVELS)), np.nan)
        honest = np.zeros((J, self.origins))  # loss of what would have been chosen without that origin
        for o in range(self.origins):
            elsewhere = seen & (np.arange(self.origins) != o)
            expected = class_losses(relative, elsewhere, demand[judged])[demand[judged]]
            without = np.where(elsewhere.any(axis=1), choose(relative, tried, elsewhere, expected), own)
            for j in range(J):
                chosen[j, o] = curve[j, o, list(CHOICES[without[j]])].mean(axis=0)
            honest[:, o] = loss[np.arange(J), o, without]
        # One origin alone does not tell how errors differ from one to the next.
        several = (seen.sum(axis=1) > 1)[:, None, None]
        moving = np.isfinite(actual) & np.isfinite(chosen[..., 0]) & (chosen[..., -1] > 0) & several
        curves, log = np.nan_to_num(chosen), np.log1p(np.nan_to_num(actual))
        last, first = (np.where(moving, place(curves, log, first), np.nan) for first in (False, True))
        total, naive = (np.where(seen, part, 0.0).sum(axis=1) for part in (honest, loss[:, :, NAIVE]))
        score = np.divide(total, naive, out=np.ones(J), where=naive > 0)
        score[own == NAIVE] = 1.0

        def of_all(value: np.ndarray, others: float) -> np.ndarray:
            """Of every series, from that of the judged ones."""
            every = np.full((panel.n_series, *value.shape[1:]), others, dtype=value.dtype)
            every[judged] = value
            return every

        # What the errors of slow products are like tells nothing of the others, nor the other way round.
        slow = demand >= SLOW
        spread = np.ones(panel.n_series)
        last, first = of_all(last, np.nan), of_all(first, np.nan)
        regular, spread[~slow] = Conformal.of(last[~slow], first[~slow])
        of_slow, spread[slow] = Conformal.of(last[slow], first[slow])
        usual = of_class.argmin(axis=1)
        choice = usual[demand]
        choice[judged] = own
        return self._fitted(
            panel,
            choice,
            usual,
            of_all(seen.sum(axis=1), 0),
            of_all(score, 1.0),
            *(spread, slow, regular, of_slow),
        )

    def update(self, fitted: "FittedBest", panel: Panel) -> "FittedBest":
        """The choices, scores and intervals of `fitted`, with the chosen members fitted to `panel` anew.

        For the steps that came since: a small part of the time of `fit`. A series that `fitted` does not know
        takes what was best over its class of demand.
        """
        known = fitted.keys.codes(panel.keys.ids)
        new, demand = known < 0, class_of(panel)

        def of(value: np.ndarray, unknown: np.ndarray | float) -> np.ndarray:
            kept = value[known] if len(value) else 0
            return np.where(new, unknown, kept)

        return self._fitted(
            panel,
            of(fitted.choice, fitted.usual[demand]).astype(np.int64),
            fitted.usual,
            of(fitted.origins, 0).astype(np.int64),
            of(fitted.score, 1.0),
            of(fitted.spread, 1.0),
            of(fitted.slow, demand >= SLOW).astype(bool),
            *(fitted.regular_correction, fitted.slow_correction),
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
                loss[reach, o, c] = loss_of(came, curve[reach, o][:, list(choice)].mean(axis=1))
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
        usual: np.ndarray,
        origins: np.ndarray,
        score: np.ndarray,
        spread: np.ndarray,
        slow: np.ndarray,
        regular_correction: Conformal,
        slow_correction: Conformal,
    ) -> "FittedBest":
        """The chosen members, fitted to the whole history and combined."""
        S = panel.n_series
        curve, mean = np.zeros((S, self.horizon, len(LEVELS))), np.zeros((S, self.horizon))
        season = np.ones(S, dtype=np.int64)
        named: list[list[str]] = [[] for _ in range(S)]
        member = members_of(choice)
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
        short = panel.length < self.horizon + max(SHORTEST, self.horizon)
        specification = tuple(
            _words(*entry) for entry in zip(named, choice == NAIVE, origins, score, short, strict=True)
        )
        return FittedBest(
            keys=panel.keys,
            start=panel.end,
            step=panel.step,
            curve=curve,
            mean=mean,
            spread=spread,
            slow=slow,
            regular_correction=regular_correction,
            slow_correction=slow_correction,
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
    slow : bool (S,)
        Sells on few steps.
    regular_correction, slow_correction : Conformal
        Of the quantiles of series that are not slow, and of those that are.
    choice : int64 (S,)
        Place in CHOICES.
    usual : int64 (4,)
        The choice that is best over all series of a class of demand.
    origins : int64 (S,)
        At how many origins the series was judged; 0: it was too short, or others were judged in its place.
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
    slow: np.ndarray
    regular_correction: Conformal
    slow_correction: Conformal
    choice: np.ndarray
    usual: np.ndarray
    origins: np.ndarray
    score: np.ndarray
    specification: tuple[str, ...]
    season_length: np.ndarray

    @property
    def summary(self) -> str:
        """What forecasts how many series, and how that did beside the seasonal naive forecast."""
        S = len(self.choice)
        counts = np.bincount(self.choice, minlength=len(CHOICES))
        first = [c for c in np.argsort(-counts, kind="stable")[:SHOWN] if counts[c]]
        told = [f"{' + '.join(MEMBERS[m] for m in CHOICES[c])} {counts[c]:,}" for c in first]
        if rest := S - counts[first].sum():
            told.append(f"other choices {rest:,}")
        judged = self.origins > 0
        words = f"Chosen for {S:,} series: {', '.join(told)}." if S else "No series."
        if judged.any():
            score, worse = np.median(self.score[judged]), int((self.score[judged] >= 1).sum())
            words += (
                f" {judged.sum():,} were judged by themselves: in the middle {score:.2f} of the loss of the "
                f"seasonal naive forecast; on {worse:,} nothing is better than it."
            )
        return words

    def forecast(self, horizon: int, probs: np.ndarray, exog: np.ndarray | None = None) -> Forecast:
        """The next `horizon` steps of every series: mean and quantiles in units.

        Raises RequestError where the horizon is beyond the fitted one, or `probs` are not ascending
        between 0 and 1.
        """
        probs = check_request(horizon, self.mean.shape[1], probs)
        quantile = np.empty((len(self.keys), horizon, len(probs)))
        for which, correction in ((~self.slow, self.regular_correction), (self.slow, self.slow_correction)):
            quantile[which] = correction.quantile(self.curve[which, :horizon], self.spread[which], probs)
        return Forecast(self.keys, self.start, self.step, self.mean[:, :horizon].copy(), quantile, probs)


def _shapes(origins: int, horizon: int) -> list[tuple[int, ...]]:
    """Of what a backtest finds of each series."""
    M = len(MEMBERS)
    return [(origins, M, horizon, len(LEVELS)), (origins, horizon), (origins, len(CHOICES)), (M,)]


def _words(named: list[str], naive: bool, origins: int, score: float, short: bool) -> str:
    """What was chosen and how well it did."""
    chosen = " + ".join(dict.fromkeys(named))
    if not origins:
        why = "too short to be judged" if short else "not judged by itself"
        return f"{chosen}; {why}: what is best over others of its class of demand"
    over = f"{origins} origins" if origins > 1 else "1 origin"
    if naive:
        return f"{chosen}; nothing beats it, {over}"
    if score >= 1:
        return f"{chosen}; no better than the seasonal naive forecast, {over}"
    return f"{chosen}; {score:.2f} of the loss of the seasonal naive forecast, {over}"
