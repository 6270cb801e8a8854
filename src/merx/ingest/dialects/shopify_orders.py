"""Shopify: the orders CSV.

Source: https://help.shopify.com/en/manual/fulfillment/managing-orders/exporting-orders. The columns of an
order (Email, Financial Status, Created at, ...) stand on its first row only; a further line item repeats
its Name, and is given the rest here.

- A line item is a `purchase` at `Created at`.
- An order that was cancelled, refunded in full or voided has in addition a `refund` of every line, at
  `Cancelled at`. For a refund without cancelling the export names no time: the latest that it does name
  (fulfilled, paid, created) is taken.
- A partial refund names no lines, and is not read.
- An order whose payment expired was never a purchase.
- The shopper is the e-mail address in lower case, or else the telephone number.
- The item id is the SKU, and the line's name where there is none.
- The price is the line's price per unit; discounts are not taken off.
"""

from merx.ingest.dialect import Dialect
from merx.ingest.dialects.expressions import carried, first, identifier, text, zoned
from merx.ingest.sql import identifier as column

_OF_ORDER = {
    "_email": "Email",
    "_phone": "Phone",
    "_status": "Financial Status",
    "_paid": "Paid at",
    "_fulfilled": "Fulfilled at",
    "_created": "Created at",
    "_cancelled": "Cancelled at",
    "_currency": "Currency",
}


def _cell(name: str) -> str:
    return text(column(name))


_RETURNED = "_cancelled IS NOT NULL OR lower(_status) IN ('refunded', 'voided')"

SHOPIFY_ORDERS = Dialect(
    name="shopify_orders",
    title="Shopify orders",
    table="events",
    signature=(frozenset({"Name", "Created at", "Lineitem quantity", "Lineitem name", "Lineitem price"}),),
    optional=frozenset(
        {"Email", "Phone", "Financial Status", "Paid at", "Fulfilled at", "Cancelled at", "Currency"}
        | {"Lineitem sku"}
    ),
    lines=f"SELECT *, unnest(CASE WHEN {_RETURNED} THEN [1, 2] ELSE [1] END) AS _part "  # noqa: S608
    f"FROM ({carried(_OF_ORDER, 'Name')})",
    columns={
        "time": zoned(
            "CASE WHEN _part = 1 THEN _created ELSE coalesce(_cancelled, _fulfilled, _paid, _created) END"
        ),
        "event": "CASE WHEN _part = 1 THEN 'purchase' ELSE 'refund' END",
        "user_id": "coalesce(lower(_email), ltrim(_phone, ''''))",
        "item_id": first([f"ltrim({identifier(column('Lineitem sku'))}, '''')", _cell("Lineitem name")]),
        "quantity": _cell("Lineitem quantity"),
        "price": _cell("Lineitem price"),
        "currency": "_currency",
        "transaction_id": _cell("Name"),
    },
    reject={"the order was not paid": "lower(_status) = 'expired'"},
    products={"title": _cell("Lineitem name")},
)

DIALECTS = (SHOPIFY_ORDERS,)
