"""How other systems' files are read: one file per dialect, each a `Dialect` record."""

from merx.ingest.dialect import Dialect
from merx.ingest.dialects import (
    ga4,
    google_merchant,
    google_retail,
    magento_products,
    movielens,
    plain,
    retailrocket,
    segment,
    shopify_orders,
    shopify_products,
    uci_online_retail,
    woocommerce_orders,
    woocommerce_products,
)

DIALECTS: dict[str, Dialect] = {
    dialect.name: dialect
    for dialect in (
        *plain.DIALECTS,
        *ga4.DIALECTS,
        *segment.DIALECTS,
        *google_retail.DIALECTS,
        *google_merchant.DIALECTS,
        *shopify_orders.DIALECTS,
        *shopify_products.DIALECTS,
        *woocommerce_orders.DIALECTS,
        *woocommerce_products.DIALECTS,
        *magento_products.DIALECTS,
        *uci_online_retail.DIALECTS,
        *retailrocket.DIALECTS,
        *movielens.DIALECTS,
    )
}
