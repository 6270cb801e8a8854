"""The table SHOP/inferred.parquet: what the catalogue most likely lacks, and where that is read."""

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from merx.data.catalogue import Catalogue
from merx.media.kept import read_kept

FILE = "inferred.parquet"  # in the shop's folder
MEND = "run `merx complete {shop}` again, or delete the file"
COLUMNS = {"category": True, "brand": False}  # that gaps are filled of, and whether their values have levels

INFERRED = pa.schema(
    [
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("column", pa.string(), nullable=False),  # of the products table
        pa.field("value", pa.string(), nullable=False),
        pa.field("probability", pa.float64()),  # calibrated; null for a price
        pa.field("low", pa.float64()),  # of a price: holds it four times in five, with `high`
        pa.field("high", pa.float64()),
        pa.field("because", pa.string(), nullable=False),
        pa.field("model", pa.string(), nullable=False),  # fingerprint of what was learnt
        pa.field("data", pa.string(), nullable=False),  # fingerprint of the tables
        pa.field("inferred", pa.bool_(), nullable=False),  # always true: nobody gave this value
    ]
)


def with_inferred(catalogue: Catalogue, path: Path) -> tuple[Catalogue, int]:
    """The catalogue with categories and brands proposed in its gaps, where that file is; and how many.

    What is given stays. A product without a title is left as it is: nothing may be known of it yet. Raises
    DataError where the file is damaged or not of merx.
    """
    if not path.exists():
        return catalogue, 0
    table = read_kept(path, INFERRED, MEND.format(shop=path.parent))
    filled = 0
    titled = catalogue.title.is_valid().to_numpy(zero_copy_only=False)
    for name in COLUMNS:
        rows = table.filter(pc.equal(table["column"], name))
        place = pc.index_in(catalogue.items.ids, rows["item_id"].combine_chunks())
        given = getattr(catalogue, name)
        proposed = pc.if_else(pa.array(titled), rows["value"].combine_chunks().take(place), None)
        found = pc.coalesce(given, proposed)
        filled += given.null_count - found.null_count
        catalogue = replace(catalogue, **{name: found})
    return catalogue, filled
