"""Support vector regression of log units as a price response.

    log(units / usual) = w . phi(x) + b,    min |w|^2 / 2 + C sum_n s_n max(0, |error_n| - epsilon)^2

with phi the Nystroem features of a Gaussian kernel (Williams and Seeger 2001): those of `landmarks` weeks,
which are the kernel itself where there are as many landmarks as weeks. Drucker et al. (1997); the squared
loss as in Ho and Lin (Large-scale linear support vector regression, JMLR 13, 2012), solved by Newton steps
on the weeks outside of the tube (Chapelle, Training a support vector machine in the primal, 2007). The
curves are made to fall in the price. A machine that pulls far prices back to the mean makes a poor price
setter; it is offered to be compared with.
"""

from dataclasses import dataclass

import numpy as np

from merx.data.panel import PricePanel
from merx.errors import ConfigError
from merx.price.curve import STEP, DemandCurve, along_the_curve
from merx.price.rows import CATEGORY, Rows
from merx.tunable import between

MOST = 50_000  # weeks learnt from, drawn at random
NEWTON_STEPS = 50
CHUNK = 20_000  # rows whose features are held at once
LEAST = -12.0  # of log units


@dataclass(frozen=True)
class SVRResponse:
    """Support vector regression on Nystroem features.

    Parameters
    ----------
    cost : float
        C: what an error outside of the tube costs.
    epsilon : float
        Half the width of the tube, in log units.
    gamma : float
        Of the kernel exp(-gamma |x - x'|^2 / F), over F standardised columns.
    landmarks : int
        Nystroem features.
    draws : int
        Machines trained, each on the weeks as the Bayesian bootstrap weighs them.
    """

    cost: float = between(1.0, 0.01, 100.0, log=True)
    epsilon: float = between(0.1, 0.01, 0.5, log=True)
    gamma: float = between(0.2, 0.02, 2.0, log=True)
    landmarks: int = 200
    draws: int = 12

    def fit(self, panel: PricePanel) -> DemandCurve:
        """The curve of every item of the panel.

        Raises
        ------
        ConfigError
            Where a setting is out of its range.
        FitError
            Where no item was in stock.
        """
        for name in ("cost", "gamma"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be above 0.")
        for name, least in (("epsilon", 0), ("landmarks", 1), ("draws", 2)):
            if getattr(self, name) < least:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be at least {least}.")
        rows = Rows.of(panel)
        rng = np.random.default_rng(0)
        kept = np.sort(rng.permutation(len(rows.units))[:MOST])
        X = _columns(rows.X[kept], len(panel.categories))
        centre, scale = X.mean(axis=0), np.maximum(X.std(axis=0), 1e-6)
        scale[CATEGORY:] = 1.0  # of 0 and 1
        landmark = np.unique((X - centre) / scale, axis=0)
        landmark = landmark[np.sort(rng.permutation(len(landmark))[: self.landmarks])]
        width = self.gamma / X.shape[1]
        root = _inverse_root(_kernel(landmark, landmark, width))

        def features(values: np.ndarray) -> np.ndarray:  # (n, m)
            phi: np.ndarray = _kernel((values - centre) / scale, landmark, width) @ root
            return phi

        target = np.log((rows.units[kept] + 0.5) / (rows.usual[kept] + 0.5))
        weight = rows.weight()[kept] * rows.resampled(self.draws)[:, kept]
        weight /= weight.mean(axis=1, keepdims=True)
        phi = features(X)
        first = fit_svr(phi, target, weight.mean(axis=0), self.cost, self.epsilon, np.zeros(len(root) + 1))
        machines = np.stack([fit_svr(phi, target, s, self.cost, self.epsilon, first) for s in weight], axis=1)

        X = _columns(along_the_curve(rows, panel.price_now), len(panel.categories))
        ratio = np.concatenate(
            [
                features(X[start : start + CHUNK]) @ machines[:-1] + machines[-1]
                for start in range(0, len(X), CHUNK)
            ]
        )  # (I x 73, draws)
        log_units = np.log(rows.level)[:, None] + ratio.T.reshape(self.draws, panel.n_items, len(STEP))
        return DemandCurve.of(panel.items, panel.price_now, np.maximum(log_units, LEAST))


FittedSVRResponse = DemandCurve


def fit_svr(
    phi: np.ndarray, y: np.ndarray, weight: np.ndarray, cost: float, epsilon: float, start: np.ndarray
) -> np.ndarray:
    """The machine of features (n, m), targets (n,) and weights (n,): its coefficients and constant, (m + 1,).

    The constant is not penalised. `start` (m + 1,) is where the steps begin.
    """
    phi = np.column_stack([phi, np.ones(len(y))])
    ridge = np.ones(phi.shape[1])
    ridge[-1] = 1e-9

    def loss(w: np.ndarray) -> float:
        outside = np.maximum(np.abs(phi @ w - y) - epsilon, 0.0)
        return float(0.5 * (ridge * w**2).sum() + cost * (weight * outside**2).sum())

    w, value = start, loss(start)
    for _ in range(NEWTON_STEPS):
        error = phi @ w - y
        outside = np.abs(error) > epsilon
        active, s = phi[outside], 2.0 * cost * weight[outside]
        gradient = ridge * w + active.T @ (s * (error[outside] - epsilon * np.sign(error[outside])))
        step = np.linalg.solve(active.T @ (s[:, None] * active) + np.diag(ridge), gradient)
        share = 1.0
        while (new := loss(w - share * step)) > value and share > 1e-4:
            share /= 2
        if value - new <= 1e-7 * value:
            break
        w, value = w - share * step, new
    return w


def _columns(X: np.ndarray, categories: int) -> np.ndarray:
    """The columns with one of 0 and 1 for each category in place of its code."""
    return np.concatenate([X[:, :CATEGORY], X[:, CATEGORY, None] == np.arange(categories)], axis=1)


def _kernel(a: np.ndarray, b: np.ndarray, width: float) -> np.ndarray:
    square = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2.0 * (a @ b.T)
    kernel: np.ndarray = np.exp(-width * np.maximum(square, 0.0))
    return kernel


def _inverse_root(kernel: np.ndarray) -> np.ndarray:
    """K^(-1/2), without the directions in which K is nothing."""
    value, vector = np.linalg.eigh(kernel)
    root: np.ndarray = vector / np.sqrt(np.maximum(value, 1e-6 * value[-1]))
    return root
