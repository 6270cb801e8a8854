"""From what items are like to the vectors that collaborative filtering would give them.

A linear map B takes the features x_i of an item to a vector v_i = x_i B. It minimises the loss of implicit
ALS itself (`merx.recommend.implicit_loss`) with the shoppers' vectors w_u as they are:

    sum over observed (u, i) of c_ui (1 - w_u . x_i B)^2
        + alpha sum over i of e_i sum over u of (w_u . x_i B)^2 + regularization |B|^2,

where e_i is the share of all that happened since the item was first met: nobody passed over what was not yet
there. So an item that many met weighs more than one that few did, and all that comes out is on the scale of
the collaborative vectors. The normal equations are solved by conjugate gradients (Hestenes & Stiefel, Journal
of Research of the National Bureau of Standards 49, 1952). Features to factors: Gantner, Drumond,
Freudenthaler, Rendle & Schmidt-Thieme, Learning attribute-to-feature mappings for cold-start recommendations,
ICDM 2010.

One map is learnt for all modalities together, so each explains what the others leave; and a map for each
modality alone, on all items that have it. The answers of the maps alone for items that they have not seen
(three folds) are stacked, with weights, not negative, that minimise the same loss (Breiman, Stacked
regressions, Machine Learning 24, 1996).

In the map of all together, how far each modality is trusted follows from the stack. The share of a modality
is its part of that sum, in squares by the curvature of the loss. Its features are multiplied by the root of
its share: the less a modality was seen to tell, the more strongly its part of the map is held back (banded
ridge regression: Nunez-Elizalde, Huth & Gallant, Voxelwise encoding models with non-spherical multivariate
normal priors, NeuroImage 197, 2019). The shares add up to 1, so the same features given twice say what they
say once.

What is missing: each set of modalities that occurs has weights, shares and a map of all together of its own,
from every item that has at least these with the rest dropped. That is what dropping modalities at random
while training aims at (Volkovs, Yu & Poutanen, DropoutNet, NIPS 2017), without the chance. Where these are
few of the items that have any of the modalities, such as those with a video, the stack of the maps alone is
what one expects of them: a map of all together would know little even of what all items have.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse
from scipy.optimize import nnls

from merx.data.features import ItemFeatures
from merx.data.interactions import Interactions

STEPS = 40  # of the conjugate gradients, at most
CLOSE = 1e-6  # of the right side, in squares: near enough
ENTRIES = 2_000_000  # more than so many observed pairs tell the map nothing new; shoppers are drawn
FOLDS = 3
CROWDED = 4  # with so many times F observed pairs an item, a system for each item is quicker
FEW = 0.5  # with all of some modalities, of the items that have any: with less, a map learns from too little
CONSTANT = 0.3  # beside the features of length 1: what all items of a modality share


@dataclass(frozen=True)
class Taken:
    """What shoppers took, as the map reads it: U shoppers, I items, F factors.

    Parameters
    ----------
    met : float32 CSR (I, U)
        Confidences.
    user_factors : float32 (U, F)
    unobserved : float64 (I,)
        alpha e_i.
    """

    met: sparse.csr_array
    user_factors: np.ndarray
    unobserved: np.ndarray

    @cached_property
    def _user(self) -> np.ndarray:
        return self.user_factors.astype(np.float64)

    @cached_property
    def _shared(self) -> np.ndarray:
        return np.asarray(self._user.T @ self._user)  # (F, F)

    @cached_property
    def pull(self) -> np.ndarray:
        """Half the downward slope of the loss at vectors of zeros, float64 (I, F)."""
        return np.asarray(self.met @ self._user)

    @cached_property
    def _systems(self) -> np.ndarray | None:
        """Half the curvature of each item, float64 (I, F, F), where that is less than the observed pairs."""
        factors = self._user.shape[1]
        if self.met.nnz < CROWDED * self.met.shape[0] * factors:
            return None
        found = np.empty((self.met.shape[0], factors, factors))
        for i in range(len(found)):
            own = slice(self.met.indptr[i], self.met.indptr[i + 1])
            vectors = self._user[self.met.indices[own]]  # (n, F)
            found[i] = (vectors.T * self.met.data[own]) @ vectors
        return found

    def bend(self, vector: np.ndarray, items: np.ndarray) -> np.ndarray:
        """Half the curvature of the loss times the vectors (n, F) of the items (n,), float64 (n, F)."""
        unobserved: np.ndarray = self.unobserved[items, None] * (vector @ self._shared)
        if self._systems is not None:
            return np.asarray(unobserved + np.einsum("ifg,ig->if", self._systems[items], vector))
        met = sparse.csr_array(self.met[items])
        row = np.repeat(np.arange(len(items)), np.diff(met.indptr))
        score = np.einsum("pf,pf->p", vector[row], self._user[met.indices])  # of the observed pairs
        observed = sparse.csr_array((met.data * score, met.indices, met.indptr), shape=met.shape)
        return np.asarray(unobserved + observed @ self._user)


def exposure(histories: Interactions) -> np.ndarray:
    """Of each item the share of all entries since its first, float64 (I,); 0 where nobody met it."""
    share = np.zeros(histories.n_items)
    if len(histories):
        first = np.full(histories.n_items, np.iinfo(np.int64).max)
        np.minimum.at(first, histories.item, histories.time)
        some = np.unique(histories.item)
        earlier = np.searchsorted(np.sort(histories.time), first[some])
        share[some] = 1 - earlier / len(histories)
    return share


def expected_factors(
    features: ItemFeatures, taken: Taken, regularization: float
) -> tuple[np.ndarray, np.ndarray]:
    """What the features of each item make one expect of its vector, and how much each modality tells.

    Returns
    -------
    (expected, share) : float32 (M, I, F), float64 (I, M)
        The expected vector is the sum over the M modalities; zeros for an item of which nothing is known.
        The shares of an item are those of the modalities that it has, and add up to 1; equal where none
        was seen to tell anything.
    """
    n_items, factors = features.present.shape[0], taken.user_factors.shape[1]
    seen = np.diff(taken.met.indptr) > 0
    taken = _some_shoppers(taken)
    fold = np.random.default_rng(0).integers(FOLDS, size=(n_items,))
    constant = np.full((n_items, 1), CONSTANT, np.float32)
    blocks = [np.hstack([vectors, constant]) for vectors in features.vectors]
    unseen = np.zeros((len(blocks), n_items, factors), np.float32)  # by maps learnt on other folds
    alone = []
    for block, has, found in zip(blocks, features.present.T, unseen, strict=True):
        learnt = np.flatnonzero(has & seen)
        alone.append(_fit(block, taken, learnt, regularization))
        found[learnt] = _left_out(block, taken, learnt, fold, regularization)
    expected = np.zeros_like(unseen)
    share = np.zeros((n_items, len(blocks)))
    patterns, of_pattern = np.unique(features.present, axis=0, return_inverse=True)
    for number, pattern in enumerate(patterns):
        which = np.flatnonzero(pattern)
        if not len(which):
            continue
        able = np.flatnonzero(features.present[:, which].all(axis=1) & seen)  # has at least these
        own = np.flatnonzero(of_pattern.ravel() == number)
        apart = unseen[which][:, able]  # (m, n, F)
        weight = _stack(apart, taken, able)
        told = _shares(weight, apart, taken, able)
        share[np.ix_(own, which)] = told if told.any() else 1 / len(which)
        scale = np.sqrt(told).astype(np.float32)
        if len(able) < FEW * (features.present[:, which].any(axis=1) & seen).sum():
            for m, w in zip(which, weight, strict=True):
                expected[m, own] = blocks[m][own] @ (w * alone[m])
            continue
        joint = np.hstack([blocks[m] * s for m, s in zip(which, scale, strict=True)])
        answer = _fit(joint, taken, able, regularization)
        ends = np.cumsum([blocks[m].shape[1] for m in which])[:-1]
        for m, s, part in zip(which, scale, np.split(answer, ends), strict=True):
            expected[m, own] = blocks[m][own] @ (s * part)
    return expected, share


def _left_out(
    features: np.ndarray, taken: Taken, items: np.ndarray, fold: np.ndarray, regularization: float
) -> np.ndarray:
    """What is expected of the items (n,) by maps learnt on those of them in other folds (I,), (n, F)."""
    found = np.zeros((len(items), taken.user_factors.shape[1]), np.float32)
    for number in range(FOLDS):
        own = fold[items] == number
        found[own] = features[items[own]] @ _fit(features, taken, items[~own], regularization)
    return found


def _shares(weight: np.ndarray, expected: np.ndarray, taken: Taken, items: np.ndarray) -> np.ndarray:
    """How much of the stack each of the expected vectors (m, n, F) brings, (m,): 1 in all, or nothing."""
    bent = np.array([np.sum(part * taken.bend(part, items)) for part in expected.astype(np.float64)])
    brought = weight**2 * bent
    told: np.ndarray = brought / max(brought.sum(), np.finfo(np.float64).tiny)
    return told


def _stack(expected: np.ndarray, taken: Taken, items: np.ndarray) -> np.ndarray:
    """Weights (m,) of the expected vectors (m, n, F) whose sum has the least loss over the items (n,)."""
    expected = expected.astype(np.float64)
    bent = np.array([taken.bend(part, items) for part in expected])
    system = np.einsum("anf,bnf->ab", expected, bent)  # (m, m)
    size = np.trace(system)
    if not size > 0:
        return np.zeros(len(system))
    lower = np.linalg.cholesky(system + 1e-9 * size * np.eye(len(system)))
    right = np.einsum("anf,nf->a", expected, taken.pull[items])
    weight: np.ndarray = nnls(lower.T, np.linalg.solve(lower, right))[0]
    return weight


def _some_shoppers(taken: Taken) -> Taken:
    """The same of so many shoppers that the observed pairs are few enough; the loss of the rest is alike."""
    share = ENTRIES / max(taken.met.nnz, 1)
    if share >= 1:
        return taken
    kept = np.flatnonzero(np.random.default_rng(0).random(taken.met.shape[1]) < share)
    return Taken(sparse.csr_array(taken.met[:, kept]), taken.user_factors[kept], taken.unobserved)


def _fit(features: np.ndarray, taken: Taken, items: np.ndarray, regularization: float) -> np.ndarray:
    """The map B, float64 (D, F), learnt on the items (n,) out of those with these features (I, D)."""
    features = features[items].astype(np.float64)

    def curved(answer: np.ndarray) -> np.ndarray:
        """The left side of the normal equations."""
        change: np.ndarray = features.T @ taken.bend(features @ answer, items)
        return change + regularization * answer

    right = features.T @ taken.pull[items]  # (D, F)
    answer: np.ndarray = np.zeros_like(right)
    left, step = right.copy(), right.copy()
    size = float(np.sum(right**2))
    enough = CLOSE * size
    for _ in range(STEPS):
        if size <= enough:
            break
        turned = curved(step)
        length = size / np.sum(step * turned)
        answer += length * step
        left -= length * turned
        size, before = float(np.sum(left**2)), size
        step = left + size / before * step
    return answer
