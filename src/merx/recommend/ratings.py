"""Explicit ratings: what shoppers said of items in stars; the means and tastes that rating models start from.

A rating is an entry of a history whose event is `rate`; its weight is its stars. Of several ratings of one
item by one shopper the latest counts. Other entries are not read.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from merx.data.interactions import Interactions
from merx.data.schema import EVENT_CODE
from merx.errors import ConfigError, FitError

ROUNDS = 10  # of the alternation between means of items and of shoppers; it has settled long before
RANK = 1e-10  # share of the largest squared length, below which a direction is rounding
SPARE = 16  # directions beyond the tastes asked for, which make these accurate
MEASURES = {"cosine": "common_cosine", "pearson": "pearson", "euclidean": "common_euclidean"}


def ratings(histories: Interactions) -> sparse.csr_array:
    """The stars as float32 CSR (U, I): sorted, one entry per pair, zero stars included."""
    rated = histories.keep(histories.event == EVENT_CODE["rate"])
    given = sparse.csr_array((rated.weight, rated.item, rated.offsets), shape=(rated.n_users, rated.n_items))
    # there and back sorts by counting, and leaves ratings of one item by one shopper oldest first
    given = given.tocsc().tocsr()
    latest = np.ones(given.nnz, bool)
    latest[:-1] = given.indices[1:] != given.indices[:-1]
    ends = given.indptr[1:][np.diff(given.indptr) > 0] - 1
    latest[ends] = True  # the next entry is of another shopper
    kept = np.concatenate([[0], np.cumsum(latest)])[given.indptr]
    parts = given.data[latest], given.indices[latest].astype(np.int32), kept.astype(np.int32)
    return sparse.csr_array(parts, shape=given.shape)


def ratings_to_fit(histories: Interactions) -> sparse.csr_array:
    """The same, of histories that hold some. Raises FitError where they hold none."""
    given = ratings(histories)
    if not given.nnz:
        raise FitError(
            f"no ratings: none of the {len(histories):,} entries of the histories is a `rate` event with "
            "stars, so what shoppers would say of a product cannot be learnt."
        )
    return given


def leading_tastes(deviations: sparse.csr_array, count: int, seed: int) -> np.ndarray:
    """V S of about the largest singular values, float32 (I, count): where the factors of items start.

    From there three epochs get as far as twelve from a random start. One pass of Halko, Martinsson & Tropp,
    Finding structure with randomness, SIAM Review 53(2), 2011, algorithm 4.3, costs less than half an epoch.

    Parameters
    ----------
    deviations : float32 CSR (U, I)
    count : int
        Columns beyond the rank are zeros.
    """
    turned = sparse.csr_array(deviations.T)
    rated, width = np.diff(turned.indptr) > 0, count + SPARE
    # no draw is spent on an item that nobody rated, so that its being there changes nothing
    draw = np.zeros((len(rated), width), np.float32)
    draw[rated] = np.random.default_rng(seed).random((rated.sum(), width), np.float32) - np.float32(0.5)
    shoppers = _orthonormal(deviations @ (turned @ (deviations @ draw)))
    image = turned @ shoppers  # (I, at most width)
    _, axes = np.linalg.eigh(image.T @ image)
    tastes = np.zeros((len(rated), count), np.float32)
    leading = axes[:, ::-1][:, :count]
    tastes[:, : leading.shape[1]] = image @ leading
    return tastes


def _orthonormal(columns: np.ndarray) -> np.ndarray:
    """An orthonormal basis of the columns, float32 (U, their rank).

    Not by np.linalg.qr, whose threads take a hundred times as long where the processors are busy.
    """
    square, axes = np.linalg.eigh(columns.T.astype(np.float64) @ columns)
    some = square > RANK * square[-1]
    basis: np.ndarray = columns @ (axes[:, some] / np.sqrt(square[some])).astype(np.float32)
    return basis


def pattern(matrix: sparse.csr_array) -> sparse.csr_array:
    """1 where there is an entry, float32 CSR."""
    ones = np.ones(matrix.nnz, np.float32)
    return sparse.csr_array((ones, matrix.indices, matrix.indptr), shape=matrix.shape)


def check_measure(name: str) -> None:
    """Raises ConfigError where there is no such similarity between ratings."""
    if name not in MEASURES:
        raise ConfigError(f"similarity = {name!r}: one of {', '.join(MEASURES)}.")


@dataclass(frozen=True)
class Scale:
    """The stars seen: what is predicted is never outside.

    Parameters
    ----------
    mean, low, high : float
    """

    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, given: sparse.csr_array) -> "Scale":
        """Of ratings, at least one."""
        return cls(float(given.data.mean(dtype=np.float64)), float(given.data.min()), float(given.data.max()))

    def clip(self, rating: np.ndarray) -> np.ndarray:
        """The ratings (n,) within the scale, float64."""
        return np.clip(np.asarray(rating, np.float64), self.low, self.high)


@dataclass(frozen=True)
class Means:
    """How far shoppers and items are from the mean of all ratings.

        baseline(u, i) = mean + b_u + b_i

    with the b of least squares and a ridge: b_u is the mean of what the shopper's ratings exceed mean + b_i
    by, as if `shrinkage` more ratings had exceeded it by nothing, and b_i likewise (Koren, Factor in the
    neighbors, ACM TKDD 4(1), 2010, section 2.1).

    Parameters
    ----------
    scale : Scale
    item : float64 (I,)
        b_i; 0 where nobody has rated an item.
    rated : bool (I,)
    shrinkage : float
    """

    scale: Scale
    item: np.ndarray
    rated: np.ndarray
    shrinkage: float

    @classmethod
    def of(cls, given: sparse.csr_array, shrinkage: float) -> "Means":
        """Of ratings (U, I), at least one."""
        scale, there = Scale.of(given), pattern(given)
        above = there.copy()
        above.data = given.data - np.float32(scale.mean)
        whole_user, whole_item = (above.sum(axis=axis, dtype=np.float64) for axis in (1, 0))
        n_user, n_item = np.diff(given.indptr), np.bincount(given.indices, minlength=given.shape[1])
        item = np.zeros(given.shape[1])
        for _ in range(ROUNDS):
            user = (whole_user - there @ item) / (shrinkage + n_user)  # (U,)
            item = (whole_item - user @ there) / (shrinkage + n_item)  # (I,)
        return cls(scale, item, n_item > 0, shrinkage)

    def user(self, given: sparse.csr_array) -> np.ndarray:
        """b_u of the shoppers, float64 (U,); 0 for one without ratings."""
        total = np.diff(np.concatenate([[0.0], np.cumsum(self._above_item(given))])[given.indptr])  # (U,)
        user: np.ndarray = total / (self.shrinkage + np.diff(given.indptr))
        return user

    def baseline(self, given: sparse.csr_array, user: np.ndarray, item: np.ndarray) -> np.ndarray:
        """The baseline of n pairs (row of `given`, item), float64 (n,)."""
        pair: np.ndarray = self.scale.mean + self.user(given)[user] + self.item[item]
        return pair

    def deviations(self, given: sparse.csr_array) -> sparse.csr_array:
        """What the ratings exceed their baseline by, float32 CSR (U, I)."""
        rest = self._above_item(given) - np.repeat(self.user(given), np.diff(given.indptr))
        return sparse.csr_array((rest.astype(np.float32), given.indices, given.indptr), shape=given.shape)

    def _above_item(self, given: sparse.csr_array) -> np.ndarray:
        """What the ratings exceed mean + b_i by, float64 (N,)."""
        rest: np.ndarray = given.data - self.scale.mean - self.item[given.indices]
        return rest

    def scores(self, given: sparse.csr_array, change: np.ndarray) -> np.ndarray:
        """Baselines and changes (U, I) added up, float32.

        -inf for an item that nobody rated, and for a shopper who rated nothing.
        """
        means = self.scale.mean + self.user(given)[:, None] + self.item  # (U, I)
        score: np.ndarray = (means + change).astype(np.float32)
        score[:, ~self.rated] = -np.inf
        score[np.diff(given.indptr) == 0] = -np.inf
        return score
