"""Slow, obvious definitions that neighbour models are held against."""

import numpy as np


def weighted(raw: np.ndarray, name: str) -> np.ndarray:
    """The weights (R, C) by definition, from raw ones (0: none); see merx.recommend.weighting.Weighting."""
    rows, columns = raw.shape
    filled = [r for r in range(rows) if raw[r].any()]
    mean_length = np.mean([raw[r].sum() for r in filled])
    found = np.zeros(raw.shape)
    for r in range(rows):
        for c in range(columns):
            w = raw[r, c]
            if w == 0:
                continue
            rarity = np.log(1 + len(filled) / np.count_nonzero(raw[:, c]))
            found[r, c] = {
                "log": np.log(1 + w),
                "tfidf": np.log(1 + w) * rarity,
                "bm25": w * 2.2 / (w + 1.2 * (0.25 + 0.75 * raw[r].sum() / mean_length)) * rarity,
            }[name]
    return found / np.sqrt(np.mean(found[found != 0] ** 2))


def similarity(x: np.ndarray, y: np.ndarray, measure: str, s: float, stored: np.ndarray) -> float:
    """Of two weighted rows (C,), 0 without a common column; `stored` rows tell which columns there are."""
    n = np.count_nonzero((x != 0) & (y != 0))
    if n == 0:
        return 0.0
    if measure == "cosine":
        return x @ y / (np.linalg.norm(x) * np.linalg.norm(y) + s)
    if measure == "jaccard":
        return n / (np.count_nonzero((x != 0) | (y != 0)) + s)
    trust = n / (n + s)
    if measure == "euclidean":
        return trust / (1 + np.linalg.norm(x - y))
    there = (stored != 0).any(axis=0)
    a, b = x[there] - x[there].mean(), y[there] - y[there].mean()
    return trust * (a @ b) / np.sqrt((a @ a) * (b @ b)) if a.any() and b.any() else 0.0
