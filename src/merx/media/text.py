"""Text to vectors, in any language: latent semantic analysis of words and of runs of letters.

Words, and of titles the runs of three and four letters within a word, weigh as `merx.media.terms` says; the
first singular directions of that matrix make vectors in which words that occur together lie together.
Writing without spaces is cut into every two neighbouring signs, so no segmenter is needed. The runs of
letters bring inflected, compound and misspelt words together. Deerwester, Dumais, Furnas, Landauer &
Harshman, Indexing by latent semantic analysis, Journal of the American Society for Information Science 41(6),
1990.
"""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy import sparse

from merx.errors import ConfigError
from merx.media.leading import leading
from merx.media.terms import unit_rows, words

TITLE = 2  # how often a word of the title counts as one of the description does
GRAM = "#"  # begins a run of letters; no word holds it
GRAMS = 0.5  # weight of the runs of letters beside that of the words
SIZES = (3, 4)


@dataclass(frozen=True)
class Text:
    """TF-IDF of words and runs of letters, reduced by a truncated singular value decomposition.

    Parameters
    ----------
    dimensions : int
        Length of the vectors, at most.
    """

    dimensions: int = 96

    def __post_init__(self) -> None:
        if self.dimensions < 1:
            raise ConfigError(f"dimensions = {self.dimensions}: a vector has at least 1.")

    def fit(self, titles: list[str | None], descriptions: list[str | None]) -> "FittedText":
        """Learn what terms weigh and which go together. A term of one text alone says nothing of others."""
        unrotated = weighed(titles, descriptions)
        directions = leading(unrotated.weights(titles, descriptions), self.dimensions)
        return replace(unrotated, directions=directions)


@dataclass(frozen=True)
class FittedText:
    """Parameters
    ----------
    terms : tuple of T str
    rarity : float32 (T,)
    directions : float32 (T, F)
        Orthonormal.
    """

    terms: tuple[str, ...]
    rarity: np.ndarray
    directions: np.ndarray

    @cached_property
    def _place(self) -> dict[str, int]:
        return {term: place for place, term in enumerate(self.terms)}

    def weights(self, titles: list[str | None], descriptions: list[str | None]) -> sparse.csr_array:
        """What the known terms of n texts weigh, float32 CSR (n, T), rows of length 1 or 0.

        Words and runs of letters are brought to length 1 each for itself, and then weighted.
        """
        column, value, offsets = [], [], [0]
        for texts in zip(titles, descriptions, strict=True):
            own = [(self._place[term], n) for term, n in _terms(*texts).items() if term in self._place]
            column += [place for place, _ in own]
            value += [1 + math.log(n) for _, n in own]
            offsets.append(len(column))
        place = np.array(column, np.int64)
        shape = (len(titles), len(self.terms))
        matrix = sparse.csr_array(
            (np.array(value) * self.rarity[place], place, np.array(offsets)), shape=shape
        )
        gram = np.array([term[0] == GRAM for term in self.terms], dtype=bool)
        blocks = []
        for chosen, weight in ((~gram, 1.0), (gram, GRAMS)):
            block = matrix.copy()
            block.data[~chosen[block.indices]] = 0
            blocks.append(unit_rows(block) * np.float32(weight))
        return unit_rows(sparse.csr_array(blocks[0] + blocks[1]))

    def embed(self, titles: list[str | None], descriptions: list[str | None]) -> np.ndarray:
        """Vectors of n texts, float32 (n, F), of length 1; zeros where no term is known."""
        found = np.asarray(self.weights(titles, descriptions) @ self.directions)
        length = np.linalg.norm(found, axis=1, keepdims=True)
        return np.asarray(found / np.where(length > 0, length, 1), np.float32)

    def alike_by(
        self, one: tuple[str | None, str | None], other: tuple[str | None, str | None], most: int = 5
    ) -> list[tuple[str, float]]:
        """The words that make two texts (title, description) alike, strongest first, with their shares.

        The inner product of the two before the reduction is a sum over the terms that both have; the share
        of a word is its part in the sum over words, the runs of letters left out.
        """
        a, b = (self.weights([title], [description]) for title, description in (one, other))
        both = a.multiply(b).tocoo()
        part = {self.terms[c]: float(v) for c, v in zip(both.col, both.data, strict=True)}
        part = {term: value for term, value in part.items() if term[0] != GRAM}
        total = sum(part.values())
        ranked = sorted(part.items(), key=lambda entry: (-entry[1], entry[0]))
        return [(term, value / total) for term, value in ranked[:most]]


def weighed(titles: list[str | None], descriptions: list[str | None]) -> FittedText:
    """What terms weigh, without directions: for those who compare texts by the weights."""
    counts = [_terms(*texts) for texts in zip(titles, descriptions, strict=True)]
    texts_with = Counter(term for own in counts for term in own)
    shared = sorted(term for term, n in texts_with.items() if n > 1)
    rarity = [math.log1p(len(counts) / texts_with[term]) for term in shared]
    return FittedText(tuple(shared), np.array(rarity, np.float32), np.zeros((len(shared), 0), np.float32))


def _terms(title: str | None, description: str | None) -> Counter[str]:
    """How often each term occurs: words, and the runs of letters of the title's words."""
    own = words(title)
    found = Counter({word: TITLE * n for word, n in Counter(own).items()})
    found.update(words(description))
    found.update(_grams(own))
    return found


def _grams(names: Iterable[str]) -> list[str]:
    """Runs of letters of each word, its edges marked; none of words that fit into one run."""
    found = []
    for name in names:
        marked = f" {name} "
        for size in SIZES:
            if len(marked) > size:
                found += [GRAM + marked[place : place + size] for place in range(len(marked) - size + 1)]
    return found
