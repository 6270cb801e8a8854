"""The past to learn from, the future to be judged on, and checks that nothing leaks between them."""

import hashlib
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from merx.data.interactions import Interactions
from merx.data.schema import DAY, EVENT_CODE
from merx.data.vocabulary import Vocabulary
from merx.errors import DataError

# A refund takes its purchase back, so both are read to know what was bought and kept.
BOUGHT: tuple[str, ...] = ("purchase", "refund")


HELD_BACK = 26  # of 256


def held_back(items: Vocabulary) -> np.ndarray:
    """A tenth of the items, chosen by their ids: the same ones whenever they are asked for, bool (I,).

    They are judged as if nobody had met them, so whatever learns from what shoppers take to tell of new items
    must not learn from them.
    """
    first = [hashlib.sha256(name.encode()).digest()[0] for name in items.ids.to_pylist()]
    return np.array(first, np.int64) < HELD_BACK


@dataclass(frozen=True)
class Split:
    """Two spans of time over the same users and the same items.

    Parameters
    ----------
    train : Interactions (U users, I items)
        All entries strictly before `cut`.
    test : Interactions (U users, I items)
        Entries at or after `cut`.
    cut : int
        Microseconds since 1970, UTC.
    """

    train: Interactions
    test: Interactions
    cut: int


@dataclass(frozen=True)
class ThreeWaySplit:
    """Train, validation and test, one after the other.

    Parameters
    ----------
    choose : Split
        Train against validation: to choose between models and hyper-parameters.
    report : Split
        Train and validation together against test: to fit the chosen one again, and to report it once.
    """

    choose: Split
    report: Split

    @property
    def train(self) -> Interactions:
        """Entries before the first cut."""
        return self.choose.train

    @property
    def validation(self) -> Interactions:
        """Entries from the first cut to before the second."""
        return self.choose.test

    @property
    def test(self) -> Interactions:
        """Entries from the second cut on."""
        return self.report.test


def split_by_time(interactions: Interactions, cut: int) -> Split:
    """Everything before the cut (microseconds since 1970, UTC) to train on, the rest to test on.

    Raises DataError where one side would be empty.
    """
    before = interactions.time < cut  # (N,)
    trained = int(before.sum())
    if trained in (0, len(before)):
        side = "train" if trained == 0 else "test"
        raise DataError(
            f"split at {_when(cut)}: 0 of {len(before):,} entries are left to {side} on"
            f"{_span(interactions)}. Choose a cut inside this span."
        )
    return Split(interactions.keep(before), interactions.keep(~before), cut)


def split_three_ways(interactions: Interactions, first: int, second: int) -> ThreeWaySplit:
    """Train before the cut `first`, validation up to before the cut `second`, test from there on.

    Raises DataError where one of the three would be empty.
    """
    report = split_by_time(interactions, second)
    return ThreeWaySplit(split_by_time(report.train, first), report)


def last_days(interactions: Interactions, days: float) -> int:
    """The cut that leaves the last `days` days to test on: they end with the latest entry.

    Raises DataError where there are no entries.
    """
    if not len(interactions):
        raise DataError("split: there are 0 entries to split. Ingest events first.")
    return int(interactions.time.max()) + 1 - round(days * DAY)


def targets(
    split: Split, *, exclude: Interactions | None = None, events: Collection[str] = BOUGHT
) -> sparse.csr_array:
    """What a good list would have held: the distinct items each user took in the test.

    An item counts where the weights of its `events` in the test sum to more than 0 for that user.

    Parameters
    ----------
    split : Split
    exclude : Interactions (U users), optional
        Leave out the items of these entries: the same that are left out of the rankings.
    events : names in `merx.data.schema.EVENTS`
        Purchases less refunds where not given.

    Returns
    -------
    bool CSR (U, I), sorted, without duplicates; a row is empty where the user took nothing.
    """
    codes = [EVENT_CODE[name] for name in events]
    taken = split.test.keep(np.isin(split.test.event, codes)).matrix().astype(bool)  # (U, I)
    if exclude is not None:
        taken = (taken > exclude.seen()).tocsr()
        taken.sort_indices()
    return taken


def check_no_leak(train: Interactions, test: Interactions, cut: int | None = None) -> None:
    """Raise DataError where train reaches into the test.

    Train must end before the cut, where one is given, and before the earliest entry of the test. An
    error also tells how many of the offending entries (user, item, time, event) are in the test too.
    """
    if train.n_users != test.n_users or train.items != test.items:
        raise DataError(
            f"split: train has {train.n_users:,} shoppers and {train.n_items:,} items, test has "
            f"{test.n_users:,} and {test.n_items:,}, or their items differ. Both must have the same rows and "
            "the same item vocabulary; make them with split_by_time."
        )
    begins = ([] if cut is None else [cut]) + ([int(test.time.min())] if len(test) else [])
    if not begins:
        return
    start = min(begins)
    late = train.keep(train.time >= start)
    if not len(late):
        return
    offending, tested = _entries(late), set(_entries(test))
    copied = sum(entry in tested for entry in offending)
    examples = ", ".join(
        f"shopper row {user}, item {train.items.ids[item].as_py()!r}, {_when(time)}"
        for user, item, time, _ in offending[:3]
    )
    raise DataError(
        f"train: {len(late):,} of {len(train):,} entries are at or after {_when(start)}, where the test "
        f"begins (first: {examples}). {copied:,} of them are in the test too. A model fitted on them has "
        "seen what it is judged on; split with split_by_time before anything is fitted."
    )


def check_blind(
    pipeline: Callable[[Interactions, int], np.ndarray],
    interactions: Interactions,
    cut: int,
    *,
    seed: int = 0,
) -> None:
    """Raise DataError where the scores of a whole pipeline depend on what happened after the cut.

    The pipeline is run twice: on the interactions as they are, and with every entry of the test moved to
    another item. What is before the cut stays the same, so the scores must too, to the last bit. This
    finds leaks that no look at the train entries can: item features, vocabularies or tuning that were
    made from all of the data. A pipeline that is not repeatable fails as well.

    Parameters
    ----------
    pipeline : (interactions, cut) -> scores (U, I)
        Splits, fits and scores; it is given everything, and must not look past the cut.
    interactions : Interactions (U users, I items)
    cut : int
        Microseconds since 1970, UTC.
    seed : int
        Of the items that the test is moved to.
    """
    after = interactions.time >= cut  # (N,)
    n_items = interactions.n_items
    if n_items < 2 or not after.any():
        return
    shift = np.random.default_rng(seed).integers(1, n_items, len(after))  # (N,), never a full turn
    moved = np.where(after, (interactions.item + shift) % n_items, interactions.item)
    told = pipeline(interactions, cut)  # (U, I)
    untold = pipeline(replace(interactions, item=moved.astype(np.int32)), cut)
    same = (told == untold) | (np.isnan(told) & np.isnan(untold))
    if not same.all():
        row = int(np.flatnonzero(~same.all(axis=1))[0])
        raise DataError(
            f"pipeline: {np.count_nonzero(~same):,} of {same.size:,} scores change (first: shopper row {row})"
            f", though only entries at or after {_when(cut)} did. It reads the test or is not repeatable; "
            "give every step the entries before the cut only, and every draw a seed."
        )


def _entries(interactions: Interactions) -> list[tuple[int, int, int, int]]:
    """(user, item, time, event) of every entry."""
    return list(
        zip(
            interactions.user.tolist(),
            interactions.item.tolist(),
            interactions.time.tolist(),
            interactions.event.tolist(),
            strict=True,
        )
    )


def _span(interactions: Interactions) -> str:
    if not len(interactions):
        return ""
    return f"; they run from {_when(interactions.time.min())} to {_when(interactions.time.max())}"


def _when(time: int) -> str:
    """2024-03-01 10:11:12 UTC; parts of a second only where there are any."""
    return str(np.datetime64(int(time), "us")).replace("T", " ").removesuffix(".000000") + " UTC"
