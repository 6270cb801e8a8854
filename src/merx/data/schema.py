"""The four canonical tables of a shop. Everything that enters is mapped to these, once, at the door.

Times are UTC without a zone, to the microsecond. Prices are per unit, in the shop's currency.
Ids are strings; an absent value is null, never an empty string or a magic number.
"""

import pyarrow as pa

TIME = pa.timestamp("us")
DAY = 86_400_000_000  # in the unit of TIME

EVENTS_TABLE = pa.schema(
    [
        pa.field("event_id", pa.string()),  # as given by the source; null where it gave none
        pa.field("time", TIME, nullable=False),
        pa.field("event", pa.string(), nullable=False),  # one of EVENTS
        pa.field("user_id", pa.string()),  # null: an anonymous shopper
        pa.field("session_id", pa.string()),
        pa.field("item_id", pa.string()),  # null only for events of a page, not of a product
        pa.field("quantity", pa.float64(), nullable=False),  # > 0, also for a refund
        pa.field("price", pa.float64()),  # paid per unit, > 0
        pa.field("currency", pa.string()),
        pa.field("transaction_id", pa.string()),
        pa.field("value", pa.float64()),  # the stars of a `rate` event; otherwise GA4's `value`
    ]
)

PRODUCTS_TABLE = pa.schema(
    [
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("title", pa.string()),
        pa.field("description", pa.string()),
        pa.field("brand", pa.string()),
        pa.field("category", pa.string()),  # levels separated by " > "
        pa.field("price", pa.float64()),
        pa.field("sale_price", pa.float64()),
        pa.field("cost_of_goods_sold", pa.float64()),
        pa.field("availability", pa.string()),  # in_stock, out_of_stock, preorder, backorder
        pa.field("image_link", pa.string()),
        pa.field("item_group_id", pa.string()),  # the product that a variant belongs to
        pa.field("gtin", pa.string()),
        pa.field("pack_size", pa.float64()),  # units, grams or litres in the pack, in one unit within a group
        pa.field("stock_quantity", pa.float64()),  # units in stock
        pa.field("map_price", pa.float64()),  # the least advertised price that the maker allows
        pa.field("msrp", pa.float64()),  # the price that the maker recommends
        pa.field("floor_price", pa.float64()),  # the shop's own least price
        pa.field("ceiling_price", pa.float64()),  # the shop's own highest price
        pa.field("video_link", pa.string()),
    ]
)

ADDED = {
    field.name: "VARCHAR" if pa.types.is_string(field.type) else "DOUBLE"
    for field in list(PRODUCTS_TABLE)[12:]
}
"""Columns that older parts of the products table lack, with their SQL types; they read as null."""

PRICES_TABLE = pa.schema(
    [
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("time", TIME, nullable=False),  # from when on this price held
        pa.field("price", pa.float64(), nullable=False),
        pa.field("cost", pa.float64()),  # of one unit, where known
        pa.field("promotion", pa.bool_()),  # a temporary reduction; null: not known
        pa.field("competitor", pa.string()),  # whose price this is; null: the shop's own
        pa.field("from_orders", pa.bool_(), nullable=False),  # true: seen in orders; false: from a list
    ]
)

RELATIONS_TABLE = pa.schema(
    [
        pa.field("user_id", pa.string(), nullable=False),
        pa.field("other_user_id", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),  # follows, friend, ...
        pa.field("weight", pa.float64(), nullable=False),
        pa.field("time", TIME),
    ]
)

STOCK_TABLE = pa.schema(
    [
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("time", TIME, nullable=False),  # from when on this held
        pa.field("available", pa.bool_(), nullable=False),
    ]
)

TABLES: dict[str, pa.Schema] = {
    "events": EVENTS_TABLE,
    "products": PRODUCTS_TABLE,
    "prices": PRICES_TABLE,
    "relations": RELATIONS_TABLE,
    "stock": STOCK_TABLE,
}

# GA4's names, and `rate` for an explicit rating, which GA4 lacks. The order is part of the saved
# format (an event's code is its place here): append, never insert.
EVENTS: tuple[str, ...] = (
    "view_item",
    "view_item_list",
    "select_item",
    "add_to_wishlist",
    "add_to_cart",
    "remove_from_cart",
    "view_cart",
    "begin_checkout",
    "add_shipping_info",
    "add_payment_info",
    "purchase",
    "refund",
    "rate",
    "search",
    "view_search_results",
    "view_promotion",
    "select_promotion",
    "share",
    "login",
    "sign_up",
    "generate_lead",
    "session_start",
    "first_visit",
    "page_view",
    "user_engagement",
    "scroll",
    "click",
)
EVENT_CODE: dict[str, int] = {name: code for code, name in enumerate(EVENTS)}

# Events that say something about one product, and so must name it.
ITEM_EVENTS: frozenset[str] = frozenset(
    {
        "view_item",
        "select_item",
        "add_to_wishlist",
        "add_to_cart",
        "remove_from_cart",
        "purchase",
        "refund",
        "rate",
    }
)
