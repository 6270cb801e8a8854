"""The few pairs of products whose cross elasticity is worth an estimate: neighbours of recommenders."""

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from merx.data.vocabulary import Vocabulary

NEIGHBOURS = 8
"""Of each product by each kind: with two kinds at most 16 prices are asked for what they do to its units."""


def candidates(items: Vocabulary, near: Sequence[tuple[Vocabulary, sparse.csr_array]]) -> np.ndarray:
    """Pairs (n, 2) of places of items: whose units, and whose price may move them; sorted, each once.

    Parameters
    ----------
    items : Vocabulary (I,)
    near : sequence of (Vocabulary (J,), sparse (J, J))
        Of each kind its items, and how near they are; read in both directions, what is not above 0 is far.
    """
    found = [np.zeros(0, dtype=np.int64)]
    for known, nearness in near:
        place = items.codes(known.ids)  # (J,) of the kind's items among ours
        both = sparse.coo_array(nearness + nearness.T)
        row, column = (place[at] for at in both.coords)
        kept = (row >= 0) & (column >= 0) & (row != column) & (both.data > 0)
        row, column, score = row[kept], column[kept], both.data[kept]
        order = np.lexsort((column, -score, row))
        row, column = row[order], column[order]
        rank = np.arange(len(row)) - np.searchsorted(row, row)  # in its row
        best = rank < NEIGHBOURS
        found.append(row[best].astype(np.int64) * len(items) + column[best])
    pairs = np.unique(np.concatenate(found))
    return np.stack(np.divmod(pairs, max(len(items), 1)), axis=1)
