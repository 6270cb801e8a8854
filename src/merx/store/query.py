"""What a named query is."""

from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True)
class Query:
    """A SQL text, the names of its parameters, and the schema of what comes back."""

    sql: str
    schema: pa.Schema
    params: tuple[str, ...] = ()
