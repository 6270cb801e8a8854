"""Conformal intervals: quantiles corrected by how far off the same forecasts were at earlier origins."""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

Z = np.array(
    [-3, -2.5, -2, -1.645, -1.282, -0.842, -0.524, -0.253, 0, 0.253, 0.524, 0.842, 1.282, 1.645, 2, 2.5, 3]
)
"""Where a curve is known, as quantiles of the standard normal distribution."""

LEVELS: np.ndarray = ndtr(Z)
MIDDLE = len(Z) // 2

FURTHEST = 8.0
"""No step is placed further out than this, nor read from further out."""

FLATTEST = 0.05
"""A curve is taken to rise by this much a unit of z, at least, where a step beyond its ends is placed."""

GRID = np.linspace(0.0, 1.0, 401)
"""Probabilities at which the correction is kept; between them it is linear."""

PARTS = 4
"""Parts of the horizon, each with a correction of its own."""

FEWEST = 200
"""Steps in one part, at least; with fewer all parts have the same correction."""

IMAGINED = (np.arange(20) + 0.5) / 20
"""Steps on which the curves were right, in the correction: with few true ones it stays near to none."""

OWN = 112
"""A series' own spread and that of all series weigh the same after this many steps."""


def place(curve: np.ndarray, log: np.ndarray, first: bool = False) -> np.ndarray:
    """Where log (...,) lies on its curve of quantiles (..., G), a z: of equal ones the last or first."""
    below = curve < log[..., None] - 1e-9 if first else curve <= log[..., None] + 1e-9
    j = below.sum(axis=-1) - 1
    inner = np.clip(j, 0, len(Z) - 2)
    at, after = (np.take_along_axis(curve, (inner + k)[..., None], -1)[..., 0] for k in (0, 1))
    z = Z[inner] + (log - at) / np.maximum(after - at, 1e-9) * (Z[inner + 1] - Z[inner])
    low, high = (np.maximum(slope, FLATTEST) for slope in _slopes(curve))
    z = np.where(j < 0, Z[0] - (curve[..., 0] - log) / low, z)
    z = np.where(j == len(Z) - 1, Z[-1] + (log - curve[..., -1]) / high, z)
    placed: np.ndarray = np.clip(z, -FURTHEST, FURTHEST)
    return placed


def read(curve: np.ndarray, z: np.ndarray) -> np.ndarray:
    """The curves (S, H, G) at z (S, H, Q), both ends carried on as straight lines."""
    z = np.clip(z, -FURTHEST, FURTHEST)
    inner = np.clip(np.searchsorted(Z, z, side="right") - 1, 0, len(Z) - 2)
    share = np.clip((z - Z[inner]) / (Z[inner + 1] - Z[inner]), 0.0, 1.0)
    at, after = (np.take_along_axis(curve, inner + k, -1) for k in (0, 1))
    low, high = (slope[..., None] for slope in _slopes(curve))
    beyond = np.maximum(z - Z[-1], 0.0) * high + np.minimum(z - Z[0], 0.0) * low
    value: np.ndarray = at + share * (after - at) + beyond
    return value


def _slopes(curve: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How fast curves rise a unit of z from the lower end to the middle, and from there to the upper end."""
    low = (curve[..., MIDDLE] - curve[..., 0]) / (Z[MIDDLE] - Z[0])
    high = (curve[..., -1] - curve[..., MIDDLE]) / (Z[-1] - Z[MIDDLE])
    return low, high


@dataclass(frozen=True)
class Conformal:
    """Which z the p-quantile is read at, for each step ahead, in units of the spread of its series.

    Steps at earlier origins are placed on the curves that were forecast there (`place`), as z divided by the
    spread of their series. The p-quantile of these is z_p: one for each part of the horizon, over all series.
    A count lies on a range of equal quantiles, a zero on a long one. Below the median it is placed at the end
    of that range, above at its beginning: of closed intervals, as many as they say hold what came, whatever
    the true distribution is, and as many will, as long as the steps ahead are like the earlier ones. The
    median is left where it was.

    Parameters
    ----------
    table : float64 (B, 401)
        z at the probabilities GRID, for each part of the horizon.
    part : int64 (H,)
        Which of the B parts each step belongs to.

    Notes
    -----
    Source: split conformal prediction with normalised scores, Lei, G'Sell, Rinaldo, Tibshirani & Wasserman,
    Distribution-free predictive inference for regression (2018); for quantiles of a whole distribution
    Chernozhukov, Wüthrich & Zhu (2021).
    """

    table: np.ndarray
    part: np.ndarray

    @classmethod
    def of(cls, z: np.ndarray, first: np.ndarray) -> tuple["Conformal", np.ndarray]:
        """The correction, and the spread of each series (S,), from placed steps.

        Both arguments are (S, O, H), NaN where there is none: placed at the last, and at the first, of equal
        quantiles.

        A spread is the root mean square of the z of a series (held to 3), drawn towards that of all (OWN).
        A z is divided by the spread that its series shows at the other origins.
        """
        S, _, H = z.shape
        known = np.isfinite(z)
        square = np.minimum(np.where(known, z, 0.0) ** 2, 9.0)
        total, count = square.sum(axis=2), known.sum(axis=2)  # (S, O)
        # From whole sums in a fixed order, so that the order of the series changes nothing.
        usual = np.sort(total.ravel()).sum() / count.sum() if count.any() else 1.0

        def spread(total: np.ndarray, count: np.ndarray) -> np.ndarray:
            root: np.ndarray = np.sqrt(np.maximum((total + OWN * usual) / (count + OWN), 1e-4))
            return root

        others = spread(total.sum(axis=1, keepdims=True) - total, count.sum(axis=1, keepdims=True) - count)
        part = np.arange(H) * min(PARTS, H) // H
        if min(known[:, :, part == one].sum() for one in range(part[-1] + 1)) < FEWEST:
            part = np.zeros_like(part)

        def corrected(z: np.ndarray, one: int) -> np.ndarray:
            scaled = np.sort((z / others[:, :, None])[:, :, part == one][known[:, :, part == one]])
            quantile: np.ndarray = np.quantile(np.append(scaled, ndtri(IMAGINED)), GRID, method="hazen")
            return quantile

        table = [
            np.where(GRID < 0.5, np.minimum(corrected(z, one), 0.0), np.maximum(corrected(first, one), 0.0))
            for one in range(part[-1] + 1)
        ]
        for row in table:
            row[GRID == 0.5] = 0.0
        own = spread(total.sum(axis=1), count.sum(axis=1)) if S else np.ones(0)
        return cls(np.stack(table), part), own

    def quantile(self, curve: np.ndarray, spread: np.ndarray, probs: np.ndarray) -> np.ndarray:
        """Quantiles in units (S, h, Q) of the curves (S, h, G) of series with these spreads (S,)."""
        z = np.stack([np.interp(probs, GRID, row) for row in self.table])[self.part[: curve.shape[1]]]
        log = read(curve, spread[:, None, None] * z)
        units: np.ndarray = np.maximum(np.expm1(np.minimum(log, 700.0)), 0.0)  # exp(710) overflows
        return np.maximum.accumulate(units, axis=2) if len(probs) else units
