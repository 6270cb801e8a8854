"""The merchant's rules: which products they are about, and what is done with those.

A rule does one thing (`do`) with the products that it selects. All selectors that are given must hold; of the
values of one selector, any.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from merx.data.catalogue import Catalogue
from merx.errors import ConfigError

SELECTORS = ("items", "brand", "category", "price_from", "price_to", "bought_days")
# What a rule of each sort must and may say beside its selectors.
NEEDS: dict[str, tuple[str, ...]] = {
    "only": (),
    "exclude": (),
    "boost": ("by",),
    "bury": (),
    "pin": ("place",),
    "cap": ("per", "most"),
}
GROUPS = ("brand", "category")


@dataclass(frozen=True)
class Shelf:
    """What rules look at: all I items of the shop, and when this shopper last bought each.

    Parameters
    ----------
    catalogue : Catalogue (I,)
    bought_ago : float64 (I,)
        Days since the shopper last bought the item, infinity where never.
    """

    catalogue: Catalogue
    bought_ago: np.ndarray

    def in_category(self, names: tuple[str, ...]) -> np.ndarray:
        """Whether each item is in one of the categories or below it, bool (I,)."""
        return _in_category(self.catalogue.category, names)


@dataclass(frozen=True)
class Rule:
    """One wish of the merchant, in [[recommend.rules]] or [[scenarios.NAME.rules]].

    Parameters
    ----------
    do : str
        "only" (show nothing else), "exclude", "boost" (relevance times `by`), "bury" (behind all that is not
        buried), "pin" (to a place) or "cap" (at most so many of a brand or category).
    name : str
        What decisions call the rule; its words where empty.
    items : list of str
        Selects products by their ids.
    brand : list of str
        Selects products of these brands.
    category : list of str
        Selects products in these categories or below them.
    price_from : float
        Selects products that cost at least so much.
    price_to : float
        Selects products that cost at most so much.
    bought_days : int
        Selects what the shopper bought in the last so many days, counted back from the latest event.
    by : float
        Of boost: the factor, above 1.
    place : int
        Of pin: the place of the first of `items`, from 1; the others follow.
    per : str
        Of cap: what is counted, "brand" or "category".
    most : int
        Of cap: how many of one brand or category a list may hold.
    """

    do: str
    name: str = ""
    items: tuple[str, ...] = ()
    brand: tuple[str, ...] = ()
    category: tuple[str, ...] = ()
    price_from: float | None = None
    price_to: float | None = None
    bought_days: int | None = None
    by: float | None = None
    place: int | None = None
    per: str | None = None
    most: int | None = None

    def __post_init__(self) -> None:
        if self.do not in NEEDS:
            raise ConfigError(f"do = {self.do!r}: it is one of {', '.join(NEEDS)}.")
        for key in ("by", "place", "per", "most"):
            said, needed = getattr(self, key) is not None, key in NEEDS[self.do]
            if said != needed:
                raise ConfigError(f"{key}: {'is missing in' if needed else 'has no meaning in'} {self.do!r}.")
        given = [name for name in SELECTORS if getattr(self, name) not in (None, ())]
        if self.do == "pin" and given != ["items"]:
            raise ConfigError("a pin says which products it is about by `items` and nothing else.")
        if self.do != "cap" and not given:
            raise ConfigError(f"a rule that selects nothing; say one of {', '.join(SELECTORS)}.")
        if self.by is not None and self.by <= 1:
            raise ConfigError(f"by = {self.by:g}: a boost is above 1; to push products back, bury them.")
        if self.per is not None and self.per not in GROUPS:
            raise ConfigError(f'per = {self.per!r}: it is "brand" or "category".')
        for key in ("place", "most", "bought_days"):
            value = getattr(self, key)
            if value is not None and value < 1:
                raise ConfigError(f"{key} = {value}: at least 1.")

    def selects(self, shelf: Shelf) -> np.ndarray:
        """The products that the rule is about, bool (I,)."""
        about = shelf.catalogue
        chosen = np.ones(about.n_items, dtype=bool)
        if self.items:
            chosen &= _is_in(about.items.ids, self.items)
        if self.brand:
            chosen &= _is_in(about.brand, self.brand)
        if self.category:
            chosen &= shelf.in_category(self.category)
        if self.price_from is not None:
            chosen &= about.price >= self.price_from  # what has no price (NaN) is in no price band
        if self.price_to is not None:
            chosen &= about.price <= self.price_to
        if self.bought_days is not None:
            chosen &= shelf.bought_ago <= self.bought_days
        return chosen

    @property
    def reads_prices(self) -> bool:
        """Whether it selects by price."""
        return self.price_from is not None or self.price_to is not None

    def in_words(self) -> str:
        """The rule as a merchant would say it."""
        if self.name:
            return self.name
        about = self._about()
        if self.do == "cap":
            return f"at most {self.most} per {self.per}{f' of {about}' if about else ''}"
        then = f" by {self.by:g}" if self.do == "boost" else f" to place {self.place}" * (self.do == "pin")
        return f"{self.do} {about}{then}"

    def _about(self) -> str:
        low, high = self.price_from, self.price_to
        band = f"price {'' if low is None else f'{low:g}'}..{'' if high is None else f'{high:g}'}"
        said: dict[str, Any] = {
            "": self.items,
            "brand ": self.brand,
            "category ": self.category,
        }
        parts = [f"{word}{' or '.join(values)}" for word, values in said.items() if values]
        parts += [band] * self.reads_prices
        parts += [f"bought in the last {self.bought_days} days"] * (self.bought_days is not None)
        return ", ".join(parts)


def groups(rule: Rule, shelf: Shelf) -> np.ndarray:
    """Of a cap: the group that each item counts in, int64 (I,); -1: in none.

    A product without a brand or category counts in none, since nothing says that two of them belong together.
    """
    values = shelf.catalogue.brand if rule.per == "brand" else shelf.catalogue.category
    code = pc.fill_null(values.dictionary_encode().indices, -1).to_numpy(zero_copy_only=False)
    return np.where(rule.selects(shelf), code, -1).astype(np.int64)


def _is_in(values: pa.Array, names: tuple[str, ...]) -> np.ndarray:
    return np.asarray(pc.is_in(values, pa.array(names, pa.string())).to_numpy(zero_copy_only=False))


def _in_category(values: pa.Array, names: tuple[str, ...]) -> np.ndarray:
    inside = np.zeros(len(values), dtype=bool)
    for name in names:
        found = pc.or_(pc.equal(values, name), pc.starts_with(values, f"{name} > "))
        inside |= np.asarray(pc.fill_null(found, False).to_numpy(zero_copy_only=False))
    return inside
