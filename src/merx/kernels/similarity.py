"""The most similar rows of each row of a sparse matrix; never all pairs at once.

One row at a time is multiplied with all others (Gustavson, ACM TOMS 4(3), 1978), and of it only the best are
kept. Two rows that have no column in common are no neighbours, whatever the measure says.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from scipy import sparse

from merx.kernels.similar_rows import COSINE, JACCARD, MEASURES, of_products, of_sums
from merx.kernels.threads import over_rows

ROWS = 512  # that a thread takes at a time


def neighbours(
    matrix: sparse.csr_array, k: int, measure: str = "cosine", shrinkage: float = 0.0, min_common: int = 1
) -> sparse.csr_array:
    """The k most similar rows of each row; of equal ones the lower, never the row itself.

    x and y are two rows, n the number of columns where both have an entry, s the shrinkage: it pulls down
    pairs with few columns in common. Entries that are stored are there, also where they are 0 (a centred
    rating may be); an entry that is not stored is 0 in the first four measures and unknown in the others,
    whose sums run over the n common columns only.

    ================  =======================================================================
    cosine            x.y / (|x| |y| + s)
    jaccard           n / (n_x + n_y - n + s), with n_x and n_y the entries of x and y
    euclidean         n / (n + s) * 1 / (1 + |x - y|)
    correlation       n / (n + s) * correlation of x and y (over the columns in which any row has an entry)
    pearson           n / (n + s) * correlation of x and y (means of the common columns)
    common_cosine     n / (n + s) * cosine; of rows less their own means, Pearson with those
    common_euclidean  n / (n + s) * 1 / (1 + root of the mean square of x - y)
    ================  =======================================================================

    Cosine with s: Dacrema, Cremonesi & Jannach, Are we really making much progress?, RecSys (2019), section
    3.2. The factor n / (n + s): Koren, Factorization meets the neighborhood, KDD (2008), equation 2.

    Parameters
    ----------
    matrix : CSR (R, C), without duplicates
    k : int, at least 1
    measure : one of MEASURES
    shrinkage : float, at least 0
    min_common : int
        Pairs with fewer columns in common are left out.

    Returns
    -------
    float32 CSR (R, R)
        Row r holds the similarities above 0 of its neighbours, sorted by column.
    """
    return RowIndex.of(matrix, measure).search(matrix, k, shrinkage, min_common, of_itself=True)


@dataclass(frozen=True)
class RowIndex:
    """Rows that are searched for the most similar ones by one measure; make one by `RowIndex.of`.

    Parameters
    ----------
    turned : CSR (C, R)
        The rows as columns.
    entries : int64 (R,)
    total, norm : float64 (R,)
        Sum of each row, and its Euclidean norm.
    columns : int
        In which a row has an entry.
    measure : one of MEASURES
    """

    turned: sparse.csr_array
    entries: np.ndarray
    total: np.ndarray
    norm: np.ndarray
    columns: int
    measure: str

    @classmethod
    def of(cls, matrix: sparse.csr_array, measure: str) -> "RowIndex":
        """The index of the rows of a CSR (R, C) without duplicates."""
        matrix = _counted(matrix, measure)
        turned = sparse.csr_array(matrix.T)  # (C, R)
        columns = int(np.count_nonzero(np.diff(turned.indptr)))
        total, norm = _sizes(matrix.indptr, matrix.data)
        return cls(turned, np.diff(matrix.indptr), total, norm, columns, measure)

    def search(
        self,
        matrix: sparse.csr_array,
        k: int,
        shrinkage: float = 0.0,
        min_common: int = 1,
        of_itself: bool = False,
    ) -> sparse.csr_array:
        """The k most similar of these rows for each row of another matrix, as `neighbours` says.

        Parameters
        ----------
        matrix : CSR (Q, C), without duplicates
        of_itself : bool
            The matrix is the one that was indexed, and a row is not its own neighbour.

        Returns
        -------
        float32 CSR (Q, R)
        """
        code = MEASURES.index(self.measure)
        matrix = _counted(matrix, self.measure)
        rows = matrix.shape[0]
        kept: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = [_NONE] * -(-rows // ROWS)
        theirs = (matrix.indptr, matrix.indices, matrix.data)
        ours = (self.turned.indptr, self.turned.indices, self.turned.data)
        total, norm = _sizes(matrix.indptr, matrix.data)
        kernel: Any = of_sums
        sizes: tuple[Any, ...] = (total, norm, self.entries, self.total, self.norm, self.columns)
        asked: tuple[Any, ...] = (k, code, shrinkage, min_common)
        if min_common <= 1 and code in (COSINE, JACCARD):
            kernel = of_products
            sizes = (norm, self.norm) if code == COSINE else (total, self.total)
            sizes = tuple(size.astype(np.float32) for size in sizes)
            asked = (k, code, np.float32(shrinkage))

        def work(first: int, last: int) -> None:
            kept[first // ROWS] = kernel(*theirs, *ours, *sizes, *asked, of_itself, first, last)

        over_rows(rows, ROWS, work)
        count, column, value = (np.concatenate(part) for part in zip(*kept or [_NONE], strict=True))
        indptr = np.concatenate([[0], np.cumsum(count)])
        indptr = indptr.astype(np.int32 if len(column) < 2**31 else np.int64)
        shape = (rows, len(self.norm))
        return sparse.csr_array((value, column.astype(indptr.dtype), indptr), shape=shape)


def cosine_neighbours(matrix: sparse.csr_array, k: int, shrinkage: float) -> sparse.csr_array:
    """The k most similar columns of each column by shrunk cosine: `neighbours` of the transpose.

    similarity(i, j) = x_i . x_j / (|x_i| |x_j| + shrinkage), for i != j

    (Deshpande & Karypis, Item-based top-N recommendation algorithms, ACM TOIS 22, 2004, equation 3.)

    Parameters
    ----------
    matrix : float32 CSR (U, I)
    k : int
    shrinkage : float, in units of x_i . x_j

    Returns
    -------
    float32 CSR (I, I)
        Row i holds the neighbours of i, without i itself.
    """
    return neighbours(sparse.csr_array(matrix.T), k, "cosine", shrinkage)


_NONE = (np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.float32))


def _counted(matrix: sparse.csr_array, measure: str) -> sparse.csr_array:
    """The matrix, with 1 for every entry where the measure only counts them."""
    if measure != "jaccard":
        return matrix
    ones = np.ones(matrix.nnz, np.float32)
    return sparse.csr_array((ones, matrix.indices, matrix.indptr), shape=matrix.shape)


@njit(nogil=True, cache=True)
def _sizes(indptr, data):
    """Of each row the sum and the Euclidean norm."""
    total, norm = np.zeros(len(indptr) - 1), np.zeros(len(indptr) - 1)
    for row in range(len(norm)):
        for place in range(indptr[row], indptr[row + 1]):
            total[row] += data[place]
            norm[row] += np.float64(data[place]) * data[place]
        norm[row] = np.sqrt(norm[row])
    return total, norm
