"""Visits to the shop: those of anonymous visitors too. Portable as in `merx.store.queries`."""

import pyarrow as pa

from merx.data.schema import TIME
from merx.store.query import Query

# The events of products by visit, of which (user_id, session_id, visit) is the key: those that came with a
# session_id; those of a shopper without one, cut where more than 30 minutes pass between any two of the
# shopper's events; and the orders of nobody known. A mere impression in a list is no part of a visit, nor
# is an event that nothing ties to another.
_VISITS = """
    SELECT user_id, session_id, visit, item_id, event, time, value, quantity FROM (
        SELECT user_id, session_id, CAST(0 AS BIGINT) AS visit, item_id, event, time, value, quantity
        FROM events WHERE session_id IS NOT NULL
        UNION ALL
        SELECT user_id, transaction_id AS session_id, CAST(-1 AS BIGINT) AS visit,
               item_id, event, time, value, quantity
        FROM events WHERE session_id IS NULL AND user_id IS NULL AND transaction_id IS NOT NULL
        UNION ALL
        SELECT user_id, session_id, CAST(1 + sum(pause) OVER (PARTITION BY user_id ORDER BY time) AS BIGINT)
                   AS visit, item_id, event, time, value, quantity
        FROM (
            SELECT *, CASE WHEN time > lag(time) OVER (PARTITION BY user_id ORDER BY time)
                                       + INTERVAL '30' MINUTE THEN 1 ELSE 0 END AS pause
            FROM events WHERE session_id IS NULL AND user_id IS NOT NULL
        ) AS marked
    ) AS visits
    WHERE item_id IS NOT NULL AND event NOT IN ('view_item_list', 'view_promotion', 'view_search_results')
"""

SESSION_QUERIES: dict[str, Query] = {
    # The visits one after the other, each oldest first.
    "sessions": Query(
        f"""
        SELECT user_id, session_id, visit, item_id, event, time, value, quantity
        FROM ({_VISITS}) AS visits
        ORDER BY coalesce(user_id, ''), coalesce(session_id, ''), visit, time, item_id, event, value,
                 quantity
        """,  # noqa: S608
        pa.schema(
            [
                ("user_id", pa.string()),
                ("session_id", pa.string()),
                ("visit", pa.int64()),
                ("item_id", pa.string()),
                ("event", pa.string()),
                ("time", TIME),
                ("value", pa.float64()),
                ("quantity", pa.float64()),
            ]
        ),
    ),
    # How many visits there are: one row. `anonymous` ones have two products and no known shopper.
    "quality_sessions": Query(
        f"""
        WITH visits AS (
            SELECT user_id, count(DISTINCT item_id) AS items FROM ({_VISITS}) AS entries
            GROUP BY user_id, session_id, visit
        )
        SELECT count(*) AS sessions,
               coalesce(sum(CASE WHEN items >= 2 THEN 1 ELSE 0 END), 0) AS two_items,
               coalesce(sum(CASE WHEN items >= 2 AND user_id IS NULL THEN 1 ELSE 0 END), 0) AS anonymous
        FROM visits
        """,  # noqa: S608
        pa.schema([(name, pa.int64()) for name in ("sessions", "two_items", "anonymous")]),
    ),
}
