"""What customers bought and did, by day. How these texts are written: `merx.store.queries`."""

import pyarrow as pa

from merx.store.query import Query

_NUMBERS = ("events", "views", "carts", "orders", "items", "sessions", "revenue")

CUSTOMER_QUERIES: dict[str, Query] = {
    # What known shoppers did on each day before a moment.
    "activity": Query(
        """
        SELECT user_id, CAST(time AS DATE) AS day,
               count(*) AS events,
               sum(CASE WHEN event = 'view_item' THEN 1 ELSE 0 END) AS views,
               sum(CASE WHEN event = 'add_to_cart' THEN 1 ELSE 0 END) AS carts,
               count(DISTINCT CASE WHEN event = 'purchase' THEN coalesce(transaction_id, '') END) AS orders,
               count(DISTINCT item_id) AS items,
               count(DISTINCT session_id) AS sessions,
               sum(CASE WHEN event = 'purchase' THEN CAST(coalesce(quantity * price, 0) AS DECIMAL(18, 4))
                   ELSE 0 END) AS revenue
        FROM events
        WHERE user_id IS NOT NULL AND event <> 'refund' AND time < CAST(:until AS TIMESTAMP)
        GROUP BY user_id, CAST(time AS DATE)
        ORDER BY user_id, day
        """,
        pa.schema(
            [("user_id", pa.string()), ("day", pa.date32()), *((name, pa.float64()) for name in _NUMBERS)]
        ),
        ("until",),
    ),
    # Days on which known shoppers bought something that they kept, and its value, before a moment.
    # A refund takes units of its product back from the order that it names, else from the shopper's latest
    # orders of the product; an order of which nothing was kept is no purchase.
    "purchase_days": Query(
        """
        SELECT user_id, CAST(time AS DATE) AS day,
               sum(CAST(kept * coalesce(paid / bought, 0) AS DECIMAL(18, 4))) AS value
        FROM (
            SELECT user_id, time, bought, paid,
                   least(net, owned - coalesce(sum(greatest(net, 0)) OVER (
                       PARTITION BY user_id, item_id ORDER BY time, order_id
                       ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)) AS kept
            FROM (
                SELECT *, sum(net) OVER (PARTITION BY user_id, item_id) AS owned
                FROM (
                    SELECT user_id, item_id, order_id,
                           min(CASE WHEN event = 'purchase' THEN time END) AS time,
                           sum(CASE WHEN event = 'purchase' THEN units ELSE -units END) AS net,
                           sum(CASE WHEN event = 'purchase' THEN units END) AS bought,
                           sum(CASE WHEN event = 'purchase' THEN worth END) AS paid
                    FROM (
                        SELECT user_id, item_id, event, time,
                               coalesce(transaction_id, CAST(CAST(time AS DATE) AS STRING)) AS order_id,
                               CAST(quantity AS DECIMAL(18, 4)) AS units,
                               CAST(quantity * price AS DECIMAL(18, 4)) AS worth
                        FROM events
                        WHERE event IN ('purchase', 'refund') AND user_id IS NOT NULL
                          AND item_id IS NOT NULL AND time < CAST(:until AS TIMESTAMP)
                    ) AS lines
                    GROUP BY user_id, item_id, order_id
                ) AS orders
            ) AS netted
        ) AS left_over
        WHERE bought > 0 AND kept > 0
        GROUP BY user_id, CAST(time AS DATE)
        ORDER BY user_id, day
        """,
        pa.schema([("user_id", pa.string()), ("day", pa.date32()), ("value", pa.float64())]),
        ("until",),
    ),
}
