"""In which words two titles differ, and which words tell products of one kind apart.

A word tells variants apart where it stands for another in otherwise equal titles: where "red" and "blue" do
so in two pairs of titles or more, they are such words in this catalogue, whatever its language. Numbers
always are, and a few words for colours and sizes.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from merx.media.terms import words

COLOURS = {
    "black",
    "white",
    "red",
    "green",
    "yellow",
    "blue",
    "brown",
    "orange",
    "pink",
    "purple",
    "grey",
    "gray",
}
SIZES = {
    "xs",
    "s",
    "m",
    "l",
    "xl",
    "xxl",
    "mini",
    "small",
    "medium",
    "large",
    "giant",
    "jumbo",
    "single",
    "double",
}
PLACES = 2  # in which a word must stand for another to be known as telling variants apart
LONG = 30  # words of a title from which on it is not held against others word by word
FEWEST_LETTERS = 4  # of words that may be misspelt
TWO_MISTAKES = 7  # letters of a word from which on two mistakes are let pass
RARE = 3  # titles with a word, at most, for it to be a mistake rather than a word of its own
INFLECTED = 2  # letters that a form of a word may have more than another, at its end
CODE, DIGITS = 6, 3  # signs of a code, and digits among them, at least
ASIAN = r"[぀-ヿ㐀-鿿가-힯]"  # written without spaces, which say nothing where they stand
GAP = re.compile(f"(?<={ASIAN})\\s+(?={ASIAN})")


@dataclass(frozen=True)
class Difference:
    """What two titles share, in nats of information, and the words that only one of them has.

    Parameters
    ----------
    shared : float
        Sum of the weights of the words that both have.
    sides : two tuples of str
        Words of the one, words of the other.
    code : bool
        Both hold a code (a word with a digit) that no other title holds.
    outweighed : bool
        What both have weighs more than what either has alone.
    """

    shared: float
    sides: tuple[tuple[str, ...], tuple[str, ...]]
    code: bool
    outweighed: bool


@dataclass(frozen=True)
class Titles:
    """Parameters
    ----------
    words : tuple of I tuples of str
    """

    words: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, titles: Sequence[str | None]) -> "Titles":
        """The titles as words."""
        return cls(tuple(tuple(words(GAP.sub("", title or ""))) for title in titles))

    @cached_property
    def _titles_with(self) -> Counter[str]:
        return Counter(word for own in self.words for word in set(own))

    @cached_property
    def _stood_for_another(self) -> Counter[str]:
        """How often each word takes the place of another in titles that are equal but for it."""
        filled = defaultdict[tuple[str, ...], set[str]](set)
        for own in self.words:
            if 1 < len(own) <= LONG:
                for word in set(own):
                    rest = list(own)
                    rest.remove(word)
                    filled[tuple(sorted(rest))].add(word)
        found = Counter[str]()
        for words_there in filled.values():
            for word in words_there:
                found[word] += any(not self.same(word, other) for other in words_there - {word})
        return found

    def weight(self, word: str) -> float:
        """The information in a word, in nats: ln(1 + I / titles with it)."""
        return self._weights[word]

    @cached_property
    def _weights(self) -> dict[str, float]:
        return {word: math.log1p(len(self.words) / n) for word, n in self._titles_with.items()}

    def tells_apart(self, word: str) -> bool:
        """Whether a word is one by which variants of a product differ."""
        return word in self._telling

    @cached_property
    def _telling(self) -> set[str]:
        often = {word for word, places in self._stood_for_another.items() if places >= PLACES}
        return often | {w for w in self._titles_with if w in COLOURS or w in SIZES or _numbered(w)}

    def same(self, one: str, other: str) -> bool:
        """Whether two words are forms of one word, or one of them is the other misspelt."""
        short, long = sorted((one, other), key=len)
        if len(short) < FEWEST_LETTERS or short[0] != long[0] or _numbered(one + other):
            return False
        if long.startswith(short) and len(long) - len(short) <= INFLECTED:
            return True
        if min(self._titles_with[one], self._titles_with[other]) > RARE:
            return False
        return mistakes(one, other) <= (2 if len(long) >= TWO_MISTAKES else 1)

    def difference(self, one: int, other: int) -> Difference:
        """What two titles share: words, words written together or apart, and forms of one word."""
        counts = Counter(self.words[one]), Counter(self.words[other])
        both = counts[0] & counts[1]
        left = [list((count - both).elements()) for count in counts]
        shared = [self.weight(word) for word in both]
        for a, b in ((0, 1), (1, 0)):
            shared += self._written_together(self.words[(one, other)[a]], left[a], left[b])
        for word in tuple(left[0]):
            alike = next((another for another in left[1] if self.same(word, another)), None)
            if alike is not None:
                left[0].remove(word)
                left[1].remove(alike)
                shared.append(min(self.weight(word), self.weight(alike)))
        code = any(_is_code(word) and self._titles_with[word] == 2 for word in both)
        outweighed = all(sum(shared) > sum(map(self.weight, side)) for side in left)
        return Difference(sum(shared), (tuple(left[0]), tuple(left[1])), code, outweighed)

    def _written_together(self, title: tuple[str, ...], apart: list[str], together: list[str]) -> list[float]:
        """Take words out that the one writes apart and the other together; the weights of those."""
        if not apart:
            return []
        found = []
        for word in tuple(together):
            for length in (2, 3):
                runs = (title[at : at + length] for at in range(len(title) - length + 1))
                run = next((run for run in runs if "".join(run) == word and set(run) & set(apart)), None)
                if run is not None:
                    together.remove(word)
                    apart[:] = [other for other in apart if other not in run]
                    found.append(self.weight(word))
                    break
        return found


def _numbered(word: str) -> bool:
    return any(sign.isdigit() for sign in word)


def _is_code(word: str) -> bool:
    return len(word) >= CODE and sum(sign.isdigit() for sign in word) >= DIGITS


def mistakes(one: str, other: str) -> int:
    """Letters put in, left out, exchanged for another or with their neighbour, at the least.

    Optimal string alignment: Damerau, A technique for computer detection and correction of spelling errors,
    Communications of the ACM 7(3), 1964.
    """
    before, last = list[int](), list(range(len(other) + 1))
    for i, letter in enumerate(one, start=1):
        row = [i]
        for j, another in enumerate(other, start=1):
            least = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (letter != another))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == another:
                least = min(least, before[j - 2] + 1)
            row.append(least)
        before, last = last, row
    return last[-1]
