"""Regression trees: what they predict, and the Shapley values of the features in it.

The N nodes of all trees stand in one array, a tree after the other and every node before those below it. Node
j asks whether a feature is at most a threshold (where it is NaN, missing_left[j] answers). Its edges are 2 j,
taken where the answer is yes, and 2 j + 1; child[edge] is the number of a node, or ~number of a leaf.

The Shapley values are those of Lundberg et al., From local explanations to global understanding with
explainable AI for trees, Nature Machine Intelligence 2 (2020), where a feature that is not known follows both
edges in proportion to the training rows. To a leaf of value v, on whose path stand the features S, and of
which share[i] of the rows pass the edges of feature i and open[i] says whether this row does, they are

    (open[i] - share[i]) v * integral over t in 0..1 of prod_{j in S, j != i} f_j(t),
    f_j(t) = (1 - t) share[j] + t open[j]

(Owen, Multilinear extensions of games, Management Science 18, 1972). The product has degree |S| - 1, so the
integral is an exact sum over a few points t (Gauss-Legendre), and of the leaves below a node the sums are
taken together (Yu, Xu, Harlev, Han & Laskey, Linear TreeShap, NeurIPS 2022).
"""

import numpy as np
from numba import njit


@njit(nogil=True, cache=True, inline="always")
def _goes_right(value, node, threshold, missing_left):
    """0 or 1 (nodes are unsigned, so that numba does not look for indices below 0)."""
    return np.uint64(1 - ((value <= threshold[node]) | ((value != value) & missing_left[node])))  # no branch


@njit(nogil=True, cache=True)
def predict_rows(x, root, feature, threshold, missing_left, child, leaf_value, found):
    """Sums of the leaves that the rows x (P, K) fall in, into `found` float64 (P,).

    Parameters
    ----------
    root : int32 (T,)
        The first node of each tree, or ~number of its only leaf.
    """
    found[:] = 0.0
    for tree in range(len(root)):
        for row in range(len(x)):
            at = root[tree]
            while at >= 0:
                node = np.uint64(at)
                right = _goes_right(x[row, np.uint64(feature[node])], node, threshold, missing_left)
                at = child[np.uint64(2) * node + right]
            found[row] += leaf_value[np.uint64(~at)]


@njit(nogil=True, cache=True)
def trace(feature, child, passed, above, before, share):
    """What the paths to all edges hold; gives how many features stand on one, at most.

    Parameters
    ----------
    passed : float64 (2 N,)
        The share of the training rows at its node that take an edge.
    above : int32 (N,), written to
        The edge that leads to a node, 2 N where it is a root.
    before : int32 (2 N,), written to
        The last edge above that asks for the same feature, 2 N where there is none.
    share : float64 (2 N + 1,), written to
        The product of `passed` over the edges of this feature so far; 1 for the edge 2 N, above all.
    """
    edges = len(child)
    above[:], share[edges] = edges, 1.0
    features = np.zeros(edges + 1, np.int64)  # on the path, this edge's own counted
    for edge in range(edges):
        node = edge // 2
        if child[edge] >= 0:
            above[child[edge]] = edge
        other = above[node]
        while other < edges and feature[other // 2] != feature[node]:
            other = above[other // 2]
        before[edge] = other
        share[edge] = passed[edge] * share[other]
        features[edge] = features[above[node]] + (other == edges)
    return features.max()


@njit(nogil=True, cache=True)
def attribute_rows(x, feature, threshold, missing_left, child, leaf_value, above, before, step, gain, found):
    """The Shapley values of the features of the rows x (P, K), into `found` float64 (P, K) of zeros.

    Parameters
    ----------
    above, before
        As `trace` gives them.
    step, gain : float64 (2 N, 3, Q)
        Of an edge in three states (closed after a closed one of the same feature, closed, open) at each of
        Q points t: f(t), and weight (open - share) / f(t). Both hold those of the edge before, so the one is
        divided by what it was there, and from the other what it was is taken away.
    """
    edges, _, points = step.shape
    state = np.empty(edges + 1, np.int8)
    path = np.empty((edges + 1, points))  # the product of f(t) on the way to an edge, it included
    below = np.empty((edges // 2, points))  # the sum of value * product over the leaves below a node
    state[edges], path[edges] = 2, 1.0
    for row in range(len(x)):
        for node in range(np.uint64(edges // 2)):
            up = np.uint64(above[node])
            right = _goes_right(x[row, np.uint64(feature[node])], node, threshold, missing_left)
            for side in range(np.uint64(2)):
                edge = np.uint64(2) * node + side
                was_open = state[np.uint64(before[edge])] == 2
                now = np.uint64(was_open * (1 + (side == right)))
                state[edge] = now
                for t in range(np.uint64(points)):
                    path[edge, t] = path[up, t] * step[edge, now, t]
        for back in range(np.uint64(1), np.uint64(edges // 2 + 1)):
            node = np.uint64(edges // 2) - back
            total = 0.0
            for t in range(np.uint64(points)):
                value = 0.0
                for side in range(np.uint64(2)):
                    edge = np.uint64(2) * node + side
                    to = child[edge]
                    own = below[np.uint64(to), t] if to >= 0 else leaf_value[np.uint64(~to)] * path[edge, t]
                    total += own * gain[edge, np.uint64(state[edge]), t]
                    value += own
                below[node, t] = value
            found[row, feature[node]] += total
