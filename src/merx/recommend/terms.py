"""Scores that are sums over the items of a history, and so explain themselves."""

import numpy as np
from scipy import sparse

from merx.data.results import Contributions
from merx.kernels.pairs import cells


def terms(profile: sparse.csr_array, similarity: sparse.csr_array, item: np.ndarray) -> Contributions:
    """The terms of profile @ similarity for the items (k,): part (k, n) for the n items of a profile.

    Parameters
    ----------
    profile : CSR (1, I)
        How much each item of the history counts.
    similarity : CSR (I, I)
        How much having item h speaks for item i, at [h, i].
    """
    speaks = cells(similarity, profile.indices, np.asarray(item))  # (n, k)
    part = (profile.data[:, None] * speaks).T.astype(np.float64)
    return Contributions(part, profile.indices.astype(np.int32))
