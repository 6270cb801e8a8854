"""Groups of substitutes that a price test must keep together, and what still leaks between its arms."""

import numpy as np
from scipy import sparse


def clusters(similarity: sparse.csr_array, most: int) -> np.ndarray:
    """Put items that stand for each other into one cluster, the most similar pairs first, int64 (I,).

    Pairs are joined in the order of their similarity (single linkage, Sneath and Sokal 1973) unless their
    cluster would hold more than `most` items: a cap, as chains of likeness would else tie everything together
    and leave nothing to compare. What the cap cuts is in `interference`.

    Parameters
    ----------
    similarity : sparse (I, I)
        Symmetric or not, at least 0; the diagonal does not count.
    most : int
        Items of a cluster, at most.
    """
    items = similarity.shape[0]
    pairs = sparse.coo_array(similarity)
    row, column = (np.asarray(place) for place in pairs.coords)
    order = np.argsort(-pairs.data, kind="stable")
    parent, size = np.arange(items), np.ones(items, dtype=np.int64)

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = int(parent[i])
        return i

    for at in order:
        if pairs.data[at] <= 0:
            break
        one, other = root(int(row[at])), root(int(column[at]))
        if one != other and size[one] + size[other] <= most:
            parent[other] = one
            size[one] += size[other]
    roots = np.array([root(i) for i in range(items)], dtype=np.int64)
    return np.unique(roots, return_inverse=True)[1].astype(np.int64)


def interference(similarity: sparse.csr_array, arm: np.ndarray) -> float:
    """Share of the likeness of I items that lies between arms (I,): what a price of one does to the other.

    0: no substitutes are in different arms; a cut at random into two arms has about a half.
    """
    pairs = sparse.coo_array(similarity)
    row, column = (np.asarray(place) for place in pairs.coords)
    apart = row != column
    whole = float(pairs.data[apart].sum())
    between = float(pairs.data[apart & (arm[row] != arm[column])].sum())
    return between / whole if whole > 0 else 0.0
