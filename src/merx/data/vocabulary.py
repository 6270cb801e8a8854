"""External ids <-> internal codes: the only place where the two meet."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """The distinct ids of users, items or categories; an id's code is its place.

    Parameters
    ----------
    ids : pyarrow string array, (n,)
        Distinct, without nulls.
    """

    ids: pa.StringArray

    @classmethod
    def of(cls, ids: Iterable[str]) -> "Vocabulary":
        """The vocabulary of the distinct ids, sorted, so that equal sets have equal codes."""
        return cls(pa.array(sorted(set(ids)), pa.string()))

    def __len__(self) -> int:
        return len(self.ids)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self.content_hash == other.content_hash

    def __hash__(self) -> int:
        return hash(self.content_hash)

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 over the ids in order (hex)."""
        digest = hashlib.sha256()
        for chunk in self.ids.to_pylist():
            text = chunk.encode()
            digest.update(len(text).to_bytes(8, "little") + text)
        return digest.hexdigest()

    @cached_property
    def _code_of(self) -> dict[str, int]:
        return {name: code for code, name in enumerate(self.ids.to_pylist())}

    def code(self, name: str) -> int:
        """The code of one id, -1 where it is unknown."""
        return self._code_of.get(name, -1)

    def codes(self, ids: Sequence[str | None] | pa.Array) -> np.ndarray:
        """Codes int32 (n,) of many ids, -1 where unknown or null."""
        names = ids.to_pylist() if isinstance(ids, pa.Array | pa.ChunkedArray) else ids
        get = self._code_of.get
        return np.fromiter((get(name, -1) for name in names), np.int32, len(names))  # type: ignore[arg-type]

    def names(self, codes: np.ndarray) -> pa.StringArray:
        """Ids of the codes (n,); null where a code is -1."""
        flat = np.asarray(codes).ravel()
        return self.ids.take(pa.array(flat, pa.int64(), mask=flat < 0))
