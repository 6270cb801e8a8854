"""Lessons of a blend: what its members said of shoppers, and what these took in the days after."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from merx.data.interactions import Interactions
from merx.data.schema import DAY, EVENT_CODE
from merx.kernels.threads import THREADS
from merx.recommend.blend_features import Candidates, disliked, most_stars

SHOPPERS = 2000  # at most so many of one span are learnt from
HELD_OUT = 0.2  # share of shoppers by whom is seen when more trees stop helping
PATIENCE = 15
IN_LEAF = 50  # candidates in a leaf, at least


# The candidates of shoppers with these histories, and their features, float32 (P, K).
Consider = Callable[[Interactions], tuple[Candidates, np.ndarray]]


@dataclass(frozen=True)
class Lesson:
    """Candidates of S shoppers who acted after a moment, as they were seen before it.

    Parameters
    ----------
    features : float32 (P, K)
    taken : bool (P,)
        Whether the shopper took the candidate in the days after.
    own : bool (P,)
        Whether the shopper had met it before.
    shopper : int64 (P,)
        Ascending.
    """

    features: np.ndarray
    taken: np.ndarray
    own: np.ndarray
    shopper: np.ndarray


@dataclass(frozen=True)
class Span:
    """Days that an order is learnt from.

    Parameters
    ----------
    start : int
        Microseconds since 1970, UTC.
    shopper : int64 (S,)
        Those with a history before the start who took something in the days after it.
    taken : int64 (T,)
        The numbers user * I + item of what was taken, ascending.
    """

    start: int
    shopper: np.ndarray
    taken: np.ndarray


def past_spans(histories: Interactions, days: int, most: int) -> list[Span]:
    """The last spans of so many days, newest first: those with shoppers and as many days before them.

    What was taken is what was bought and kept; in a shop without purchases, what was met and liked.
    """
    if not len(histories):
        return []
    bought = np.isin(histories.event, [EVENT_CODE["purchase"], EVENT_CODE["refund"]])
    if not (histories.event == EVENT_CODE["purchase"]).any():
        bought[:] = True
    begins, end = int(histories.time.min()), int(histories.time.max()) + 1
    unwanted = disliked(histories, most_stars(histories))
    found = []
    for start in range(end - days * DAY, end - (most + 1) * days * DAY, -days * DAY):
        if start - begins < days * DAY:
            break
        inside = (histories.time >= start) & (histories.time < start + days * DAY)
        user, item = histories.keep(bought & inside).matrix().nonzero()
        taken = np.setdiff1d(user.astype(np.int64) * histories.n_items + item, unwanted)
        shopper = np.unique(taken // histories.n_items)
        known = np.zeros(histories.n_users, dtype=bool)
        known[histories.user[histories.time < start]] = True
        if known[shopper].any():
            found.append(Span(start, shopper[known[shopper]], taken))
    return found


def lesson(consider: Consider, past: Interactions, span: Span, batch: int) -> Lesson:
    """What members fitted on the past say of the shoppers of a span.

    Parameters
    ----------
    batch : int
        Shoppers that the members are asked about at once.
    """
    shopper = span.shopper
    if len(shopper) > SHOPPERS:
        shopper = np.sort(np.random.default_rng(0).choice(shopper, SHOPPERS, replace=False))
    met = past.seen()
    parts = []
    for first in range(0, len(shopper), batch):
        which = shopper[first : first + batch]
        candidates, features = consider(past.take(which))
        user, item = which[candidates.user], candidates.item
        taken = np.isin(user * past.n_items + item, span.taken)
        parts.append(Lesson(features, taken, np.asarray(met[user, item]).astype(bool).ravel(), user))
    return joined(parts)


def joined(lessons: Sequence[Lesson]) -> Lesson:
    """One after the other, shoppers of different lessons being different."""
    shoppers, first = [], 0
    for one in lessons:
        shoppers.append(one.shopper + first)
        first += int(one.shopper.max(initial=-1)) + 1
    return Lesson(
        np.concatenate([one.features for one in lessons]),
        np.concatenate([one.taken for one in lessons]),
        np.concatenate([one.own for one in lessons]),
        np.concatenate(shoppers),
    )


def train(lessons: Lesson, trees: int, leaves: int, learning_rate: float) -> str:
    """The forest that orders candidates, in LightGBM's text format.

    Each shopper is a list twice: of all candidates, and of the new ones alone, since lists are asked for with
    and without what a shopper met. Trees are added while they help shoppers who are not learnt from.
    """
    import lightgbm

    shoppers = int(lessons.shopper.max()) + 1
    held_out = np.random.default_rng(0).random(shoppers) < HELD_OUT

    def lists(mask: np.ndarray, reference: lightgbm.Dataset | None = None) -> lightgbm.Dataset:
        every, new = np.flatnonzero(mask), np.flatnonzero(mask & ~lessons.own)
        rows = np.concatenate([every, new])
        lengths = [np.unique(lessons.shopper[some], return_counts=True)[1] for some in (every, new)]
        return lightgbm.Dataset(
            lessons.features[rows],
            lessons.taken[rows].astype(np.int8),
            group=np.concatenate(lengths),
            reference=reference,
        )

    learnt = lists(~held_out[lessons.shopper])
    forest = lightgbm.train(
        {
            "objective": "lambdarank",
            "metric": "ndcg",
            "eval_at": [10],
            "lambdarank_truncation_level": 20,
            "num_leaves": leaves,
            "learning_rate": learning_rate,
            "min_data_in_leaf": IN_LEAF,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": THREADS,
            "seed": 0,
            "verbosity": -1,
        },
        learnt,
        trees,
        valid_sets=[lists(held_out[lessons.shopper], learnt)],
        callbacks=[lightgbm.early_stopping(PATIENCE, verbose=False)],
    )
    return str(forest.model_to_string(num_iteration=forest.best_iteration))
