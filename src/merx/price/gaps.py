"""Prices that a catalogue lacks, proposed from what is known; only where they are asked for.

A product that was sold has a price: the last one seen, which holds until another is. One that has neither a
list price nor an order is put at the median of the products of its category and brand, else of its category,
else of the category above. How far off such a median is, is told from the products whose price is known: each
against the median of the others of its group.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from merx.data.categories import levels

FEWEST = 3  # prices that make a median
SPREAD = (0.1, 0.9)  # quantiles of the interval

Key = tuple[str, str]  # a category and a brand, "" for all brands


@dataclass(frozen=True)
class PriceProposal:
    """A price for one product, with an interval that holds it four times in five, NaN where none is told.

    Parameters
    ----------
    item : int
        Its place.
    price, low, high : float
    because : str
    """

    item: int
    price: float
    low: float
    high: float
    because: str


@dataclass(frozen=True)
class PriceGaps:
    """Proposals for the products without a list price.

    Parameters
    ----------
    proposals : tuple of PriceProposal
    missing : int
        Products without a list price.
    judged : int
        Products whose price is known and was told from the others.
    error : float
        How far off that was in the median, as a share of the price; NaN where none could be told.
    """

    proposals: tuple[PriceProposal, ...]
    missing: int
    judged: int
    error: float


def price_gaps(
    listed: np.ndarray, seen: np.ndarray, category: Sequence[str | None], brand: Sequence[str | None]
) -> PriceGaps:
    """Propose a price for each of I products that lacks one.

    Parameters
    ----------
    listed, seen : float64 (I,)
        The catalogue's price; the last price seen in a price list or an order. NaN where there is none.
    category, brand : I strings
        None where not known.
    """
    price = np.where(np.isfinite(listed), listed, seen)
    keys = [list(_keys(*own)) for own in zip(category, brand, strict=True)]
    prices = defaultdict[Key, list[float]](list)
    for i in np.flatnonzero(price > 0):
        for key in keys[i]:
            prices[key].append(float(price[i]))
    offs = defaultdict[bool, list[float]](list)  # log of own price over the others' median, by brand known
    for i in np.flatnonzero(price > 0):
        if group := next((one for one in keys[i] if len(prices[one]) > FEWEST), None):
            others = list(prices[group])
            others.remove(float(price[i]))
            offs[bool(group[1])].append(float(np.log(price[i] / np.median(others))))
    found = []
    for i in np.flatnonzero(~(listed > 0)):
        if seen[i] > 0:
            found.append(PriceProposal(int(i), float(seen[i]), np.nan, np.nan, "the last price seen"))
        elif alike := next((one for one in keys[i] if len(prices[one]) >= FEWEST), None):
            middle, (category_of, brand_of) = float(np.median(prices[alike])), alike
            own = offs[bool(brand_of)] or offs[not brand_of]
            low, high = middle * np.exp(np.quantile(own, SPREAD)) if own else (np.nan, np.nan)
            named = f"{category_of} by {brand_of}" if brand_of else category_of
            because = f"the median of {len(prices[alike]):,} products of {named}"
            found.append(PriceProposal(int(i), round(middle, 2), float(low), float(high), because))
    every = np.abs([off for group in offs.values() for off in group])
    error = float(np.expm1(np.median(every))) if len(every) else np.nan
    return PriceGaps(tuple(found), int(np.count_nonzero(~(listed > 0))), len(every), error)


def _keys(category: str | None, brand: str | None) -> Iterator[Key]:
    """The groups of a product, the most alike first."""
    if category is None:
        return
    if brand is not None:
        yield category, brand
    for above in reversed(levels(category)):
        yield above, ""
