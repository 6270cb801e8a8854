"""Products that are in a catalogue twice, told from mere variants.

Two titles are as alike as their words are, each weighed by its information: with m the weight of what both
have, and a, b that of what only one of them has,

    score = m / (m + EXTRA max(a, b) + REPLACED min(a, b)),

Tversky's ratio of features (Features of similarity, Psychological Review 84(4), 1977), in which a word more
is forgiven sooner than a word replaced. Where a title has a word that tells variants apart and the other has
not, the two are variants, and so are products of two brands. A code that two titles share with no other
forgives what is replaced, and what tells variants apart in one title alone.

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


def duplicates(
    titles: Sequence[str | None],
    brands: Sequence[str | None],
    price: np.ndarray,
    pictures: np.ndarray | None = None,
) -> list[Pair]:
    """Pairs of I products that are one and the same, and pairs of variants.

    The best score comes first, and of equal ones those of an equal price.

    Parameters
    ----------
    titles, brands : I texts
    price : float64 (I,)
        NaN where not known.
    pictures : float32 (I, F), optional
        Of length 1, zeros where a product has none.
    """
    words = Titles.of(titles)
    looks = None if pictures is None else Looks.of(pictures)
    found = []
    for one, other in candidates(titles):
        left = words.difference(one, other)
        score = score_of(words, left)
        telling = [sum(map(words.tells_apart, side)) for side in left.sides]
        bare = score_of(words, left, bare=True) if any(telling) else score
        if bare < (CODED if left.code else LIKELY):
            continue
        picture, close, far = (None, False, False) if looks is None else looks.of_two(one, other)
        same_price = bool(
            abs(np.log(price[one] / price[other])) <= SAME_PRICE
        )  # false where one is not known
        brand = two_brands(brands[one], brands[other])
        sure = score >= (CODED if left.code else SURE) and (same_price or not far)
        apart = all(telling) if left.code else any(telling)
        if not brand and not apart and (sure or close):
            found.append(Pair(one, other, score, False, same_price, *left.sides, picture))
        elif (brand and score >= SURE) or (bare >= SURE and 0 < max(telling) <= MOST and left.outweighed):
            own, others = (side + maker for side, maker in zip(left.sides, brand or ((), ()), strict=True))
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


def candidates(titles: Sequence[str | None]) -> list[tuple[int, int]]:
    """Pairs of products, one < other, whose titles share many terms: words and runs of letters."""
    nothing: list[str | None] = [None] * len(titles)
    weights = weighed(list(titles), nothing).weights(list(titles), nothing)  # (I, T)
    other, cosine = top_sparse(weights, sparse.csr_array(weights.T), NEAREST, Barred.itself(len(titles)))
    one, place = np.nonzero(cosine >= LEAST)
    pairs = np.sort(np.stack([one, other[one, place]], axis=1), axis=1)
    return [(int(a), int(b)) for a, b in np.unique(pairs, axis=0)]


def two_brands(one: str | None, other: str | None) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """The brands of two products, where both are known and not the same."""
    if one and other and one.casefold() != other.casefold():
        return (one,), (other,)
    return None


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
