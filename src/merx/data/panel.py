"""Series over time, ragged by series: demand for forecasting, and demand with prices for pricing."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa

from merx.data.vocabulary import Vocabulary

CLOCK: dict[str, str] = {"hour": "h", "day": "D", "week": "D", "month": "M"}
"""In what the first moment of a series is counted since 1970 (UTC), by its step: hours, days or months."""

STRIDE: dict[str, int] = {"hour": 1, "day": 1, "week": 7, "month": 1}
"""How far a step goes on that clock."""

HOLIDAY = "holiday: "
"""How the names of the covariates begin that are 1 on the days of a holiday."""


def moments(start: np.ndarray, steps: int, step: str) -> np.ndarray:
    """When each of the steps from `start` (S,) on begins, datetime64 of the step's clock, (S, steps)."""
    moment: np.ndarray = np.asarray(start)[:, None] + np.arange(steps) * STRIDE[step]
    return moment.astype(f"datetime64[{CLOCK[step]}]")


@dataclass(frozen=True)
class Panel:
    """S series with one value a step, each from its own start on, without gaps.

    Parameters
    ----------
    keys : Vocabulary (S,)
        What each series is of: an item id, a category, or the shop.
    offsets : int64 (S + 1,)
        Series s owns the entries offsets[s]:offsets[s + 1], oldest first.
    y : float64 (N,)
        The value of the step, e.g. units sold.
    available : bool (N,)
        False where the value was censored (out of stock): it is not zero demand, it is unknown.
    start : int64 (S,)
        First step of each series, on the clock of its step (CLOCK) since 1970.
    step : "hour", "day", "week" or "month"
    exog : float64 (N, K)
        Covariates known for every step; K may be 0.
    exog_names : tuple of K str
    exog_ahead : float64 (S, H, K)
        What they are planned to be in the next H steps; H may be 0: nothing is planned.
    groups : int64 (S, G)
        Codes of what each series belongs to, such as its category, from coarse to fine; -1 in a series that
        is the sum over all codes: the shop has category -1 and item -1, a category item -1. G may be 0.
    group_names : tuple of G str
    """

    keys: Vocabulary
    offsets: np.ndarray
    y: np.ndarray
    available: np.ndarray
    start: np.ndarray
    step: str
    exog: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    exog_names: tuple[str, ...] = ()
    exog_ahead: np.ndarray = field(default_factory=lambda: np.empty((0, 0, 0)))
    groups: np.ndarray = field(default_factory=lambda: np.empty((0, 0), dtype=np.int64))
    group_names: tuple[str, ...] = ()

    @property
    def n_series(self) -> int:
        """S."""
        return len(self.offsets) - 1

    @property
    def length(self) -> np.ndarray:
        """Steps of each series, int64 (S,)."""
        return np.diff(self.offsets)

    @property
    def end(self) -> np.ndarray:
        """The first step after each series, on the same clock, int64 (S,)."""
        end: np.ndarray = self.start + self.length * STRIDE[self.step]
        return end

    def series(self, s: int) -> np.ndarray:
        """The values of series s, float64 (length[s],)."""
        return self.y[self.offsets[s] : self.offsets[s + 1]]

    def entries(self, first: np.ndarray, last: np.ndarray) -> "Panel":
        """The steps first[s]:last[s] of each series, counted within the series; both int64 (S,)."""
        length = last - first
        offsets = np.concatenate([[0], np.cumsum(length)]).astype(np.int64)
        entry = np.arange(offsets[-1]) + np.repeat(self.offsets[:-1] + first - offsets[:-1], length)
        return replace(
            self,
            offsets=offsets,
            y=self.y[entry],
            available=self.available[entry],
            start=self.start + first * STRIDE[self.step],
            exog=self.exog[entry] if len(self.exog_names) else self.exog,
            exog_ahead=np.empty((0, 0, 0)),  # the plan was for what comes after the old end
        )

    def head(self, length: np.ndarray) -> "Panel":
        """The first length[s] steps of each series."""
        return self.entries(np.zeros_like(length), length)

    def take(self, which: np.ndarray) -> "Panel":
        """The series with the places `which` (n,), in that order."""
        which = np.asarray(which)
        length = self.length[which]
        offsets = np.concatenate([[0], np.cumsum(length)]).astype(np.int64)
        entry = np.arange(offsets[-1]) + np.repeat(self.offsets[which] - offsets[:-1], length)
        return replace(
            self,
            keys=Vocabulary(self.keys.ids.take(which)),
            offsets=offsets,
            y=self.y[entry],
            available=self.available[entry],
            start=self.start[which],
            exog=self.exog[entry] if len(self.exog_names) else self.exog,
            exog_ahead=self.exog_ahead[which] if len(self.exog_ahead) else self.exog_ahead,
            groups=self.groups[which] if len(self.group_names) else self.groups,
        )


@dataclass(frozen=True)
class PricePanel:
    """What each item sold at which price, by week, ragged by item, oldest first; weeks may be missing.

    Parameters
    ----------
    items : Vocabulary (I,)
    category : int32 (I,)
        Codes in `categories`.
    categories : Vocabulary
    offsets : int64 (I + 1,)
    week : int32 (N,)
        Weeks since the first week of the panel.
    units : float64 (N,)
        Sold net of refunds, never below 0.
    price : float64 (N,)
        Mean price of the week, > 0.
    promotion : float64 (N,)
        Share of the week under promotion, 0..1.
    available : float64 (N,)
        Share of the week in stock, 0..1; 1 where availability is not known.
    cost : float64 (I,)
        Cost of one unit now; NaN where not known.
    price_now : float64 (I,)
        The price in force at the end of the panel.
    distinct_prices : int64 (I,)
        Prices that were in force on days in stock, in steps of 1 %. Counted by day: the mean price of a week
        in which the price switched is no price that anybody paid.
    start : int
        First day of the panel, in days since 1970.
    past_cost : float64 (N,), optional
        Mean cost of one unit in the week; NaN where not known.
    competitor : float64 (N,), optional
        Log of the lowest price of competitors over its mean; 0 where not known.
    """

    items: Vocabulary
    category: np.ndarray
    categories: Vocabulary
    offsets: np.ndarray
    week: np.ndarray
    units: np.ndarray
    price: np.ndarray
    promotion: np.ndarray
    available: np.ndarray
    cost: np.ndarray
    price_now: np.ndarray
    distinct_prices: np.ndarray
    start: int
    past_cost: np.ndarray | None = None
    competitor: np.ndarray | None = None

    @property
    def n_items(self) -> int:
        """I."""
        return len(self.items)

    def take(self, which: np.ndarray) -> "PricePanel":
        """The items with the places `which` (n,), in that order."""
        which = np.asarray(which)
        length = np.diff(self.offsets)[which]
        offsets = np.concatenate([[0], np.cumsum(length)]).astype(np.int64)
        entry = np.arange(offsets[-1]) + np.repeat(self.offsets[which] - offsets[:-1], length)
        return replace(
            self,
            items=Vocabulary(self.items.ids.take(pa.array(which))),
            category=self.category[which],
            offsets=offsets,
            week=self.week[entry],
            units=self.units[entry],
            price=self.price[entry],
            promotion=self.promotion[entry],
            available=self.available[entry],
            cost=self.cost[which],
            price_now=self.price_now[which],
            distinct_prices=self.distinct_prices[which],
            past_cost=None if self.past_cost is None else self.past_cost[entry],
            competitor=None if self.competitor is None else self.competitor[entry],
        )

    @property
    def item(self) -> np.ndarray:
        """The item of every entry, int32 (N,)."""
        return np.repeat(np.arange(self.n_items, dtype=np.int32), np.diff(self.offsets))


def distinct_prices(item: np.ndarray, price: np.ndarray, items: int) -> np.ndarray:
    """How many prices (N,) each item (N,) had, counted in steps of 1 %, int64 (items,)."""
    step = np.round(np.log(price) / 0.01).astype(np.int64)
    pairs = np.unique(np.stack([item.astype(np.int64), step]), axis=1)
    return np.bincount(pairs[0], minlength=items)


def last_known(available: np.ndarray) -> np.ndarray:
    """Of each step (n,) of a series, the latest available one up to it, int64; none before the first is."""
    last = np.maximum.accumulate(np.where(available, np.arange(len(available)), -1))
    found: np.ndarray = last[last >= 0]
    return found


def stack(panels: Sequence[Panel]) -> Panel:
    """One panel of all the series, in order; the steps, covariates and groups must be the same."""
    first = panels[0]
    lengths = np.concatenate([panel.length for panel in panels])
    return replace(
        first,
        keys=Vocabulary(pa.concat_arrays([panel.keys.ids for panel in panels])),
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        y=np.concatenate([panel.y for panel in panels]),
        available=np.concatenate([panel.available for panel in panels]),
        start=np.concatenate([panel.start for panel in panels]),
        exog=np.concatenate([panel.exog for panel in panels]),
        exog_ahead=np.concatenate([panel.exog_ahead for panel in panels]),
        groups=np.concatenate([panel.groups for panel in panels]),
    )
