"""What a report says of products held against each other: listed twice, or like the best sellers."""

from __future__ import annotations

from dataclasses import dataclass

from merx.report.values import NAN


@dataclass(frozen=True)
class Listing:
    """One of two listings; `only` are the words that the other lacks."""

    item_id: str
    title: str
    price: float = NAN
    only: str = ""


@dataclass(frozen=True)
class Twice:
    """Two listings of what is likely one product, and how alike they are, from 0 to 1."""

    one: Listing
    other: Listing
    score: float


@dataclass(frozen=True)
class LookAlike:
    """One of the products nearest to another, and what made it so."""

    title: str
    similarity: float
    because: str


@dataclass(frozen=True)
class Nearest:
    """A product with its look-alikes, by `by`."""

    title: str
    by: str
    rows: tuple[LookAlike, ...]


@dataclass(frozen=True)
class LookAlikes:
    """The first of `duplicates` pairs, how many are variants, and a few products with their look-alikes."""

    products: int
    duplicates: int
    variants: int
    pairs: tuple[Twice, ...]
    nearest: tuple[Nearest, ...]

    @property
    def differ(self) -> bool:
        """Whether any of the pairs shown has a word that only one of the two has."""
        return any(pair.one.only or pair.other.only for pair in self.pairs)

    @property
    def sentence(self) -> str:
        """How many products seem to be there twice."""
        if not self.duplicates:
            return f"None of {self.products:,} products seems to be listed twice."
        pairs = "1 pair is" if self.duplicates == 1 else f"{self.duplicates:,} pairs are"
        return f"Among {self.products:,} products {pairs} likely one product listed twice."
