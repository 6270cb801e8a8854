"""What models answer: plain arrays with a way out to Arrow."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from merx.data.panel import moments
from merx.data.vocabulary import Vocabulary
from merx.errors import RequestError


@dataclass(frozen=True)
class Ranking:
    """The best k items for each of U users, best first.

    Parameters
    ----------
    item : int32 (U, k)
        Codes in `items`, -1 where fewer than k could be ranked.
    score : float32 (U, k)
        NaN where item is -1.
    items : Vocabulary (I,)
    """

    item: np.ndarray
    score: np.ndarray
    items: Vocabulary

    def to_table(self, user_ids: Sequence[str]) -> pa.Table:
        """One row per user and rank: user_id, rank (from 1), item_id, score."""
        users, k = self.item.shape
        flat = self.item.ravel()
        table = pa.table(
            {
                "user_id": pa.array(np.repeat(np.asarray(user_ids, dtype=object), k), pa.string()),
                "rank": np.tile(np.arange(1, k + 1, dtype=np.int32), users),
                "item_id": self.items.names(flat),
                "score": self.score.ravel(),
            }
        )
        return table.filter(pa.array(flat >= 0))


@dataclass(frozen=True)
class Contributions:
    """Why these items: what each entry of one shopper's history adds to each ranked item's score.

    Parameters
    ----------
    part : float64 (k, n)
        Of the score of ranked item j, the part that history item h brings; 0 throughout where the model
        does not look at the history.
    history : int32 (n,)
        Codes of the distinct items of the history that the model counts.
    """

    part: np.ndarray
    history: np.ndarray


@dataclass(frozen=True)
class Attribution:
    """Why these predictions: what each of K features adds to each of n, on the scale where they add up.

    That scale is the logarithm of the odds for a chance, the logarithm for an amount. base + the sum of the
    parts is the prediction on that scale.

    Parameters
    ----------
    names : tuple of K str
    base : float64 (n,)
        Without regard to any feature.
    part : float64 (n, K)
    value : float64 (n, K)
        The features themselves, NaN where one is not known.
    """

    names: tuple[str, ...]
    base: np.ndarray
    part: np.ndarray
    value: np.ndarray


@dataclass(frozen=True)
class Forecast:
    """The next H steps of S series.

    Parameters
    ----------
    keys : Vocabulary (S,)
    start : int64 (S,)
        First step forecast, on the clock of the step (`merx.data.panel.CLOCK`) since 1970.
    step : "hour", "day", "week" or "month"
    mean : float64 (S, H)
    quantile : float64 (S, H, Q)
    probs : float64 (Q,), ascending
    """

    keys: Vocabulary
    start: np.ndarray
    step: str
    mean: np.ndarray
    quantile: np.ndarray
    probs: np.ndarray

    @property
    def horizon(self) -> int:
        """H."""
        return int(self.mean.shape[1])

    def interval(self, level: float) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper bound, each (S, H), of the central interval that holds `level` (0.8, never 80).

        Raises RequestError where its bounds, the quantiles (1 - level) / 2 and (1 + level) / 2, are not
        among `probs`.
        """

        def at(prob: float) -> np.ndarray:
            return np.flatnonzero(np.abs(self.probs - prob) < 1e-9)

        low, high = at((1 - level) / 2), at((1 + level) / 2)
        if not (0 < level < 1 and low.size and high.size):
            known = [f"{1 - 2 * prob:g}" for prob in self.probs if prob < 0.5 and at(1 - prob).size]
            raise RequestError(
                f"This forecast holds no interval of level {level:g}; its levels are: "
                f"{', '.join(known) or 'none'}. A level lies between 0 and 1, and its bounds, "
                "(1 - level) / 2 and (1 + level) / 2, must be among the probs asked for."
            )
        return self.quantile[:, :, low[0]], self.quantile[:, :, high[0]]

    def to_table(self) -> pa.Table:
        """One row per series and step: key, date, mean, and one column per quantile (q0.1, ...)."""
        series, horizon = self.mean.shape
        moment = moments(self.start, horizon, self.step)  # (S, H)
        unit = "s" if self.step == "hour" else "D"  # Arrow has neither hours nor months
        columns = {
            "key": self.keys.ids.take(np.repeat(np.arange(series), horizon)),
            "date": pa.array(moment.ravel().astype(f"datetime64[{unit}]")),
            "mean": self.mean.ravel(),
        }
        for q, prob in enumerate(self.probs):
            columns[f"q{prob:g}"] = self.quantile[:, :, q].ravel()
        return pa.table(columns)


@dataclass(frozen=True)
class Together:
    """What the rules that tie products together come to; values are expected a week.

    Parameters
    ----------
    free, value, bound : float
        The objective of the best prices without these rules, of those chosen, and what no prices that keep
        the rules can exceed: proven. The last two are NaN where the rules conflict.
    held : tuple of str
        The rules that hold prices back, in words.
    conflict : tuple of str
        Rules that cannot all be kept; empty where they can.
    proven : bool
        False where no prices were found that keep all rules, but that there are none was not proven.
    cheapest : str
        Of these, the one to give up at least cost, in words; "" where giving up one is not enough.
    ignoring : float
        Where products touch each other, what the prices chosen without regard to that are worth; `value` is
        then that of the prices chosen with regard to it, and no bound is proven. NaN elsewhere.
    """

    free: float
    value: float
    bound: float
    held: tuple[str, ...]
    conflict: tuple[str, ...]
    cheapest: str
    ignoring: float = float("nan")
    proven: bool = True

    @property
    def gap(self) -> float:
        """How much more any prices can reach, as a share of the value."""
        return max(self.bound - self.value, 0.0) / max(abs(self.value), 1e-12)


@dataclass(frozen=True)
class Quotes:
    """A price for each of n items, with what it is expected to do per week and why.

    Expected figures are (n, 3): mean, and the bounds of the central 80 % interval. They are NaN, and
    `price` equals `price_now`, where the evidence (grade D) does not carry an answer.

    Parameters
    ----------
    item_id, grade, binding, reason : tuples of n str
        `grade` is A..D; `binding` names the rule that decided the price, "" where none did.
    price_now, price, cost, elasticity : float64 (n,)
        `cost` is NaN where not known.
    units_now, revenue_now, profit_now, units, revenue, profit : float64 (n, 3)
    prior_price : float64 (n,)
        Of an announced discount the lowest price of the last 30 days, which must be shown with it; else NaN.
    by_others : float64 (n,)
        Factor by which the other products' new prices move its units, part of the figures; 1 where none does.
    together : Together or None
        Of all products of the shop; None where no rule ties them together.
    """

    item_id: tuple[str, ...]
    price_now: np.ndarray
    price: np.ndarray
    cost: np.ndarray
    elasticity: np.ndarray
    units_now: np.ndarray
    revenue_now: np.ndarray
    profit_now: np.ndarray
    units: np.ndarray
    revenue: np.ndarray
    profit: np.ndarray
    binding: tuple[str, ...]
    grade: tuple[str, ...]
    reason: tuple[str, ...]
    prior_price: np.ndarray
    by_others: np.ndarray
    together: Together | None = None

    def to_table(self) -> pa.Table:
        """One row per item; each expected figure as name, name_low, name_high."""
        columns: dict[str, object] = {"item_id": list(self.item_id)}
        for name in ("price_now", "price", "cost", "elasticity", "prior_price", "by_others"):
            columns[name] = getattr(self, name)
        for name in ("units_now", "revenue_now", "profit_now", "units", "revenue", "profit"):
            value = getattr(self, name)
            for column, suffix in enumerate(("", "_low", "_high")):
                columns[name + suffix] = value[:, column]
        for name in ("binding", "grade", "reason"):
            columns[name] = list(getattr(self, name))
        return pa.table(columns)
