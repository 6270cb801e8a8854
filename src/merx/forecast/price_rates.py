"""How often prices change and promotions begin and end: counted, and each series drawn to all of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from merx.forecast.price_states import SAME, PriceStates

OLDEST = 60
"""Ages are told apart up to here."""

SMOOTH = 30.0
"""Steps at the mean hazard that are added to those of each age."""

OWN = 2.0
"""Events at which a series weighs as much as all series do."""

SIZES = 64
"""Sizes kept of a series, each as likely."""

IMAGINED = np.array([-0.1, -0.05, 0.05, 0.1])
"""Changes (their falls for promotions) where no series ever saw one."""


@dataclass(frozen=True)
class Moves:
    """What S series did.

    Parameters
    ----------
    plain, promoted : float64 (S, OLDEST)
        Steps without and with a promotion, by the age of that state one step before.
    begins, ends : float64 (S, OLDEST)
        In how many of these a promotion began or ended.
    steps, changes : float64 (S,)
        Steps from no promotion to none; in how many the regular price changed.
    ended, changes_after : float64 (S,)
        The same where a promotion had ended.
    stays, redraws : float64 (S,)
        Steps within promotions, and in how many the depth changed.
    falls, promotions : float64 (S,)
        Falls of the price, and how many came back.
    size, depth : tuples of S float64 arrays
        Changes of the regular price, and depths of promotions, in logarithms.
    """

    plain: np.ndarray
    promoted: np.ndarray
    begins: np.ndarray
    ends: np.ndarray
    steps: np.ndarray
    changes: np.ndarray
    ended: np.ndarray
    changes_after: np.ndarray
    stays: np.ndarray
    redraws: np.ndarray
    falls: np.ndarray
    promotions: np.ndarray
    size: tuple[np.ndarray, ...]
    depth: tuple[np.ndarray, ...]


def count_moves(states: Sequence[PriceStates | None]) -> Moves:
    """Count what the series did; one without any price has done nothing."""
    rows = [_count(state) for state in states]
    ages = ("plain", "promoted", "begins", "ends")
    numbers = ("steps", "changes", "ended", "changes_after", "stays", "redraws", "falls", "promotions")
    return Moves(
        **{name: np.array([row[name] for row in rows]).reshape(-1, OLDEST) for name in ages},
        **{name: np.array([row[name] for row in rows], dtype=np.float64) for name in numbers},
        size=tuple(row["size"] for row in rows),
        depth=tuple(row["depth"] for row in rows),
    )


def _count(state: PriceStates | None) -> dict[str, np.ndarray]:
    if state is None:
        state = PriceStates(np.empty(0), np.empty(0), np.empty(0, dtype=np.int64), first=0, open=0)
    read = slice(state.first, state.open)  # a fall still open is neither
    regular, depth = state.regular[read], state.depth[read]
    promotion, age = depth < 0, np.minimum(state.age[read], OLDEST).astype(np.int64)
    before, after = promotion[:-1], promotion[1:]
    moved = np.diff(regular)
    changed = (np.abs(moved) > SAME) & ~after
    redrawn = before & after & (np.abs(np.diff(depth)) > SAME)

    def by_age(steps: np.ndarray) -> np.ndarray:
        return np.bincount(age[:-1][steps] - 1, minlength=OLDEST).astype(np.float64)

    def number(steps: np.ndarray) -> np.ndarray:
        return np.array(float(np.count_nonzero(steps)))

    begun = number(~before & after)
    return {
        "plain": by_age(~before),
        "promoted": by_age(before),
        "begins": by_age(~before & after),
        "ends": by_age(before & ~after),
        "steps": number(~before & ~after),
        "changes": number(changed & ~before),
        "ended": number(before & ~after),
        "changes_after": number(changed & before),
        "stays": number(before & after),
        "redraws": number(redrawn),
        "falls": begun + np.count_nonzero(changed & (moved < 0)),
        "promotions": begun,
        "size": moved[changed],
        "depth": depth[1:][redrawn | (~before & after)],
    }


def hazards(events: np.ndarray, steps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Probability of the event by age for each series, (S, A), and for a usual one, (A,).

    h(a) u_s: u_s is the events of a series over those expected at h, with OWN added to both; h(a) the events
    at an age over its steps, each counted u_s times, with SMOOTH steps at the mean. In turn until they agree:
    otherwise the busy series, which hardly ever grow old, would make h fall with age.
    """
    total, by_series = events.sum(axis=0), events.sum(axis=1)
    mean = (total.sum() + 0.5) / (steps.sum() + 1.0)
    hazard = np.full(steps.shape[1], mean)
    for _ in range(20):
        factor = (by_series + OWN) / (steps @ hazard + OWN)
        hazard = (total + SMOOTH * mean) / (factor @ steps + SMOOTH)
    return np.minimum(hazard * factor[:, None], 0.98), np.minimum(hazard, 0.98)


def shrunk(events: np.ndarray, of: np.ndarray) -> np.ndarray:
    """Probability of the event for each series, (S,): its own share, and that of all by OWN events."""
    share = (events.sum() + 0.5) / (of.sum() + 1.0)
    weight = OWN / share
    probability: np.ndarray = np.minimum((events + OWN) / (of + weight), 0.98)
    return probability


def size_table(sizes: Sequence[np.ndarray], falls: bool = False) -> np.ndarray:
    """SIZES sizes of each series, ascending, (S, SIZES): its own, and those of all with the weight of OWN."""
    every = np.sort(np.concatenate([np.empty(0), *sizes]))
    if not len(every):
        every = IMAGINED[IMAGINED < 0] if falls else IMAGINED
    level = (np.arange(SIZES) + 0.5) / SIZES
    common = np.quantile(every, level, method="inverted_cdf")
    table = np.empty((len(sizes), SIZES))
    for s, own in enumerate(sizes):
        both = np.concatenate([own, common])
        weight = np.concatenate([np.ones(len(own)), np.full(SIZES, OWN / SIZES)])
        order = np.argsort(both, kind="stable")
        mass = np.cumsum(weight[order]) / weight.sum()
        table[s] = both[order][np.minimum(np.searchsorted(mass, level), len(both) - 1)]
    return table
