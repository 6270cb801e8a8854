"""The best prices of all products at once, under the rules that tie them together."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from merx.data.price_facts import PriceFacts
from merx.data.results import Together
from merx.price.choose import NOTICEABLE, Choice
from merx.price.coupling import Coupling
from merx.price.cross import Substitutes, refine
from merx.price.limits import RULES, Ladder, PriceRules
from merx.price.shared import Shelf, couple
from merx.price.solve import Conflict, Solution, solve
from merx.price.worth import Worth

RELAXED = 8  # rules of a conflict that are each tried without
CONFIDENCE = np.uint32(1 << RULES.index("min_confidence"))


@dataclass(frozen=True)
class Settled:
    """Prices that keep the shared rules.

    Parameters
    ----------
    place : int64 (I,)
        Of each item's price on its ladder; today's everywhere where the shared rules conflict.
    alone : int64 (I,)
        The same chosen without regard to cross effects.
    held : object array of str (I,)
        The shared rule that keeps an item from its own best price, in words; "" where none does.
    kind : object array of str (I,)
        Its setting.
    together : Together
    """

    place: np.ndarray
    alone: np.ndarray
    held: np.ndarray
    kind: np.ndarray
    together: Together


def settle(
    choice: Choice,
    worth: Worth,
    steps: Ladder,
    rules: PriceRules,
    facts: PriceFacts,
    fixed: np.ndarray,
    cross: sparse.csr_array | None = None,
) -> Settled:
    """The prices of I items that are worth most together.

    An item keeps today's price where `fixed`, bool (I,). Where today's prices break a shared rule the shop
    has to move, so `min_confidence` is not asked of the items that the rule ties.
    """
    items = np.arange(len(steps.price))
    units = worth.units
    coupling = couple(
        Shelf(steps.price, units, facts),
        rules.max_changes,
        rules.pack_parity,
        rules.index,
        rules.parity,
        rules.capacity,
    )
    barred = steps.barred.copy()
    broken = coupling.usage(np.zeros(len(items), np.int64)) > coupling.bound + 1e-6 * coupling.scale
    barred[np.unique(coupling.item[broken[coupling.row]])] &= ~CONFIDENCE
    allowed = (barred == 0) & ~fixed[:, None]
    allowed[~allowed.any(axis=1), 0] = True
    points = int(allowed.sum(axis=1).max(initial=1))
    ladder_place = np.argsort(~allowed, axis=1, kind="stable")[:, :points]  # (I, K) allowed points first
    value = np.where(allowed, np.where(fixed[:, None], 0.0, worth.value), -np.inf)
    value = np.take_along_axis(value, ladder_place, axis=1)
    tied = coupling.at(ladder_place)
    found = solve(value, tied)
    alone = value.argmax(axis=1)
    free = float(value[items, alone].sum())
    blank = np.full(len(items), "", dtype=object)
    if isinstance(found, Conflict):
        conflict = tuple(coupling.name[r] for r in found.rules)
        cheapest = _cheapest(value, tied, found)
        together = Together(free, np.nan, np.nan, (), conflict, cheapest, proven=found.proven)
        today = np.zeros(len(items), np.int64)
        return Settled(today, today, blank, blank, together)
    place, reached, bound, ignoring = found.place, found.value, found.bound, np.nan
    if cross is not None:
        step = np.log(np.take_along_axis(steps.price, ladder_place, axis=1) / steps.price[:, :1])
        shop = Substitutes(value, step, cross)
        place = refine(shop, found.place, tied)
        reached, bound = float(shop.each(place).sum()), np.nan
        ignoring = float(shop.each(found.place).sum())
    lost = value[items, alone] - value[items, found.place]
    held = _held(tied, found, alone, lost > NOTICEABLE * np.abs(choice.value_now))
    names, kinds = (np.array([*words, ""], dtype=object) for words in (coupling.name, coupling.kind))
    tight = np.bincount(held[held >= 0], minlength=coupling.n_rules)
    together = Together(
        free=free,
        value=reached,
        bound=bound,
        held=tuple(
            f"{coupling.name[r]}: held {tight[r]:,} of {len(items):,} prices" for r in np.flatnonzero(tight)
        ),
        conflict=(),
        cheapest="",
        ignoring=ignoring,
    )
    chosen, without = ladder_place[items, place], ladder_place[items, found.place]
    return Settled(chosen, without, names[held], kinds[held], together)


def _held(tied: Coupling, found: Solution, alone: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """Of each moved item the rule that its own best price would use most of, at the multipliers; else -1."""
    entry = np.flatnonzero(moved[tied.item])
    item = tied.item[entry]
    more = tied.weight[entry, alone[item]] - tied.weight[entry, found.place[item]]
    price = found.multiplier + 1e-9 * found.multiplier.max(initial=1.0) / tied.scale  # a tie-break
    cost = more * price[tied.row[entry]]
    held = np.full(len(alone), -1)
    order = np.argsort(cost, kind="stable")
    order = order[cost[order] > 0]
    held[item[order]] = tied.row[entry[order]]  # the last written is the dearest
    return held


def _cheapest(value: np.ndarray, tied: Coupling, conflict: Conflict) -> str:
    """Of the rules that conflict, the one without which the best prices are worth most, in words."""
    best, words = -np.inf, ""
    for rule in conflict.rules[:RELAXED]:
        kept = np.ones(tied.n_rules, dtype=bool)
        kept[rule] = False
        found = solve(value, tied.only(kept))
        if isinstance(found, Solution) and found.value > best:
            best = found.value
            reached, bound = abs(float(tied.usage(found.place)[rule])), abs(float(tied.bound[rule]))
            words = (
                f"'{tied.name[rule]}'; without it the best prices are worth {best:,.2f} a week and come to "
                f"{reached:.4g} where {bound:.4g} is asked"
            )
    return words
