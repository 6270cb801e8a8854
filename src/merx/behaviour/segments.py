"""Segments that act: who belongs together, what to do about them, and who is left alone to compare with.

Recency, frequency and value in fifths: Hughes, Strategic Database Marketing (1994).
"""

import hashlib
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from merx.behaviour.ranks import ranks
from merx.data.customers import Customers
from merx.data.vocabulary import Vocabulary

FIFTHS = 5
ALONE = "none"  # the action of who is held out
LIKELY, UNLIKELY = 0.8, 0.5  # quantiles of a chance from and up to which a shopper counts as such

# The first that fits, by the fifths of recency and of frequency and value together (5 is best).
RFM_RULES: tuple[tuple[str, range, range, str], ...] = (
    ("champions", range(4, 6), range(4, 6), "Show what is new first, ask for a review; no discount."),
    ("loyal", range(3, 6), range(3, 6), "Recommend what goes with their last orders; offer a programme."),
    ("promising", range(4, 6), range(1, 3), "Help to the second order: what others bought next."),
    ("needs attention", range(3, 4), range(1, 3), "A reminder of what they looked at last."),
    ("must not be lost", range(1, 3), range(4, 6), "Write personally, with the best offer that pays."),
    ("at risk", range(1, 3), range(3, 4), "A reminder with a small offer."),
    ("lost", range(1, 3), range(1, 3), "Leave alone; no money here."),
)

# By the chances to buy and to stay away: likely, in between or unlikely; None: whatever it is.
PROPENSITY_RULES: tuple[tuple[str, int | None, int | None, str], ...] = (
    ("about to buy, may leave", 2, 2, "Remind within the day, while they are there."),
    ("about to buy", 2, None, "Recommend, keep the stock; no discount, they buy anyway."),
    ("about to leave", None, 2, "Offer a reason to come back within the week."),
    ("undecided", 1, None, "Show what others chose; test a small offer."),
    ("just looking", None, None, "No money; let recommendations work."),
)


@dataclass(frozen=True)
class Segments:
    """The segments of U shoppers, and what is known of them.

    Parameters
    ----------
    users : Vocabulary (U,)
    names, actions : tuples of str
        Of the segments, and what is suggested for each.
    segment : int32 (U,)
        Place in `names`, -1 for who is in none.
    held_out : bool (U,)
        Drawn at random to be left alone: what the others do beyond these is the effect of the action.
    figures : dict of float64 (U,)
        What the segments were made from and whatever else is known, by name; NaN where it is not.
    """

    users: Vocabulary
    names: tuple[str, ...]
    actions: tuple[str, ...]
    segment: np.ndarray
    held_out: np.ndarray
    figures: dict[str, np.ndarray]

    def to_table(self) -> pa.Table:
        """One row per shopper: user_id, segment, action, held_out and the figures, null where not known.

        The action of those held out is "none".
        """
        told = np.where(self.held_out, len(self.actions), self.segment)
        columns: dict[str, object] = {
            "user_id": self.users.ids,
            "segment": _taken(self.names, self.segment),
            "action": _taken((*self.actions, ALONE), told),
            "held_out": self.held_out,
        }
        columns |= {name: pa.array(one, mask=~np.isfinite(one)) for name, one in self.figures.items()}
        return pa.table(columns)

    def summary(self) -> pa.Table:
        """One row per segment, in their order: segment, action, shoppers, held_out, means of the figures.

        A mean is of those of whom the figure is known, null where that is nobody.
        """

        def added(where: np.ndarray, values: np.ndarray | None = None) -> np.ndarray:
            inside = where & (self.segment >= 0)
            weights = None if values is None else values[inside]
            return np.bincount(self.segment[inside], weights, len(self.names))

        columns: dict[str, object] = {
            "segment": pa.array(self.names),
            "action": pa.array(self.actions),
            "shoppers": added(np.ones(len(self.segment), bool)),
            "held_out": added(self.held_out),
        }
        for name, values in self.figures.items():
            known = np.isfinite(values)
            count = added(known)
            columns[name] = pa.array(added(known, values) / np.maximum(count, 1), mask=count == 0)
        return pa.table(columns)


def rfm(customers: Customers, held_out: float = 0.1, seed: int = 0) -> Segments:
    """Segments of customers by how lately, how often and for how much they bought.

    Each is cut into fifths of equally many customers, equal ones together; frequency and value count half
    each.

    Parameters
    ----------
    held_out : float
        Share of the customers that is drawn to be left alone.
    """
    idle = customers.age - customers.recency
    recency, frequency, value = (_fifth(score) for score in (-idle, customers.frequency, customers.total))
    worth = (frequency + value + 1) // 2
    segment = np.full(len(customers), len(RFM_RULES) - 1, np.int32)
    for place, (_, recent, worthy, _) in reversed(list(enumerate(RFM_RULES))):
        segment[np.isin(recency, recent) & np.isin(worth, worthy)] = place
    return Segments(
        customers.users,
        tuple(rule[0] for rule in RFM_RULES),
        tuple(rule[3] for rule in RFM_RULES),
        segment,
        draw(customers.users, held_out, seed),
        {"days_idle": idle, "purchases": customers.frequency + 1, "total": customers.total},
    )


def by_propensity(
    users: Vocabulary, purchase: np.ndarray, churn: np.ndarray, held_out: float = 0.1, seed: int = 0
) -> Segments:
    """Segments of shoppers (U,) by their chances to buy and to stay away; NaN: not active lately.

    Shoppers with neither chance are left out. A fifth of the others count as likely to do each, half as
    unlikely.
    """
    known = np.flatnonzero(np.isfinite(purchase) | np.isfinite(churn))
    buys, leaves = _level(purchase[known]), _level(churn[known])
    segment = np.full(len(known), len(PROPENSITY_RULES) - 1, np.int32)
    for place, (_, buying, leaving, _) in reversed(list(enumerate(PROPENSITY_RULES))):
        fits = (buying is None) | (buys == buying)
        segment[fits & ((leaving is None) | (leaves == leaving))] = place
    those = Vocabulary(users.ids.take(pa.array(known)))
    return Segments(
        those,
        tuple(rule[0] for rule in PROPENSITY_RULES),
        tuple(rule[3] for rule in PROPENSITY_RULES),
        segment,
        draw(those, held_out, seed),
        {"purchase": purchase[known], "churn": churn[known]},
    )


def draw(users: Vocabulary, share: float, seed: int) -> np.ndarray:
    """That share of shoppers at random, bool (U,), by a hash of seed and id.

    So a shopper stays drawn when others come and go, and from one segment to the next.
    """
    digests = [
        hashlib.blake2b(f"{seed} {name}".encode(), digest_size=8).digest() for name in users.ids.to_pylist()
    ]
    number = np.frombuffer(b"".join(digests), "<u8")
    return np.asarray((number >> np.uint64(11)) / 2**53 < share)


def _fifth(score: np.ndarray) -> np.ndarray:
    """1..5, 5 the highest, equal scores in the same fifth, int64 (n,)."""
    return np.minimum((ranks(score) - 0.5) * FIFTHS // max(len(score), 1), FIFTHS - 1).astype(np.int64) + 1


def _level(chance: np.ndarray) -> np.ndarray:
    """2 likely, 1 in between, 0 unlikely or not known, int64 (n,)."""
    if not np.isfinite(chance).any():
        return np.zeros(len(chance), np.int64)
    low, high = np.nanquantile(chance, [UNLIKELY, LIKELY])
    return np.where(chance >= high, 2, np.where(chance > low, 1, 0))


def _taken(words: tuple[str, ...], place: np.ndarray) -> pa.Array:
    """The words at these places (n,), null where it is -1."""
    return pa.array(words).take(pa.array(place, pa.int64(), mask=place < 0))
