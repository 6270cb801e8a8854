"""What became of each file: every line read was accepted, rejected or a duplicate."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import pyarrow as pa

from merx.errors import DataError


@dataclass(frozen=True)
class Example:
    """A rejected line: its physical line in the file (the row, for Parquet) and the value at fault."""

    line: int
    value: str


@dataclass(frozen=True)
class FileReport:
    """What was read from one file. `accepted + rejected + duplicates == read`, always.

    Parameters
    ----------
    path : str
        As given.
    sha256 : str
        Of the file's bytes, unpacked.
    format : str
        csv, parquet or jsonl.
    dialect, table : str
        How its lines were read, and what they became.
    read, accepted, rejected, duplicates : int
        Lines.
    reasons : mapping of str -> int
        Rejected lines by reason.
    examples : mapping of str -> tuple of Example
        Up to three per reason.
    notes : tuple of str
        What was decided on the way: delimiter, form of the times, rule of duplicates, ...
    rejected_file : str or None
        Where the rejected lines were written.
    """

    path: str
    sha256: str
    format: str
    dialect: str
    table: str
    read: int
    accepted: int
    rejected: int
    duplicates: int
    reasons: Mapping[str, int] = field(default_factory=dict)
    examples: Mapping[str, tuple[Example, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    rejected_file: str | None = None

    def __post_init__(self) -> None:
        if self.accepted + self.rejected + self.duplicates != self.read or (
            sum(self.reasons.values()) != self.rejected
        ):
            raise DataError(
                f"{self.path}: the lines do not add up ({self.read:,} read, {self.accepted:,} accepted, "
                f"{self.rejected:,} rejected, {self.duplicates:,} duplicates). Nothing of it was taken in; "
                "please report this with the file's first lines."
            )

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON: the fields above under their names."""
        record = asdict(self)
        record["notes"] = list(self.notes)
        record["examples"] = {
            reason: [asdict(example) for example in found] for reason, found in self.examples.items()
        }
        return record


@dataclass(frozen=True)
class IngestReport:
    """One FileReport a file, in the order read, and the fingerprint of the tables afterwards."""

    files: tuple[FileReport, ...]
    fingerprint: str

    @property
    def read(self) -> int:
        """Lines of all files."""
        return sum(file.read for file in self.files)

    @property
    def accepted(self) -> int:
        """Lines that are now in the tables and were not before."""
        return sum(file.accepted for file in self.files)

    @property
    def rejected(self) -> int:
        """Lines that were written to the rejected folder."""
        return sum(file.rejected for file in self.files)

    @property
    def duplicates(self) -> int:
        """Lines that the tables, or the file, held already."""
        return sum(file.duplicates for file in self.files)

    def to_table(self) -> pa.Table:
        """One row a file: path, dialect, table, read, accepted, rejected, duplicates."""
        names = ("path", "dialect", "table", "read", "accepted", "rejected", "duplicates")
        return pa.table({name: [getattr(file, name) for file in self.files] for name in names})

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON: `files` and `fingerprint`."""
        return {"files": [file.to_dict() for file in self.files], "fingerprint": self.fingerprint}
