"""What a forecast over all series knows of a step: past of the series and groups, calendar, covariates."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow.compute as pc

from merx.data.panel import CLOCK, STRIDE, Panel
from merx.forecast.predictive import BULK

WINDOWS: dict[str, tuple[int, ...]] = {
    "hour": (6, 24, 48, 168, 672),
    "day": (7, 14, 28, 56, 112),
    "week": (2, 4, 8, 13, 26),
    "month": (1, 3, 6, 12, 24),
}
"""Available steps that are averaged over, by step; the third is the window of the level."""

CYCLES = 4
"""Cycles whose step at the same point is averaged; and the steps that a wider mean counts as."""

FLOOR = 1e-3
"""No level is below this many units a step."""

UNKNOWN = -1.0
"""Where a cycle has not been seen; everything else that is compared with a level is 0 or more."""


@dataclass(frozen=True)
class Rows:
    """Steps ahead, seen from their origins.

    Parameters
    ----------
    X : float32 (n, F)
    level : float64 (n,)
        Units a step at the origin, > 0.
    """

    X: np.ndarray
    level: np.ndarray


def with_covariates(X: np.ndarray, exog: np.ndarray) -> np.ndarray:
    """Features (S, h, F) with other covariates (S, h, K): the last 2 K are these, each with its change."""
    X = X.copy()
    F, K = X.shape[2], exog.shape[2]
    value, change = slice(F - 2 * K, F, 2), slice(F - 2 * K + 1, F, 2)
    X[:, :, change] += exog.astype(np.float32) - X[:, :, value]
    X[:, :, value] = exog
    return X


@dataclass(frozen=True)
class Past:
    """A panel, made ready for features of any of its series, origins and horizons.

    Parameters
    ----------
    panel : Panel
    season_length : int64 (S,)
        1 where there is no season.
    """

    panel: Panel
    season_length: np.ndarray

    @classmethod
    def of(cls, panel: Panel, cycle: int) -> "Past":
        """The panel, its series by their keys, so that their order changes nothing.

        `cycle`: steps of a season; series of less than two have none.
        """
        ordered = panel.take(pc.sort_indices(panel.keys.ids).to_numpy())
        return cls(ordered, np.where(ordered.length >= 2 * cycle, cycle, 1))

    @cached_property
    def names(self) -> list[str]:
        """What each feature is, F names; the covariates come last, each with its change."""
        w = WINDOWS[self.panel.step]
        return [
            *("ahead", "log_level", "age", "since_sale", "share_sold", "deviation", "last"),
            *(f"mean_{length}" for length in w if length != w[2]),
            *("phase_last", f"phase_{CYCLES}", f"phase_{2 * CYCLES}"),
            *(f"{part}_{name}" for name in self._group_names for part in ("short", "long")),
            *("phase", "weekday", "day_of_month", "month"),
            *(self.panel.group_names[place] for place in self._shared),
            *(f"{name}{part}" for name in self.panel.exog_names for part in ("", "_change")),
        ]

    @cached_property
    def _single(self) -> np.ndarray:
        """Which series are no sums over others, bool (S,)."""
        if not self.panel.group_names:
            return np.ones(self.panel.n_series, dtype=bool)
        return np.asarray((self.panel.groups >= 0).all(axis=1))

    @cached_property
    def _shared(self) -> list[int]:
        """The places of the groups that some series have in common."""
        series, places = int(self._single.sum()), range(len(self.panel.group_names))
        return [place for place in places if len(np.unique(self.panel.groups[self._single, place])) < series]

    @cached_property
    def _group_names(self) -> tuple[str, ...]:
        """Of what the sums are known: those groups, or the whole panel where there are none."""
        return tuple(self.panel.group_names[place] for place in self._shared) or ("all",)

    @cached_property
    def _group_of(self) -> np.ndarray:
        """The code of each series in each of these, -1 for all series, int64 (G, S)."""
        if not self._shared:
            return np.full((1, self.panel.n_series), -1)
        groups: np.ndarray = self.panel.groups[:, self._shared].T
        return groups

    @cached_property
    def sold(self) -> np.ndarray:
        """Units of the available steps, 0 of others, (N,).

        A step beyond BULK times the mean of the others with sales of its series counts as that much.
        """
        panel = self.panel
        units = np.where(panel.available, np.maximum(panel.y, 0.0), 0.0)
        series = np.repeat(np.arange(panel.n_series), panel.length)
        total = np.bincount(series, units, panel.n_series)[series]
        others = np.bincount(series, units > 0, panel.n_series)[series] - 1
        most = np.where(others > 0, BULK * (total - units) / np.maximum(others, 1), np.inf)
        capped: np.ndarray = np.minimum(units, most)
        return capped

    @cached_property
    def _before(self) -> np.ndarray:
        """How many available steps there are before each entry, all series together, int64 (N + 1,)."""
        return np.concatenate([[0], np.cumsum(self.panel.available)])

    @cached_property
    def _known(self) -> np.ndarray:
        """Units of the A available steps alone, (A,)."""
        known: np.ndarray = self.sold[self.panel.available]
        return known

    @cached_property
    def _sums(self) -> dict[str, np.ndarray]:
        """Running sums over the available steps, each (A + 1,)."""

        def running(value: np.ndarray) -> np.ndarray:
            return np.concatenate([[0.0], np.cumsum(value, dtype=np.float64)])

        sums = {
            "units": running(self._known),
            "squares": running(self._known**2),
            "sales": running(self._known > 0),
        }
        for place, name in enumerate(self.panel.exog_names):
            sums[name] = running(self.panel.exog[self.panel.available, place])
        return sums

    @cached_property
    def _last_sale(self) -> np.ndarray:
        """The place among the available steps of the latest sale up to each, -1 before any, int64 (A,)."""
        return np.maximum.accumulate(np.where(self._known > 0, np.arange(len(self._known)), -1))

    @cached_property
    def _first(self) -> int:
        """The earliest step of the panel on its clock."""
        begun = self.panel.start[self.panel.length > 0]
        return int(begun.min()) if len(begun) else 0

    def _time(self, series: np.ndarray, step: np.ndarray) -> np.ndarray:
        """Steps since the panel's first one."""
        time: np.ndarray = (self.panel.start[series] - self._first) // STRIDE[self.panel.step] + step
        return time

    @cached_property
    def _group_sums(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Running sums of units and of available steps over time, each (codes + 1, T + 1), for every group.

        The first row is that of all series. Series that are sums over others are not counted again.
        """
        panel = self.panel
        series = np.repeat(np.arange(panel.n_series), panel.length)
        time = self._time(series, np.arange(len(series)) - panel.offsets[series])
        T = int(time.max(initial=-1)) + 1
        counted = self._single[series]
        values = (np.where(counted, self.sold, 0.0), (panel.available & counted).astype(np.float64))
        sums = []
        for group in self._group_of:
            n = int(group.max(initial=-1)) + 2
            cell = (np.where(self._single, group, -1)[series] + 1) * T + time
            pair = [np.bincount(cell, weight, n * T).reshape(n, T) for weight in values]
            for part in pair:
                part[0] = part.sum(axis=0)
            sums.append((_running(pair[0]), _running(pair[1])))
        return sums

    def rows(self, series: np.ndarray, origin: np.ndarray, ahead: np.ndarray, plan: np.ndarray) -> Rows:
        """Features of n steps.

        Parameters
        ----------
        series : int (n,)
        origin : int (n,)
            Steps of the series that are known.
        ahead : int (n,)
            1 for the step right after these.
        plan : float64 (S, H, K)
            Covariates of the steps after the end of each series.
        """
        panel, w = self.panel, WINDOWS[self.panel.step]
        first = self._before[panel.offsets[series]]
        end = self._before[panel.offsets[series] + origin]
        seen = end - first
        count = [np.maximum(np.minimum(seen, length), 1) for length in w]
        units = [self._over("units", first, end, length) for length in w]
        mean = [part / steps for part, steps in zip(units, count, strict=True)]
        group = [self._of_group(place, series, origin) for place in range(len(self._group_names))]
        borrowed = np.where(self._single[series], CYCLES, 1e-9)  # a sum is not like one of its parts
        wide = (units[4] + borrowed * group[0][0]) / (np.minimum(seen, w[4]) + borrowed)
        level = np.maximum((units[2] + CYCLES * wide) / (np.minimum(seen, w[2]) + CYCLES), FLOOR)

        newest = np.maximum(end - 1, 0)
        known = self._known if len(self._known) else np.zeros(1)
        last_sale = self._last_sale[newest] if len(self._known) else np.full(len(series), -1)
        since = np.where(last_sale >= first, end - last_sale, seen + 1)
        variance = self._over("squares", first, end, w[3]) / count[3] - mean[3] ** 2
        columns = [
            ahead,
            np.log(level),
            np.log1p(np.minimum(seen, w[4])),
            np.log1p(np.minimum(since, w[4])),
            self._over("sales", first, end, w[3]) / count[3],
            np.sqrt(np.maximum(variance, 0.0)) / level,
            np.where(seen > 0, known[newest], 0.0) / level,
            *(mean[place] / level for place in (0, 1, 3, 4)),
            *(np.where(part < 0, UNKNOWN, part / level) for part in self._phases(series, origin, ahead)),
            *(ratio for _, short, long in group for ratio in (short, long)),
            *self._calendar(series, origin + ahead - 1),
        ]
        columns += [self._group_of[place, series] for place in range(len(self._shared))]
        target = origin + ahead - 1
        inside = target < panel.length[series]
        entry = np.where(inside, panel.offsets[series] + target, 0)
        later = np.clip(target - panel.length[series], 0, max(plan.shape[1] - 1, 0))
        for place, name in enumerate(panel.exog_names):
            value = panel.exog[entry, place] if len(panel.exog) else np.zeros(len(series))
            if plan.shape[1]:
                value = np.where(inside, value, plan[series, later, place])
            usual = self._over(name, first, end, w[2]) / count[2]
            columns += [value, np.where(seen > 0, value - usual, 0.0)]
        X = np.empty((len(series), len(columns)), dtype=np.float32)
        for place, column in enumerate(columns):
            X[:, place] = column
        return Rows(X, level)

    def _over(self, name: str, first: np.ndarray, end: np.ndarray, length: int) -> np.ndarray:
        """A sum over the last `length` available steps before `end`."""
        total = self._sums[name]
        summed: np.ndarray = total[end] - total[np.maximum(end - length, first)]
        return summed

    def _of_group(self, place: int, series: np.ndarray, origin: np.ndarray) -> tuple[np.ndarray, ...]:
        """Units a step and series, and how the short and the long window compare with the middle one."""
        units, known = self._group_sums[place]
        w = WINDOWS[self.panel.step]
        code = self._group_of[place][series] + 1
        now = np.clip(self._time(series, origin), 0, units.shape[1] - 1)
        means = []
        for length in (w[0], w[2], w[4]):
            then = np.maximum(now - length, 0)
            seen = np.maximum(known[code, now] - known[code, then], 1.0)
            means.append((units[code, now] - units[code, then]) / seen)
        short, middle, long = (np.log(mean + FLOOR) for mean in means)
        return means[1], short - middle, middle - long

    def _phases(self, series: np.ndarray, origin: np.ndarray, ahead: np.ndarray) -> list[np.ndarray]:
        """Means over those available of the last 1, CYCLES and 2 CYCLES steps at this point of the cycle."""
        m, first = self.season_length[series], self.panel.offsets[series]
        back = np.maximum(-(-ahead // m) * m, 1)
        step = origin + ahead - 1 - back
        total, known = np.zeros(len(series)), np.zeros(len(series))
        means = []
        for cycle in range(2 * CYCLES):
            place = np.where(step >= 0, first + step, 0)
            seen = (step >= 0) & (m > 1)
            if len(self.sold):
                seen &= self.panel.available[place]
                total += np.where(seen, self.sold[place], 0.0)
            known += seen
            if cycle + 1 in (1, CYCLES, 2 * CYCLES):
                means.append(np.where(known > 0, total / np.maximum(known, 1), UNKNOWN))
            step = step - m
        return means

    def _calendar(self, series: np.ndarray, step: np.ndarray) -> list[np.ndarray]:
        """Point of the cycle, weekday, day of the month, month."""
        clock = CLOCK[self.panel.step]
        time = self._time(series, step)
        span = np.arange(int(time.max(initial=0)) + 1)
        moment = (self._first + span * STRIDE[self.panel.step]).astype(f"datetime64[{clock}]")
        day = moment.astype("datetime64[D]")
        month = day.astype("datetime64[M]")
        table = (
            (day.astype(np.int64) + 3) % 7,
            (day - month).astype(np.int64),
            month.astype(np.int64) % 12,
        )
        phase = (self._first // STRIDE[self.panel.step] + time) % np.maximum(self.season_length[series], 1)
        return [phase, *(part[np.maximum(time, 0)] for part in table)]


def _running(value: np.ndarray) -> np.ndarray:
    """Sums before each step, (n, T) to (n, T + 1)."""
    return np.pad(np.cumsum(value, axis=1), ((0, 0), (1, 0)))
