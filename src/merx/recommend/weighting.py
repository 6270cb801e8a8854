"""How shoppers, or items, are compared: by which measure, and how much each entry counts."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from merx.errors import ConfigError
from merx.recommend.damping import logged

# by the names of merx.kernels.similarity, which has the definitions
MEASURES = {"cosine": "cosine", "jaccard": "jaccard", "euclidean": "euclidean", "pearson": "correlation"}
WEIGHTINGS = ("log", "tfidf", "bm25")
SATURATION, LENGTH = 1.2, 0.75  # k1 and b of BM25, as Robertson and Zaragoza have them


def check_choices(measure: str, weighting: str) -> None:
    """Raises ConfigError where there is no such measure or weighting."""
    for name, value, known in (("measure", measure, MEASURES), ("weighting", weighting, WEIGHTINGS)):
        if value not in known:
            raise ConfigError(f"{name} = {value!r}: it is one of {', '.join(known)}.")


@dataclass(frozen=True)
class Weighting:
    """Weights learnt from R rows, for these and for others; make one by `Weighting.of`.

    ========  ===================================================================
    log       log2(1 + w)
    tfidf     log2(1 + w) rarity
    bm25      w (1 + k1) / (w + k1 (1 - b + b length / mean length)) rarity
    ========  ===================================================================

    rarity of a column = log(1 + rows / rows with an entry there), so that what everyone shares tells less
    (Breese, Heckerman & Kadie, UAI 1998, "inverse user frequency"); k1 = 1.2, b = 0.75, length the sum of a
    row (Robertson & Zaragoza, "The probabilistic relevance framework", 2009). All are scaled so that the mean
    square of an entry is 1: one column in common then adds about 1 to a product of rows.

    Parameters
    ----------
    name : "log", "tfidf" or "bm25"
    rarity : float32 (C,)
    length : float
        Mean sum of a row.
    scale : float
    """

    name: str
    rarity: np.ndarray
    length: float
    scale: float

    @classmethod
    def of(cls, matrix: sparse.csr_array, name: str) -> "Weighting":
        """The weighting, learnt from a CSR (R, C) with entries above 0. Empty rows do not count."""
        rows = int(np.count_nonzero(np.diff(matrix.indptr)))
        met: np.ndarray = np.maximum(np.bincount(matrix.indices, minlength=matrix.shape[1]), 1)  # (C,)
        rarity = np.ones(len(met)) if name == "log" else np.log1p(rows / met)
        plain = cls(name, rarity.astype(np.float32), float(matrix.sum()) / max(rows, 1), 1.0)
        square = float(np.mean(plain.of_entries(matrix).astype(np.float64) ** 2)) if matrix.nnz else 1.0
        return cls(name, plain.rarity, plain.length, square**-0.5)

    def apply(self, matrix: sparse.csr_array) -> sparse.csr_array:
        """The weighted rows, float32 CSR like `matrix`."""
        return sparse.csr_array((self.of_entries(matrix), matrix.indices, matrix.indptr), shape=matrix.shape)

    def of_entries(self, matrix: sparse.csr_array) -> np.ndarray:
        """The weight of every entry stored, float32 (N,)."""
        if self.name == "bm25":
            entries = np.diff(matrix.indptr)
            length = np.repeat(matrix.sum(axis=1), entries) / max(self.length, 1e-9)
            weight = matrix.data * (1 + SATURATION)
            weight = weight / (matrix.data + SATURATION * (1 - LENGTH + LENGTH * length))
        else:
            weight = logged(matrix).data
        found: np.ndarray = (weight * self.rarity[matrix.indices] * self.scale).astype(np.float32)
        return found
