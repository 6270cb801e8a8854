"""What any prices would do: units, revenue and profit a week with intervals, for many products at once.

The interval of an item is read off its sorted draws. Those of the totals are over draws of the sums: the
draws of each item are in an order of its own, so what is not known of one is taken to be independent of the
others.
"""

from dataclasses import dataclass, replace

import numpy as np

from merx.data.contracts import DemandModel
from merx.errors import RequestError
from merx.kernels.threads import one_blas_thread, over_rows
from merx.price.response import FittedPriceResponse

WIDTH = 2048  # items whose draws are held at once by a thread
INTERVAL = (0.1, 0.9)  # central 80 %


@dataclass(frozen=True)
class Outcome:
    """What is expected a week: mean, low and high of the central 80 %.

    Parameters
    ----------
    units, revenue, profit : float64 (I, 3)
        `profit` is NaN where the cost is not known.
    drawn : float64 (draws, 3)
        Units, revenue and profit of all items together; profit of those whose cost is known.
    """

    units: np.ndarray
    revenue: np.ndarray
    profit: np.ndarray
    drawn: np.ndarray

    @property
    def total(self) -> np.ndarray:
        """Units, revenue and profit of all items together, float64 (3, 3)."""
        return summary_of(self.drawn)


def summary_of(drawn: np.ndarray) -> np.ndarray:
    """Mean and bounds of the central 80 % of draws (draws, n), as (n, 3)."""
    low, high = np.quantile(drawn, INTERVAL, axis=0)
    return np.stack([drawn.mean(axis=0), low, high], axis=1)


@dataclass(frozen=True)
class WhatIf:
    """A demand model laid out to be asked again and again; made by `WhatIf.of`.

    Parameters
    ----------
    parts : tuple of DemandModel
        Of WIDTH items each, in order.
    items : int
    """

    parts: tuple[DemandModel, ...]
    items: int

    @classmethod
    def of(cls, model: DemandModel) -> "WhatIf":
        """Of a fitted model."""
        items = len(model.items)
        spans = [np.arange(first, min(first + WIDTH, items)) for first in range(0, items, WIDTH)]
        return cls(tuple(_in_single(model.take(span)) for span in spans), items)

    def ask(self, price: np.ndarray, cost: np.ndarray, most: np.ndarray | None = None) -> Outcome:
        """What comes of the prices (I,).

        Parameters
        ----------
        price, cost : float64 (I,)
            `cost` is NaN where not known.
        most : float64 (I,), optional
            Units that can be sold in a week.

        Raises
        ------
        RequestError
            Where the prices are not one for each item, or not all above 0.
        """
        if price.shape != (self.items,) or not (price > 0).all():
            raise RequestError(f"Prices of {self.items:,} items are needed, each above 0.")
        units = np.empty((self.items, 3))
        each = np.stack([np.ones(self.items), price, np.nan_to_num(price - cost)]).astype(np.float32)
        sums: list[np.ndarray] = [np.zeros((0, 3))] * len(self.parts)  # (draws, 3) of each part

        def work(first: int, last: int) -> None:
            for number in range(first, last):
                span = slice(number * WIDTH, min((number + 1) * WIDTH, self.items))
                asked = price[span, None].astype(np.float32)
                drawn = self.parts[number].draws(asked)[:, :, 0].astype(np.float32, copy=False)  # (draws, n)
                if most is not None:
                    np.minimum(drawn, most[span], out=drawn)
                sums[number] = np.stack([drawn @ worth[span] for worth in each], axis=1)
                units[span] = _summary(drawn)

        with one_blas_thread():
            over_rows(len(self.parts), 1, work)
        margin = (price - cost)[:, None]
        profit = units * margin
        profit[:, 1:] = np.where(margin < 0, profit[:, :0:-1], profit[:, 1:])  # a loss grows with the units
        whole: np.ndarray = np.stack(sums).sum(axis=0, dtype=np.float64)  # (draws, 3)
        return Outcome(units=units, revenue=units * price[:, None], profit=profit, drawn=whole)


def _in_single(model: DemandModel) -> DemandModel:
    """The model in single precision, half the memory to read; others than the default as they are."""
    if not isinstance(model, FittedPriceResponse):
        return model
    names = ("reference", "level", "elasticity")
    return replace(model, **{name: getattr(model, name).astype(np.float32) for name in names})


def _summary(drawn: np.ndarray) -> np.ndarray:
    """Mean and bounds of draws (draws, n), as (n, 3); interpolated between neighbours as np.quantile does."""
    rising = np.sort(np.ascontiguousarray(drawn.T), axis=1)  # (n, draws)
    bounds = []
    for prob in INTERVAL:
        place = prob * (len(drawn) - 1)
        below = int(place)
        above = min(below + 1, len(drawn) - 1)
        share = place - below
        bounds.append(rising[:, below] * (1 - share) + rising[:, above] * share)
    return np.stack([rising.mean(axis=1, dtype=np.float64), *bounds], axis=1)
