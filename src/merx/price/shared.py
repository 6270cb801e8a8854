"""Rules of [price] that tie products together: what each asks, as linear bounds on the prices chosen."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from merx.data.price_facts import PriceFacts
from merx.errors import ConfigError
from merx.price.coupling import Coupling, Row


@dataclass(frozen=True)
class IndexBand:
    """[[price.index]]: how far the mean price of a category may be from what it is held against.

    The index is what a week's expected sales at today's prices would cost at the new prices, over what they
    cost at the base's (a Laspeyres index).

    Parameters
    ----------
    category : str
        This category and those below it; empty: the whole shop.
    against : str
        "today": today's prices; "competitor": the lowest prices of others, over products that have one.
    least, most : float, optional
        1.02: at most 2 % above the base.
    """

    category: str = ""
    against: str = "today"
    least: float | None = None
    most: float | None = None

    def __post_init__(self) -> None:
        if self.against not in ("today", "competitor"):
            raise ConfigError(f'against = {self.against!r}: it is "today" or "competitor".')
        if self.least is None and self.most is None:
            raise ConfigError("least or most is missing: an index without a bound asks nothing.")
        if (self.least or 0.0) > (np.inf if self.most is None else self.most):
            raise ConfigError(f"least is {self.least} and most is {self.most}; least must not be above most.")


@dataclass(frozen=True)
class Parity:
    """[[price.parity]]: what one brand may cost beside another, in each category that has both.

    Compared are mean prices, per unit of the pack where every pack size is known.

    Parameters
    ----------
    brand : str
        Whose prices are bounded.
    than : str
        The brand that they are held against.
    most : float
        .9: on average at least 10 % below.
    """

    brand: str
    than: str
    most: float = 1.0

    def __post_init__(self) -> None:
        if not self.most > 0:
            raise ConfigError(f"most is {self.most}; it must be above 0.")


@dataclass(frozen=True)
class Capacity:
    """[[price.capacity]]: how much can be handled in a week.

    Parameters
    ----------
    units : float
        Expected units a week, at most.
    category, brand : str
        Of what; empty: of any.
    """

    units: float
    category: str = ""
    brand: str = ""

    def __post_init__(self) -> None:
        if not self.units >= 0:
            raise ConfigError(f"units is {self.units}; it must be at least 0.")


@dataclass(frozen=True)
class Shelf:
    """What the shared rules are told of I items at G prices each.

    Parameters
    ----------
    price, units : float64 (I, G)
        The first price is today's; units are those expected a week.
    facts : PriceFacts
    """

    price: np.ndarray
    units: np.ndarray
    facts: PriceFacts

    def within(self, category: str, brand: str = "") -> np.ndarray:
        """Places of the items of the category, or of those below it, and of the brand; empty: of any."""
        inside = self.facts.below(category) if category else np.ones(len(self.price), dtype=bool)
        return np.flatnonzero(inside & (self.facts.brand == brand)) if brand else np.flatnonzero(inside)


def couple(
    shelf: Shelf,
    max_changes: int | None,
    pack_parity: bool,
    index: tuple[IndexBand, ...],
    parity: tuple[Parity, ...],
    capacity: tuple[Capacity, ...],
) -> Coupling:
    """The rules as bounds on the points chosen. Raises ConfigError where one names what does not exist."""
    rows: list[Row] = []
    if max_changes is not None:
        changed = (shelf.price != shelf.price[:, :1]).astype(np.float64)
        every = np.arange(len(shelf.price))
        rows.append(Row("max_changes", f"at most {max_changes} changes", every, changed, float(max_changes)))
    if pack_parity:
        rows += _packs(shelf)
    for number, band in enumerate(index, start=1):
        rows += _index(shelf, band, number)
    for number, pair in enumerate(parity, start=1):
        rows += _brands(shelf, pair, number)
    for number, limit in enumerate(capacity, start=1):
        member = shelf.within(limit.category, limit.brand)
        _some(
            member,
            f"[[price.capacity]] {number}: no product with category {limit.category!r}, "
            f"brand {limit.brand!r}",
        )
        of = " ".join(word for word in (limit.category, limit.brand) if word) or "all products"
        rows.append(
            Row(
                "capacity",
                f"at most {limit.units:g} units a week of {of}",
                member,
                shelf.units[member],
                limit.units,
            )
        )
    return Coupling.of(rows, shelf.price.shape[1])


def _some(member: np.ndarray, what: str) -> None:
    if not len(member):
        raise ConfigError(f"{what}. Mend the name in shop.toml, or take the rule out.")


def _index(shelf: Shelf, band: IndexBand, number: int) -> list[Row]:
    base = shelf.price[:, 0] if band.against == "today" else shelf.facts.competitor
    inside = shelf.within(band.category)
    _some(inside, f"[[price.index]] {number}: no product of category {band.category!r}")
    member = inside[np.isfinite(base[inside]) & (shelf.units[inside, 0] > 0)]
    if not len(member):
        return []  # nothing sells, or nobody else's price is known
    sold = shelf.units[member, 0]
    weight = sold[:, None] * shelf.price[member] / (sold @ base[member])
    of = f"the price index of {band.category or 'the shop'}"
    than = "" if band.against == "today" else " against others"
    rows = []
    if band.most is not None:
        rows.append(Row("index", f"{of}{than} at most {band.most:g}", member, weight, band.most))
    if band.least is not None:
        rows.append(Row("index", f"{of}{than} at least {band.least:g}", member, -weight, -band.least))
    return rows


def _packs(shelf: Shelf) -> list[Row]:
    """Within a group no pack dearer per unit than the next smaller ones."""
    size, group = shelf.facts.pack_size, shelf.facts.group
    known = np.flatnonzero(np.isfinite(size) & (group != ""))
    rows = []
    order = known[np.lexsort((size[known], group[known].astype(str)))]
    names = shelf.facts.items.ids.take(order).to_pylist()
    start = 0
    while start < len(order):  # of each group, sizes ascending
        stop = start
        while stop < len(order) and group[order[stop]] == group[order[start]]:
            stop += 1
        sizes = np.unique(size[order[start:stop]])
        for small, large in pairwise(sizes):
            for a in range(start, stop):
                for b in range(start, stop):
                    if size[order[a]] == small and size[order[b]] == large:
                        pair = order[[a, b]]
                        per_unit = shelf.price[pair] / size[pair][:, None]
                        scale = per_unit[0, 0]
                        weight = np.stack([-per_unit[0], per_unit[1]]) / scale
                        name = f"{names[b]} no dearer per unit than {names[a]}"
                        rows.append(Row("pack_parity", name, pair, weight, 0.0))
        start = stop
    return rows


def _brands(shelf: Shelf, pair: Parity, number: int) -> list[Row]:
    rows = []
    facts = shelf.facts
    for category in np.unique(facts.category.astype(str)):
        here = facts.category == category
        ours, theirs = (np.flatnonzero(here & (facts.brand == b)) for b in (pair.brand, pair.than))
        if not (len(ours) and len(theirs)):
            continue
        member = np.concatenate([ours, theirs])
        size = facts.pack_size[member]
        per_unit = shelf.price[member] / (size[:, None] if np.isfinite(size).all() else 1.0)
        count = np.where(np.arange(len(member)) < len(ours), 1.0 / len(ours), -pair.most / len(theirs))
        weight = per_unit * count[:, None] / per_unit[:, 0].mean()
        name = f"{pair.brand} at most {pair.most:g} times {pair.than} in {category}"
        rows.append(Row("parity", name, member, weight, 0.0))
    if not rows:
        raise ConfigError(
            f"[[price.parity]] {number}: no category has products of {pair.brand!r} and of {pair.than!r}. "
            "Mend the names in shop.toml, or take the rule out."
        )
    return rows
