"""How other systems' files are read: one file per dialect, each a `Dialect` record."""

from merx.ingest.dialect import Dialect
from merx.ingest.dialects import plain, uci_online_retail

DIALECTS: dict[str, Dialect] = {
    dialect.name: dialect
    for dialect in (
        *plain.DIALECTS,
        *uci_online_retail.DIALECTS,
    )
}
