"""Segment: calls of the e-commerce specification v2, as JSON lines.

Source: https://www.twilio.com/docs/segment/connections/spec/ecommerce/v2 and
https://www.twilio.com/docs/segment/connections/spec/common (messageId, anonymousId, timestamp).

- A call with `properties.products` becomes one line per product; one whose properties name a product
  themselves is a line of that product.
- The shopper is `userId` where it is set, and `anonymousId` elsewhere.
- `Order Cancelled` is a refund like `Order Refunded`. One without products names none, and is rejected.
- `Product Reviewed` is a `rate` with the rating as its value. `page` and `screen` calls are `page_view`.
- Other calls keep their name, and are rejected by it.
- `value` and `revenue` are of the whole call, so they stand on its first line only.
"""

from merx.ingest.dialect import Dialect
from merx.ingest.dialects.expressions import fanned_out, first, inside, listed, renamed, text

_EVENTS = {
    "Products Searched": "search",
    "Product List Viewed": "view_item_list",
    "Product List Filtered": "view_item_list",
    "Promotion Viewed": "view_promotion",
    "Promotion Clicked": "select_promotion",
    "Product Clicked": "select_item",
    "Product Viewed": "view_item",
    "Product Added": "add_to_cart",
    "Product Removed": "remove_from_cart",
    "Cart Viewed": "view_cart",
    "Checkout Started": "begin_checkout",
    "Payment Info Entered": "add_payment_info",
    "Order Completed": "purchase",
    "Order Refunded": "refund",
    "Order Cancelled": "refund",
    "Product Added to Wishlist": "add_to_wishlist",
    "Wishlist Product Added to Cart": "add_to_cart",
    "Product Shared": "share",
    "Cart Shared": "share",
    "Product Reviewed": "rate",
}

_OWN = "json_extract(to_json(properties), '$')"
_NAMED = first([inside("properties", "$.product_id"), inside("properties", "$.sku")])
_EVENT = (
    f"CASE WHEN {text('type')} IN ('page', 'screen') THEN 'page_view' "
    f"WHEN {text('type')} <> 'track' THEN {text('type')} "
    f"ELSE {renamed(text('event'), _EVENTS)} END"
)

SEGMENT = Dialect(
    name="segment",
    title="Segment e-commerce events",
    table="events",
    signature=(frozenset({"event", "properties", "timestamp", "messageId"}),),
    optional=frozenset({"type", "userId", "anonymousId"}),
    lines=fanned_out(
        f"CASE WHEN {_NAMED} IS NOT NULL THEN [{_OWN}] ELSE {listed('properties', '$.products[*]')} END"
    ),
    columns={
        "event_id": text("messageId"),
        "time": '"timestamp"',
        "event": _EVENT,
        "user_id": first([text("userId"), text("anonymousId")]),
        "item_id": first([inside("_item", "$.product_id"), inside("_item", "$.sku")]),
        "quantity": inside("_item", "$.quantity"),
        "price": inside("_item", "$.price"),
        "currency": inside("properties", "$.currency"),
        "transaction_id": inside("properties", "$.order_id"),
        "value": "CASE WHEN _part = 1 THEN "
        + first([inside("properties", f"$.{name}") for name in ("rating", "value", "revenue")])
        + " END",
    },
    products={
        "title": inside("_item", "$.name"),
        "brand": inside("_item", "$.brand"),
        "category": inside("_item", "$.category"),
        "image_link": inside("_item", "$.image_url"),
    },
)

DIALECTS = (SEGMENT,)
