"""The best allowed price of each item by itself, the rule that decided it, and rules that conflict."""

from dataclasses import dataclass

import numpy as np

from merx.kernels.choice import best_of_allowed
from merx.kernels.threads import over_rows
from merx.price.limits import LADDER_RULES, RULES

NOTICEABLE = 1e-3  # of today's value: a rule that costs less has not decided the price
CHUNK = 16_384  # items that a thread takes at a time


@dataclass(frozen=True)
class Choice:
    """What the search found for each of I items, before refusals.

    Parameters
    ----------
    place, top : int64 (I,)
        The price chosen, and the best of all without any rule.
    value, confidence : float64 (I,)
        What the price chosen is worth a week; how surely the best of all beats today's price.
    value_now : float64 (I,)
    binding : object array of str (I,)
        The rule, or rules joined by "+", between the two; "" where none is.
    conflict : tuple of I tuples of str
        The rules that together leave no other price than today's; empty where some is left.
    cheapest : object array of str (I,)
        Of the rules that conflict, the one without which the best price is worth most.
    breaks : object array of str (I,)
        A rule that today's price breaks; "" where it keeps all.
    """

    place: np.ndarray
    top: np.ndarray
    value: np.ndarray
    confidence: np.ndarray
    value_now: np.ndarray
    binding: np.ndarray
    conflict: tuple[tuple[str, ...], ...]
    cheapest: np.ndarray
    breaks: np.ndarray


def best(value: np.ndarray, barred: np.ndarray, ignored: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The best point of each item that breaks no rule but the ignored, int64 (I,), and its value.

    Parameters
    ----------
    value : float64 (I, G)
    barred : uint32 (I, G)
        Bit r is set where a point breaks rule r.
    ignored : int
        Bits of rules that need not be kept. -1 and -inf where no point is left.
    """
    place, reached = np.empty(len(value), np.int64), np.empty(len(value))
    value, bits = np.ascontiguousarray(value), np.uint32(ignored)

    def work(first: int, last: int) -> None:
        best_of_allowed(value, barred, bits, place, reached, first, last)

    over_rows(len(value), CHUNK, work)
    return place, reached


def choose(value: np.ndarray, confidence: np.ndarray, barred: np.ndarray) -> Choice:
    """The best price of each item under its own rules; today's is the first, and stays where none is left."""
    items = np.arange(len(value))
    every = (1 << len(RULES)) - 1
    bits = [1 << r for r in range(len(RULES))]
    place, reached = best(value, barred)
    stuck = place < 0  # today's price breaks a rule, and the others leave no way out
    place = np.where(stuck, 0, place)
    value_now = value[:, 0]
    reached = np.where(stuck, value_now, reached)
    top, top_value = best(value, barred, every)

    used = [r for r in range(len(RULES)) if (barred & np.uint32(bits[r])).any()]
    names = np.array([RULES[r] for r in used], dtype=object)
    binding = np.full(len(items), "", dtype=object)
    cheapest = binding.copy()
    breaks = binding.copy()
    conflict: list[tuple[str, ...]] = [()] * len(items)
    if used:
        without = np.stack([best(value, barred, bits[r])[1] for r in used])  # (R, I)
        lost = without - reached
        threshold = NOTICEABLE * np.abs(value_now)
        worst = lost.argmax(axis=0)
        held = top_value - reached > threshold
        alone = held & (lost[worst, items] > threshold)
        binding[alone] = names[worst[alone]]
        at_top = (barred[items, top][None] >> np.array(used, dtype=np.uint32)[:, None] & 1).astype(bool)
        for i in np.flatnonzero(held & ~alone):  # no rule alone: each of these would have to give way
            binding[i] = "+".join(names[at_top[:, i]])
        today = barred[:, 0][None] >> np.array(used, dtype=np.uint32)[:, None] & 1  # (R, I)
        broken = today.any(axis=0)
        breaks[broken] = names[today.argmax(axis=0)[broken]]
        _conflicts(value, barred, [r for r in used if RULES[r] in LADDER_RULES], conflict, cheapest)
    return Choice(
        place=place,
        top=top,
        value=reached,
        confidence=confidence[items, top],
        value_now=value_now,
        binding=binding,
        conflict=tuple(conflict),
        cheapest=cheapest,
        breaks=breaks,
    )


def _conflicts(
    value: np.ndarray,
    barred: np.ndarray,
    rules: list[int],
    conflict: list[tuple[str, ...]],
    cheapest: np.ndarray,
) -> None:
    """Fill in which rules leave an item no other price than today's, and the cheapest of them."""
    ladder = np.uint32((1 << len(LADDER_RULES)) - 1)
    closed = np.flatnonzero(((barred[:, 1:] & ladder) != 0).all(axis=1))
    others, bits = value[closed, 1:], barred[closed, 1:] & ladder
    eased = np.stack([best(others, bits, 1 << r)[1] for r in rules]) if rules else np.empty((0, len(closed)))
    for at, i in enumerate(closed):
        ways = np.flatnonzero(eased[:, at] > -np.inf)
        alone = ways if len(ways) else np.flatnonzero([(bits[at] >> r & 1).any() for r in rules])
        conflict[i] = tuple(RULES[rules[r]] for r in alone)
        if len(ways):
            cheapest[i] = RULES[rules[ways[eased[ways, at].argmax()]]]
