"""Shopify: the products CSV, with the older and the newer column names.

Source: https://help.shopify.com/en/manual/products/import-export/using-csv. The newer names (`URL handle`,
`Description`, `SKU`, `Price`, `Product image URL`, ...) are aliases of the older ones (`Handle`,
`Body (HTML)`, `Variant SKU`, `Variant Price`, `Image Src`, ...).

- A row is a variant. What is said once per product (title, vendor, ...) is carried to all its variants.
- The item id is the SKU; without one it is the name that orders give the line: `Title - Red / M`.
- The handle is the group of a product's variants.
- A row that holds nothing but one more picture is rejected as such.
- A compare-at price above the price is the price, and the price is then the sale price.
- Stock that Shopify does not track says nothing about availability.
"""

from merx.ingest.dialect import Dialect
from merx.ingest.dialects.expressions import carried, first, prose, text
from merx.ingest.sql import identifier as column


def _cell(name: str) -> str:
    return text(column(name))


def _unescaped(name: str) -> str:
    """Drop the apostrophe that keeps spreadsheets from reading digits as a number."""
    return f"ltrim({_cell(name)}, '''')"


_OPTIONS = (
    "nullif(concat_ws(' / ', "
    + ", ".join(
        f"nullif({_cell(name)}, 'Default Title')"
        for name in ("Option1 Value", "Option2 Value", "Option3 Value")
    )
    + "), '')"
)
_PRICE, _COMPARE = _cell("Variant Price"), _cell("Variant Compare At Price")
_REDUCED = f"TRY_CAST({_COMPARE} AS DOUBLE) > TRY_CAST({_PRICE} AS DOUBLE)"
_STOCK = _cell("Variant Inventory Qty")
_SELLS_WITHOUT_STOCK = f"lower({_cell('Variant Inventory Policy')}) IN ('continue', 'true')"

_OF_PRODUCT = {
    "_title": "Title",
    "_body": "Body (HTML)",
    "_vendor": "Vendor",
    "_category": "Product Category",
    "_type": "Type",
    "_image": "Image Src",
}

SHOPIFY_PRODUCTS = Dialect(
    name="shopify_products",
    title="Shopify products",
    table="products",
    signature=(
        frozenset({"Handle", "Title", "Body (HTML)", "Vendor", "Variant SKU", "Variant Price"}),
        frozenset({"Handle", "Title", "Option1 Value", "Variant Price"}),
    ),
    optional=frozenset(
        {"Body (HTML)", "Vendor", "Product Category", "Type", "Image Src", "Variant Image", "Variant SKU"}
        | {"Option1 Value", "Option2 Value", "Option3 Value", "Variant Compare At Price", "Cost per item"}
        | {
            "Variant Barcode",
            "Variant Inventory Tracker",
            "Variant Inventory Qty",
            "Variant Inventory Policy",
        }
    ),
    aliases={
        "Handle": ("URL handle",),
        "Body (HTML)": ("Description",),
        "Variant SKU": ("SKU",),
        "Variant Barcode": ("Barcode",),
        "Variant Price": ("Price",),
        "Variant Compare At Price": ("Compare-at price",),
        "Variant Inventory Tracker": ("Inventory tracker",),
        "Variant Inventory Qty": ("Inventory quantity",),
        "Variant Inventory Policy": ("Continue selling when out of stock",),
        "Image Src": ("Product image URL",),
        "Variant Image": ("Variant image URL",),
    },
    lines=carried(_OF_PRODUCT, "Handle"),
    columns={
        "item_id": first([_unescaped("Variant SKU"), text(f"concat_ws(' - ', _title, {_OPTIONS})")]),
        "title": "_title",
        "description": prose("_body"),
        "brand": "_vendor",
        "category": "coalesce(_category, _type)",
        "price": f"CASE WHEN {_REDUCED} THEN {_COMPARE} ELSE {_PRICE} END",
        "sale_price": f"CASE WHEN {_REDUCED} THEN {_PRICE} END",
        "cost_of_goods_sold": _cell("Cost per item"),
        "availability": f"CASE WHEN {_cell('Variant Inventory Tracker')} IS NULL OR {_STOCK} IS NULL "
        f"THEN NULL WHEN TRY_CAST({_STOCK} AS DOUBLE) > 0 THEN 'in_stock' "
        f"WHEN {_SELLS_WITHOUT_STOCK} THEN 'backorder' ELSE 'out_of_stock' END",
        "image_link": first([_cell("Variant Image"), "_image"]),
        "item_group_id": _cell("Handle"),
        "gtin": _unescaped("Variant Barcode"),
    },
    reject={
        "only a picture, no variant": " AND ".join(
            f"{_cell(name)} IS NULL" for name in ("Title", "Variant SKU", "Variant Price", "Option1 Value")
        )
    },
)

DIALECTS = (SHOPIFY_PRODUCTS,)
