"""The best point of every item under rules that tie items together, with a proven bound.

    maximise  sum_i value[i, x_i]   subject to   sum_i weight_r[i, x_i] <= bound_r   for every rule r

is a multiple-choice knapsack problem in R dimensions. The Lagrangian dual (`merx.price.lagrangian`) is a
proven bound at any multipliers. Its lowest value is sought with the maximum softened (Nesterov, Mathematical
Programming 103, 2005), by L-BFGS-B at falling temperatures; at each, the choice of the multipliers is mended
until it keeps all rules, and then improved. Where that leaves too wide a gap, points too far behind to be in
a better choice are struck out (Sinha and Zoltners, Operations Research 27, 1979), and HiGHS solves the rest.
"""

from dataclasses import dataclass
from time import perf_counter

import numpy as np

from merx.price.coupling import Coupling
from merx.price.lagrangian import KEPT, Lagrangian
from merx.price.programme import free, solve_programme

GAP = 1e-4  # of the value: what is closer to the bound is good enough
ROUGH = 5e-4  # a gap worth the seconds that HiGHS takes
SECONDS = 60.0  # a guard: the limits on work come first, so that an answer can be replayed
TEMPERATURES = (0.3, 0.06, 0.012, 2.4e-3, 5e-4, 1e-4)  # of the mean range of values within an item
CORE = 6000  # points that HiGHS is given at most
FILTERED = 30  # rules of a conflict that are each looked at


@dataclass(frozen=True)
class Solution:
    """A choice that keeps every rule.

    Parameters
    ----------
    place : int64 (I,)
        The point of each item.
    value : float
        Of the choice.
    bound : float
        No choice that keeps the rules has a higher value: proven.
    multiplier : float64 (R,)
        What one unit more of each rule's bound would about be worth.
    """

    place: np.ndarray
    value: float
    bound: float
    multiplier: np.ndarray

    @property
    def gap(self) -> float:
        """How much better than this any choice can be, as a share of its value."""
        if self.value == -np.inf:
            return np.inf
        return max(self.bound - self.value, 0.0) / max(abs(self.value), 1e-12)


@dataclass(frozen=True)
class Conflict:
    """No choice keeps all rules, or none was found.

    Parameters
    ----------
    rules : int64 (n,)
        Places of the rules that cannot all be kept.
    proven : bool
        False where no choice was found, but that there is none was not proven.
    """

    rules: np.ndarray
    proven: bool


def solve(
    value: np.ndarray,
    coupling: Coupling,
    gap: float = GAP,
    rough: float = ROUGH,
    seconds: float = SECONDS,
) -> Solution | Conflict:
    """The best choice, or the best that is found.

    Parameters
    ----------
    value : float64 (I, G)
        -inf where a point is not allowed; every item needs an allowed one.
    coupling : Coupling
    gap : float
        As a share of the value: where the search ends.
    rough : float
        HiGHS is asked only where the gap is wider than this in the end, or no choice was found.
    seconds : float
        About: the step that is begun is finished.
    """
    until = perf_counter() + seconds
    problem = Lagrangian.of(value, coupling)
    multiplier = np.zeros(coupling.n_rules)
    place, bound = problem.dual(multiplier)
    best = Solution(place, -np.inf, bound, multiplier)
    if problem.keeps(place):
        return _in_money(problem, Solution(place, bound, bound, multiplier))
    for temperature in TEMPERATURES:
        multiplier = problem.descend(multiplier, temperature)
        place, dual = problem.dual(multiplier)
        if dual < best.bound:
            best = Solution(best.place, best.value, dual, multiplier)
        if dual < problem.least - 1e-6 * abs(problem.least):
            return _conflict(value, coupling, proven=True)  # below the value of any choice
        place, kept = problem.mended(place, multiplier)
        if kept and problem.worth(place) > best.value:
            best = Solution(place, problem.worth(place), best.bound, best.multiplier)
        if best.gap <= gap or perf_counter() > until:
            break
    if best.gap > max(gap, rough):
        polished = _polished(problem, best, gap, until)
        if polished is None:
            return _conflict(value, coupling, proven=True)
        best = polished
    if best.value == -np.inf:
        return _conflict(value, coupling, proven=False)
    return _in_money(problem, best)


def _in_money(problem: Lagrangian, best: Solution) -> Solution:
    value, bound = best.value * problem.unit, best.bound * problem.unit
    return Solution(best.place, value, max(bound, value), best.multiplier * problem.unit / problem.scale)


def _polished(problem: Lagrangian, best: Solution, gap: float, until: float) -> Solution | None:
    """Better, by HiGHS on the points that a better choice can hold, or on the likeliest of them.

    None where it proves that no choice keeps the rules.
    """
    while (left := until - perf_counter()) > 0.1:
        loss = problem.loss(best.multiplier)
        kept = problem.allowed & (loss <= best.bound - best.value + 1e-9)
        whole = free(kept).sum() <= CORE
        known = best.value > -np.inf
        if not whole:  # the likeliest alone, and what is known to keep the rules
            nearest = np.partition(np.where(kept, loss, np.inf), CORE, axis=None)[CORE]
            kept &= (loss < nearest) | (loss <= 0)
        if known:
            kept[np.arange(len(kept)), best.place] = True
        found = solve_programme(problem, kept, left)
        if whole and found.infeasible:
            return None if not known else best
        reached = -np.inf if found.place is None else problem.worth(found.place)
        bound = max(min(best.bound, found.bound), best.value, reached) if whole else best.bound
        if reached <= best.value:
            return Solution(best.place, best.value, bound, best.multiplier)
        assert found.place is not None
        best = Solution(found.place, reached, bound, best.multiplier)
        if whole or best.gap <= gap:
            break
    return best


def _conflict(value: np.ndarray, coupling: Coupling, proven: bool) -> Conflict:
    """The rules of a proof that not all can be kept, no more of them than the proof needs.

    A rule without which the others still cannot be kept is left out (a deletion filter: Chinneck, Feasibility
    and Infeasibility in Optimization, 2008).
    """
    bare = np.where(value > -np.inf, 0.0, -np.inf)
    needed = _certificate(bare, coupling)
    if needed is None and not proven:
        problem = Lagrangian.of(bare, coupling)
        multiplier = np.zeros(coupling.n_rules)
        place, _ = problem.mended(problem.dual(multiplier)[0], multiplier)
        return Conflict(np.flatnonzero(problem.rules.usage(place) > problem.rules.bound + KEPT), False)
    kept = np.ones(coupling.n_rules, bool) if needed is None else needed
    if kept.sum() <= FILTERED:
        for rule in np.flatnonzero(kept):
            kept[rule] = False
            kept[rule] = not _impossible(bare, coupling.only(kept))
    return Conflict(np.flatnonzero(kept), True)


def _certificate(bare: np.ndarray, coupling: Coupling) -> np.ndarray | None:
    """The rules with a multiplier, bool (R,), where D is below 0 though nothing has a value; else None."""
    problem = Lagrangian.of(bare, coupling)
    multiplier = np.full(coupling.n_rules, 0.1)
    for temperature in TEMPERATURES[:4]:
        multiplier = problem.descend(multiplier, temperature)
        if problem.dual(multiplier)[1] < -KEPT * multiplier.sum():
            used: np.ndarray = multiplier > 1e-3 * multiplier.max()
            return used if problem.dual(np.where(used, multiplier, 0.0))[1] < 0 else multiplier > 0
    return None


def _impossible(bare: np.ndarray, coupling: Coupling) -> bool:
    """Whether it is proven that the rules cannot all be kept."""
    if coupling.n_rules == 0:
        return False
    if _certificate(bare, coupling) is not None:
        return True
    kept = bare > -np.inf
    if free(kept).sum() > CORE:
        return False
    return solve_programme(Lagrangian.of(bare, coupling), kept, SECONDS).infeasible
