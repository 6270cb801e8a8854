"""Retailrocket's recommender data set: `events.csv`.

Source: https://www.kaggle.com/datasets/retailrocket/ecommerce-dataset (timestamp in ms, visitorid, event
of view, addtocart and transaction, itemid, transactionid). It has no prices. Its hashed item properties
are not read.
"""

from merx.ingest.dialect import Dialect
from merx.ingest.dialects.expressions import identifier, renamed, text

RETAILROCKET = Dialect(
    name="retailrocket",
    title="Retailrocket events",
    table="events",
    signature=(frozenset({"timestamp", "visitorid", "event", "itemid", "transactionid"}),),
    columns={
        "time": '"timestamp"',
        "event": renamed(
            text("event"), {"view": "view_item", "addtocart": "add_to_cart", "transaction": "purchase"}
        ),
        "user_id": identifier("visitorid"),
        "item_id": identifier("itemid"),
        "transaction_id": identifier("transactionid"),
    },
)

DIALECTS = (RETAILROCKET,)
