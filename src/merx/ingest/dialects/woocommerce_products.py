"""WooCommerce: the products CSV of its own exporter.

Source: https://github.com/woocommerce/woocommerce/wiki/Product-CSV-Import-Schema and the exporter's column
names (`In stock?` is 1, 0 or backorder; `Parent` is a SKU or `id:100`; terms of a hierarchy are joined by
` > ` and separated by commas).

- The item id is the ID, as in orders, because a SKU may be absent.
- A variation belongs to the group of its parent, and takes from it what it does not say itself.
- The first of several categories, brands and pictures is read.
"""

from merx.ingest.dialect import Dialect
from merx.ingest.dialects.expressions import first, identifier, prose, renamed, text
from merx.ingest.sql import identifier as column

_INHERITED = ("Description", "Short description", "Categories", "Brands", "Images")


def _cell(name: str) -> str:
    return text(column(name))


def _own_or_parents(name: str) -> str:
    return first([_cell(name), text(f"_parent.{column(name)}")])


def _foremost(listed: str) -> str:
    """The first of values separated by commas; a comma inside a value is written with a backslash."""
    return rf"replace(trim(regexp_extract({listed}, '^((?:\\,|[^,])+)', 1)), '\,', ',')"


_PARENTS = f"""
SELECT key, any_value(parent) AS _parent
FROM (
    SELECT 'id:' || {identifier("ID")} AS key, raw AS parent FROM raw
    UNION ALL
    SELECT {_cell("SKU")}, raw FROM raw
)
WHERE key IS NOT NULL
GROUP BY key
"""  # noqa: S608

WOOCOMMERCE_PRODUCTS = Dialect(
    name="woocommerce_products",
    title="WooCommerce products",
    table="products",
    signature=(frozenset({"ID", "Type", "SKU", "Name", "Regular price"}),),
    optional=frozenset(
        {*_INHERITED, "Sale price", "In stock?", "Parent", "GTIN, UPC, EAN, or ISBN", "Cost of goods"}
    ),
    lines=f"SELECT raw.*, _parent FROM raw LEFT JOIN ({_PARENTS}) ON key = {_cell('Parent')}",  # noqa: S608
    columns={
        "item_id": identifier("ID"),
        "title": _cell("Name"),
        "description": prose(first([_own_or_parents("Description"), _own_or_parents("Short description")])),
        "brand": _foremost(_own_or_parents("Brands")),
        "category": _foremost(_own_or_parents("Categories")),
        "price": _cell("Regular price"),
        "sale_price": _cell("Sale price"),
        "cost_of_goods_sold": _cell("Cost of goods"),
        "availability": renamed(_cell("In stock?"), {"1": "in_stock", "0": "out_of_stock"}),
        "image_link": _foremost(_own_or_parents("Images")),
        "item_group_id": first(
            [identifier("_parent.ID"), rf"regexp_replace({_cell('Parent')}, '^id:', '')"],
        ),
        "gtin": _cell("GTIN, UPC, EAN, or ISBN"),
    },
)

DIALECTS = (WOOCOMMERCE_PRODUCTS,)
