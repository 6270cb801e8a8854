"""The shop's tables on disk: immutable Parquet parts, and snapshots that say which parts are in.

    tables/<table>/<part>.parquet       written once, never changed
    tables/sources/<sha256>.json        what was reported of one file that was read
    tables/snapshots/<fingerprint>.json which parts and sources make up one state of the shop
    tables/current                      the fingerprint in force; replaced atomically

A writer lays new parts down first and replaces `current` last, so that a crash at any moment leaves
either the old tables or the new ones. Every answer names the fingerprint it was given on, and can be
replayed on it, since no part is ever changed. Only erasing a shopper deletes parts (`merx.store.erase`).
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from merx.data.schema import TABLES
from merx.errors import DataError
from merx.files import replace_text, sync

FORMAT = 1


@dataclass(frozen=True)
class Part:
    """One Parquet file of one table; `name` holds a hash of its content."""

    table: str
    name: str
    rows: int


@dataclass(frozen=True)
class Snapshot:
    """One state of the shop's tables.

    Parameters
    ----------
    parts : tuple of Part, in the order of ingestion
    sources : tuple of dict
        What `merx ingest` reported for each file that was read, `sha256` of its content included.
    """

    parts: tuple[Part, ...] = ()
    sources: tuple[Mapping[str, Any], ...] = ()
    fingerprint: str = field(init=False)

    def __post_init__(self) -> None:
        names = "\n".join(f"{part.table}/{part.name}" for part in self.parts)
        sources = "\n".join(source["sha256"] for source in self.sources)
        object.__setattr__(
            self, "fingerprint", hashlib.sha256(f"{names}\n\n{sources}".encode()).hexdigest()[:16]
        )

    def rows(self, table: str) -> int:
        """Rows of one table."""
        return sum(part.rows for part in self.parts if part.table == table)


class Tables:
    """The tables folder of a shop."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def current(self) -> Snapshot:
        """The state in force; empty where nothing was ingested yet."""
        pointer = self.folder / "current"
        return self.snapshot(pointer.read_text().strip()) if pointer.exists() else Snapshot()

    def snapshot(self, fingerprint: str) -> Snapshot:
        """An earlier or the present state. Raises DataError where it is not there."""
        if fingerprint == Snapshot().fingerprint:
            return Snapshot()
        path = self.folder / "snapshots" / f"{fingerprint}.json"
        if not re.fullmatch("[0-9a-f]{16}", fingerprint) or not path.exists():
            raise DataError(
                f"{path}: this state of the tables is not there; restore the shop's folder from a backup."
            )
        try:
            record = json.loads(path.read_text())
            if record["format"] > FORMAT:
                raise DataError(f"{path}: written by a newer merx (format {record['format']}); update merx.")
            snapshot = Snapshot(
                tuple(Part(**part) for part in record["parts"]),
                tuple(json.loads(self._source(sha256).read_text()) for sha256 in record["sources"]),
            )
        except (ValueError, TypeError, KeyError, FileNotFoundError) as error:
            raise DataError(f"{path}: damaged ({error}); restore the shop's folder from a backup.") from None
        if snapshot.fingerprint != fingerprint:
            raise DataError(
                f"{path}: its content was changed after it was written; restore it from a backup."
            )
        return snapshot

    def paths(self, snapshot: Snapshot, table: str) -> list[Path]:
        """The Parquet files of one table, in the order of ingestion."""
        return [self.folder / table / part.name for part in snapshot.parts if part.table == table]

    @contextmanager
    def writing(self) -> Iterator[Path]:
        """Hold the one writer's lock; gives an empty scratch folder on the same disk as the tables.

        What an interrupted writer left behind is removed first. Raises DataError where another
        process is writing.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.folder / "lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise DataError(
                f"{self.folder}: another merx process is ingesting into this shop; wait for it to end."
            ) from None
        try:
            scratch = self.folder / "scratch"
            shutil.rmtree(scratch, ignore_errors=True)
            self._remove_orphans()
            scratch.mkdir()
            try:
                yield scratch
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
        finally:
            lock.release()

    def commit(self, snapshot: Snapshot, new: Mapping[Part, Path]) -> None:
        """Move the new parts into place, then make `snapshot` the state in force."""
        for part, path in new.items():
            target = self.folder / part.table / part.name
            target.parent.mkdir(exist_ok=True)
            sync(path)
            os.replace(path, target)
            sync(target.parent)
        for folder in ("sources", "snapshots"):
            (self.folder / folder).mkdir(exist_ok=True)
        known = {source["sha256"] for source in self.current().sources}
        for source in snapshot.sources:
            if source["sha256"] not in known:
                replace_text(self._source(source["sha256"]), json.dumps(source, indent=1))
        record = {
            "format": FORMAT,
            "parts": [asdict(part) for part in snapshot.parts],
            "sources": [source["sha256"] for source in snapshot.sources],
        }
        path = self.folder / "snapshots" / f"{snapshot.fingerprint}.json"
        replace_text(path, json.dumps(record, indent=1))
        replace_text(self.folder / "current", snapshot.fingerprint)

    def forget(self, parts: Collection[Part]) -> int:
        """Delete parts, and the earlier states that name one of them; gives how many of these there were."""
        gone = {(part.table, part.name) for part in parts}
        states = 0
        for path in (self.folder / "snapshots").glob("*.json"):
            record = json.loads(path.read_text())
            if gone & {(part["table"], part["name"]) for part in record["parts"]}:
                path.unlink()
                states += 1
        for table, name in gone:
            (self.folder / table / name).unlink(missing_ok=True)
        return states

    def _source(self, sha256: str) -> Path:
        return self.folder / "sources" / f"{sha256}.json"

    def _remove_orphans(self) -> None:
        """Delete parts that are not in: a writer died before its last step.

        Parts are only ever added, so what the state in force does not name, no earlier one does.
        """
        named = {(part.table, part.name) for part in self.current().parts}
        for table in TABLES:
            for path in (self.folder / table).glob("*.parquet"):
                if (table, path.name) not in named:
                    path.unlink()
