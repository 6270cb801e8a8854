"""Writing files so that a crash at any moment, or a second writer, leaves whole files only."""

import os
import secrets
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

FORMULA = r"\A([=+\-@\t\r])"  # how a cell begins that a spreadsheet would run


def replace_text(path: Path, text: str) -> None:
    """Write a small file so that a reader sees the old text or the new one, never a part of either."""
    scratch = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    with open(scratch, "x", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(scratch, path)
    sync(path.parent)


def write_csv(table: pa.Table, path: Path) -> None:
    """Write a table whole or not at all; text that a spreadsheet would run gets a quote before it."""
    for place, field in enumerate(table.schema):
        if pa.types.is_string(field.type):
            safe = pc.replace_substring_regex(table[field.name], FORMULA, r"'\1")
            table = table.set_column(place, field.name, safe)
    scratch = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    try:
        pyarrow.csv.write_csv(table, scratch)
        os.replace(scratch, path)
    finally:
        scratch.unlink(missing_ok=True)


def write_parquet(table: pa.Table, path: Path) -> None:
    """Write a table whole or not at all."""
    scratch = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    pq.write_table(table, scratch, compression="zstd")
    sync(scratch)
    os.replace(scratch, path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Force a file, or the names in a folder, to the disk."""
    if os.name == "nt" and path.is_dir():
        return  # Windows has no handle of a folder to sync
    handle = os.open(path, os.O_RDONLY if path.is_dir() or os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
