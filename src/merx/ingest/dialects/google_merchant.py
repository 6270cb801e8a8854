"""Google Merchant Center: a product feed, as tab- or comma-separated text.

Source: https://support.google.com/merchants/answer/7052112 (product data specification).

- Prices carry their currency (`15.00 USD`); the amount is kept.
- The shop's own `product_type` is the category, and `google_product_category` where that is absent.
"""

from merx.ingest.dialect import Dialect
from merx.ingest.dialects.expressions import first, identifier, text

_IDENTIFYING = frozenset({"id", "title", "link", "price", "availability"})

GOOGLE_MERCHANT = Dialect(
    name="google_merchant",
    title="Google Merchant Center, product feed",
    table="products",
    signature=(_IDENTIFYING, frozenset({"id", "title", "link", "image_link", "price"})),
    optional=frozenset(
        {"availability", "image_link", "description", "brand", "gtin", "product_type", "sale_price"}
        | {"video_link", "google_product_category", "item_group_id", "cost_of_goods_sold"}
    ),
    columns={
        "item_id": identifier("id"),
        "title": text("title"),
        "description": text("description"),
        "brand": text("brand"),
        "category": first([text("product_type"), text("google_product_category")]),
        "price": "price",
        "sale_price": "sale_price",
        "cost_of_goods_sold": "cost_of_goods_sold",
        "availability": text("availability"),
        "image_link": text("image_link"),
        "item_group_id": identifier("item_group_id"),
        "gtin": identifier("gtin"),
        "video_link": text("video_link"),
    },
)

DIALECTS = (GOOGLE_MERCHANT,)
