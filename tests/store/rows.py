"""Tables made of lists of dicts, and rows for them."""

from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq

from merx.data.schema import TABLES
from merx.store.tables import Part, Snapshot, Tables


def tables_of(tmp_path, **rows):
    tables = Tables(tmp_path / "tables")
    parts = {}
    with tables.writing() as scratch:
        for name, entries in rows.items():
            path = scratch / f"{name}.parquet"
            schema = TABLES[name]
            full = [{field.name: entry.get(field.name) for field in schema} for entry in entries]
            pq.write_table(pa.Table.from_pylist(full, schema), path)
            parts[Part(name, f"{name}.parquet", len(entries))] = path
        tables.commit(Snapshot(tuple(parts)), parts)
    return tables, tables.current()


def sale(day, item="a", quantity=1.0, price=2.0, user="u", event="purchase", hour=12):
    time = datetime(2024, 1, 1) + timedelta(days=day, hours=hour)
    return {
        "time": time, "event": event, "user_id": user, "item_id": item, "quantity": quantity, "price": price,
    }  # fmt: skip


def price_row(day, price, item="a", **more):
    time = datetime(2024, 1, 1) + timedelta(days=day)
    return {"item_id": item, "time": time, "price": price, "from_orders": False, **more}
