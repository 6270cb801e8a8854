"""ShelfPrice: prices that move in steps: a regular price that seldom changes, and promotions off it."""

from dataclasses import dataclass

import numpy as np

from merx.data.contracts import Progress
from merx.data.panel import Panel, last_known
from merx.data.results import Forecast
from merx.data.vocabulary import Vocabulary
from merx.errors import FitError
from merx.forecast.predictive import check_config, check_request
from merx.forecast.price_rates import Moves, count_moves, hazards, shrunk, size_table
from merx.forecast.price_states import SAME, PriceStates, price_states

PATHS = 500
"""Futures drawn for each series; the same random numbers for all."""

BLOCK = 256
"""Series whose futures are drawn together."""


@dataclass(frozen=True)
class ShelfPrice:
    """The price of a step is the regular price R, or R exp(d) in a promotion of depth d < 0:

        regular -> promotion   with probability h(a) u, a the steps since the last promotion
        promotion -> regular   with probability g(a) v, a the steps it has lasted
        R -> R exp(x)          with probability c in a step without promotion, c' when one ends
        d -> d'                with probability k in a step of a promotion

    x, d and d' are drawn from those seen. h and g are shared by all series of a fit; u, v, c, c', k and the
    sizes are each series' own as far as it has seen enough, and those of all series otherwise. Futures of
    this chain are drawn; mean, quantiles and the chance of a change are theirs.

    Parameters
    ----------
    horizon : int
        Steps ahead that the fitted model can answer.

    Notes
    -----
    Regular and promotion prices are told apart by a covariate named "promotion", where the panel has one and
    it flags the series anywhere, or else by `merx.forecast.price_states`. Hazards that depend on age:
    Nakamura & Steinsson, Five facts about prices (2008); the shrinkage is that of a gamma-Poisson and a
    beta-binomial with fixed weights.
    """

    horizon: int = 28

    def fit(self, panel: Panel, progress: Progress | None = None) -> "FittedShelfPrice":
        """Fit all series of the panel together; in steps that were not available the price before them holds.

        `progress` is told after each series. Raises ConfigError on an impossible config, FitError where a
        price is not above 0.
        """
        check_config(self.horizon, 1)
        _check_positive(panel)
        states: list[PriceStates | None] = []
        for s in range(panel.n_series):
            states.append(_states(panel, s))
            if progress is not None:
                progress("series", s + 1, panel.n_series)
        moves = count_moves(states)
        begins, _ = hazards(moves.begins, moves.plain)
        ends, usual_ends = hazards(moves.ends, moves.promoted)
        reverts = shrunk(moves.promotions, moves.falls)
        return FittedShelfPrice(
            keys=panel.keys,
            start=panel.end,
            step=panel.step,
            specification=tuple(_words(state, moves, s) for s, state in enumerate(states)),
            begins=begins,
            ends=ends,
            changes=shrunk(moves.changes, moves.steps),
            changes_after=shrunk(moves.changes_after, moves.ended),
            redraws=shrunk(moves.redraws, moves.stays),
            size=size_table(moves.size),
            depth=size_table(moves.depth, falls=True),
            horizon=self.horizon,
            **_now(states, reverts, usual_ends),
        )


@dataclass(frozen=True)
class FittedShelfPrice:
    """The chain of every series, and where it stands.

    Parameters
    ----------
    keys : Vocabulary (S,)
    start : int64 (S,)
        First step forecast, on the clock of the step (`merx.data.panel.CLOCK`) since 1970.
    step : "hour", "day", "week" or "month"
    specification : tuple of S str
        Such as "steps: 14 changes, 9 promotions in 104", or "none: no data".
    begins, ends : float64 (S, A)
        Probability that a promotion begins (ends) in a step, by the age of the state, the last for all above.
    changes, changes_after, redraws : float64 (S,)
        Probability that the regular price changes in a step without promotion, at the end of one, and that
        the depth changes within one.
    size, depth : float64 (S, 64)
        Sizes of changes and depths of promotions in logarithms, each as likely.
    regular, price : float64 (S,)
        Log of the regular price and of the price now.
    age : int64 (S,)
        Steps since the last promotion began or ended.
    promoted : float64 (S,)
        Probability that the price now is a promotion off `regular`; if not, it is the regular price.
    lowest, highest : float64 (S,)
        Log of half the lowest and twice the highest price seen: no future leaves these.
    horizon : int
        Steps ahead that can be answered.
    """

    keys: Vocabulary
    start: np.ndarray
    step: str
    specification: tuple[str, ...]
    begins: np.ndarray
    ends: np.ndarray
    changes: np.ndarray
    changes_after: np.ndarray
    redraws: np.ndarray
    size: np.ndarray
    depth: np.ndarray
    regular: np.ndarray
    price: np.ndarray
    age: np.ndarray
    promoted: np.ndarray
    lowest: np.ndarray
    highest: np.ndarray
    horizon: int

    def forecast(self, horizon: int, probs: np.ndarray, exog: np.ndarray | None = None) -> Forecast:
        """The price in the next `horizon` steps of every series: mean and quantiles.

        Raises RequestError where the horizon is beyond the fitted one, or `probs` are not ascending
        between 0 and 1.
        """
        probs = check_request(horizon, self.horizon, probs)
        S = len(self.keys)
        mean, quantile = np.empty((S, horizon)), np.empty((S, horizon, len(probs)))
        rank = np.maximum(np.ceil(probs * PATHS).astype(np.int64) - 1, 0)
        for block in _blocks(S):
            price = np.sort(_nine_digits(np.exp(self.paths(block, horizon)[0])), axis=2)  # (B, H, PATHS)
            mean[block], quantile[block] = price.mean(axis=2), price[:, :, rank]
        return Forecast(self.keys, self.start, self.step, mean, quantile, probs)

    def outlook(self, s: int, horizon: int) -> dict[str, float]:
        """What may happen to the price of series s within `horizon` steps.

        `promoted_now`: probability that it is a promotion now; `change`: that it differs from now at some
        step; `up`, `down`: that it is higher or lower at the last; `size_up`, `size_down`: the median
        relative change there, if so, 0 where that never happens; `promotion`: that it is a promotion there.
        """
        log, promoted = self.paths(slice(s, s + 1), horizon)
        moved = log[0] - self.price[s]  # (H, PATHS)
        last = moved[-1]
        up, down = last[last > SAME], last[last < -SAME]
        return {
            "promoted_now": round(float(self.promoted[s]), 4),
            "change": float((np.abs(moved) > SAME).any(axis=0).mean()),
            "up": float((last > SAME).mean()),
            "down": float((last < -SAME).mean()),
            "size_up": round(float(np.expm1(np.median(up))), 4) if len(up) else 0.0,
            "size_down": round(float(np.expm1(np.median(down))), 4) if len(down) else 0.0,
            "promotion": float(promoted[0, -1].mean()),
        }

    def paths(self, which: slice, horizon: int) -> tuple[np.ndarray, np.ndarray]:
        """Futures of the log price, and whether it is a promotion, both (B, horizon, PATHS)."""
        draw = np.random.default_rng(0).random((self.horizon, 4, PATHS))
        at_first = np.random.default_rng(1).random(PATHS)
        B, oldest = len(self.price[which]), self.begins.shape[1]
        row = np.arange(B)[:, None]
        promoted = at_first < self.promoted[which, None]  # (B, PATHS)
        price = np.repeat(self.price[which, None], PATHS, axis=1)
        regular = np.where(promoted, self.regular[which, None], price)
        depth = np.where(promoted, price - regular, 0.0)
        age = np.repeat(self.age[which, None], PATHS, axis=1)
        # a fall that was no promotion after all counts as regular from its beginning
        begins, ends = self.begins[which], self.ends[which]
        log, state = np.empty((B, horizon, PATHS)), np.empty((B, horizon, PATHS), dtype=bool)
        for h in range(horizon):
            switch, move, size, deep = draw[h]
            place = np.minimum(age, oldest) - 1
            switches = switch < np.where(promoted, ends[row, place], begins[row, place])
            ending, beginning, staying = promoted & switches, ~promoted & switches, promoted & ~switches
            promoted = promoted ^ switches
            age = np.where(switches, 1, age + 1)
            rate = np.where(ending, self.changes_after[which, None], self.changes[which, None])
            changes = ~promoted & (move < rate)
            regular = regular + np.where(changes, self.size[which][:, (size * 64).astype(np.int64)], 0.0)
            redrawn = beginning | (staying & (move < self.redraws[which, None]))
            drawn = self.depth[which][:, (deep * 64).astype(np.int64)]
            depth = np.where(redrawn, drawn, np.where(promoted, depth, 0.0))
            held = np.clip(regular + depth, self.lowest[which, None], self.highest[which, None])
            log[:, h], state[:, h] = held, promoted
        return log, state


def _nine_digits(price: np.ndarray) -> np.ndarray:
    """Rounded to nine significant digits: a price that has not moved is the same number as before."""
    unit = 10.0 ** (8 - np.floor(np.log10(price)))
    rounded: np.ndarray = np.round(price * unit) / unit
    return rounded


def _blocks(series: int) -> list[slice]:
    return [slice(first, min(first + BLOCK, series)) for first in range(0, series, BLOCK)]


def _check_positive(panel: Panel) -> None:
    bad = panel.available & ~(panel.y > 0)
    if bad.any():
        raise FitError(
            f"{np.count_nonzero(bad):,} of {len(bad):,} prices are not above 0; mark those steps as not "
            "available."
        )


def _states(panel: Panel, s: int) -> PriceStates | None:
    """The states of series s from its first known price on; None where no price is known."""
    entries = slice(panel.offsets[s], panel.offsets[s + 1])
    last = last_known(panel.available[entries])
    if not len(last):
        return None
    flags = None
    if "promotion" in panel.exog_names:
        flags = panel.exog[entries, panel.exog_names.index("promotion")][last] > 0.5
    flagged = flags is not None and flags.any()
    return price_states(panel.y[entries][last], panel.step, flags if flagged else None)


def _now(states: list[PriceStates | None], reverts: np.ndarray, ends: np.ndarray) -> dict[str, np.ndarray]:
    """regular, price, age, promoted, lowest and highest (S,) at the end of the histories.

    A fall still open may be a promotion or a new regular price. Before it lasted it was a promotion with the
    probability `reverts` (S,); that it has lasted a steps speaks for a new price, as a promotion lasts so
    long with the probability prod (1 - g(i)).
    """
    S = len(states)
    names = ("regular", "price", "promoted", "lowest", "highest")
    now = {name: np.zeros(S) for name in names} | {"age": np.ones(S, np.int64)}
    lasts = np.concatenate([[1.0], np.cumprod(1 - ends)])  # (A + 1,)
    for s, state in enumerate(states):
        if state is None:
            continue
        now["regular"][s], now["age"][s] = state.regular[-1], state.age[-1]
        log = state.regular + state.depth
        now["price"][s] = log[-1]
        now["lowest"][s], now["highest"][s] = log.min() - np.log(2), log.max() + np.log(2)
        if state.depth[-1] < 0:
            still = reverts[s] * lasts[min(state.age[-1] - 1, len(ends))]
            is_open = state.open < len(state.depth)
            now["promoted"][s] = still / (still + 1 - reverts[s]) if is_open else 1.0
    return now


def _words(state: PriceStates | None, moves: Moves, s: int) -> str:
    if state is None:
        return "none: no data"
    changes = int(moves.changes[s] + moves.changes_after[s])
    return f"steps: {changes} changes, {int(moves.promotions[s])} promotions in {len(state.depth)}"
