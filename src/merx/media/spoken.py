"""The words of products: what is learnt from them, and which of them spoke for what was said."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from merx.media.completion import Blocks, FittedCompletion
from merx.media.text import GRAM, FittedText, Text

DIMENSIONS = 512  # all that up to so many products have; with fewer, words of rare values are lost
NAMED = 3  # words, at most


@dataclass(frozen=True)
class Words:
    """Of I products.

    Parameters
    ----------
    text : FittedText
    weights : float32 CSR (I, T)
        Of the terms.
    block : float32 (I, F)
        The same in the leading directions.
    """

    text: FittedText
    weights: sparse.csr_array
    block: np.ndarray

    @classmethod
    def of(cls, titles: list[str | None], descriptions: list[str | None]) -> "Words":
        """Learnt from these texts themselves."""
        text = Text(DIMENSIONS).fit(titles, descriptions)
        weights = text.weights(titles, descriptions)
        return cls(text, weights, np.asarray(weights @ text.directions))

    def because(
        self,
        fitted: FittedCompletion,
        blocks: Blocks,
        item: int,
        chance: np.ndarray,
        used: np.ndarray,
        value: str,
    ) -> str:
        """The words of a product that raise the probability of a value most, then what else speaks for it.

        Parameters
        ----------
        fitted : FittedCompletion
            Of these blocks, among which `block` is called "words".
        chance, used : float64 (C,), bool (M,)
            The product's, as `fitted.chances` has them.
        """
        own = sparse.csr_array(self.weights[[item]]).tocoo()
        part = own.data * (self.text.directions[own.col] @ fitted.slope("words", chance, value))
        terms = [self.text.terms[own.col[n]] for n in np.argsort(-part, kind="stable") if part[n] > 0]
        named = [f"'{term}'" for term in terms if term[0] != GRAM][:NAMED]
        others = [name for name, here in zip(fitted.blocks, used, strict=True) if here and name != "words"]
        spoke = [n for n in others if blocks[n][item] @ fitted.slope(n, chance, value) > 0]
        return ", ".join([*named, *spoke])
