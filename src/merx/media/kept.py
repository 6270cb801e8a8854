"""Files that merx keeps beside the tables: read as they were written, or named as damaged."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from merx.errors import DataError


def damaged(path: Path, why: object, mend: str) -> DataError:
    """The error that says that a file is not what was written, why, and what to do."""
    return DataError(f"{path}: damaged, or not written by merx ({why}); {mend}.")


def read_kept(path: Path, schema: pa.Schema, mend: str) -> pa.Table:
    """A table as it was written; raises DataError, with `mend` as what to do, where the file is another."""
    try:
        table = pq.read_table(path)
    except (OSError, ValueError) as error:
        raise damaged(path, error, mend) from None
    if not table.schema.equals(schema):
        raise damaged(path, f"it has the columns {', '.join(table.column_names)}", mend)
    return table
