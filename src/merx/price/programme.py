"""The same choice as a mixed-integer programme, for the few points that matter; solved by HiGHS."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from merx.price.lagrangian import KEPT, Lagrangian

INFEASIBLE = 2  # scipy's status
NODES = 100  # of the search tree: a limit on work, unlike one on time, gives the same answer every time


@dataclass(frozen=True)
class Found:
    """What HiGHS says.

    Parameters
    ----------
    place : int64 (I,) or None
        A choice that keeps the rules; None where none was found.
    bound : float
        No choice among the kept points is worth more.
    infeasible : bool
        Proven: no choice among the kept points keeps the rules.
    """

    place: np.ndarray | None
    bound: float
    infeasible: bool


def free(kept: np.ndarray) -> np.ndarray:
    """The kept points, bool (I, G), of the items that have more than one."""
    several: np.ndarray = kept & (kept.sum(axis=1) > 1)[:, None]
    return several


def solve_programme(problem: Lagrangian, kept: np.ndarray, seconds: float) -> Found:
    """The best choice among the kept points, bool (I, G), at least one for each item."""
    rules = problem.rules
    place = kept.argmax(axis=1)
    item, point = np.nonzero(free(kept))  # (n,)
    moving = np.unique(item)
    column = np.full(kept.shape, -1)
    column[item, point] = np.arange(len(item))
    entry = np.isin(rules.item, moving)
    at = column[rules.item[entry]]  # (N, G)
    used = at >= 0
    row = np.broadcast_to(rules.row[entry][:, None], at.shape)
    matrix = sparse.csr_array(
        (rules.weight[entry][used], (row[used], at[used])), shape=(rules.n_rules, len(item))
    )
    resting = rules.weight[~entry, place[rules.item[~entry]]]
    left = rules.bound - np.bincount(rules.row[~entry], resting, rules.n_rules)
    rested = np.ones(len(place), bool)
    rested[moving] = False
    base = float(problem.value[rested, place[rested]].sum())
    if not len(item):
        kept_all = bool((left >= -KEPT).all())
        return Found(place if kept_all else None, base, not kept_all)
    one = sparse.csr_array(
        (np.ones(len(item)), (np.searchsorted(moving, item), np.arange(len(item)))),
        shape=(len(moving), len(item)),
    )
    found = milp(
        -problem.value[item, point],
        integrality=np.ones(len(item)),
        bounds=Bounds(0, 1),
        constraints=[LinearConstraint(one, 1, 1), LinearConstraint(matrix, -np.inf, left)],
        options={"time_limit": seconds, "mip_rel_gap": 1e-9, "node_limit": NODES},
    )
    bound = np.inf if found.mip_dual_bound is None else base - float(found.mip_dual_bound)
    if found.x is None:
        return Found(None, bound, found.status == INFEASIBLE)
    taken = found.x > 0.5
    place[item[taken]] = point[taken]
    return Found(place if problem.keeps(place) else None, bound, False)
