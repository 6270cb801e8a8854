"""Relations between shoppers, and what friends did. Portable as in `merx.store.queries`."""

import pyarrow as pa

from merx.data.schema import TIME
from merx.store.query import HISTORY, Query

SOCIAL_QUERIES: dict[str, Query] = {
    # Who is tied to whom by each kind of relation, how strongly, and since when (null: not known).
    "relations": Query(
        """
        SELECT user_id, other_user_id, kind, CAST(sum(CAST(weight AS DECIMAL(18, 6))) AS DOUBLE) AS weight,
               min(time) AS time
        FROM relations
        WHERE user_id <> other_user_id AND weight > 0
        GROUP BY user_id, other_user_id, kind
        ORDER BY user_id, other_user_id, kind
        """,
        pa.schema(
            [
                ("user_id", pa.string()),
                ("other_user_id", pa.string()),
                ("kind", pa.string()),
                ("weight", pa.float64()),
                ("time", TIME),
            ]
        ),
    ),
    # Whom one shopper is tied to.
    "friends": Query(
        """
        SELECT other_user_id AS user_id, kind,
               CAST(sum(CAST(weight AS DECIMAL(18, 6))) AS DOUBLE) AS weight
        FROM relations
        WHERE user_id = :user AND other_user_id <> :user AND weight > 0
        GROUP BY other_user_id, kind
        ORDER BY other_user_id, kind
        """,
        pa.schema([("user_id", pa.string()), ("kind", pa.string()), ("weight", pa.float64())]),
        ("user",),
    ),
    # The histories of these, oldest first. A mere impression in a list is no history.
    "friend_histories": Query(
        """
        SELECT user_id, item_id, event, time, value, quantity FROM events
        WHERE user_id IN (
            SELECT other_user_id FROM relations
            WHERE user_id = :user AND other_user_id <> :user AND weight > 0
        ) AND item_id IS NOT NULL
          AND event NOT IN ('view_item_list', 'view_promotion', 'view_search_results')
        ORDER BY time, item_id, user_id, event, value NULLS LAST, quantity NULLS LAST
        """,
        HISTORY,
        ("user",),
    ),
}
