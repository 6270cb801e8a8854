"""How long ingesting takes, against DuckDB reading the same file into a table without any check.

python benchmarks/ingest.py            CSV and Parquet of 5 million rows, Parquet of 50 million
python benchmarks/ingest.py --small    half a million rows of each
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb

from _record import Row, medians, record

PAIRS = 3
MEMORY_GOAL = 4.0  # GiB

EVENTS = """
SELECT TIMESTAMP '2024-01-01' + INTERVAL (i // 2) SECOND AS time,
       CASE WHEN i % 10 = 0 THEN 'purchase' WHEN i % 3 = 0 THEN 'add_to_cart' ELSE 'view_item' END AS event,
       'u' || (i * 7919 % 1000003) AS user_id,
       's' || (i // 7) AS session_id,
       'sku-' || (i * 31 % 5003) AS item_id,
       1 + i % 3 AS quantity,
       round(1 + (i * 31 % 5003) / 7.0, 2) AS price,
       'GBP' AS currency
FROM range({rows}) t(i)
"""

# Each in a process of its own: the greatest memory is that of one run.
OURS = """
import json, resource, sys, time
from pathlib import Path
from merx.ingest import ingest
from merx.store.tables import Tables
folder, source = Path(sys.argv[1]), sys.argv[2]
start = time.perf_counter()
report = ingest(Tables(folder / "tables"), folder / "rejected", [source])
took = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
print(json.dumps({"seconds": took, "accepted": report.accepted, "gib": peak}))
"""
PEER = """
import json, resource, sys, time
import duckdb
folder, source = sys.argv[1:]
start = time.perf_counter()
connection = duckdb.connect(folder + "/peer.duckdb")
reader = "read_parquet" if source.endswith(".parquet") else "read_csv"
connection.execute(f"CREATE TABLE t AS SELECT * FROM {reader}('{source}')")
connection.close()
took = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
print(json.dumps({"seconds": took, "gib": peak}))
"""


def run(code, source, parent):
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        done = subprocess.run(
            [sys.executable, "-c", code, folder, str(source)], capture_output=True, text=True, check=True
        )
    return json.loads(done.stdout.splitlines()[-1])


def measure(case, source, rows, pairs, parent):
    """Ours and the peer's in turn; the ratio of times and the greatest memory of ours."""
    times, peak = [], 0.0
    for _ in range(pairs):
        ours, peer = run(OURS, source, parent), run(PEER, source, parent)
        assert ours["accepted"] == rows
        times.append((ours["seconds"], peer["seconds"]))
        peak = max(peak, ours["gib"])
    ours, peer, ratio = medians(times)
    return [
        Row(case, "seconds", ours, peer, "DuckDB, CREATE TABLE AS", ratio, "ratio <= 3", ratio <= 3),
        Row(case, "million rows a second", rows / ours / 1e6, rows / peer / 1e6, "DuckDB, CREATE TABLE AS"),
        Row(case, "peak memory, GiB", peak, None, "", None, f"< {MEMORY_GOAL:g}", peak < MEMORY_GOAL),
    ]


def main():
    small = "--small" in sys.argv
    rows, many = (500_000, 0) if small else (5_000_000, 50_000_000)
    results = []
    with tempfile.TemporaryDirectory() as parent:
        csv, parquet = Path(parent) / "events.csv", Path(parent) / "events.parquet"
        duckdb.sql(f"COPY ({EVENTS.format(rows=rows)}) TO '{csv}' (HEADER)")
        duckdb.sql(f"COPY ({EVENTS.format(rows=rows)}) TO '{parquet}' (COMPRESSION zstd)")
        results += measure(f"CSV, {rows:,} rows", csv, rows, PAIRS, parent)
        results += measure(f"Parquet, {rows:,} rows", parquet, rows, PAIRS, parent)
        csv.unlink()
        if many:
            duckdb.sql(f"COPY ({EVENTS.format(rows=many)}) TO '{parquet}' (COMPRESSION zstd)")
            results += measure(f"Parquet, {many:,} rows", parquet, many, 1, parent)
    if small:
        for row in results:
            print(row)
        return
    record(
        "ingest",
        "Events made by SQL (8 columns, no rejects, no duplicates, into an empty shop; prices are learned "
        f"from the tenth that are purchases). Ours and the peer in turn, {PAIRS} pairs (one at 50 million), "
        "each run in a process of its own; medians. The peer reads the same file into a table of an on-disk "
        "database and checks nothing.",
        results,
    )


if __name__ == "__main__":
    main()
