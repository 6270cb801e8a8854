"""Simulated shoppers whose chances are known."""

import numpy as np
import pyarrow as pa

from merx.data.activity import COUNTS, Activity
from merx.data.vocabulary import Vocabulary

FIRST = 19_000


def activity(rows, users, days, first=FIRST):
    """From rows (user, day from 0, events, orders, revenue), in any order, one for each user and day."""
    rows = sorted(rows)
    table = np.array(rows, float).reshape(len(rows), 5)
    user = table[:, 0].astype(int)
    count = np.zeros((len(rows), len(COUNTS)))
    for place, name in enumerate(COUNTS):
        count[:, place] = table[:, 3] if name == "orders" else table[:, 2]
    return Activity(
        users=Vocabulary(pa.array([f"u{u}" for u in range(users)])),
        offsets=np.concatenate([[0], np.cumsum(np.bincount(user, minlength=users))]),
        day=table[:, 1].astype(np.int64) + first,
        count=count,
        revenue=table[:, 4],
        first=first,
        end=first + days,
    )


def steady_shoppers(users=1500, days=150, seed=0):
    """Shoppers who come on each day with a chance of their own, and order with another; and these chances.

    (U,) the chance to come, to order once there, and the value of an order.
    """
    rng = np.random.default_rng(seed)
    comes = rng.beta(1.0, 8.0, users)
    orders = rng.beta(1.0, 6.0, users)
    worth = rng.gamma(4.0, 10.0, users)
    there = rng.random((users, days)) < comes[:, None]
    ordered = there & (rng.random((users, days)) < orders[:, None])
    user, day = np.nonzero(there)
    bought = ordered[user, day].astype(float)
    events = rng.integers(1, 6, len(user)) + bought
    revenue = bought * worth[user] * rng.gamma(5, 1 / 5, len(user))
    rows = list(zip(user, day, events, bought, revenue, strict=True))
    return activity(rows, users, days), comes, orders, worth
