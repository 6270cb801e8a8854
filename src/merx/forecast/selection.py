"""How `Best` chooses: what a series can be forecast by, and which of it does best at earlier origins."""

from itertools import combinations

import numpy as np

from merx.data.panel import Panel
from merx.forecast.conformal import LEVELS

MEMBERS = ("seasonal naive", "ETS", "Theta", "TSB", "IMAPA")
NAIVE = 0

CHOICES: tuple[tuple[int, ...], ...] = tuple(
    choice for few in (1, 2, 3) for choice in combinations(range(len(MEMBERS)), few)
)
"""What a series can be forecast by: one member, or the mean of two or three."""

UNJUDGED = (1, 3)
"""The choice where no series at all reaches back to an origin."""

IMAGINED = 4
"""Origins that count as if the series had done there as all of its class of demand do together."""

FEW = 40
"""Origins that count as if a class of demand had done there as all do together."""

SLOW = 2
"""The first of the classes of demand that sell on few steps."""

SELDOM, UNEVEN = 1.32, 0.49
"""Demand is of four classes: steps from sale to sale, and squared variation of sales, above these or not."""


def loss_of(came: np.ndarray, curve: np.ndarray) -> np.ndarray:
    """Mean quantile loss in units, (S,), of curves (S, H, G); steps with NaN do not count."""
    error = came[:, :, None] - np.expm1(curve)
    each = np.maximum(LEVELS * error, (LEVELS - 1) * error).mean(axis=2)  # (S, H)
    count = np.isfinite(came).sum(axis=1)
    total = np.where(np.isfinite(came), each, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def relative_to_members(loss: np.ndarray, tried: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Losses (S, O, C) relative to the mean loss of the members tried, where the series were seen (S, O)."""
    alone = np.where(tried[:, None], loss[:, :, : len(MEMBERS)], 0.0)
    unit = np.nan_to_num(alone).sum(axis=2) / tried.sum(axis=1, keepdims=True)  # (S, O)
    relative = np.where(unit[:, :, None] > 0, loss / np.where(unit > 0, unit, 1.0)[:, :, None], 1.0)
    # A choice with a member that was dropped counts as it did at the last origin.
    relative = np.where(np.isfinite(relative), relative, relative[:, :1])
    found: np.ndarray = np.where(seen[:, :, None], relative, 0.0)
    return found


def to_judge(panel: Panel, most: int) -> np.ndarray:
    """Which series are judged: half of them the best sellers, the others evenly spread over the rest."""
    S = panel.n_series
    if most >= S:
        return np.arange(S)
    sold = np.add.reduceat(np.append(panel.y, 0.0), panel.offsets[:-1]) * (panel.length > 0)
    order = np.lexsort([np.array(panel.keys.ids.to_pylist()), -sold])
    best = most - most // 2
    rest = np.linspace(best, S - 1, most - best).astype(np.int64)
    return np.sort(order[np.concatenate([np.arange(best), rest])])


def class_of(panel: Panel) -> np.ndarray:
    """The class of demand (S,): 0 smooth, 1 erratic, 2 intermittent, 3 lumpy."""
    steps, sales, total, squares = (
        np.add.reduceat(np.append(np.where(panel.available, value, 0.0), 0.0), panel.offsets[:-1])
        * (panel.length > 0)
        for value in (1.0, panel.y > 0, panel.y, panel.y**2)
    )
    seldom = steps > SELDOM * sales
    mean = total / np.maximum(sales, 1.0)
    uneven = squares / np.maximum(sales, 1.0) - mean**2 > UNEVEN * mean**2
    found: np.ndarray = 2 * seldom + uneven
    return found


def class_losses(relative: np.ndarray, seen: np.ndarray, demand: np.ndarray) -> np.ndarray:
    """Mean loss of each choice over the series of each class of demand (4, C), drawn towards that of all."""
    if not seen.any():
        return np.where(np.arange(len(CHOICES)) == CHOICES.index(UNJUDGED), 0.0, np.ones((4, 1)))
    overall = _mean(relative, seen)
    found = np.empty((4, len(CHOICES)))
    for one in range(4):
        among = seen & (demand == one)[:, None]
        count = among.sum()
        own = _mean(relative, among) if count else overall
        found[one] = (count * own + FEW * overall) / (count + FEW)
    return found


def _mean(relative: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Mean loss of each choice (C,) over some of the origins (J, O)."""
    total = np.where(among[:, :, None], relative, 0.0).sum(axis=1)
    # sorted: the order of the series changes no digit
    mean: np.ndarray = np.sort(total, axis=0).sum(axis=0) / among.sum()
    return mean


def choose(relative: np.ndarray, tried: np.ndarray, seen: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """The choice of each series (J,) from the origins that count (J, O), drawn to what is expected (J, C)."""
    total = np.where(seen[:, :, None], relative, 0.0).sum(axis=1)  # (J, C)
    own = (total + IMAGINED * expected) / (seen.sum(axis=1, keepdims=True) + IMAGINED)
    dropped = np.stack([(~tried[:, list(members)]).any(axis=1) for members in CHOICES], axis=1)
    found: np.ndarray = np.where(dropped, np.inf, own).argmin(axis=1)
    return found


def members_of(choice: np.ndarray) -> np.ndarray:
    """Which members choices (S,) have, bool (S, M)."""
    table = np.array([[m in members for m in range(len(MEMBERS))] for members in CHOICES])
    of: np.ndarray = table[choice]
    return of
