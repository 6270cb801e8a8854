"""The Lagrangian of choosing one point for each item under rules that tie items together.

    D(m) = m . bound + sum_i max_g (value[i, g] - sum_r m_r weight_r[i, g]),   m >= 0

is at least the value of any choice that keeps the rules, whatever the multipliers m are (Geoffrion,
Mathematical Programming Study 2, 1974), and for given m it falls apart into one argmax for each item.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, minimize

from merx.kernels import choice as kernel
from merx.kernels.threads import one_blas_thread, over_rows
from merx.price.coupling import Coupling

STEPS = 60  # of L-BFGS-B
CHUNK = 8192  # items that a thread takes at a time
KEPT = 1e-6  # of the largest difference that an item makes to a rule: how exactly the rule must be kept


@dataclass(frozen=True)
class Lagrangian:
    """The arrays of the problem as the kernels read them.

    Parameters
    ----------
    value : float64 (I, G)
        In units of `unit`; -inf where a point is not allowed.
    rules : Coupling
        Each in units of its scale.
    unit : float
        Mean range of the values within an item.
    scale : float64 (R,)
    ptr : int64 (I + 1,)
        The entries of the rules by item.
    by_row, by_row_ptr : int64 (N,), (R + 1,)
        The entries by rule.
    order : int64 (I,)
        Items, those with the widest range of values first.
    """

    value: np.ndarray
    rules: Coupling
    unit: float
    scale: np.ndarray
    ptr: np.ndarray
    by_row: np.ndarray
    by_row_ptr: np.ndarray
    order: np.ndarray

    @classmethod
    def of(cls, value: np.ndarray, coupling: Coupling) -> "Lagrangian":
        """Of the values (I, G), -inf where a point is not allowed, each item with an allowed one."""
        span = value.max(axis=1) - np.where(value > -np.inf, value, np.inf).min(axis=1)
        unit = float(span.mean()) or 1.0
        by_row = np.argsort(coupling.row, kind="stable")
        return cls(
            value=np.ascontiguousarray(value / unit),
            rules=coupling.scaled(),
            unit=unit,
            scale=coupling.scale,
            ptr=np.searchsorted(coupling.item, np.arange(len(value) + 1)),
            by_row=by_row,
            by_row_ptr=np.searchsorted(coupling.row[by_row], np.arange(coupling.n_rules + 1)),
            order=np.argsort(-span, kind="stable"),
        )

    @property
    def allowed(self) -> np.ndarray:
        """Bool (I, G)."""
        allowed: np.ndarray = self.value > -np.inf
        return allowed

    @property
    def least(self) -> float:
        """The lowest value of any choice."""
        return float(np.where(self.allowed, self.value, np.inf).min(axis=1).sum())

    def keeps(self, place: np.ndarray) -> bool:
        """Whether the choice (I,) keeps every rule."""
        return bool((self.rules.usage(place) <= self.rules.bound + KEPT).all())

    def worth(self, place: np.ndarray) -> float:
        """The value of the choice (I,)."""
        return float(self.value[np.arange(len(place)), place].sum())

    def dual(self, multiplier: np.ndarray) -> tuple[np.ndarray, float]:
        """The best choice at the multipliers, int64 (I,), and D."""
        items = len(self.value)
        place = np.empty(items, np.int64)
        parts = np.zeros(-(-items // CHUNK))

        def work(first: int, last: int) -> None:
            parts[first // CHUNK] = kernel.priced_best(
                self.value, self.ptr, self.rules.row, self.rules.weight, multiplier, place, first, last
            )

        over_rows(items, CHUNK, work)
        return place, float(parts.sum() + multiplier @ self.rules.bound)

    def soft_dual(self, multiplier: np.ndarray, temperature: float) -> tuple[float, np.ndarray, np.ndarray]:
        """D with the maximum softened to t log sum exp(. / t); its gradient, and its curvature in each m."""
        items, rules = len(self.value), self.rules
        chunks = -(-items // CHUNK)
        parts = np.zeros(chunks)
        usage, spread = np.zeros((2, chunks, rules.n_rules))

        def work(first: int, last: int) -> None:
            c = first // CHUNK
            parts[c] = kernel.soft_best(
                *(self.value, self.ptr, rules.row, rules.weight, multiplier, temperature),
                *(usage[c], spread[c], first, last),
            )

        over_rows(items, CHUNK, work)
        total = float(parts.sum() + multiplier @ rules.bound)
        return total, rules.bound - usage.sum(axis=0), spread.sum(axis=0) / temperature

    def descend(self, multiplier: np.ndarray, temperature: float) -> np.ndarray:
        """Multipliers (R,) with a lower softened D, in units that make its curvature 1 at the start."""
        curvature = self.soft_dual(multiplier, temperature)[2]
        unit = 1.0 / np.sqrt(curvature + 1e-3 * curvature.mean() + 1e-12)

        def scaled_dual(scaled: np.ndarray) -> tuple[float, np.ndarray]:
            total, gradient, _ = self.soft_dual(scaled * unit, temperature)
            return total, gradient * unit

        with one_blas_thread():
            found = minimize(
                scaled_dual,
                multiplier / unit,
                jac=True,
                method="L-BFGS-B",
                bounds=Bounds(0.0, np.inf),
                options={"maxiter": STEPS, "maxfun": 2 * STEPS, "ftol": 1e-9, "gtol": 1e-9, "maxcor": 20},
            )
        result: np.ndarray = np.maximum(found.x, 0.0) * unit
        return result

    def loss(self, multiplier: np.ndarray) -> np.ndarray:
        """How far each point is behind the best one of its item at the multipliers, float64 (I, G).

        A choice that holds the point is worth at most D less this.
        """
        loss = np.empty_like(self.value)
        kernel.reduced_loss(self.value, self.ptr, self.rules.row, self.rules.weight, multiplier, loss)
        return loss

    def mended(self, place: np.ndarray, multiplier: np.ndarray) -> tuple[np.ndarray, bool]:
        """A choice near this one that keeps the rules and no single item can improve; whether it does."""
        place, rules = place.copy(), self.rules
        slack = rules.bound - rules.usage(place)
        kept = kernel.mend(
            *(self.value, self.loss(multiplier), self.ptr, rules.row, rules.weight),
            *(self.by_row_ptr, self.by_row, rules.item, place, slack),
        )
        if kept:
            kernel.improve(self.value, self.ptr, rules.row, rules.weight, place, slack, self.order)
        return place, bool(kept) and self.keeps(place)
