"""One shopper taken out of the tables: the one thing that changes what was written once.

Events stay as those of nobody, so that what was sold stays what was sold: without user_id and event_id, and
with other session and transaction ids, which still hold a visit and an order together and mean nothing
outside. Relations of the shopper go. Every part that named the shopper is written anew, in the state in
force; earlier states that name such a part are deleted, and with them the way back to it.
"""

import hashlib
import json
import secrets
from dataclasses import dataclass
from pathlib import Path

import duckdb

from merx.files import replace_text
from merx.store.tables import Part, Snapshot, Tables

_IDS = ("session_id", "transaction_id")


@dataclass(frozen=True)
class ErasedRows:
    """What was taken out of the tables.

    Parameters
    ----------
    events, relations : int
        Events that are nobody's now; relations that are gone.
    states : int
        Earlier states of the tables that were deleted.
    """

    events: int
    relations: int
    states: int


def erase_rows(tables: Tables, user_id: str) -> ErasedRows:
    """Take a shopper out of the tables. Raises DataError where another process is writing."""
    with tables.writing() as scratch:
        before = tables.current()
        connection = duckdb.connect(config={"temp_directory": str(scratch), "memory_limit": "2GB"})
        try:
            changed, counts = _rewritten(connection, tables, before, user_id, scratch)
        finally:
            connection.close()
        if not changed:
            return ErasedRows(0, 0, 0)
        parts, new = [], {}
        for part in before.parts:
            if part not in changed:
                parts.append(part)
            elif (found := changed[part]) is not None:
                parts.append(found[0])
                new[found[0]] = found[1]
        after = Snapshot(tuple(parts), before.sources)
        tables.commit(after, new)
        return ErasedRows(counts["events"], counts["relations"], tables.forget(set(changed) - set(parts)))


def _rewritten(
    connection: duckdb.DuckDBPyConnection, tables: Tables, before: Snapshot, user_id: str, scratch: Path
) -> tuple[dict[Part, tuple[Part, Path] | None], dict[str, int]]:
    """Part -> what takes its place and where that lies, None where no row is left; rows changed by table."""
    connection.execute("SET TimeZone = 'UTC'")
    salt = secrets.token_hex(16)
    counts = {"events": 0, "relations": 0}
    changed: dict[Part, tuple[Part, Path] | None] = {}
    named = {"events": "user_id = $user", "relations": "user_id = $user OR other_user_id = $user"}
    for name in _IDS:
        events = [str(path) for path in tables.paths(before, "events")]
        ids = f"SELECT DISTINCT {name} AS id FROM read_parquet($parts) WHERE user_id = $user"  # noqa: S608
        nothing = "SELECT CAST(NULL AS VARCHAR) AS id WHERE false"
        connection.execute(
            f"CREATE TABLE {name}s AS {ids if events else nothing}",
            {"parts": events, "user": user_id} if events else None,
        )
    for place, part in enumerate(before.parts):
        if part.table not in named:
            continue
        source, target = tables.folder / part.table / part.name, scratch / f"{place}.parquet"
        given = {"part": str(source), "user": user_id}
        touched = _count(connection, f"read_parquet($part) WHERE {named[part.table]}", given)
        related = "false"
        if part.table == "events":  # of the same visit, before the shopper was known
            related = " OR ".join(f"{name} IN (SELECT id FROM {name}s)" for name in _IDS)  # noqa: S608
            related = f"user_id IS NULL AND ({related})"
        if not touched and not _count(
            connection, f"read_parquet($part) WHERE {related}", {"part": str(source)}
        ):
            continue
        counts[part.table] += touched
        rows = f"SELECT * FROM read_parquet($part) WHERE NOT ({named[part.table]})"  # noqa: S608
        if part.table == "events":
            given["salt"] = salt
            whose = f"{named['events']} OR {related}"
            tokens = ", ".join(
                f"CASE WHEN {whose} THEN left(md5($salt || {name}), 16) ELSE {name} END AS {name}"
                for name in _IDS
            )
            nulls = ", ".join(
                f"CASE WHEN {whose} THEN NULL ELSE {name} END AS {name}" for name in ("user_id", "event_id")
            )
            rows = f"SELECT * REPLACE ({tokens}, {nulls}) FROM read_parquet($part)"  # noqa: S608
        connection.execute(f"COPY ({rows}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)", given)
        left = _count(connection, "read_parquet($part)", {"part": str(target)})
        digest = hashlib.sha256(target.read_bytes()).hexdigest()
        changed[part] = (Part(part.table, f"{digest[:16]}.parquet", left), target) if left else None
    return changed, counts


def _count(connection: duckdb.DuckDBPyConnection, rows: str, given: dict[str, str]) -> int:
    found = connection.execute(f"SELECT count(*) FROM {rows}", given).fetchone()  # noqa: S608
    return int(found[0]) if found else 0


def erase_examples(tables: Tables, user_id: str) -> None:
    """Take examples of lines set aside that name a shopper out of what was reported of the files."""
    for path in (tables.folder / "sources").glob("*.json"):
        record = json.loads(path.read_text(encoding="utf-8"))
        kept = {
            reason: [example for example in found if user_id not in map(str, example.values())]
            for reason, found in record.get("examples", {}).items()
        }
        if kept != record.get("examples", {}):
            replace_text(path, json.dumps({**record, "examples": kept}, indent=1))
