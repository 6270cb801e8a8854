"""WooCommerce: orders as the REST API v3 gives them, one JSON object a line.

Source: https://developer.woocommerce.com/docs/apis/rest-api/v3/orders/. WooCommerce itself has no CSV
export of order lines; save the pages of `GET /wp-json/wc/v3/orders`, one order a line.

- A line item is a `purchase` at `date_created_gmt`; its price is per unit, after discounts.
- An order that is refunded, or cancelled after it was paid, has in addition a `refund` of every line, at
  `date_modified_gmt`, since the order does not say when.
- An order that is pending, failed, a draft, in the bin, or cancelled unpaid was never a purchase.
- A partial refund (`refunds`) names no lines, and is not read.
- The shopper is `customer_id`; a guest (0) is known by the e-mail address in lower case.
- The item id is the variation's where there is one, and else the product's.
"""

from merx.ingest.dialect import Dialect
from merx.ingest.dialects.expressions import fanned_out, first, identifier, inside, listed, text


def _gmt(name: str) -> str:
    return f"{text(name)} || '+00:00'"


_UNPAID = f"{text('date_paid_gmt')} IS NULL"
_NO_PURCHASE = (
    f"{text('status')} IN ('pending', 'failed', 'checkout-draft', 'auto-draft', 'trash') "
    f"OR ({text('status')} = 'cancelled' AND {_UNPAID})"
)
_RETURNED = f"{text('status')} = 'refunded' OR ({text('status')} = 'cancelled' AND NOT {_UNPAID})"
_BOTH = f"CASE WHEN {_RETURNED} THEN [false, true] ELSE [false] END"

WOOCOMMERCE_ORDERS = Dialect(
    name="woocommerce_orders",
    title="WooCommerce orders, REST API v3",
    table="events",
    signature=(frozenset({"id", "status", "customer_id", "date_created_gmt", "line_items"}),),
    optional=frozenset({"date_paid_gmt", "date_modified_gmt", "currency", "billing"}),
    lines="SELECT * EXCLUDE (_part), row_number() OVER (PARTITION BY _row ORDER BY _refund, _part) AS _part "  # noqa: S608
    f"FROM (SELECT *, unnest({_BOTH}) AS _refund FROM ({fanned_out(listed('line_items'))}))",
    columns={
        "time": f"CASE WHEN _refund THEN {_gmt('date_modified_gmt')} ELSE {_gmt('date_created_gmt')} END",
        "event": "CASE WHEN _refund THEN 'refund' ELSE 'purchase' END",
        "user_id": first(
            [f"nullif({identifier('customer_id')}, '0')", f"lower({inside('billing', '$.email')})"]
        ),
        "item_id": first(
            [f"nullif({inside('_item', '$.variation_id')}, '0')", inside("_item", "$.product_id")]
        ),
        "quantity": inside("_item", "$.quantity"),
        "price": inside("_item", "$.price"),
        "currency": text("currency"),
        "transaction_id": identifier("id"),
    },
    reject={"the order was not paid": _NO_PURCHASE},
    products={"title": inside("_item", "$.name")},
)

DIALECTS = (WOOCOMMERCE_ORDERS,)
