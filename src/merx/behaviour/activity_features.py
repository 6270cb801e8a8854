"""What a forest sees of a shopper on a day: recency, frequency, value, variety, rhythm of the days before."""

import numpy as np

from merx.data.activity import COUNTS, FAR, Activity

SPANS = (7, 28, 84)  # days
SUMMED = ("days", "events", "views", "carts", "items", "order_days", "revenue")

FEATURES = (
    *(f"{name} in {span} days" for span in SPANS for name in SUMMED),
    "visits in 28 days",
    "orders so far",
    "revenue so far",
    "revenue per order",
    "days since the last visit",
    "days since the last order",
    "days since the first visit",
    "events on the last day",
    "carts on the last day",
    "days between visits",
    "days between orders",
    "visit overdue",
    "order overdue",
)


def features(activity: Activity, user: np.ndarray, day: int) -> np.ndarray:
    """Of shoppers (n,) who were there before a day, float32 (n, K); nothing of that day or later counts.

    NaN where there is nothing to tell, such as the days since an order of one who never ordered.
    """
    columns = []
    for span in SPANS:
        summed = activity.between(user, day - span, day)
        columns += [summed[name] for name in SUMMED]
    month = activity.between(user, day - 28, day)
    ever = activity.between(user, activity.first, day)
    last = activity.entry(user, day) - 1  # of each shopper's days before
    since_visit = day - activity.day[last]
    since_first = day - activity.day[activity.offsets[user]]
    since_order = day - _last_order(activity)[last]
    with np.errstate(divide="ignore", invalid="ignore"):
        per_order = np.where(ever["order_days"] > 0, ever["revenue"] / ever["order_days"], np.nan)
        between_visits = since_first / ever["days"]
        between_orders = np.where(ever["order_days"] > 0, since_first / ever["order_days"], np.nan)
    columns += [
        month["sessions"],
        ever["order_days"],
        ever["revenue"],
        per_order,
        since_visit,
        since_order,
        since_first,
        activity.count[last, COUNTS.index("events")],
        activity.count[last, COUNTS.index("carts")],
        between_visits,
        between_orders,
        since_visit / between_visits,
        since_order / between_orders,
    ]
    return np.column_stack(columns).astype(np.float32)


def _last_order(activity: Activity) -> np.ndarray:
    """The day of the shopper's last order up to each entry, float64 (N,), NaN where there was none."""
    ordered = activity.count[:, COUNTS.index("orders")] > 0
    key = np.where(ordered, activity.user * FAR + activity.day, -1)
    user, day = np.divmod(np.maximum.accumulate(key), FAR)
    return np.where(user == activity.user, day, np.nan)
