"""The odd cases that `merx check` looks for: the worst few rows, each with the totals over all of them.

Portable as in `merx.store.queries`. No query joins events with events: each groups a table first, and joins
what comes out.

Medians are weighted medians over distinct values, as exact percentiles are not portable at size: of the
values in ascending order, the first at which half of the lines is reached.
"""

import pyarrow as pa

from merx.store.quality_queries import BROWSING, CATALOGUE, counts
from merx.store.query import Query

_ACTING = "'add_to_wishlist', 'add_to_cart', 'begin_checkout', 'add_payment_info', 'purchase', 'rate'"

CASE_QUERIES: dict[str, Query] = {
    # Products in events that the catalogue lacks: the three with most events.
    "quality_unlisted": Query(
        """
        WITH seen AS (
            SELECT item_id, count(*) AS n FROM events WHERE item_id IS NOT NULL GROUP BY item_id
        ), listed AS (SELECT DISTINCT item_id FROM products)
        SELECT seen.item_id AS item_id, n, count(*) OVER () AS items, sum(n) OVER () AS events
        FROM seen LEFT JOIN listed ON seen.item_id = listed.item_id
        WHERE listed.item_id IS NULL
        ORDER BY n DESC, item_id LIMIT 3
        """,
        pa.schema([("item_id", pa.string()), *counts("n", "items", "events")]),
    ),
    # Titles that several products bear, but for case, blanks and punctuation; variants of one product may.
    "quality_titles": Query(
        f"""
        WITH named AS (
            SELECT translate(lower(title), ' .,;-_/', '') AS name, title, item_id,
                   coalesce(item_group_id, item_id) AS product
            FROM ({CATALOGUE}) AS catalogue WHERE title IS NOT NULL
        ), shared AS (
            SELECT min(title) AS title, count(*) AS n, min(item_id) AS one, max(item_id) AS other
            FROM named WHERE name <> '' GROUP BY name HAVING count(DISTINCT product) > 1
        )
        SELECT title, n, one, other, count(*) OVER () AS titles, sum(n) OVER () AS products
        FROM shared ORDER BY n DESC, title LIMIT 3
        """,  # noqa: S608
        pa.schema(
            [
                ("title", pa.string()),
                *counts("n"),
                ("one", pa.string()),
                ("other", pa.string()),
                *counts("titles", "products"),
            ]
        ),
    ),
    # Product ids that differ only in case or in blanks.
    "quality_ids": Query(
        """
        WITH ids AS (
            SELECT item_id FROM events WHERE item_id IS NOT NULL UNION SELECT item_id FROM products
        ), shared AS (
            SELECT count(*) AS n, min(item_id) AS one, max(item_id) AS other
            FROM ids GROUP BY lower(replace(item_id, ' ', '')) HAVING count(*) > 1
        )
        SELECT one, other, count(*) OVER () AS groups_found, sum(n) OVER () AS ids_found
        FROM shared ORDER BY n DESC, one LIMIT 3
        """,
        pa.schema([("one", pa.string()), ("other", pa.string()), *counts("groups_found", "ids_found")]),
    ),
    # Order lines of a quantity far above what is usual for the product (for products with few lines: for the
    # shop), by the robust z of log quantity: the distance to the median in
    # spreads, 1.4826 times the median distance (Iglewicz & Hoaglin 1993), of which the shop's half, and
    # `floor`, are the least.
    "quality_quantities": Query(
        f"""
        WITH lines AS (
            SELECT item_id, quantity, count(*) AS n, CAST(min(time) AS DATE) AS day FROM events
            WHERE event = 'purchase' AND item_id IS NOT NULL GROUP BY item_id, quantity
        ), shop_lines AS (
            SELECT quantity, sum(n) AS n FROM lines GROUP BY quantity
        ), shop_running AS (
            SELECT quantity, sum(n) OVER (ORDER BY quantity) AS upto, sum(n) OVER () AS total FROM shop_lines
        ), shop_median AS (
            SELECT min(quantity) AS usual FROM shop_running WHERE 2 * upto >= total
        ), shop_apart AS (
            SELECT abs(ln(quantity / usual)) AS apart, sum(n) AS n FROM shop_lines CROSS JOIN shop_median
            GROUP BY abs(ln(quantity / usual))
        ), shop_apart_running AS (
            SELECT apart, sum(n) OVER (ORDER BY apart) AS upto, sum(n) OVER () AS total FROM shop_apart
        ), shop AS (
            SELECT max(usual) AS usual, min(apart) AS apart FROM shop_apart_running CROSS JOIN shop_median
            WHERE 2 * upto >= total
        ), running AS (
            SELECT item_id, quantity, sum(n) OVER (PARTITION BY item_id ORDER BY quantity) AS upto,
                   sum(n) OVER (PARTITION BY item_id) AS total
            FROM lines
        ), median_of AS (
            SELECT item_id, min(quantity) AS usual, max(total) AS total FROM running
            WHERE 2 * upto >= total GROUP BY item_id
        ), compared AS (
            SELECT lines.item_id, quantity, n, day,
                   CASE WHEN total >= :lines THEN median_of.usual ELSE shop.usual END AS usual, total,
                   shop.apart AS shop_apart
            FROM lines JOIN median_of ON lines.item_id = median_of.item_id CROSS JOIN shop
        ), apart_running AS (
            SELECT item_id, abs(ln(quantity / usual)) AS apart,
                   sum(n) OVER (PARTITION BY item_id ORDER BY abs(ln(quantity / usual))) AS upto, total,
                   shop_apart
            FROM compared
        ), spread AS (
            SELECT item_id,
                   CASE WHEN max(total) >= :lines THEN greatest(min(apart), max(shop_apart) / 2.0)
                        ELSE max(shop_apart) END AS apart
            FROM apart_running WHERE 2 * upto >= total GROUP BY item_id
        ), far AS (
            SELECT compared.item_id, quantity, usual, n, day
            FROM compared JOIN spread ON compared.item_id = spread.item_id
            WHERE quantity > usual
              AND ln(quantity / usual) > :z * greatest(1.4826 * spread.apart, :floor)
        ), returned AS (
            SELECT item_id, quantity, count(*) AS n FROM events
            WHERE event = 'refund' AND item_id IS NOT NULL GROUP BY item_id, quantity
        )
        SELECT far.item_id AS item_id, title, far.quantity AS quantity, usual, far.n AS n, day,
               least(coalesce(returned.n, 0), far.n) AS returned,
               count(*) OVER () AS cases_found,
               sum(far.n) OVER () AS lines_found,
               sum(far.n * far.quantity) OVER () AS units_found,
               sum(least(coalesce(returned.n, 0), far.n)) OVER () AS returned_found
        FROM far LEFT JOIN returned ON far.item_id = returned.item_id AND far.quantity = returned.quantity
                 LEFT JOIN ({CATALOGUE}) AS catalogue ON far.item_id = catalogue.item_id
        ORDER BY quantity DESC, item_id LIMIT 3
        """,  # noqa: S608
        pa.schema(
            [
                ("item_id", pa.string()),
                ("title", pa.string()),
                ("quantity", pa.float64()),
                ("usual", pa.float64()),
                *counts("n"),
                ("day", pa.date32()),
                *counts("returned", "cases_found", "lines_found"),
                ("units_found", pa.float64()),
                *counts("returned_found"),
            ]
        ),
        ("lines", "z", "floor"),
    ),
    # Order lines at a price far from the product's median. `slips` lie within 1 % of a factor 10 or 100.
    "quality_prices": Query(
        f"""
        WITH lines AS (
            SELECT item_id, price, count(*) AS n FROM events
            WHERE event = 'purchase' AND item_id IS NOT NULL AND price > 0 GROUP BY item_id, price
        ), running AS (
            SELECT item_id, price, n, sum(n) OVER (PARTITION BY item_id ORDER BY price) AS upto,
                   sum(n) OVER (PARTITION BY item_id) AS total
            FROM lines
        ), median_of AS (
            SELECT item_id, min(price) AS usual FROM running
            WHERE 2 * upto >= total AND total >= :lines GROUP BY item_id
        ), far AS (
            SELECT lines.item_id, price, usual, n, abs(ln(price / usual)) AS apart,
                   CASE WHEN abs(abs(ln(price / usual)) - ln(10.0)) < 0.01
                          OR abs(abs(ln(price / usual)) - ln(100.0)) < 0.01 THEN 1 ELSE 0 END AS slip
            FROM lines JOIN median_of ON lines.item_id = median_of.item_id
            WHERE abs(ln(price / usual)) > ln(:factor)
        ), items AS (SELECT count(DISTINCT item_id) AS items_found FROM far)
        SELECT far.item_id AS item_id, title, far.price AS price, usual, n, slip, items_found,
               count(*) OVER () AS cases_found, sum(n) OVER () AS lines_found,
               sum(n * slip) OVER () AS slips_found
        FROM far CROSS JOIN items LEFT JOIN ({CATALOGUE}) AS catalogue ON far.item_id = catalogue.item_id
        ORDER BY slip DESC, apart DESC, item_id LIMIT 3
        """,  # noqa: S608
        pa.schema(
            [
                ("item_id", pa.string()),
                ("title", pa.string()),
                ("price", pa.float64()),
                ("usual", pa.float64()),
                *counts("n", "slip", "items_found", "cases_found", "lines_found", "slips_found"),
            ]
        ),
        ("lines", "factor"),
    ),
    # Steps in the shop's price list by a factor of about 10 or 100, up or down.
    "quality_price_steps": Query(
        """
        WITH steps AS (
            SELECT item_id, time, price,
                   lag(price) OVER (PARTITION BY item_id ORDER BY time, version) AS before
            FROM prices WHERE competitor IS NULL AND NOT from_orders AND price > 0
        ), far AS (
            SELECT item_id, CAST(time AS DATE) AS day, price, before FROM steps
            WHERE before > 0 AND (abs(abs(ln(price / before)) - ln(10.0)) < 0.01
                                  OR abs(abs(ln(price / before)) - ln(100.0)) < 0.01)
        )
        SELECT item_id, day, before, price, count(*) OVER () AS steps_found FROM far
        ORDER BY abs(ln(price / before)) DESC, item_id, day LIMIT 3
        """,
        pa.schema(
            [
                ("item_id", pa.string()),
                ("day", pa.date32()),
                ("before", pa.float64()),
                ("price", pa.float64()),
                *counts("steps_found"),
            ]
        ),
    ),
    # Visitors who look at more products in an hour than a person does, or at hundreds a day and never act.
    "quality_bots": Query(
        f"""
        WITH hourly AS (
            SELECT coalesce(user_id, session_id) AS visitor, date_trunc('hour', time) AS hour_start,
                   count(*) AS n,
                   sum(CASE WHEN event IN ({BROWSING}) THEN 1 ELSE 0 END) AS looks,
                   sum(CASE WHEN event IN ({_ACTING}) THEN 1 ELSE 0 END) AS acts
            FROM events WHERE coalesce(user_id, session_id) IS NOT NULL
            GROUP BY coalesce(user_id, session_id), date_trunc('hour', time)
        ), daily AS (
            SELECT visitor, CAST(hour_start AS DATE) AS day, sum(n) AS n, sum(looks) AS looks,
                   sum(acts) AS acts, max(looks) AS in_an_hour
            FROM hourly GROUP BY visitor, CAST(hour_start AS DATE)
        ), visitors AS (
            SELECT visitor, sum(n) AS n, max(in_an_hour) AS in_an_hour,
                   max(CASE WHEN acts = 0 THEN looks ELSE 0 END) AS idle_in_a_day, sum(acts) AS acts
            FROM daily GROUP BY visitor
        )
        SELECT visitor, n, in_an_hour, idle_in_a_day,
               count(*) OVER () AS visitors_found, sum(n) OVER () AS events_found
        FROM visitors WHERE in_an_hour > :hourly OR (acts = 0 AND idle_in_a_day > :daily)
        ORDER BY n DESC, visitor LIMIT 3
        """,  # noqa: S608
        pa.schema(
            [
                ("visitor", pa.string()),
                *counts("n", "in_an_hour", "idle_in_a_day", "visitors_found", "events_found"),
            ]
        ),
        ("hourly", "daily"),
    ),
}
