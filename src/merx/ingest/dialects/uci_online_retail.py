"""UCI Online Retail and Online Retail II: the invoice lines of a British gift wholesaler, 2009 to 2011.

Source: https://archive.ics.uci.edu/dataset/352/online+retail and
https://archive.ics.uci.edu/dataset/502/online+retail+ii ("If this code starts with letter 'c', it
indicates a cancellation"; "Unit price: Product price per unit in sterling").

- An invoice that starts with C is a `refund`, as is any negative quantity at a price.
- `85123a` and `85123A` are one product: item ids are in upper case.
- Product codes are five digits with up to two letters, or start with DCGS. All others (POST, DOT, M, D, S,
  C2, BANK CHARGES, AMAZONFEE, CRUK, PADS, gift_0001_20, TEST001, ...) are postage, fees, corrections,
  samples, vouchers or tests. The country is not read.
- Stock corrections have a price of 0 and so are rejected by the rule that a price is above zero.
"""

from merx.ingest.dialect import Dialect
from merx.ingest.dialects.expressions import identifier, text

_CODE = f"upper({text('StockCode')})"

ONLINE_RETAIL = Dialect(
    name="uci_online_retail",
    title="UCI Online Retail and Online Retail II",
    table="events",
    signature=(
        frozenset(
            {"InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID"}
        ),
    ),
    aliases={"InvoiceNo": ("Invoice",), "UnitPrice": ("Price",)},
    columns={
        "time": "InvoiceDate",
        "event": f"CASE WHEN {text('InvoiceNo')} ILIKE 'C%' THEN 'refund' ELSE 'purchase' END",
        "user_id": identifier("CustomerID"),
        "item_id": _CODE,
        "quantity": "Quantity",
        "price": "UnitPrice",
        "currency": "'GBP'",
        "transaction_id": text("InvoiceNo"),
    },
    reject={
        "the invoice adjusts a bad debt": f"{text('InvoiceNo')} ILIKE 'A%'",
        "the code is no product": rf"NOT regexp_full_match({_CODE}, '\d{{5}}[A-Z]{{0,2}}|DCGS[0-9A-Z]+')",
    },
    products={
        "title": f"CASE WHEN TRY_CAST({text('UnitPrice')} AS DOUBLE) > 0 THEN {text('Description')} END"
    },
)

DIALECTS = (ONLINE_RETAIL,)
