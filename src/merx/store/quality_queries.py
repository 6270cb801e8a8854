"""What `merx check` counts: how much there is of what, one row a query, but for days and currencies.

Portable as in `merx.store.queries`. No query joins events with events: each reads a table once and groups it.
"""

import pyarrow as pa

from merx.data.schema import TIME
from merx.store.query import Query

BROWSING = "'view_item', 'view_item_list', 'select_item', 'view_search_results', 'search', 'page_view'"

# The latest row of each product.
CATALOGUE = """
    SELECT item_id, title, description, category, price, cost_of_goods_sold, item_group_id FROM (
        SELECT *, row_number() OVER (PARTITION BY item_id ORDER BY version DESC) AS newest FROM products
    ) AS versions
    WHERE newest = 1
"""


def counts(*names: str) -> list[tuple[str, pa.DataType]]:
    """The schema of some whole numbers."""
    return [(name, pa.int64()) for name in names]


QUALITY_QUERIES: dict[str, Query] = {
    # The events as a whole: one row.
    "quality_events": Query(
        f"""
        SELECT count(*) AS events,
               count(*) - count(user_id) AS anonymous,
               count(session_id) AS in_session,
               coalesce(sum(CASE WHEN user_id IS NOT NULL AND item_id IS NOT NULL THEN 1 ELSE 0 END), 0)
                   AS personal,
               coalesce(sum(CASE WHEN event IN ({BROWSING}) THEN 1 ELSE 0 END), 0) AS browsing,
               coalesce(sum(CASE WHEN event = 'view_item' THEN 1 ELSE 0 END), 0) AS views,
               coalesce(sum(CASE WHEN event = 'add_to_cart' THEN 1 ELSE 0 END), 0) AS carts,
               coalesce(sum(CASE WHEN event = 'purchase' THEN 1 ELSE 0 END), 0) AS purchases,
               coalesce(sum(CASE WHEN event = 'purchase' AND user_id IS NULL THEN 1 ELSE 0 END), 0)
                   AS anonymous_purchases,
               coalesce(sum(CASE WHEN event = 'purchase' AND price IS NULL THEN 1 ELSE 0 END), 0) AS unpriced,
               coalesce(sum(CASE WHEN event = 'refund' THEN 1 ELSE 0 END), 0) AS refunds,
               coalesce(sum(CASE WHEN event = 'rate' AND value IS NOT NULL THEN 1 ELSE 0 END), 0) AS ratings,
               coalesce(sum(CASE WHEN event = 'purchase' THEN quantity ELSE 0 END), 0) AS bought,
               coalesce(sum(CASE WHEN event = 'refund' THEN quantity ELSE 0 END), 0) AS returned,
               coalesce(sum(CASE WHEN time = CAST(CAST(time AS DATE) AS TIMESTAMP) THEN 1 ELSE 0 END), 0)
                   AS midnight,
               count(DISTINCT extract(hour FROM time)) AS hours,
               min(time) AS first_time,
               max(time) AS last_time
        FROM events
        """,  # noqa: S608
        pa.schema(
            [
                *counts("events", "anonymous", "in_session", "personal", "browsing", "views", "carts"),
                *counts("purchases", "anonymous_purchases", "unpriced", "refunds", "ratings"),
                ("bought", pa.float64()),
                ("returned", pa.float64()),
                *counts("midnight", "hours"),
                ("first_time", TIME),
                ("last_time", TIME),
            ]
        ),
    ),
    # Every day with an event: how many, and when its last purchase was.
    "quality_days": Query(
        """
        SELECT CAST(time AS DATE) AS day, count(*) AS events,
               max(CASE WHEN event = 'purchase' THEN time END) AS last_purchase
        FROM events GROUP BY CAST(time AS DATE) ORDER BY day
        """,
        pa.schema([("day", pa.date32()), ("events", pa.int64()), ("last_purchase", TIME)]),
    ),
    # The currencies, most frequent first.
    "quality_currencies": Query(
        """
        SELECT currency, count(*) AS n FROM events WHERE currency IS NOT NULL
        GROUP BY currency ORDER BY n DESC, currency
        """,
        pa.schema([("currency", pa.string()), ("n", pa.int64())]),
    ),
    # Known shoppers: one row.
    "quality_users": Query(
        """
        WITH users AS (
            SELECT user_id, count(*) AS n, count(DISTINCT item_id) AS items,
                   count(DISTINCT CASE WHEN event = 'purchase' THEN CAST(time AS DATE) END) AS buying_days
            FROM events WHERE user_id IS NOT NULL GROUP BY user_id
        ), compared AS (
            SELECT user_id, n, items, buying_days, max(n) OVER () AS most FROM users
        )
        SELECT count(*) AS users,
               coalesce(sum(CASE WHEN n = 1 THEN 1 ELSE 0 END), 0) AS one_event,
               coalesce(sum(CASE WHEN items >= 2 THEN 1 ELSE 0 END), 0) AS two_items,
               coalesce(sum(CASE WHEN buying_days >= 1 THEN 1 ELSE 0 END), 0) AS buyers,
               coalesce(sum(CASE WHEN buying_days >= 2 THEN 1 ELSE 0 END), 0) AS repeat_buyers,
               coalesce(max(n), 0) AS most_events,
               min(CASE WHEN n = most THEN user_id END) AS busiest
        FROM compared
        """,
        pa.schema(
            [
                *counts("users", "one_event", "two_items", "buyers", "repeat_buyers", "most_events"),
                ("busiest", pa.string()),
            ]
        ),
    ),
    # How evidence spreads over the products that have events: one row. Gini: 0 all alike, 1 all on one.
    "quality_items": Query(
        """
        WITH items AS (
            SELECT item_id, count(*) AS n, count(DISTINCT user_id) AS users
            FROM events WHERE item_id IS NOT NULL GROUP BY item_id
        ), ordered AS (
            SELECT n, users, row_number() OVER (ORDER BY n, item_id) AS place, count(*) OVER () AS total
            FROM items
        )
        SELECT count(*) AS items,
               coalesce(sum(n), 0) AS events,
               coalesce(sum(CASE WHEN n < :few THEN 1 ELSE 0 END), 0) AS few,
               coalesce(sum(CASE WHEN users >= :shared THEN 1 ELSE 0 END), 0) AS shared,
               coalesce(sum(CASE WHEN place > total - ceil(total / 100.0) THEN n ELSE 0 END), 0)
                   AS top_events,
               coalesce(2.0 * sum(CAST(place AS DOUBLE) * n) / (count(*) * CAST(sum(n) AS DOUBLE))
                        - (count(*) + 1.0) / count(*), 0) AS gini
        FROM ordered
        """,
        pa.schema([*counts("items", "events", "few", "shared", "top_events"), ("gini", pa.float64())]),
        ("few", "shared"),
    ),
    # Products that sold: one row. `steady` sold on enough days, and for the first time by `since`.
    "quality_sales": Query(
        """
        WITH sold AS (
            SELECT item_id, sum(quantity) AS units, count(DISTINCT CAST(time AS DATE)) AS days,
                   CAST(min(time) AS DATE) AS first_day
            FROM events WHERE event = 'purchase' AND item_id IS NOT NULL GROUP BY item_id
        ), costs AS (
            SELECT item_id FROM prices WHERE cost IS NOT NULL AND competitor IS NULL
            UNION SELECT item_id FROM products WHERE cost_of_goods_sold IS NOT NULL
        ), stocked AS (SELECT DISTINCT item_id FROM stock)
        SELECT count(*) AS items,
               coalesce(sum(units), 0) AS units,
               coalesce(sum(CASE WHEN days >= :days AND first_day <= :since THEN 1 ELSE 0 END), 0) AS steady,
               coalesce(sum(CASE WHEN days >= :days AND first_day <= :since THEN units ELSE 0 END), 0)
                   AS steady_units,
               count(costs.item_id) AS with_cost,
               count(stocked.item_id) AS with_stock
        FROM sold LEFT JOIN costs ON sold.item_id = costs.item_id
                  LEFT JOIN stocked ON sold.item_id = stocked.item_id
        """,
        pa.schema(
            [
                *counts("items"),
                ("units", pa.float64()),
                *counts("steady"),
                ("steady_units", pa.float64()),
                *counts("with_cost", "with_stock"),
            ]
        ),
        ("days", "since"),
    ),
    # Prices of products that sold: one row. Prices closer than 1 % of each other count as one.
    "quality_price_moves": Query(
        """
        WITH moves AS (
            SELECT item_id, count(DISTINCT round(100.0 * ln(price))) AS steps,
                   CAST(min(time) AS DATE) AS first_day
            FROM prices WHERE competitor IS NULL AND price > 0 GROUP BY item_id
        ), sold AS (
            SELECT item_id, sum(quantity) AS units FROM events
            WHERE event = 'purchase' AND item_id IS NOT NULL GROUP BY item_id
        )
        SELECT count(*) AS items,
               coalesce(sum(CASE WHEN steps >= 2 THEN 1 ELSE 0 END), 0) AS moved,
               coalesce(sum(CASE WHEN steps >= :prices AND first_day <= :since AND units >= :units
                                 THEN 1 ELSE 0 END), 0) AS carrying
        FROM moves JOIN sold ON moves.item_id = sold.item_id
        """,
        pa.schema(counts("items", "moved", "carrying")),
        ("prices", "since", "units"),
    ),
    # The catalogue: one row. `unseen` products have no event.
    "quality_catalogue": Query(
        f"""
        WITH seen AS (SELECT DISTINCT item_id FROM events WHERE item_id IS NOT NULL)
        SELECT count(*) AS products,
               count(title) AS titled,
               count(category) AS categorised,
               count(description) AS described,
               count(*) - count(seen.item_id) AS unseen
        FROM ({CATALOGUE}) AS catalogue LEFT JOIN seen ON catalogue.item_id = seen.item_id
        """,  # noqa: S608
        pa.schema(counts("products", "titled", "categorised", "described", "unseen")),
    ),
    # Relations between shoppers: one row. `known` of the shoppers named have events.
    "quality_relations": Query(
        """
        WITH related AS (
            SELECT user_id FROM relations UNION SELECT other_user_id AS user_id FROM relations
        ), seen AS (SELECT DISTINCT user_id FROM events WHERE user_id IS NOT NULL)
        SELECT count(*) AS users, count(seen.user_id) AS known
        FROM related LEFT JOIN seen ON related.user_id = seen.user_id
        """,
        pa.schema(counts("users", "known")),
    ),
}
