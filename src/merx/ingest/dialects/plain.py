"""merx's own column names, and what other people commonly call them.

A file need not name every column. Without an `event` column, what else it holds says what happened:

- a quantity, a price or an order: `purchase` (`refund` where the quantity is negative);
- a rating: `rate`;
- only shopper, product and time: `view_item`, the weakest reading. It invents no sales. Whoever knows
  better adds an `event` column.

`amount` and `total` are not read: they may be of a unit, a line or an order.
"""

from merx.data.schema import PRODUCTS_TABLE
from merx.ingest.dialect import Dialect
from merx.ingest.dialects.expressions import first, identifier, renamed, text
from merx.ingest.sql import identifier as column

_USER = (
    "user",
    "customer_id",
    "customer",
    "visitor_id",
    "visitor",
    "client_id",
    "shopper_id",
    "member_id",
    "uid",
)
_ITEM = ("item", "product_id", "product", "sku", "article_id", "item_code", "product_code")
_TIME = (
    "timestamp",
    "datetime",
    "date",
    "event_time",
    "event_timestamp",
    "event_date",
    "created_at",
    "occurred_at",
    "order_date",
    "purchase_date",
    "ts",
)
_PRICE = ("unit_price", "item_price", "price_per_unit", "sell_price", "selling_price")
_TITLE = ("item_name", "product_name", "product_title", "name")
_CATEGORY = ("category_code", "product_category", "item_category", "category_name", "category_id")
_BRAND = ("item_brand", "product_brand", "manufacturer")

_EVENT_ALIASES = {
    "user_id": _USER,
    "item_id": _ITEM,
    "time": _TIME,
    "event": ("event_name", "event_type", "action", "behavior", "behaviour", "interaction"),
    "session_id": ("session", "user_session", "visit_id"),
    "quantity": ("qty", "units", "units_sold"),
    "price": _PRICE,
    "currency": ("currency_code",),
    "transaction_id": (
        "order_id",
        "order",
        "order_number",
        "order_no",
        "invoice",
        "invoice_no",
        "invoice_id",
    ),
    "value": ("rating", "stars", "score"),
    "title": _TITLE,
    "brand": _BRAND,
    "category": _CATEGORY,
    "status": ("order_status", "financial_status", "payment_status"),
}

_PRODUCT_OF_LINE = {name: column(name) for name in ("title", "brand", "category")}


def _events(
    name: str, title: str, event: str, signature: tuple[frozenset[str], ...], without: frozenset[str]
) -> Dialect:
    columns = {
        "event_id": identifier(column("event_id")),
        "time": column("time"),
        "event": event,
        "user_id": identifier(column("user_id")),
        "session_id": identifier(column("session_id")),
        "item_id": identifier(column("item_id")),
        "quantity": column("quantity"),
        "price": column("price"),
        "currency": column("currency"),
        "transaction_id": identifier(column("transaction_id")),
        "value": column("value"),
    }
    return Dialect(
        name=name,
        title=title,
        table="events",
        signature=signature,
        without=without,
        optional=frozenset({*columns, *_PRODUCT_OF_LINE}) - without,
        aliases=_EVENT_ALIASES,
        columns={name: sql for name, sql in columns.items() if name == "event" or name not in without},
        products=_PRODUCT_OF_LINE,
    )


def _one_of(*signatures: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(signature.split()) for signature in signatures)


PLAIN_EVENTS = _events(
    "plain_events",
    "Events under merx's own or common names",
    column("event"),
    _one_of("event item_id time", "event user_id time", "event session_id time"),
    frozenset(),
)

PLAIN_PURCHASES = _events(
    "plain_purchases",
    "Lines of orders, without a column that says so",
    "'purchase'",
    _one_of("item_id time quantity", "item_id time transaction_id", "item_id time user_id price"),
    frozenset({"event", "status"}),  # a status tells that some orders were cancelled or never paid
)

PLAIN_RATINGS = _events(
    "plain_ratings",
    "Ratings",
    "'rate'",
    _one_of("user_id item_id time value"),
    frozenset({"event", "quantity", "price", "transaction_id"}),
)

PLAIN_VIEWS = _events(
    "plain_views",
    "Shopper, product and time, and nothing more",
    "'view_item'",
    _one_of("user_id item_id time", "session_id item_id time"),
    frozenset({"event", "quantity", "price", "transaction_id", "value"}),
)

PLAIN_PRODUCTS = Dialect(
    name="plain_products",
    title="Products under merx's own or common names",
    table="products",
    signature=_one_of("item_id title", "item_id category", "item_id brand", "item_id description"),
    without=frozenset({"user_id", "event"}),
    optional=frozenset(PRODUCTS_TABLE.names),
    aliases={
        "item_id": (*_ITEM, "id"),
        "title": _TITLE,
        "description": ("product_description", "body"),
        "brand": _BRAND,
        "category": (*_CATEGORY, "product_type"),
        "price": (*_PRICE, "regular_price", "list_price"),
        "sale_price": ("special_price", "discounted_price"),
        "cost_of_goods_sold": ("cost", "unit_cost", "cost_price", "cogs"),
        "availability": ("stock_status",),
        "image_link": ("image_url", "image", "picture"),
        "video_link": ("video_url", "video"),
        "item_group_id": ("group_id", "parent_id"),
        "gtin": ("ean", "barcode", "upc"),
        "pack_size": ("package_size", "content"),
        "stock_quantity": ("inventory_quantity", "stock_level"),
        "map_price": ("minimum_advertised_price",),
        "msrp": ("rrp", "recommended_retail_price"),
        "user_id": _USER,
        "event": _EVENT_ALIASES["event"],
    },
    columns={
        name: identifier(column(name)) if name in ("item_id", "item_group_id", "gtin") else column(name)
        for name in PRODUCTS_TABLE.names
    },
)

PLAIN_PRICES = Dialect(
    name="plain_prices",
    title="A price list over time",
    table="prices",
    signature=_one_of("item_id time price"),
    without=frozenset({"user_id", "session_id", "event", "quantity", "transaction_id"}),
    optional=frozenset({"cost", "promotion", "competitor", "from_orders"}),
    aliases={
        **_EVENT_ALIASES,
        "time": (*_TIME, "valid_from", "start_date"),
        "cost": ("unit_cost", "cost_price", "cost_of_goods_sold", "cogs"),
        "promotion": ("promo", "on_promotion", "is_promotion", "on_sale"),
        "competitor": ("competitor_name",),
    },
    columns={
        "item_id": identifier(column("item_id")),
        "time": column("time"),
        "price": column("price"),
        "cost": column("cost"),
        "promotion": column("promotion"),
        "competitor": column("competitor"),
        "from_orders": column("from_orders"),
    },
)

PLAIN_RELATIONS = Dialect(
    name="plain_relations",
    title="Relations between shoppers",
    table="relations",
    signature=_one_of("user_id other_user_id"),
    optional=frozenset({"kind", "weight", "time"}),
    aliases={
        "user_id": (*_USER, "from_user_id", "source_user_id", "follower_id"),
        "other_user_id": ("other_user", "friend_id", "to_user_id", "target_user_id", "followed_id"),
        "kind": ("relation", "type"),
        "time": _TIME,
    },
    columns={
        "user_id": identifier(column("user_id")),
        "other_user_id": identifier(column("other_user_id")),
        "kind": first([text(column("kind")), "'related'"]),
        "weight": column("weight"),
        "time": column("time"),
    },
)

_AVAILABLE = {
    "in_stock": "true",
    "in stock": "true",
    "out_of_stock": "false",
    "out of stock": "false",
}

PLAIN_STOCK = Dialect(
    name="plain_stock",
    title="Stock over time: whether a product was there, or how much of it",
    table="stock",
    signature=_one_of("item_id time available", "item_id time stock"),
    without=frozenset({"user_id", "session_id", "event", "transaction_id"}),
    optional=frozenset({"available", "stock"}),
    aliases={
        **_EVENT_ALIASES,
        "available": ("is_available", "in_stock", "is_in_stock", "availability"),
        "stock": ("stock_level", "stock_quantity", "on_hand", "inventory"),
    },
    columns={
        "item_id": identifier(column("item_id")),
        "time": column("time"),
        "available": first(
            [
                renamed(f"lower({text(column('available'))})", _AVAILABLE),
                f"CAST(TRY_CAST({text(column('stock'))} AS DOUBLE) > 0 AS VARCHAR)",
                text(column("stock")),
            ]
        ),
    },
)

DIALECTS = (
    PLAIN_EVENTS,
    PLAIN_PURCHASES,
    PLAIN_RATINGS,
    PLAIN_VIEWS,
    PLAIN_PRODUCTS,
    PLAIN_PRICES,
    PLAIN_RELATIONS,
    PLAIN_STOCK,
)
