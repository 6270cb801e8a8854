"""What a named query is."""

from dataclasses import dataclass

import pyarrow as pa

from merx.data.schema import TIME

HISTORY = pa.schema(
    [
        ("user_id", pa.string()),
        ("item_id", pa.string()),
        ("event", pa.string()),
        ("time", TIME),
        ("value", pa.float64()),
        ("quantity", pa.float64()),
    ]
)
"""What a history is read from."""


@dataclass(frozen=True)
class Query:
    """A SQL text, the names of its parameters, and the schema of what comes back."""

    sql: str
    schema: pa.Schema
    params: tuple[str, ...] = ()
