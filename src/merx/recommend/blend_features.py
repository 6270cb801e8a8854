"""What the blend knows of a candidate beside its members: how it sells, and how it fits the shopper."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from merx.data.catalogue import Catalogue
from merx.data.categories import LEVEL
from merx.data.interactions import Interactions
from merx.data.schema import DAY, EVENT_CODE
from merx.recommend.buy_again import BUYERS, purchases

HALF_LIVES = (90.0, 30.0, 7.0)  # in days, of what sells, what sells of late and what sells just now
LOW = 0.4  # of the most stars that a rating has: no more than that is a bad mark (2 of 5)
OF_ITEM = ("sales", "late sales", "sales now", "bought again", "days on sale", "days since anyone")
OF_SHOPPER = ("items met", "days since last event")
OF_OWN = ("times met", "weight", "days since met")
OF_BOTH = ("price gap", "price distance", "brand", "category", "department")
NAMES = (*OF_ITEM, *OF_SHOPPER, *OF_OWN, *OF_BOTH)


@dataclass(frozen=True)
class Candidates:
    """Items that may be shown, ragged by shopper, in the order of their codes.

    Parameters
    ----------
    offsets : int64 (U + 1,)
        Shopper u owns the items offsets[u]:offsets[u + 1].
    item : int32 (P,)
    """

    offsets: np.ndarray
    item: np.ndarray

    @classmethod
    def of(cls, keys: np.ndarray, n_users: int, n_items: int) -> "Candidates":
        """From numbers user * I + item, in any order, repeats allowed."""
        keys = np.unique(keys)
        offsets = np.searchsorted(keys, np.arange(n_users + 1, dtype=np.int64) * n_items)
        return cls(offsets.astype(np.int64), (keys % max(n_items, 1)).astype(np.int32))

    @property
    def user(self) -> np.ndarray:
        """The shopper of each item, int64 (P,)."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))

    def keys(self, n_items: int) -> np.ndarray:
        """The numbers user * I + item, int64 (P,)."""
        keys: np.ndarray = self.user * n_items + self.item
        return keys


@dataclass(frozen=True)
class ItemFacts:
    """What is known of I items at the end of the histories.

    Parameters
    ----------
    sales : float32 (I, 3)
        Log of the weights of all shoppers' events, those before a half-life counting half: HALF_LIVES.
    repeat : float32 (I,)
        The share of its buyers who bought it again.
    first, last : float32 (I,)
        Days since 1970 of the first and the last event, -1 where there is none.
    price : float32 (I,)
        Its logarithm, 0 where it is not known.
    priced : bool (I,)
    brand, category, department : int32 (I,)
        Codes, -1 where there is none; a department is the first level of a category.
    until : float
        The latest event, in days since 1970.
    most_stars : float
        The weight of the best rating given, 0 where there are no ratings.
    """

    sales: np.ndarray
    repeat: np.ndarray
    first: np.ndarray
    last: np.ndarray
    price: np.ndarray
    priced: np.ndarray
    brand: np.ndarray
    category: np.ndarray
    department: np.ndarray
    until: float
    most_stars: float

    @classmethod
    def of(cls, histories: Interactions, catalogue: Catalogue) -> "ItemFacts":
        """Count the histories and read the catalogue, of the same items."""
        n_items = histories.n_items
        day = histories.time / DAY  # (N,)
        until = float(day.max(initial=0))

        def sold(half_life: float) -> np.ndarray:
            decayed = histories.weight * 0.5 ** ((until - day) / half_life)
            total = np.bincount(histories.item, decayed, n_items)
            return np.log1p(np.maximum(total, 0)).astype(np.float32)

        bought = purchases(histories)
        buyers = np.bincount(bought.item, minlength=n_items).astype(np.float32)
        again = np.bincount(bought.item, bought.count > 1, n_items).astype(np.float32)
        share = np.float32((again.sum() + 1) / (buyers.sum() + 2))
        first, last = np.full(n_items, np.inf), np.full(n_items, -1.0)
        np.minimum.at(first, histories.item, day)
        np.maximum.at(last, histories.item, day)
        priced = catalogue.price > 0
        top_level = pc.list_element(pc.split_pattern(catalogue.category, LEVEL, max_splits=1), 0)
        return cls(
            sales=np.stack([sold(half_life) for half_life in HALF_LIVES], axis=1),
            repeat=(again + BUYERS * share) / (buyers + BUYERS),
            first=np.where(np.isfinite(first), first, -1).astype(np.float32),
            last=last.astype(np.float32),
            price=np.log(catalogue.price, where=priced, out=np.zeros(n_items)).astype(np.float32),
            priced=priced,
            brand=_codes(catalogue.brand),
            category=_codes(catalogue.category),
            department=_codes(top_level),
            until=until,
            most_stars=most_stars(histories),
        )

    @cached_property
    def table(self) -> np.ndarray:
        """OF_ITEM of each item, float32 (I, 6)."""
        met = self.last >= 0
        age = np.where(met, self.until - self.first, np.nan)
        idle = np.where(met, self.until - self.last, np.nan)
        return np.column_stack([self.sales, self.repeat, age, idle]).astype(np.float32)


def most_stars(histories: Interactions) -> float:
    """The weight of the best rating given, 0 where there are no ratings."""
    return float(histories.weight[histories.event == EVENT_CODE["rate"]].max(initial=0))


def disliked(histories: Interactions, most_stars: float) -> np.ndarray:
    """The numbers user * I + item of what a shopper does not want, distinct and ascending.

    What was sent back as often as it was bought; and what was taken out of the cart, or rated low, where
    neither a purchase, a cart nor a better rating came after that.
    """
    key = histories.user.astype(np.int64) * histories.n_items + histories.item
    traded = np.isin(histories.event, [EVENT_CODE["purchase"], EVENT_CODE["refund"]])
    net = _Sums.of(key[traded], np.where(histories.event[traded] == EVENT_CODE["purchase"], 1, -1))
    bad = (histories.event == EVENT_CODE["rate"]) & (histories.weight <= LOW * most_stars)
    bad |= histories.event == EVENT_CODE["remove_from_cart"]
    told = bad | np.isin(histories.event, [EVENT_CODE[name] for name in ("rate", "purchase", "add_to_cart")])
    # of the entries of one key the last one stands last
    order = np.argsort(key[told], kind="stable")
    ordered = key[told][order]
    last = np.diff(ordered, append=-1) != 0
    return np.union1d(net.key[net.total <= 0], ordered[last & bad[told][order]])


def shopper_features(facts: ItemFacts, histories: Interactions, candidates: Candidates) -> np.ndarray:
    """NAMES of each candidate, float32 (P, 16); NaN where not known."""
    user, item = candidates.user, candidates.item  # (P,)
    n_users, n_items = histories.n_users, histories.n_items
    owner = histories.user.astype(np.int64)  # (N,)
    length = np.diff(histories.offsets)
    own = _Sums.of(owner * n_items + histories.item, histories.weight)
    day = histories.time / DAY
    latest = np.full(n_users, -np.inf)
    np.maximum.at(latest, owner, day)
    now = np.maximum(latest, facts.until)  # (U,)
    distinct = np.bincount(own.key // max(n_items, 1), minlength=n_users)

    place = own.find(user * n_items + item)  # (P,), -1: not met
    met = place >= 0
    last_met = np.full(len(own.key), -np.inf)
    np.maximum.at(last_met, own.row, day)
    times = np.bincount(own.row, minlength=len(own.key))

    def of_own(values: np.ndarray, otherwise: float) -> np.ndarray:
        return np.where(met, np.append(values, otherwise)[place], otherwise)

    known = facts.priced[histories.item]
    priced = np.maximum(np.bincount(owner[known], minlength=n_users), 1)
    mean = np.bincount(owner[known], facts.price[histories.item[known]], n_users) / priced  # (U,)
    comparable = facts.priced[item] & (np.bincount(owner[known], minlength=n_users) > 0)[user]
    gap = np.where(comparable, facts.price[item] - mean[user], np.nan)

    def affinity(code: np.ndarray) -> np.ndarray:
        """The share of the shopper's weights on the candidate's code."""
        width = int(code.max(initial=-1)) + 1
        coded = code[histories.item] >= 0
        held = _Sums.of(
            owner[coded] * width + code[histories.item[coded]], np.maximum(histories.weight[coded], 0)
        )
        whole = np.bincount(owner[coded], np.maximum(histories.weight[coded], 0), n_users)
        found = held.find(user * width + code[item])
        share = np.append(held.total, 0.0)[found] / np.maximum(whole[user], 1e-9)
        return np.where(code[item] >= 0, share, np.nan)

    with np.errstate(invalid="ignore"):
        since_last = np.where(length[user] > 0, now[user] - latest[user], np.nan)
        since_met = np.where(met, now[user] - of_own(last_met, 0.0), np.nan)
    columns = [
        distinct[user],
        since_last,
        of_own(times, 0.0),
        np.log1p(np.maximum(of_own(own.total, 0.0), 0)),
        since_met,
        gap,
        np.abs(gap),
        affinity(facts.brand),
        affinity(facts.category),
        affinity(facts.department),
    ]
    return np.concatenate([facts.table[item], np.stack(columns, axis=1).astype(np.float32)], axis=1)


@dataclass(frozen=True)
class _Sums:
    """Sums by key: `total` (K,) of the distinct keys (K,), ascending, and the place of each entry (N,)."""

    key: np.ndarray
    total: np.ndarray
    row: np.ndarray

    @classmethod
    def of(cls, key: np.ndarray, value: np.ndarray) -> "_Sums":
        distinct, row = np.unique(key, return_inverse=True)
        return cls(distinct, np.bincount(row, value, len(distinct)), row)

    def find(self, key: np.ndarray) -> np.ndarray:
        """The place of each key, -1 where it is not there."""
        place = np.searchsorted(self.key, key)
        there = np.append(self.key, -1)[place] == key
        return np.where(there, place, -1)


def _codes(names: pa.StringArray) -> np.ndarray:
    encoded = pc.dictionary_encode(names)
    return np.asarray(pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False), np.int32)
