"""Small worlds with an answer known beforehand."""

from dataclasses import replace

import numpy as np
import pyarrow as pa

from merx.data.catalogue import Catalogue
from merx.data.interactions import Interactions
from merx.data.relations import Relations
from merx.data.schema import EVENT_CODE
from merx.data.vocabulary import Vocabulary
from merx.media.features import features_of

DAY = 86_400_000_000


def interactions(rows: list[tuple[int, str, float, int]], items: list[str], users: int) -> Interactions:
    """Histories from rows (user, item id, weight, day), in any order."""
    vocabulary = Vocabulary.of(items)
    rows = sorted(rows, key=lambda row: (row[0], row[3]))
    user = np.array([row[0] for row in rows], dtype=np.int64)
    return Interactions(
        offsets=np.concatenate([[0], np.cumsum(np.bincount(user, minlength=users))]).astype(np.int64),
        item=vocabulary.codes([row[1] for row in rows]),
        weight=np.array([row[2] for row in rows], np.float32),
        time=np.array([row[3] * DAY for row in rows], np.int64),
        event=np.full(len(rows), 10, np.int8),
        items=vocabulary,
    )


def checkerboard(users: int = 20, items: int = 12) -> Interactions:
    """User u has met every item i with the same parity, except item u % items (of either parity).

    What is missing from an even user's row is an even item: the one right recommendation.
    """
    rows = [
        (u, f"i{i:02d}", 1.0, i)
        for u in range(users)
        for i in range(items)
        if i % 2 == u % 2 and i != u % items
    ]
    return interactions(rows, [f"i{i:02d}" for i in range(items)], users)


def ratings(rows: list[tuple[int, str, float, int]], items: list[str], users: int) -> Interactions:
    """Histories of nothing but ratings, from rows (user, item id, stars, day), in any order."""
    found = interactions(rows, items, users)
    return replace(found, event=np.full(len(found), EVENT_CODE["rate"], np.int8))


def rated_checkerboard(users: int = 20, items: int = 12) -> Interactions:
    """User u gave 5 stars to items of the same parity and 1 to others, and did not rate three of the items.

    Of these, item u % items is of the same parity and the other two are not: the one right recommendation is
    the same as on the `checkerboard`. The means of users and of items tell nothing: half of all is liked.
    """
    rows = [
        (u, f"i{i:02d}", 5.0 if i % 2 == u % 2 else 1.0, i)
        for u in range(users)
        for i in range(items)
        if (i - u) % items not in (0, 1, 5)
    ]
    return ratings(rows, [f"i{i:02d}" for i in range(items)], users)


def random_histories(seed: int, users: int = 30, items: int = 25) -> Interactions:
    """Random histories, repeats, refunds, ratings and empty ones included."""
    rng = np.random.default_rng(seed)
    rows = [
        (
            int(u),
            f"i{rng.integers(items):02d}",
            float(rng.choice([1.0, 3.0, 5.0, -5.0])),
            int(rng.integers(60)),
        )
        for u in rng.integers(1, users, size=users * 6)
    ]
    found = interactions(rows, [f"i{i:02d}" for i in range(items)], users)
    rated = np.where(found.time // DAY % 3 > 0, EVENT_CODE["rate"], EVENT_CODE["purchase"])
    event = np.where(found.weight < 0, EVENT_CODE["refund"], rated)
    return replace(found, event=event.astype(np.int8))


def catalogue(items: Vocabulary) -> Catalogue:
    """A catalogue in which items of one parity have the words of their title and their category in common."""
    even = [int(name[1:]) % 2 == 0 for name in items.ids.to_pylist()]
    return Catalogue(
        items=items,
        title=pa.array(["red wool hat" if e else "blue steel pan" for e in even]),
        description=pa.array([None] * len(items), pa.string()),
        brand=pa.array(["Woolly" if e else "Pans & Co" for e in even]),
        category=pa.array(["Clothes > Hats" if e else "Kitchen" for e in even]),
        price=np.array([10.0 if e else 30.0 for e in even]),
        cost=np.full(len(items), np.nan),
    )


def given(reads: tuple[str, ...], histories: Interactions) -> list[object]:
    """The inputs of those names (see `merx.fitting.Inputs`) in the world of these histories."""
    made = {
        "histories": lambda: histories,
        "relations": lambda: Relations.of(histories.n_users, *np.zeros((3, 0), int)),
        "sessions": lambda: histories,
        # met so often that it can be told from chance
        "baskets": lambda: histories.take(np.tile(np.arange(histories.n_users), 20)),
        "views": lambda: histories.take(np.tile(np.arange(histories.n_users), 20)),
        "catalogue": lambda: catalogue(histories.items),
        "features": lambda: features_of(catalogue(histories.items)),
    }
    return [made[name]() for name in reads]
