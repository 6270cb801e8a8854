"""Products that are in a catalogue twice, told from mere variants.

Two titles are as alike as their words are, each weighed by its information: with m the weight of what both
have, and a, b that of what only one of them has,

    score = m / (m + EXTRA max(a, b) + REPLACED min(a, b)),

Tversky's ratio of features (Features of similarity, Psychological Review 84(4), 1977), in which a word more
is forgiven sooner than a word replaced. Where a title has a word that tells variants apart and the other has
not, the two are variants, and so are products of two brands, of two trade item numbers (GTIN) or of one group
of variants that the catalogue names. Equal numbers are one product whatever the titles say. A code that two
titles share with no other forgives what is replaced, and what tells variants apart in one title alone.

Near-identical titles are enough, unless their pictures are far apart and their prices differ; where a few
words differ, a picture among the nearest of the other's must say the same. An equal price is not enough for
that: products of one kind cost the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from merx.kernels.products import Barred, top_sparse
from merx.media.alike import all_alike, present
from merx.media.text import weighed
from merx.media.titles import Difference, Titles

EXTRA, REPLACED = 0.3, 2.0
SURE = 0.95  # score from which the titles are enough ...
CODED = 0.7  # ... where they share a code
LIKELY = 0.85  # score from which pictures may confirm it
NEAREST = 10  # of each product, that it is held against
LEAST = 0.5  # cosine of the titles' terms from which on two are held against each other
SAME_PRICE = 0.05  # difference of the logarithms of two prices, at most
MOST = 2  # words on either side by which variants differ
CLOSE = 5  # a picture is among the nearest of another up to here ...
FAR, FEW = 0.05, 10  # ... and speaks against it beyond this share of all, and beyond so many


@dataclass(frozen=True)
class Pair:
    """Two products that may be one.

    Parameters
    ----------
    one, other : int
        Their places.
    score : float
        From 0 to 1.
    variant : bool
        They differ in words that tell products apart; else they are the same product.
    same_price : bool
        Both prices are known and equal within 5 %.
    own, others : tuple of str
        The words, or the brand, that only the one or the other has.
    picture : float, optional
        Cosine of their pictures, where both have one.
    """

    one: int
    other: int
    score: float
    variant: bool
    same_price: bool
    own: tuple[str, ...]
    others: tuple[str, ...]
    picture: float | None


@dataclass(frozen=True)
class Listed:
    """What a catalogue says of I products, each None or NaN where it says nothing.

    Parameters
    ----------
    title, brand : I texts
    price : float64 (I,)
    gtin : I texts, optional
        Trade item numbers: equal ones are one product, and different ones are two.
    group : I texts, optional
        Variants of one product have the same.
    pictures : float32 (I, F), optional
        Of length 1, zeros where a product has none.
    """

    title: Sequence[str | None]
    brand: Sequence[str | None]
    price: np.ndarray
    gtin: Sequence[str | None] = ()
    group: Sequence[str | None] = ()
    pictures: np.ndarray | None = None

    def apart(self, one: int, other: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The brands and numbers of two products that are both known and not the same."""
        known = [(own[one], own[other]) for own in (self.brand, self.gtin) if own]
        differ = [(a, b) for a, b in known if a and b and a.casefold() != b.casefold()]
        return tuple(a for a, _ in differ), tuple(b for _, b in differ)

    def same(self, name: str, one: int, other: int) -> bool:
        """Whether two products have the same, known "gtin" or "group"."""
        own = getattr(self, name)
        return bool(own) and own[one] is not None and own[one] == own[other]


def duplicates(listed: Listed) -> list[Pair]:
    """Pairs of products that are one and the same, and pairs of variants.

    The best score comes first, and of equal ones those of an equal price.
    """
    words = Titles.of(listed.title)
    looks = None if listed.pictures is None else Looks.of(listed.pictures)
    logarithm = np.log(np.where(listed.price > 0, listed.price, np.nan))
    found = []
    for one, other in candidates(listed):
        left = words.difference(one, other)
        score = score_of(words, left)
        telling = [sum(map(words.tells_apart, side)) for side in left.sides]
        bare = score_of(words, left, bare=True) if any(telling) else score
        number = listed.same("gtin", one, other)
        if bare < (CODED if left.code else LIKELY) and not number:
            continue
        picture, close, far = (None, False, False) if looks is None else looks.of_two(one, other)
        same_price = bool(abs(logarithm[one] - logarithm[other]) <= SAME_PRICE)  # not where one is unknown
        labels = listed.apart(one, other)
        sure = score >= (CODED if left.code else SURE) and (same_price or not far)
        variant = listed.same("group", one, other) or any(labels)
        apart = variant or (all(telling) if left.code else any(telling))
        if number or (not apart and (sure or close)):
            score = 1.0 if number else score
            found.append(Pair(one, other, score, False, same_price, *left.sides, picture))
        elif (variant and score >= SURE) or (bare >= SURE and 0 < max(telling) <= MOST and left.outweighed):
            own, others = (side + label for side, label in zip(left.sides, labels, strict=True))
            found.append(Pair(one, other, bare, True, same_price, own, others, picture))
    return sorted(found, key=lambda pair: (-pair.score, not pair.same_price, pair.one, pair.other))


def score_of(words: Titles, left: Difference, bare: bool = False) -> float:
    """How alike two titles are, from 0 to 1; `bare`, as if no word told variants apart."""
    a, b = (
        sum(words.weight(word) for word in side if not (bare and words.tells_apart(word)))
        for side in left.sides
    )
    replaced = EXTRA if left.code else REPLACED
    return left.shared / max(left.shared + EXTRA * max(a, b) + replaced * min(a, b), 1e-9)


def candidates(listed: Listed) -> list[tuple[int, int]]:
    """Pairs of products, one < other, whose titles share many terms, or that have one trade item number."""
    titles, nothing = list(listed.title), list[str | None]([None] * len(listed.title))
    weights = weighed(titles, nothing).weights(titles, nothing)  # (I, T)
    other, cosine = top_sparse(weights, sparse.csr_array(weights.T), NEAREST, Barred.itself(len(titles)))
    one, place = np.nonzero(cosine >= LEAST)
    pairs = np.sort(np.stack([one, other[one, place]], axis=1), axis=1)
    found = {(int(a), int(b)) for a, b in pairs}
    first: dict[str, int] = {}
    for item, number in enumerate(listed.gtin):
        if number and first.setdefault(number, item) != item:
            found.add((first[number], item))
    return sorted(found)


@dataclass(frozen=True)
class Looks:
    """Pictures of I products, and the nearest of each.

    Parameters
    ----------
    vectors : float32 (I, F)
    there : bool (I,)
    nearest : int32 (I, CLOSE)
    """

    vectors: np.ndarray
    there: np.ndarray
    nearest: np.ndarray

    @classmethod
    def of(cls, vectors: np.ndarray) -> "Looks":
        """The nearest of all."""
        return cls(vectors, present(vectors), all_alike(vectors, CLOSE)[0])

    def of_two(self, one: int, other: int) -> tuple[float | None, bool, bool]:
        """The cosine of two pictures, and whether they are close and far; None where one lacks a picture."""
        if not (self.there[one] and self.there[other]):
            return None, False, False
        cosine = float(self.vectors[one] @ self.vectors[other])
        close = bool(other in self.nearest[one] or one in self.nearest[other])
        nearer = np.count_nonzero(self.vectors @ self.vectors[one] > cosine)
        return cosine, close, bool(nearer > max(FAR * np.count_nonzero(self.there), FEW))
