"""What the shop's rules ask of a product besides its demand: list prices, packs, stock, others' prices."""

from dataclasses import dataclass, fields, replace

import numpy as np
import pyarrow as pa

from merx.data.categories import LEVEL
from merx.data.panel import PricePanel
from merx.data.vocabulary import Vocabulary

NEVER = 1_000_000  # days since the last change of a price that never changed


@dataclass(frozen=True)
class PriceFacts:
    """Of I items, in the order of the price panel; NaN and "" where not known.

    Parameters
    ----------
    items : Vocabulary (I,)
    category, brand, group : object array of str (I,)
        Levels of a category are separated by " > "; `group` is the product that a variant belongs to.
    map_price, msrp, floor_price, ceiling_price : float64 (I,)
        The least advertised price that the maker allows, the price it recommends; the shop's own least and
        highest.
    pack_size : float64 (I,)
        Units, grams or litres in the pack: what a price is divided by within a group.
    stock_quantity : float64 (I,)
        Units in stock.
    competitor : float64 (I,)
        The lowest price of others in force today.
    stand_in : float64 (I,)
        What it would be if it stood to today's price as on the median of the category; see `stand_ins`.
    lowest_30d : float64 (I,)
        The shop's own lowest price of the last 30 days.
    since_change : int64 (I,)
        Days since the shop's own price changed; NEVER where it did not.
    today : int
        The day that prices are set for, in days since 1970.
    """

    items: Vocabulary
    category: np.ndarray
    brand: np.ndarray
    group: np.ndarray
    map_price: np.ndarray
    msrp: np.ndarray
    floor_price: np.ndarray
    ceiling_price: np.ndarray
    pack_size: np.ndarray
    stock_quantity: np.ndarray
    competitor: np.ndarray
    stand_in: np.ndarray
    lowest_30d: np.ndarray
    since_change: np.ndarray
    today: int

    @classmethod
    def of(cls, panel: PricePanel) -> "PriceFacts":
        """The categories of the panel's items alone; prices are set for the day after it."""
        items = panel.n_items
        names = np.array(panel.categories.ids.to_pylist(), dtype=object)
        weeks = int(panel.week.max(initial=-1)) + 1
        blank, without = np.full(items, "", dtype=object), np.full(items, np.nan)
        return cls(
            items=panel.items,
            category=names[panel.category],
            brand=blank,
            group=blank,
            map_price=without,
            msrp=without,
            floor_price=without,
            ceiling_price=without,
            pack_size=without,
            stock_quantity=without,
            competitor=without,
            stand_in=without,
            lowest_30d=without,
            since_change=np.full(items, NEVER),
            today=panel.start + 7 * weeks,
        )

    def below(self, category: str) -> np.ndarray:
        """The items of the category and of those below it, bool (I,)."""
        names, code = np.unique(self.category.astype(str), return_inverse=True)
        inside: np.ndarray = (names == category) | np.char.startswith(names, category + LEVEL)
        return inside[code]

    def take(self, which: np.ndarray) -> "PriceFacts":
        """The items with the places `which` (n,), in that order."""
        arrays = {
            field.name: getattr(self, field.name)[which]
            for field in fields(self)
            if field.name not in ("items", "today")
        }
        return replace(self, items=Vocabulary(self.items.ids.take(pa.array(np.asarray(which)))), **arrays)


def stand_ins(category: np.ndarray, competitor: np.ndarray, price_now: np.ndarray) -> np.ndarray:
    """Today's prices times the category's median of others' lowest price over today's, float64 (I,)."""
    ratio = np.full(len(price_now), np.nan)
    known = np.isfinite(competitor)
    for name in np.unique(category[known].astype(str)):
        here = category == name
        ratio[here] = np.median(competitor[here & known] / price_now[here & known])
    stand_in: np.ndarray = ratio * price_now
    return stand_in
