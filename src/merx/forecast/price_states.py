"""The regular price and the promotions of one series of prices that move in steps."""

from dataclasses import dataclass

import numpy as np

from merx.data.panel import Panel

SAME = 0.005
"""Prices whose logarithms are nearer than this are the same price."""

LONGEST_PROMOTION = {"hour": 336, "day": 42, "week": 6, "month": 2}
"""A price that stays down for longer is the new regular price."""

RETURNED = 0.95
"""A promotion is over when so much of the fall (in logarithms) is made up."""


@dataclass(frozen=True)
class PriceStates:
    """One series, step by step.

    Parameters
    ----------
    regular : float64 (n,)
        Log of the regular price: during a promotion the one before it.
    depth : float64 (n,)
        Log of the price less that: below 0 in a promotion, 0 elsewhere.
    age : int64 (n,)
        Steps since the state (promotion or not) began, from 1 on.
    first : int
        What lies before this step is not read: it may be the end of a promotion.
    open : int
        From this step on the price is down and has not come back; n where it is not.
    """

    regular: np.ndarray
    depth: np.ndarray
    age: np.ndarray
    first: int
    open: int

    @property
    def promotion(self) -> np.ndarray:
        """Where the price is a promotion, bool (n,)."""
        return self.depth < 0


def share_moving(panel: Panel) -> np.ndarray:
    """In which share of the steps each series has another price than in the step before, (S,)."""
    share = np.zeros(panel.n_series)
    for s in range(panel.n_series):
        entries = slice(panel.offsets[s], panel.offsets[s + 1])
        known = panel.y[entries][panel.available[entries]]
        if len(known) > 1:
            share[s] = (np.abs(np.diff(np.log(known))) > 1e-9).mean()
    return share


def price_states(price: np.ndarray, step: str, promotion: np.ndarray | None = None) -> PriceStates:
    """Tell regular from promotion prices.

    Without flags a promotion is a fall that comes back: of at most LONGEST_PROMOTION steps, after which the
    price is again at or above what it was, or RETURNED of the way there. A fall that doesn't come back is a
    new regular price; one that the series ends in is left open. With flags, the price of the last step that
    is not flagged is the regular one.

    Parameters
    ----------
    price : float64 (n,), > 0, n >= 1
    step : "hour", "day", "week" or "month"
    promotion : bool (n,), optional
        Where the shop calls it a promotion.

    Notes
    -----
    The filter is in the manner of Nakamura & Steinsson, Five facts about prices (2008), with a return that
    need not be exact.
    """
    log, n = np.log(price), len(price)
    longest = LONGEST_PROMOTION[step]
    if promotion is not None:
        return _flagged(log, promotion)
    moves = 1 + np.flatnonzero(np.abs(np.diff(log)) > SAME)
    rises = len(moves) > 0 and log[moves[0]] > log[0]
    first = int(moves[0]) if rises and moves[0] < longest else 0
    begin = np.concatenate([[first], moves[moves > first]])
    value = log[begin]  # of each run of equal prices
    regular = np.empty(n)
    regular[:first] = log[:first]
    depth, open_ = np.zeros(n), n
    ends = np.append(begin[1:], n)  # of each run
    base, run, back_to = value[0], 0, -1  # the regular price; the run; one that a promotion has ended in
    while run < len(value):
        fall, back = base - value[run], run
        if fall > SAME and run != back_to:
            back = run + 1
            while back < len(value) and base - value[back] > (1 - RETURNED) * fall:
                back += 1
        end = ends[max(back - 1, run)]
        if back == run or end - begin[run] > longest:  # no fall, or one too long: the new regular price
            regular[begin[run] : ends[run]] = log[begin[run] : ends[run]]
            base = log[ends[run] - 1]
            run += 1
            continue
        regular[begin[run] : end] = base
        depth[begin[run] : end] = np.minimum(log[begin[run] : end] - base, -SAME)
        if back == len(value):
            open_ = int(begin[run])
        run = back_to = back
    return PriceStates(regular, depth, _age(depth < 0), first, open_)


def _flagged(log: np.ndarray, promotion: np.ndarray) -> PriceStates:
    n = len(log)
    plain = np.flatnonzero(~promotion)
    first = int(plain[0]) if len(plain) else 0
    last = np.maximum.accumulate(np.where(promotion, first, np.arange(n)))  # the last step without a flag
    regular = log[np.maximum(last, first)]
    depth = np.where(promotion, np.minimum(log - regular, -SAME), 0.0)
    depth[:first] = 0.0
    return PriceStates(regular, depth, _age(depth < 0), first, n)


def _age(state: np.ndarray) -> np.ndarray:
    """Steps since the value of state (n,) last changed, from 1 on."""
    place = np.arange(len(state))
    began = np.concatenate([[True], state[1:] != state[:-1]])
    return place - np.maximum.accumulate(np.where(began, place, 0)) + 1
