"""What a network foretells beside the next item: the next event or leaving, when it comes, and a purchase.

Rare classes may count for more while training. That shifts what a head says by the logarithm of their weight,
which is taken off again (King & Zeng, Logistic regression in rare events data, Political Analysis 9(2),
2001: prior correction); the chance of a purchase is then calibrated on the events held out (Platt, 1999).
"""

from dataclasses import dataclass

import numpy as np
from scipy import special

from merx.behaviour.batches import Rows, known
from merx.behaviour.calibration import platt
from merx.data.schema import EVENTS

LEAVE = len(EVENTS)  # the next event of who leaves
HEADS = {"event": LEAVE + 1, "gap": 2, "purchase": 1}  # numbers that each says
NEVER = -60.0  # what is said of an event that was never met


@dataclass(frozen=True)
class Heads:
    """Trained heads: h @ weight + bias is what they say, one beside the other.

    Parameters
    ----------
    names : tuple of str
        Of HEADS, in the order in which they say.
    weight : float32 (F, P)
    bias : float32 (P,)
    """

    names: tuple[str, ...]
    weight: np.ndarray
    bias: np.ndarray

    def say(self, hidden: np.ndarray) -> dict[str, np.ndarray]:
        """What each says after what is known, (U, F): float64 (U, its numbers)."""
        # one shopper at a time, so that an answer does not depend on what else is asked for with it
        said = np.zeros((len(hidden), len(self.bias))) + self.bias
        for row, known_then in zip(said, hidden.astype(np.float64), strict=True):
            row += known_then @ self.weight
        edges = np.cumsum([HEADS[name] for name in self.names])
        return dict(zip(self.names, np.split(said, edges, axis=1), strict=False))


@dataclass(frozen=True)
class NextActions:
    """What U shoppers are expected to do; NaN where the head was not trained or nothing is known of them.

    Parameters
    ----------
    event : float64 (U, E + 1)
        Chance that the next event is each of `merx.data.schema.EVENTS`, and last that none follows.
    gap : float64 (U,)
        Seconds to the next event, if one comes: the median.
    purchase : float64 (U,)
        Chance that a purchase is still to come in this visit.
    """

    event: np.ndarray
    gap: np.ndarray
    purchase: np.ndarray


def next_actions(said: dict[str, np.ndarray], users: int) -> NextActions:
    """Chances from what the heads say."""
    event = np.full((users, HEADS["event"]), np.nan)
    gap, purchase = np.full(users, np.nan), np.full(users, np.nan)
    if "event" in said:
        power = np.exp(said["event"] - said["event"].max(axis=1, keepdims=True))
        event = power / power.sum(axis=1, keepdims=True)
    if "gap" in said:
        gap = np.expm1(said["gap"][:, 0])
    if "purchase" in said:
        purchase = special.expit(said["purchase"][:, 0])
    return NextActions(event, gap, purchase)


def class_weights(rows: Rows, power: float) -> dict[str, np.ndarray]:
    """How much each class counts while training, float32: rarer ones more, by that power of their rarity."""
    weights = {}
    if "event" in rows.labels:
        label = rows.labels["event"]
        count = np.bincount(label[known(label)], minlength=HEADS["event"])
        usual = float(count.sum()) / max(int(np.count_nonzero(count)), 1)
        rarity = (usual / np.maximum(count, 1)) ** power
        weights["event"] = np.where(count > 0, rarity, 1).astype(np.float32)
    if "purchase" in rows.labels:
        label = rows.labels["purchase"]
        yes, no = int((label == 1).sum()), int((label == 0).sum())
        weights["purchase"] = np.array((max(no, 1) / max(yes, 1)) ** power, np.float32)
    return weights


def corrected(heads: Heads, weights: dict[str, np.ndarray], rows: Rows) -> Heads:
    """The heads without the shift that the weights of the classes brought."""
    weight, bias = heads.weight.copy(), heads.bias.copy()
    first = 0
    for name in heads.names:
        own = slice(first, first + HEADS[name])
        if name in weights:
            bias[own] -= np.log(weights[name])
        if name == "event":
            met = np.unique(rows.labels["event"][known(rows.labels["event"])])
            never = np.setdiff1d(np.arange(HEADS["event"]), met) + first
            weight[:, never], bias[never] = 0, NEVER
        first += HEADS[name]
    return Heads(heads.names, weight, bias)


def calibrated(heads: Heads, said: np.ndarray, bought: np.ndarray) -> Heads:
    """The heads with the purchase's stretched and shifted to what came of it.

    Parameters
    ----------
    said : float64 (n,)
        What it says of events held out.
    bought : int64 (n,), 0 or 1
    """
    stretch, shift = platt(said, bought == 1)
    place = sum(HEADS[name] for name in heads.names[: heads.names.index("purchase")])
    weight, bias = heads.weight.copy(), heads.bias.copy()
    weight[:, place] *= stretch
    bias[place] = stretch * bias[place] + shift
    return Heads(heads.names, weight, bias)
