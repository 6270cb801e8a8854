"""What a product's category or brand is most likely, from its words, picture and other attributes.

For each block of features (words, picture, ...) one regularised least-squares regression of which class each
product has, and one for all blocks at once. What they say is pooled:

    log p(c | x) = sum over blocks m of a_m z_mc(x_m) + a_* z_*c(x) + a_0 log n_c / n + constant,

where z_mc and z_* are the scores of class c by block m alone and by all blocks, those that a product lacks
left out, and n_c of the n products known are of that class. The weights a are learnt on scores of products
that the regressions have not seen (five folds), one set for each pattern of blocks present, by log loss. With
one block that is temperature scaling with a term for the prior, which also takes back what class weights did
to it; with several it is a logarithmic opinion pool. So probabilities come out calibrated, and a block that
says little counts little.

Rifkin, Yeo & Poggio, Regularized least-squares classification, in Advances in Learning Theory (2003); Guo,
Pleiss, Sun & Weinberger, On calibration of modern neural networks, ICML (2017); Genest & Zidek,
Combining probability distributions, Statistical Science 1 (1986).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

import numpy as np
from scipy.special import softmax

from merx.data.categories import within
from merx.errors import ConfigError, FitError
from merx.kernels.threads import one_blas_thread
from merx.media.pool import FOLDS, Pool, Regressions, folds, patterns_of
from merx.media.values import OTHER, classes_of

MOST = 20_000  # products known that are learnt from; more say little that is new

Blocks = Mapping[str, np.ndarray]  # name of a block -> features (n, F_m) of length 1, zeros where missing


@dataclass(frozen=True)
class Completion:
    """How gaps of one column are learnt to be filled.

    Parameters
    ----------
    fewest : int
        Examples of a class that is proposed. With fewer a category counts as the one above it.
    held : float
        How strongly the coefficients are held back: it times their squares, beside the squared errors of all
        products.
    balance : float
        How much more rare classes count in the regressions: n_c to the power of minus this.
    seed : int
        Of the folds.
    """

    fewest: int = 5
    held: float = 0.3
    balance: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        if self.fewest < 2:
            raise ConfigError(f"fewest = {self.fewest}: at least 2, one to learn from and one to tell by.")
        if self.held <= 0 or not 0 <= self.balance <= 1:
            raise ConfigError(f"held = {self.held}, balance = {self.balance}: above 0, and from 0 to 1.")

    def fit(
        self, blocks: Blocks, values: Sequence[str | None], *, levels: bool, unseen: Blocks | None = None
    ) -> "FittedCompletion":
        """Learn from the products whose value is known.

        Parameters
        ----------
        blocks : name -> float (n, F_m)
            Zeros where a product lacks it.
        values : n strings
            None where missing.
        levels : bool
            Whether a value has levels, "Home > Lamps".
        unseen : name -> bool (n,), optional
            Of blocks that were themselves made from the values (the vectors of a picture network that was
            trained on categories): the products whose value played no part in that. What such a block is
            worth is learnt and told from these alone.

        Raises
        ------
        FitError
            Fewer than two classes have enough examples, or none of their products has any features.
        """
        labels = classes_of(values, self.fewest, levels)
        some = np.array([label is not None for label in labels])
        has = {name: np.any(block != 0, axis=1) for name, block in blocks.items()}  # (n,) each
        known = np.flatnonzero(some & np.any([*has.values(), np.zeros(len(some), bool)], axis=0))
        if len(known) > MOST:
            known = np.sort(np.random.default_rng(self.seed).choice(known, MOST, replace=False))
        own_labels = [labels[i] or OTHER for i in known]
        names = tuple(sorted(set(own_labels)))
        if len(set(names) - {OTHER}) < 2:
            raise FitError(_too_few(values, self.fewest))
        code = {name: place for place, name in enumerate(names)}
        y = np.array([code[name] for name in own_labels])
        fold = folds(y, self.seed)
        here = {name: block[known].astype(np.float64) for name, block in blocks.items()}
        present = np.column_stack([has[name][known] for name in here])
        usable = present.copy()
        for m, name in enumerate(here):
            if unseen and name in unseen:
                usable[:, m] &= unseen[name][known]
        prior = np.log(np.bincount(y, minlength=len(names)) / len(y))
        alone, together = np.zeros((2, len(here), len(y), len(names)))
        constant = np.zeros((len(y), len(names)))
        for number in range(FOLDS):
            own = fold == number
            learnt = self._regressions(list(here.values()), present, y, ~own, len(names))
            apart = learnt.scores([block[own] for block in here.values()])
            alone[:, own], together[:, own], constant[own] = apart
        pool = Pool(alone, together, constant, prior, y, usable)
        learnt = self._regressions(list(here.values()), present, y, np.ones(len(y), bool), len(names))
        return FittedCompletion(names, tuple(here), learnt, pool, known, pool.judged(fold))

    def _regressions(
        self, blocks: Sequence[np.ndarray], present: np.ndarray, y: np.ndarray, rows: np.ndarray, classes: int
    ) -> "Regressions":
        """Of y (n,) on each block (n, F_m) and on all, learnt on those of `rows`, bool (n,), that have it."""
        alone = []
        for m, block in enumerate(blocks):
            own = rows & present[:, m]
            alone.append(self._regression(block[own], y[own], classes))
        every = np.hstack([block[rows] for block in blocks])
        return Regressions(tuple(alone), self._regression(every, y[rows], classes))

    def _regression(self, x: np.ndarray, y: np.ndarray, classes: int) -> np.ndarray:
        """Coefficients (F + 1, C) of the regression of which class each has, y (n,), on x (n, F)."""
        if not len(y):
            return np.zeros((x.shape[1] + 1, classes))
        weight = np.maximum(np.bincount(y, minlength=classes), 1.0) ** -self.balance
        weight = weight[y] / weight[y].mean()  # (n,)
        which = np.zeros((len(y), classes))
        which[np.arange(len(y)), y] = 1
        middle, share = weight @ x / len(y), weight @ which / len(y)
        centred = x - middle
        weighted = (centred * weight[:, None]).T  # (F, n)
        with one_blas_thread():
            system = weighted @ centred + self.held * np.eye(x.shape[1])
            found = np.linalg.solve(system, weighted @ (which - share))
        return np.vstack([found, share - middle @ found])


@dataclass(frozen=True)
class FittedCompletion:
    """What was learnt from the products whose value is known.

    Parameters
    ----------
    classes : tuple of C str
        `OTHER` among them where products have a value that is too rare to be proposed.
    blocks : tuple of M str
    learnt : Regressions
        From all products known.
    pool : Pool
    known : int (n,)
        Places of the products that were learnt from.
    judged : float64 (n, C)
        What would be said of each of them if its value were missing; NaN where nothing would.
    """

    classes: tuple[str, ...]
    blocks: tuple[str, ...]
    learnt: Regressions
    pool: Pool
    known: np.ndarray
    judged: np.ndarray

    def chances(self, blocks: Blocks) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities (n, C) of the classes, NaN where nothing is known of a product; blocks used (n, M).

        Of a pattern of blocks too rare to be learnt, the largest part that was is used.
        """
        here = [blocks[name] for name in self.blocks]
        present = np.column_stack([np.any(block != 0, axis=1) for block in here])
        alone, together, constant = self.learnt.scores(here)
        found, used = np.full((len(present), len(self.classes)), np.nan), np.zeros(present.shape, bool)
        for pattern, own in patterns_of(present):
            part, weight = self._learnt(pattern)
            if weight is not None:
                parts = self.pool.parts(part, alone[:, own], together[:, own], constant)
                found[own] = softmax(np.tensordot(weight, parts, 1), axis=1)
                used[own] = part
        return found, used

    def _learnt(self, pattern: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """The pattern and its weights, or those of it without one block, the rarest first; None of none."""
        everyone = np.ones(len(self.pool.label), bool)
        while pattern.any():
            weight = self.pool.weights(pattern, everyone)
            if weight is not None:
                return pattern, weight
            rarest = min(np.flatnonzero(pattern), key=lambda m: int(self.pool.usable[:, m].sum()))
            pattern = pattern & (np.arange(len(pattern)) != rarest)
        return pattern, None

    @cached_property
    def used(self) -> dict[str, int]:
        """How many of the products learnt from each block is used of."""
        total = np.zeros(len(self.blocks), np.int64)
        for pattern, own in patterns_of(self.pool.usable):
            part, weight = self._learnt(pattern)
            total += 0 if weight is None else len(own) * part
        return dict(zip(self.blocks, total.tolist(), strict=True))

    @cached_property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that tell what was learnt from anything else."""
        found = sha256("\n".join([*self.classes, *self.blocks]).encode())
        pool = self.pool
        for array in (*self.learnt.alone, self.learnt.together, pool.alone, pool.together, pool.usable):
            found.update(np.ascontiguousarray(array).tobytes())
        return found.hexdigest()[:16]

    def slope(self, block: str, chance: np.ndarray, value: str) -> np.ndarray:
        """How the log probability of a value moves with a block by itself, but for a factor: float64 (F_m,).

        `chance` (C,) are the probabilities of the product.
        """
        inside = np.array([name != OTHER and within(name, value) for name in self.classes])
        own = np.where(inside, chance, 0.0)
        turn = own / max(own.sum(), 1e-12) - chance  # (C,)
        return np.asarray(self.learnt.alone[self.blocks.index(block)][:-1] @ turn)


def _too_few(values: Sequence[str | None], fewest: int) -> str:
    known = sum(value is not None for value in values)
    if not known:
        return "no product has one, so there is nothing to learn from; name it for some."
    return (
        f"{known:,} of {len(values):,} products have one, and fewer than two different ones have {fewest} "
        "products or more with a title, a picture or another attribute to learn from; name more by hand."
    )
