"""Vectors of items made of blocks: one from collaborative filtering, and one for each sort of features.

A shopper's vector solves the normal equations of implicit ALS (`merx.recommend.implicit_loss`) over the
vectors of the items in the history, the blocks side by side. That is kernel ridge regression in which the
kernel of two items is the sum of the inner products of their blocks (Bishop, Pattern Recognition and Machine
Learning, 2006, section 6.1): a shopper is told by products like those taken, alike by who else takes them, by
their words, by their pictures. Apart instead of together, each block has a shopper's vector of its own, and
the scores are added once each has the same spread over the items.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from merx.data.interactions import Interactions
from merx.data.results import Contributions
from merx.data.vocabulary import Vocabulary
from merx.kernels.als import solve_rows, turned
from merx.kernels.products import ProductIndex
from merx.recommend.damping import damped
from merx.recommend.implicit_loss import Ridge

COLLABORATIVE = "what shoppers take"  # the name of the first block


@dataclass(frozen=True)
class JointFactors:
    """Parameters
    ----------
    items : Vocabulary (I,)
    names : tuple of M str
        The modalities of the features.
    vectors : float32 (I, D)
        On axes in which the Gramian of the items that someone met is diagonal.
    curvature : float32 (D,)
        That diagonal, times alpha.
    axes : float32 (D, D)
        From the blocks to those axes.
    starts : int64 (M + 2,)
        The blocks lie at starts[b]:starts[b + 1] before they are turned; the first is collaborative.
    expected : float32 (M, I, F)
        How much of the collaborative block comes from each modality.
    ridge : Ridge
        Of the vectors of shoppers.
    together : bool
        Whether a shopper is solved for once, or block by block.
    """

    items: Vocabulary
    names: tuple[str, ...]
    vectors: np.ndarray
    curvature: np.ndarray
    axes: np.ndarray
    starts: np.ndarray
    expected: np.ndarray
    ridge: Ridge
    together: bool

    @cached_property
    def index(self) -> ProductIndex:
        """The item vectors, for ranking."""
        return ProductIndex.of(self.vectors)

    def embed(self, histories: Interactions) -> np.ndarray:
        """The vectors of the shoppers, float32 (U, D)."""
        confidence = damped(histories)
        held = self.ridge.of(confidence)
        found = np.zeros((histories.n_users, self.vectors.shape[1]), np.float32)
        for columns in self._solved:
            curvature = self.curvature[columns]
            vectors = np.ascontiguousarray(self.vectors[:, columns])
            answer = solve_rows(confidence, vectors, curvature, held)
            if not self.together:
                spread = np.sqrt(answer**2 @ curvature)[:, None]
                answer /= np.where(spread > 0, spread, np.float32(1))
            found[:, columns] = answer
        return found

    def score(self, histories: Interactions) -> np.ndarray:
        """Inner products float32 (U, I)."""
        return self.index.scores(self.embed(histories))

    def explain(self, histories: Interactions, item: np.ndarray) -> Contributions:
        """As `FittedALS.explain`, by a system of the n items of the history: part (k, n).

        With K = diag(sqrt c) V diag(1 / sqrt d): score_i = sum_h (v_i diag(1 / sqrt d) K' (I + K K')^-1)_h
        sqrt c_h.
        """
        confidence = damped(histories)
        held = self.ridge.of(confidence)[0]
        root = np.sqrt(confidence.data.astype(np.float64))  # (n,)
        part = np.zeros((len(item), len(root)))
        for columns in self._solved:
            scale = 1 / np.sqrt(self.curvature[columns] + np.float64(held))  # (D,)
            short = root[:, None] * self.vectors[confidence.indices][:, columns] * scale  # (n, D)
            asked = self.vectors[item][:, columns] * scale  # (k, D)
            solved = np.linalg.solve(np.eye(len(root)) + short @ short.T, np.diag(root))  # (n, n)
            weight = 1.0
            if not self.together and len(root):
                answer = (short.T @ solved.sum(axis=1)) * scale  # (D,)
                weight = 1 / max(np.sqrt(answer**2 @ self.curvature[columns]), 1e-30)
            part += weight * (asked @ short.T) @ solved
        return Contributions(part, confidence.indices.astype(np.int32))

    def sources(self, histories: Interactions, item: np.ndarray) -> tuple[tuple[str, ...], np.ndarray]:
        """How much each sort of data brings to the scores of the items (k,), for a batch of one.

        Returns
        -------
        (names, part) : tuple of M + 1 str, float64 (k, M + 1)
            The parts of an item add up to its score.
        """
        user = self.embed(histories)[0] @ self.axes.T  # (D,) before it was turned
        vector = self.vectors[item] @ self.axes.T  # (k, D)
        product = (vector * user).astype(np.float64)
        spans = zip(self.starts[:-1], self.starts[1:], strict=True)
        part = np.stack([product[:, a:b].sum(axis=1) for a, b in spans], axis=1)  # (k, M + 1)
        factors = int(self.starts[1])
        foretold = self.expected[:, item].astype(np.float64) @ user[:factors]  # (M, k)
        part[:, 1:] += foretold.T
        part[:, 0] -= foretold.sum(axis=0)
        return (COLLABORATIVE, *self.names), part

    @cached_property
    def _solved(self) -> list[slice]:
        """The columns that a shopper is solved for at once."""
        if self.together:
            return [slice(0, int(self.starts[-1]))]
        return [slice(int(a), int(b)) for a, b in zip(self.starts[:-1], self.starts[1:], strict=True)]


def joint_factors(
    items: Vocabulary,
    names: tuple[str, ...],
    blocks: list[np.ndarray],
    expected: np.ndarray,
    met: np.ndarray,
    alpha: float,
    ridge: Ridge,
    together: bool = True,
) -> JointFactors:
    """Put the blocks (I, F_b), the collaborative one first, side by side.

    Parameters
    ----------
    met : bool (I,)
        The items that speak against what was not taken; nobody passed over the others.
    """
    starts = np.concatenate([[0], np.cumsum([block.shape[1] for block in blocks])]).astype(np.int64)
    size = int(starts[-1])
    axes = np.zeros((size, size), np.float32)
    curvature = np.zeros(size, np.float32)
    vectors = np.empty((len(items), size), np.float32)
    parts = [np.hstack(blocks)] if together else blocks
    first = 0
    for part in parts:
        columns = slice(first, first + part.shape[1])
        first = columns.stop
        _, turn, variance = turned(np.ascontiguousarray(part[met], np.float32))
        axes[columns, columns] = turn
        curvature[columns] = np.float32(alpha) * variance
        vectors[:, columns] = part @ turn
    return JointFactors(items, names, vectors, curvature, axes, starts, expected, ridge, together)
