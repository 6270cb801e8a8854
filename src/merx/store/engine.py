"""The engine seam: what a shop's tables can be asked, whichever engine runs it."""

from typing import Any, Protocol

import pyarrow as pa


class Engine(Protocol):
    """Answers the named queries of `merx.store.queries` on one snapshot of the tables."""

    def query(self, name: str, **params: Any) -> pa.Table:
        """The result of a named query, cast to its declared schema."""
        ...

    def close(self) -> None:
        """Give back memory and files."""
        ...
