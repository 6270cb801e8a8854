"""Magento 2 and Adobe Commerce: the products CSV.

Source: https://experienceleague.adobe.com/docs/commerce-admin/systems/data-transfer/data-attributes-product.html

- A row with a `store_view_code` repeats a product in another language, and is rejected as such.
- Of several categories the deepest is read, without the root category.
- A configurable product names its variants in `configurable_variations`; it is their group.
- Manufacturer, cost and GTIN stand in their own columns or in `additional_attributes`.
"""

from merx.ingest.dialect import Dialect
from merx.ingest.dialects.expressions import first, prose, renamed, text


def _attribute(*names: str) -> str:
    """Read an attribute of `additional_attributes` (`cost=4.50,manufacturer=Acme`)."""
    return first(
        rf"nullif(regexp_extract({text('additional_attributes')}, '(?:^|,){name}=([^,]*)', 1), '')"
        for name in names
    )


_DEEPEST = (
    f"list_max([{{'depth': len(string_split(path, '/')), 'path': path}} "
    f"FOR path IN string_split({text('categories')}, ',')]).path"
)
_BELOW_ROOT = f"CASE WHEN {_DEEPEST} LIKE '%/%' THEN regexp_replace({_DEEPEST}, '^[^/]*/', '') END"

_GROUPS = f"""
SELECT variant, any_value(parent) AS _group
FROM (
    SELECT unnest(regexp_extract_all(CAST(configurable_variations AS VARCHAR), 'sku=([^,|]+)', 1)) AS variant,
           {text("sku")} AS parent
    FROM raw
)
GROUP BY variant
"""  # noqa: S608

MAGENTO_PRODUCTS = Dialect(
    name="magento_products",
    title="Magento 2 products",
    table="products",
    signature=(frozenset({"sku", "attribute_set_code", "product_type", "name"}),),
    optional=frozenset(
        {"store_view_code", "categories", "description", "short_description", "price", "special_price"}
        | {"cost", "manufacturer", "base_image", "is_in_stock", "additional_attributes"}
        | {"configurable_variations"}
    ),
    lines=f"SELECT raw.*, _group FROM raw LEFT JOIN ({_GROUPS}) ON variant = {text('raw.sku')}",  # noqa: S608
    columns={
        "item_id": text("sku"),
        "title": text("name"),
        "description": prose(first([text("description"), text("short_description")])),
        "brand": first([text("manufacturer"), _attribute("manufacturer", "brand")]),
        "category": f"replace({_BELOW_ROOT}, '/', ' > ')",
        "price": text("price"),
        "sale_price": text("special_price"),
        "cost_of_goods_sold": first([text("cost"), _attribute("cost")]),
        "availability": renamed(
            rf"regexp_replace({text('is_in_stock')}, '\.0+$', '')", {"1": "in_stock", "0": "out_of_stock"}
        ),
        "image_link": text("base_image"),
        "item_group_id": "_group",
        "gtin": _attribute("gtin", "ean", "upc", "barcode"),
    },
    reject={"a translation for one store view": f"{text('store_view_code')} IS NOT NULL"},
)

DIALECTS = (MAGENTO_PRODUCTS,)
