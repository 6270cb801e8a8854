"""Chances, amounts and numbers of purchases that were told of shoppers, against what came. Arrays in."""

from dataclasses import dataclass

import numpy as np

from merx.behaviour.calibration import Reliability, reliability
from merx.behaviour.ranks import auc

SURE = 1.96  # standard errors beyond which a difference is no chance
TINY = 1e-12  # of a chance, whose logarithm is taken


@dataclass(frozen=True)
class Against:
    """Losses beside those of a trivial answer, shopper by shopper.

    Parameters
    ----------
    gain : float
        Mean loss of the trivial answer less the model's.
    margin : float
        Half the width of the 95 % interval around it.
    """

    gain: float
    margin: float

    @property
    def beats(self) -> bool:
        """Whether the whole interval is above 0."""
        return self.gain > self.margin

    def sentence(self, model: str, trivial: str, loss: str) -> str:
        """The verdict in words, from the names of the model, of the trivial answer and of the loss."""
        worse = -self.gain > self.margin
        verb = "beats" if self.beats else "is worse than" if worse else "does not beat"
        found = f"{model} {verb} {trivial} ({loss} {-self.gain:+.3g} ± {self.margin:.2g})."
        return found if self.beats else f"{found} Do not rely on it yet."


def against(loss: np.ndarray, trivial: np.ndarray) -> Against:
    """Compare the losses (n,) of a model and of the trivial answer on the same shoppers."""
    gain = trivial - loss
    spread = float(gain.std(ddof=1)) if len(gain) > 1 else float("inf")
    return Against(float(gain.mean()), SURE * spread / float(np.sqrt(len(gain))))


def log_losses(chance: np.ndarray, came: np.ndarray) -> np.ndarray:
    """Minus the logarithm of the chance that was given to what came (bool), float64 (n,)."""
    return -np.log(np.maximum(np.where(came, chance, 1 - chance), TINY))


def average_precision(said: np.ndarray, came: np.ndarray) -> float:
    """Precision averaged over those who did (bool), best first; ties count together; NaN where nobody did."""
    if not came.any():
        return float("nan")
    order = np.argsort(-said, kind="stable")
    hits = np.cumsum(came[order])
    last = np.append(np.diff(said[order]) != 0, True)  # of those with equal chances
    found = hits[last]
    return float((np.diff(found, prepend=0) * found / (np.flatnonzero(last) + 1)).sum() / came.sum())


def chances(said: np.ndarray, came: np.ndarray) -> tuple[dict[str, float], Reliability]:
    """AUC, average precision, log loss and calibration error of chances (n,) for what came (bool)."""
    curve = reliability(said, came.astype(np.float64))
    return {
        "auc": auc(said, came),
        "average_precision": average_precision(said, came),
        "log_loss": float(log_losses(said, came).mean()),
        "ece": curve.error,
    }, curve


def numbers(expected: np.ndarray, came: np.ndarray) -> dict[str, float]:
    """Root mean square error, correlation (NaN where one never changes) and bias of numbers (n,)."""
    changes = expected.std() > 0 and came.std() > 0
    return {
        "rmse": float(np.sqrt(((expected - came) ** 2).mean())),
        "correlation": float(np.corrcoef(expected, came)[0, 1]) if changes else float("nan"),
        "bias": float((expected - came).mean()),
    }
