"""Do friends move each other, or are they only alike? The order of purchases in time tells.

Friends buy the same products because they share a taste; that holds in both directions of time. Only where
one moves the other does a purchase follow that of the friend more often than its product's other purchases
would have. That is the shuffle test of Anagnostopoulos, Kumar & Mahdian, "Influence and correlation in social
networks", KDD 2008, section 4.2: give the purchases of a product their times in another order, and see what
is left. Here it is done exactly and not by drawing: purchase e could as well have stood at each moment at
which another shopper, no friend, bought its product while its own shopper was about; of these moments and its
own a share p_e lies within `days` after a purchase by a friend, all others being left as they are. Taste,
activity, the product's season, its promotions and its days without stock are in who bought it and when, so in
p_e.

If a friend's purchase multiplies the odds by theta, e follows one with the chance

    theta p_e / (1 - p_e + theta p_e),

the conditional likelihood of a matched case-control study (Breslow & Day, Statistical Methods in Cancer
Research I, 1980, chapter 7). Of the purchases that do follow a friend's, the share 1 - 1 / theta is owed to
it. The error counts purchases of one shopper, and of one product, as dependent: Cameron, Gelbach & Miller,
"Robust inference with multiway clustering", Journal of Business & Economic Statistics 29(2), 2011, equation
2.11.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from merx.data.interactions import Interactions
from merx.data.relations import NEVER, Ties
from merx.data.schema import DAY, EVENT_CODE

FEWEST = 30  # purchases that follow a friend's, and as many that do not, below which nothing is said
SIDE = 1.96  # standard errors on either side: 95 %
MOST = 20_000_000  # purchases of leaders that are looked at, counted once for each of their followers
SECOND = 1_000_000
SPAN = 2**34  # more seconds than any shop has been open


@dataclass(frozen=True)
class Influence:
    """What friends' purchases bring about, by one kind of relation.

    Parameters
    ----------
    kind : str
    ties : int
        Relations between shoppers with purchases.
    purchases : int
    followed : int
        Purchases within `days` after one of the same product by a friend.
    expected : float
        How many there would be if order in time meant nothing.
    odds : float
        theta; 1: friends are only alike. NaN where nothing can be said.
    share, low, high : float
        Of all purchases, what is owed to friends, and its 95 % interval; NaN where nothing can be said.
    """

    kind: str
    ties: int
    purchases: int
    followed: int
    expected: float
    odds: float
    share: float
    low: float
    high: float

    @property
    def known(self) -> bool:
        """Whether there was enough to say anything."""
        return bool(np.isfinite(self.share))

    @property
    def found(self) -> bool:
        """Whether friends move each other beyond doubt: the interval lies above 0."""
        return bool(self.low > 0)

    @property
    def sentence(self) -> str:
        """The finding in words."""
        if not self.known:
            return (
                f"too few purchases follow a friend's to tell: {self.followed:,} of {self.purchases:,}, and "
                f"{FEWEST} are needed that do and that do not."
            )
        owed = f"{self.share:.1%} of purchases (95 %: {self.low:.1%} to {self.high:.1%})"
        if self.found:
            return f"friends move each other: {owed} are owed to what a friend bought before."
        return (
            f"no influence found: {owed} would be owed to friends, which order in time alone can bring about."
        )


@dataclass(frozen=True)
class Following:
    """Purchases of products that a friend bought too, and the chance of each to follow that friend's.

    Parameters
    ----------
    entry : int64 (P,)
        Places of the purchases, ascending.
    follows : bool (P,)
        Whether it stands within the days after a friend's purchase.
    chance : float64 (P,)
        p_e.
    """

    entry: np.ndarray
    follows: np.ndarray
    chance: np.ndarray


def purchases_of(histories: Interactions) -> Interactions:
    """The purchases; in a shop without any, all that was met."""
    bought = histories.event == EVENT_CODE["purchase"]
    return histories.keep(bought if bought.any() else histories.weight > 0)


def about(histories: Interactions) -> tuple[np.ndarray, np.ndarray]:
    """When each shopper was seen first and last, int64 (U,) each; who was never seen: never."""
    first = np.full(histories.n_users, np.iinfo(np.int64).max)
    last = np.full(histories.n_users, NEVER)
    np.minimum.at(first, histories.user, histories.time)
    np.maximum.at(last, histories.user, histories.time)
    return first, last


def influence(
    purchases: Interactions, seen_at: tuple[np.ndarray, np.ndarray], ties: Ties, days: int, kind: str
) -> Influence:
    """The effect of friends' purchases on those who follow them.

    Parameters
    ----------
    purchases : Interactions (U users)
    seen_at : int64 (U,), int64 (U,)
        First and last moment at which each shopper was seen at all, microseconds since 1970, UTC.
    ties : Ties between these shoppers
    days : int
        How long after a friend's purchase one may be owed to it.
    kind : str
        What the ties are called in the result.
    """
    ties = _once(ties.keep(np.diff(purchases.offsets)[ties.other] > 0))
    found = following(purchases, seen_at, ties, days)
    free = (found.chance > 0) & (found.chance < 1)  # the others could not have fallen otherwise
    p, follows = found.chance[free], found.follows[free]
    total, certain = int(follows.sum()), int(found.follows[~free].sum())
    said = Influence(
        kind, len(ties), len(purchases), total + certain, float(p.sum()) + certain, *(float("nan"),) * 4
    )
    if min(total, len(p) - total) < FEWEST:
        return said
    log_odds = float(brentq(lambda b: _chance(p, b).sum() - total, -20, 20))
    chance = _chance(p, log_odds)
    entry = found.entry[free]
    score = follows - chance
    error = two_way(score, purchases.user[entry], purchases.item[entry]) / (chance * (1 - chance)).sum()
    share = total * -np.expm1(-log_odds) / len(purchases)
    half = SIDE * error * total * np.exp(-log_odds) / len(purchases)
    return Influence(
        kind,
        len(ties),
        len(purchases),
        said.followed,
        said.expected,
        float(np.exp(log_odds)),
        float(share),
        float(share - half),
        float(share + half),
    )


def _once(ties: Ties) -> Ties:
    """Each pair once, by its oldest tie, whatever the kind."""
    order = np.lexsort((ties.since, ties.other, ties.user))
    ties = ties.keep(order)
    first = (np.diff(ties.user, prepend=-1) != 0) | (np.diff(ties.other, prepend=-1) != 0)
    return ties.keep(first)


def _chance(p: np.ndarray, log_odds: float) -> np.ndarray:
    lifted: np.ndarray = p * np.exp(log_odds)
    return np.asarray(lifted / (1 - p + lifted))


def two_way(score: np.ndarray, user: np.ndarray, item: np.ndarray) -> float:
    """Standard error of the sum of the scores (P,), those of a user and those of an item being dependent."""
    by_user, by_item = (float((np.bincount(code, score) ** 2).sum()) for code in (user, item))
    return float(np.sqrt(max(by_user + by_item - float((score**2).sum()), by_user, by_item)))


def following(
    purchases: Interactions, seen_at: tuple[np.ndarray, np.ndarray], ties: Ties, days: int
) -> Following:
    """Which purchases follow a friend's, and with what chance each would have, see the head of this file."""
    user, item = purchases.user.astype(np.int64), purchases.item.astype(np.int64)
    time = purchases.time // SECOND
    begin = int(time.min(initial=0))
    time = time - begin
    mine, theirs = _pairs(user, item, purchases.n_items, purchases.offsets, time, ties, begin)
    # moments at which each product was bought: places in one list, by product and time
    order = np.lexsort((time, item))
    moment = item[order] * SPAN + time[order]

    def place(of: np.ndarray, at: np.ndarray, side: str) -> np.ndarray:
        at = np.clip(at, -1, SPAN - 1)
        found: np.ndarray = np.searchsorted(moment, of * SPAN + at, side=side)  # type: ignore[call-overload]
        return found

    entry, start = np.unique(mine, return_index=True)  # (P,); `mine` is ascending
    first, last = (seen[user[entry]] // SECOND - begin for seen in seen_at)
    low, high = place(item[entry], first, "left"), place(item[entry], last, "right")  # (P,)
    # of each pair the moments within the days after the friend's purchase
    opened, closed = (place(item[mine], time[theirs] + later, "right") for later in (0, days * DAY // SECOND))
    pair = np.repeat(np.arange(len(entry)), np.diff([*start, len(mine)]))
    opened, closed = np.maximum(opened, low[pair]), np.minimum(closed, high[pair])
    covered = _union(pair, opened, np.maximum(closed, opened), len(entry))
    gap = time[mine] - time[theirs]
    follows = np.zeros(len(entry), dtype=bool)
    follows[pair[(gap > 0) & (gap <= days * DAY // SECOND)]] = True
    # who buys a product again does so soon: moments of the shopper and of the friends are no others' moments
    same = np.unique(user[entry] * purchases.n_items + item[entry], return_inverse=True)[1]
    there = (time[theirs] >= first[pair]) & (time[theirs] <= last[pair])
    own, friends = np.bincount(same)[same], np.bincount(pair, there, minlength=len(entry))
    by_time = np.lexsort((time[theirs], pair))
    pause = np.diff(time[theirs][by_time], prepend=0)
    soon = there[by_time] & (pause <= days * DAY // SECOND) & (np.diff(pair[by_time], prepend=-1) == 0)
    own_covered = np.bincount(same, follows)[same]
    covered = covered - own_covered - np.bincount(pair[by_time], soon, minlength=len(entry))
    others = high - low - own - friends
    chance = (covered + follows) / (others + 1)  # it could have stood where it does, too
    return Following(entry, follows, np.clip(chance, 0, 1))


def _pairs(
    user: np.ndarray,
    item: np.ndarray,
    n_items: int,
    offsets: np.ndarray,
    time: np.ndarray,
    ties: Ties,
    begin: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Purchases (M,) of a product and those of a friend of the same product, once tied: by the former."""
    length = np.diff(offsets)[ties.other]
    share = MOST / max(int(length.sum()), 1)
    if share < 1:  # of a large shop some followers are enough
        lucky = np.random.default_rng(0).random(len(offsets) - 1) < share
        ties = ties.keep(lucky[ties.user])
        length = np.diff(offsets)[ties.other]
    tie = np.repeat(np.arange(len(ties)), length)
    theirs = np.arange(length.sum()) + np.repeat(offsets[ties.other] - (np.cumsum(length) - length), length)
    known = time[theirs] >= np.maximum(ties.since[tie] // SECOND - begin, 0)
    tie, theirs = tie[known], theirs[known]
    order = np.argsort(user * n_items + item, kind="stable")
    key = (user * n_items + item)[order]
    wanted = ties.user[tie].astype(np.int64) * n_items + item[theirs]
    low, high = (np.searchsorted(key, wanted, side=side) for side in ("left", "right"))
    count = high - low
    mine = order[np.arange(count.sum()) + np.repeat(low - (np.cumsum(count) - count), count)]
    theirs = np.repeat(theirs, count)
    by_mine = np.argsort(mine, kind="stable")
    return mine[by_mine], theirs[by_mine]


def _union(group: np.ndarray, low: np.ndarray, high: np.ndarray, groups: int) -> np.ndarray:
    """How many places the ranges low:high (M,) of each group cover together, int64 (groups,)."""
    order = np.lexsort((low, group))
    group, low, high = group[order], low[order], high[order]
    far = int(high.max(initial=0)) + 1
    reached = np.maximum.accumulate(high + group * far) - group * far  # (M,), within the group
    before = np.where(np.diff(group, prepend=-1) != 0, low, np.concatenate([[0], reached[:-1]]))
    added = np.maximum(high - np.maximum(low, before), 0)
    return np.bincount(group, added, minlength=groups).astype(np.int64)
