"""Google Vertex AI Search for commerce (formerly Retail API): user events, as JSON lines.

Source: https://docs.cloud.google.com/retail/docs/user-events and the UserEvent reference of the REST API
v2 (eventType, visitorId, userInfo.userId, sessionId, eventTime, productDetails, purchaseTransaction).

- An event with product details becomes one line per product; others keep one line without a product.
- The shopper is `userInfo.userId` where it is set, and `visitorId` elsewhere.
- Prices are those of the product details (`product.priceInfo.price`), which events often lack.
- The revenue of a purchase is of the whole order, so it stands on its first line only.
"""

from merx.ingest.dialect import Dialect
from merx.ingest.dialects.expressions import fanned_out, first, inside, listed, renamed, text

_EVENTS = {
    "home-page-view": "page_view",
    "search": "search",
    "category-page-view": "view_item_list",
    "detail-page-view": "view_item",
    "add-to-cart": "add_to_cart",
    "remove-from-cart": "remove_from_cart",
    "shopping-cart-page-view": "view_cart",
    "purchase-complete": "purchase",
}

# Any one of these beside the type, the visitor and the time tells the format.
_TELLING = ("productDetails", "userInfo", "purchaseTransaction", "searchQuery", "pageCategories", "uri")

GOOGLE_RETAIL = Dialect(
    name="google_retail",
    title="Google Vertex AI Search for commerce, user events",
    table="events",
    signature=tuple(frozenset({"eventType", "visitorId", "eventTime", name}) for name in _TELLING),
    optional=frozenset({*_TELLING, "sessionId"}),
    lines=fanned_out(listed("productDetails")),
    columns={
        "time": "eventTime",
        "event": renamed(text("eventType"), _EVENTS),
        "user_id": first([inside("userInfo", "$.userId"), text("visitorId")]),
        "session_id": text("sessionId"),
        "item_id": inside("_item", "$.product.id"),
        "quantity": inside("_item", "$.quantity"),
        "price": inside("_item", "$.product.priceInfo.price"),
        "currency": first(
            [
                inside("purchaseTransaction", "$.currencyCode"),
                inside("_item", "$.product.priceInfo.currencyCode"),
            ]
        ),
        "transaction_id": inside("purchaseTransaction", "$.id"),
        "value": f"CASE WHEN _part = 1 THEN {inside('purchaseTransaction', '$.revenue')} END",
    },
    products={
        "title": inside("_item", "$.product.title"),
        "brand": inside("_item", "$.product.brands[0]"),
        "category": inside("_item", "$.product.categories[0]"),
    },
)

DIALECTS = (GOOGLE_RETAIL,)
