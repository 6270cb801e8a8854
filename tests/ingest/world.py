"""A folder of files and tables, as `merx ingest` sees them."""

import csv

import duckdb

from merx.ingest import ingest
from merx.store.tables import Tables

HEADER = "time,event,user_id,item_id,quantity,price"
LINES = (
    "2024-01-01 10:00:00,view_item,u1,i1,,",
    "2024-01-01 10:01:00,add_to_cart,u1,i1,1,2.5",
    "2024-01-01 10:02:00,purchase,u1,i1,2,2.5",
    "2024-01-02 09:00:00,purchase,u2,i2,1,7",
)


class World:
    """A folder with the tables and the files of one test."""

    def __init__(self, folder):
        self.folder = folder
        self.tables = Tables(folder / "tables")
        self.rejected = folder / "rejected"

    def write(self, lines, name="orders.csv", header=HEADER, encoding="utf-8", newline="\n"):
        path = self.folder / name
        text = newline.join([header, *lines, ""])
        path.write_bytes(text.encode(encoding))
        return path

    def read(self, *paths, **options):
        return ingest(self.tables, self.rejected, paths, **options)

    def file(self, lines, name="orders.csv", header=HEADER, **options):
        return self.read(self.write(lines, name, header), **options).files[0]

    def rows(self, table="events", columns="*"):
        paths = [str(path) for path in self.tables.paths(self.tables.current(), table)]
        if not paths:
            return []
        return duckdb.sql(f"SELECT {columns} FROM read_parquet({paths}) ORDER BY ALL").fetchall()

    def only_rejected(self):
        (path,) = self.rejected.glob("*.csv")
        with open(path, newline="") as file:
            return path, list(csv.DictReader(file))
