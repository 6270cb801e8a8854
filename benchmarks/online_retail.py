"""The whole job on UCI Online Retail, 541,909 lines: seconds and peak memory of each stage."""

import tempfile
from pathlib import Path

from _process import data, merx
from _record import Row, record

SECONDS, MEBIBYTES = 300, 4096  # from the raw file to the report

source = data("online_retail/online_retail.parquet")
rows, total, peak = [], 0.0, 0.0
with tempfile.TemporaryDirectory() as folder:
    shop = str(Path(folder) / "shop")
    merx("init", shop)
    with open(Path(shop) / "shop.toml", "a", encoding="utf-8") as settings:
        settings.write("\n[price]\nassumed_margin = 0.4\n")
    for verb, more in (
        ("ingest", [str(source)]),
        ("check", []),
        ("fit", []),
        ("evaluate", []),
        ("report", []),
    ):
        seconds, mebibytes = merx(verb, shop, *more)
        rows += [Row(verb, "seconds", seconds), Row(verb, "peak MiB", mebibytes)]
        total, peak = total + seconds, max(peak, mebibytes)
rows += [
    Row("all stages", "seconds", total, goal=f"under {SECONDS} s", met=total < SECONDS),
    Row("all stages", "peak MiB", peak, goal=f"under {MEBIBYTES} MiB", met=peak < MEBIBYTES),
]
record("online_retail", "Each stage its own process, once; UCI Online Retail as Parquet.", rows)
