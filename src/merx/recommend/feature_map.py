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

What is missing: each set of modalities that occurs has a map of its own, learnt on every item that has at
least these with the rest dropped. That is what dropping modalities at random while training aims at
(Volkovs, Yu & Poutanen, DropoutNet, NIPS 2017), without the chance.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from merx.data.features import ItemFeatures
from merx.data.interactions import Interactions

STEPS = 40  # of the conjugate gradients, at most
CLOSE = 1e-6  # of the right side, in squares: near enough
ENTRIES = 2_000_000  # more than so many observed pairs tell the map nothing new; shoppers are drawn
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


def expected_factors(features: ItemFeatures, taken: Taken, regularization: float) -> np.ndarray:
    """What the features of each item make one expect of its vector, by modality: float32 (M, I, F).

    The expected vector is the sum over the M modalities; zeros for an item of which nothing is known.
    """
    n_items, factors = features.present.shape[0], taken.user_factors.shape[1]
    parts = np.zeros((len(features.names), n_items, factors), np.float32)
    seen = np.diff(taken.met.indptr) > 0
    taken = _some_shoppers(taken)
    patterns, of_pattern = np.unique(features.present, axis=0, return_inverse=True)
    for number, pattern in enumerate(patterns):
        which = np.flatnonzero(pattern)
        able = features.present[:, which].all(axis=1)  # has at least these
        learnt = np.flatnonzero(able & seen)
        if not len(which) or not len(learnt):
            continue
        blocks = [_with_constant(features.vectors[m]) for m in which]
        joint = np.hstack(blocks)
        answer = _fit(joint[learnt], taken, learnt, regularization)
        own = np.flatnonzero(of_pattern.ravel() == number)
        start = 0
        for m, block in zip(which, blocks, strict=True):
            parts[m, own] = block[own] @ answer[start : start + block.shape[1]]
            start += block.shape[1]
    return parts


def _with_constant(vectors: np.ndarray) -> np.ndarray:
    return np.hstack([vectors, np.full((len(vectors), 1), CONSTANT, np.float32)])


def _some_shoppers(taken: Taken) -> Taken:
    """The same of so many shoppers that the observed pairs are few enough; the loss of the rest is alike."""
    share = ENTRIES / max(taken.met.nnz, 1)
    if share >= 1:
        return taken
    kept = np.flatnonzero(np.random.default_rng(0).random(taken.met.shape[1]) < share)
    return Taken(sparse.csr_array(taken.met[:, kept]), taken.user_factors[kept], taken.unobserved)


def _fit(features: np.ndarray, taken: Taken, items: np.ndarray, regularization: float) -> np.ndarray:
    """The map B, float64 (D, F), learnt on the items (n,) with these features (n, D)."""
    met = sparse.csr_array(taken.met[items])
    row = np.repeat(np.arange(len(items)), np.diff(met.indptr))
    features = features.astype(np.float64)
    user = taken.user_factors.astype(np.float64)
    unobserved = taken.unobserved[items][:, None]
    shared = user.T @ user  # (F, F)

    def curved(answer: np.ndarray) -> np.ndarray:
        """The left side of the normal equations."""
        vector = features @ answer  # (n, F)
        score = np.einsum("pf,pf->p", vector[row], user[met.indices])  # of the observed pairs
        observed = sparse.csr_array((met.data * score, met.indices, met.indptr), shape=met.shape) @ user
        change: np.ndarray = features.T @ (observed + unobserved * (vector @ shared))
        return change + regularization * answer

    right = features.T @ (met @ user)  # (D, F)
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
