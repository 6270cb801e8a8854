"""What another way of setting prices would have earned, from the prices that were charged.

The doubly robust estimate: right where either the model of the reward or the chances of the logged prices are
(Dudik, Langford and Li, ICML 2011; Robins, Rotnitzky and Zhao 1994).

    V = mean of  sum_a target(a) model(a)  +  target(A) / chance(A) (reward - model(A))
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from merx.errors import RequestError

FEWEST = 0.01  # chance of a logged price below which what it did tells nothing


@dataclass(frozen=True)
class PolicyValue:
    """Reward of a decision under the target policy.

    Parameters
    ----------
    value, error : float
        The doubly robust estimate and its standard error, by clusters.
    direct, weighted : float
        By the model alone; by the logged rewards alone (inverse propensity weighting).
    logged : float
        What was earned in fact.
    effective : float
        How many decisions the weights leave, sum(w)^2 / sum(w^2).
    unsupported : float
        Share of the target's choices at prices that were hardly ever charged: there only the model speaks.
    """

    value: float
    error: float
    direct: float
    weighted: float
    logged: float
    effective: float
    unsupported: float

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return dict(vars(self))


def policy_value(
    action: np.ndarray,
    reward: np.ndarray,
    chance: np.ndarray,
    target: np.ndarray,
    model: np.ndarray,
    cluster: np.ndarray | None = None,
) -> PolicyValue:
    """The value of a target policy from n logged decisions over G rungs of a ladder.

    Parameters
    ----------
    action : int64 (n,)
        The rung that was charged.
    reward : float64 (n,)
        What came of it, such as the profit of the week.
    chance : float64 (n, G)
        With which the logging policy chose each rung (`propensities`).
    target : float64 (n, G)
        With which the target policy would.
    model : float64 (n, G)
        The reward that a model expects of each rung, fitted on other weeks.
    cluster : int64 (n,), optional
        Decisions that share their luck, such as the weeks of one item. None: none do.

    Raises
    ------
    RequestError
        The shapes differ, or rows of chances do not add up to 1.
    """
    if not (chance.shape == target.shape == model.shape and len(action) == len(reward) == len(chance)):
        raise RequestError(
            f"Of {len(action)} decisions chances of {chance.shape}, a target of {target.shape} and a model "
            f"of {model.shape} were given; these three must have a row for each decision."
        )
    for name, rows in (("chance", chance), ("target", target)):
        if not np.allclose(rows.sum(axis=1), 1.0, atol=1e-6):
            raise RequestError(f"The rows of {name} do not add up to 1.")
    at = np.arange(len(action))
    supported = chance >= FEWEST
    weight = np.where(supported[at, action], target[at, action] / np.maximum(chance[at, action], FEWEST), 0.0)
    expected = (target * model).sum(axis=1)
    one = expected + weight * (reward - model[at, action])  # (n,)
    groups = at if cluster is None else np.unique(cluster, return_inverse=True)[1]
    off = np.bincount(groups, one - one.mean())
    count = len(off)
    error = np.sqrt((off**2).sum() * count / max(count - 1, 1)) / len(one)
    return PolicyValue(
        value=float(one.mean()),
        error=float(error),
        direct=float(expected.mean()),
        weighted=float((weight * reward).mean()),
        logged=float(reward.mean()),
        effective=float(weight.sum() ** 2 / max((weight**2).sum(), 1e-12)),
        unsupported=float((target * ~supported).sum() / len(target)),
    )


def rungs(log_price: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """The rung (n,) of each log price ratio between the edges (G - 1,), 0 to G - 1."""
    return np.searchsorted(edges, log_price).astype(np.int64)


def propensities(action: np.ndarray, group: np.ndarray, n_rungs: int, faith: float = 10.0) -> np.ndarray:
    """The chance of each rung for every decision, float64 (n, G), as often as its group had it.

    Parameters
    ----------
    action : int64 (n,)
    group : int64 (n,)
        Decisions that were taken alike: of an item, a category, or a state that prices followed. What moved
        prices and sales and is not in it leaves a bias.
    faith : float
        Decisions' worth of the whole log's frequencies that each group is drawn towards.
    """
    groups = np.unique(group, return_inverse=True)[1]
    whole = (np.bincount(action, minlength=n_rungs) + 0.5) / (len(action) + 0.5 * n_rungs)
    count = np.zeros((int(groups.max(initial=-1)) + 1, n_rungs))
    np.add.at(count, (groups, action), 1.0)
    chance = (count + faith * whole) / (count.sum(axis=1, keepdims=True) + faith)
    drawn: np.ndarray = chance[groups]
    return drawn
