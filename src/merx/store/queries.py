"""Every relational reduction, once: one portable SQL text for DuckDB and Spark.

Portable means: parameters as :name, CAST instead of ::, no reserved word `at`, times UTC. Each query
declares its output schema and the engine casts to it. ORDER BY says NULLS LAST where there may be
nulls: engines differ. The relations are the canonical tables; `products`,
`prices` and `stock` also have `version` (BIGINT), larger for rows that were ingested later.
"""

import pyarrow as pa

from merx.data.schema import PRODUCTS_TABLE, TIME
from merx.store.case_queries import CASE_QUERIES
from merx.store.customer_queries import CUSTOMER_QUERIES
from merx.store.quality_queries import QUALITY_QUERIES
from merx.store.query import HISTORY, Query
from merx.store.session_queries import SESSION_QUERIES
from merx.store.social_queries import SOCIAL_QUERIES

QUERIES: dict[str, Query] = {
    **QUALITY_QUERIES,
    **CASE_QUERIES,
    **SESSION_QUERIES,
    **CUSTOMER_QUERIES,
    **SOCIAL_QUERIES,
    # What is there, for the summary: one row.
    "overview": Query(
        """
        SELECT count(*) AS events,
               count(DISTINCT user_id) AS users,
               count(DISTINCT item_id) AS items,
               count(DISTINCT session_id) AS sessions,
               sum(CASE WHEN event = 'purchase' THEN 1 ELSE 0 END) AS purchases,
               coalesce(sum(CASE WHEN event = 'purchase' THEN worth END), 0) AS revenue,
               coalesce(sum(CASE WHEN event = 'refund' THEN worth END), 0) AS refunded,
               sum(CASE WHEN user_id IS NULL THEN 1 ELSE 0 END) AS anonymous,
               min(time) AS first_time,
               max(time) AS last_time
        FROM (
            SELECT *, CAST(coalesce(quantity * price, 0) AS DECIMAL(18, 4)) AS worth FROM events
        ) AS valued
        """,
        pa.schema(
            [
                ("events", pa.int64()),
                ("users", pa.int64()),
                ("items", pa.int64()),
                ("sessions", pa.int64()),
                ("purchases", pa.int64()),
                ("revenue", pa.float64()),
                ("refunded", pa.float64()),
                ("anonymous", pa.int64()),
                ("first_time", TIME),
                ("last_time", TIME),
            ]
        ),
    ),
    # When each item was met first.
    "first_met": Query(
        "SELECT item_id, min(time) AS time FROM events WHERE item_id IS NOT NULL GROUP BY item_id "
        "ORDER BY item_id",
        pa.schema([("item_id", pa.string()), ("time", TIME)]),
    ),
    # When the latest event happened, null where there is none.
    "latest": Query("SELECT max(time) AS time FROM events", pa.schema([("time", TIME)])),
    # What became of each item: how often it was looked at and bought, units sold and sent back.
    "outcomes": Query(
        """
        SELECT item_id,
               sum(CASE WHEN event = 'view_item' THEN 1 ELSE 0 END) AS views,
               sum(CASE WHEN event = 'purchase' THEN 1 ELSE 0 END) AS purchases,
               sum(CASE WHEN event = 'purchase' THEN units ELSE 0 END) AS sold,
               sum(CASE WHEN event = 'refund' THEN units ELSE 0 END) AS returned
        FROM (
            SELECT item_id, event, CAST(quantity AS DECIMAL(18, 6)) AS units FROM events
            WHERE item_id IS NOT NULL AND event IN ('view_item', 'purchase', 'refund')
        ) AS counted
        GROUP BY item_id ORDER BY item_id
        """,
        pa.schema(
            [
                ("item_id", pa.string()),
                ("views", pa.float64()),
                ("purchases", pa.float64()),
                ("sold", pa.float64()),
                ("returned", pa.float64()),
            ]
        ),
    ),
    # Currencies of the orders, the most frequent first.
    "currencies": Query(
        """
        SELECT currency, count(*) AS n FROM events WHERE currency IS NOT NULL
        GROUP BY currency ORDER BY n DESC, currency
        """,
        pa.schema([("currency", pa.string()), ("n", pa.int64())]),
    ),
    # Rows per event name.
    "event_counts": Query(
        "SELECT event, count(*) AS n FROM events GROUP BY event ORDER BY n DESC, event",
        pa.schema([("event", pa.string()), ("n", pa.int64())]),
    ),
    # Histories of all known shoppers, by shopper, oldest first. A mere impression in a list is no history.
    "histories": Query(
        """
        SELECT user_id, item_id, event, time, value, quantity FROM events
        WHERE user_id IS NOT NULL AND item_id IS NOT NULL
          AND event NOT IN ('view_item_list', 'view_promotion', 'view_search_results')
        ORDER BY user_id, time, item_id, event, value NULLS LAST, quantity NULLS LAST
        """,
        HISTORY,
    ),
    # Every item that an event or the catalogue names.
    "items": Query(
        """
        SELECT item_id FROM events WHERE item_id IS NOT NULL
        UNION SELECT item_id FROM products
        ORDER BY item_id
        """,
        pa.schema([("item_id", pa.string())]),
    ),
    # The history of one shopper, oldest first.
    "history": Query(
        """
        SELECT user_id, item_id, event, time, value, quantity FROM events
        WHERE user_id = :user AND item_id IS NOT NULL
          AND event NOT IN ('view_item_list', 'view_promotion', 'view_search_results')
        ORDER BY time, item_id, event, value NULLS LAST, quantity NULLS LAST
        """,
        HISTORY,
        ("user",),
    ),
    # Shoppers with a middling number of purchases, recent ones first.
    "typical_users": Query(
        """
        SELECT user_id FROM (
            SELECT user_id, count(*) AS n, max(time) AS last_time FROM events
            WHERE user_id IS NOT NULL AND item_id IS NOT NULL GROUP BY user_id
        ) AS users
        WHERE n BETWEEN 5 AND 60
        ORDER BY last_time DESC, user_id LIMIT :n
        """,
        pa.schema([("user_id", pa.string())]),
        ("n",),
    ),
    # Products that most purchases were made of.
    "best_sellers": Query(
        """
        SELECT item_id FROM events WHERE event = 'purchase' AND item_id IS NOT NULL
        GROUP BY item_id ORDER BY count(*) DESC, item_id LIMIT :n
        """,
        pa.schema([("item_id", pa.string())]),
        ("n",),
    ),
    # The latest row of each product.
    "products": Query(
        """
        SELECT item_id, title, description, brand, category, price, sale_price, cost_of_goods_sold,
               availability, image_link, item_group_id, gtin, pack_size, stock_quantity, map_price, msrp,
               floor_price, ceiling_price, video_link
        FROM (
            SELECT *, row_number() OVER (PARTITION BY item_id ORDER BY version DESC) AS newest FROM products
        ) AS versions
        WHERE newest = 1
        ORDER BY item_id
        """,
        PRODUCTS_TABLE,
    ),
    # Units sold per product and day, net of the refunds of that day, and revenue. Decimals, because a sum of
    # floats depends on the order in which threads add them.
    "daily_demand": Query(
        """
        SELECT item_id, CAST(time AS DATE) AS day,
               greatest(sum(sign * CAST(quantity AS DECIMAL(18, 6))), 0) AS units,
               sum(sign * CAST(coalesce(quantity * price, 0) AS DECIMAL(18, 4))) AS revenue
        FROM (
            SELECT *, CASE WHEN event = 'purchase' THEN 1 ELSE -1 END AS sign FROM events
            WHERE event IN ('purchase', 'refund') AND item_id IS NOT NULL
        ) AS sales
        GROUP BY item_id, CAST(time AS DATE)
        ORDER BY item_id, day
        """,
        pa.schema(
            [
                ("item_id", pa.string()),
                ("day", pa.date32()),
                ("units", pa.float64()),
                ("revenue", pa.float64()),
            ]
        ),
    ),
    # Units of the largest order line of each product on each day from :day ("2024-12-24") on.
    "largest_orders": Query(
        """
        SELECT item_id, CAST(time AS DATE) AS day, max(CAST(quantity AS DOUBLE)) AS units
        FROM events
        WHERE event = 'purchase' AND item_id IS NOT NULL AND CAST(time AS DATE) >= CAST(:day AS DATE)
        GROUP BY item_id, CAST(time AS DATE)
        ORDER BY item_id, day
        """,
        pa.schema([("item_id", pa.string()), ("day", pa.date32()), ("units", pa.float64())]),
        ("day",),
    ),
    # First and last moment of every day that sold something.
    "business_days": Query(
        """
        SELECT CAST(time AS DATE) AS day, min(time) AS first_time, max(time) AS last_time
        FROM events WHERE event = 'purchase'
        GROUP BY CAST(time AS DATE) ORDER BY day
        """,
        pa.schema([("day", pa.date32()), ("first_time", TIME), ("last_time", TIME)]),
    ),
    # The shop's own price history; of two rows for one moment the one ingested later holds.
    "prices": Query(
        """
        SELECT item_id, time, price, cost, promotion, from_orders FROM (
            SELECT *, row_number() OVER (
                PARTITION BY item_id, time, from_orders ORDER BY version DESC) AS newest
            FROM prices WHERE competitor IS NULL
        ) AS versions
        WHERE newest = 1
        ORDER BY item_id, time, from_orders DESC
        """,
        pa.schema(
            [
                ("item_id", pa.string()),
                ("time", TIME),
                ("price", pa.float64()),
                ("cost", pa.float64()),
                ("promotion", pa.bool_()),
                ("from_orders", pa.bool_()),
            ]
        ),
    ),
    # What others charged, and market series: each under the product's id and whose price it is.
    "competitor_prices": Query(
        """
        SELECT item_id || ' at ' || competitor AS item_id, item_id AS product, time, price FROM (
            SELECT *, row_number() OVER (
                PARTITION BY item_id, competitor, time ORDER BY version DESC) AS newest
            FROM prices WHERE competitor IS NOT NULL AND price > 0
        ) AS versions
        WHERE newest = 1
        ORDER BY item_id || ' at ' || competitor, time
        """,
        pa.schema(
            [("item_id", pa.string()), ("product", pa.string()), ("time", TIME), ("price", pa.float64())]
        ),
    ),
    # The lowest price of others in force for each product.
    "competitors_now": Query(
        """
        SELECT item_id, min(price) AS price FROM (
            SELECT *, row_number() OVER (
                PARTITION BY item_id, competitor ORDER BY time DESC, version DESC) AS newest
            FROM prices WHERE competitor IS NOT NULL AND price > 0
        ) AS versions
        WHERE newest = 1
        GROUP BY item_id ORDER BY item_id
        """,
        pa.schema([("item_id", pa.string()), ("price", pa.float64())]),
    ),
    # Changes of availability.
    "stock": Query(
        """
        SELECT item_id, time, available FROM (
            SELECT *, row_number() OVER (PARTITION BY item_id, time ORDER BY version DESC) AS newest
            FROM stock
        ) AS versions
        WHERE newest = 1
        ORDER BY item_id, time
        """,
        pa.schema([("item_id", pa.string()), ("time", TIME), ("available", pa.bool_())]),
    ),
}
