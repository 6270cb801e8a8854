"""Every answer given, appended to one ledger, so that it can be shown, explained and replayed."""

import json
import secrets
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from merx.errors import DataError, RequestError

FORMAT = 1

# Append-only is enforced: no row is ever changed or deleted, but where a shopper is erased.
_STAY = (
    """CREATE TRIGGER IF NOT EXISTS decisions_stay BEFORE UPDATE ON decisions
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;""",
    """CREATE TRIGGER IF NOT EXISTS decisions_last BEFORE DELETE ON decisions
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;""",
)
_SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS decisions (
    id TEXT PRIMARY KEY, time TEXT NOT NULL, verb TEXT NOT NULL, question TEXT NOT NULL, answer TEXT NOT NULL,
    models TEXT NOT NULL, data TEXT NOT NULL, reasons TEXT NOT NULL, rules TEXT NOT NULL, merx TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS decisions_by_time ON decisions (time);
{" ".join(_STAY)}
PRAGMA user_version = {FORMAT};
COMMIT;
"""


@dataclass(frozen=True)
class Decision:
    """One answer and all that it came from. Every field is plain JSON.

    Parameters
    ----------
    id : str
    time : str
        UTC, ISO 8601.
    verb : str
        recommend, forecast, anomalies, shoppers, price or influence.
    question : mapping
        What was asked, with every setting that could change the answer.
    answer : mapping
    models : mapping of kind -> version
        The fitted models that answered.
    data : str
        Fingerprint of the snapshot of the tables.
    reasons : tuple of str
    rules : tuple of str
        The rules that were applied, as told to people.
    merx : str
        Version of merx.
    """

    id: str
    time: str
    verb: str
    question: Mapping[str, Any]
    answer: Mapping[str, Any]
    models: Mapping[str, str]
    data: str
    reasons: tuple[str, ...]
    rules: tuple[str, ...]
    merx: str

    def to_table(self) -> pa.Table:
        """The answer's rows."""
        return pa.Table.from_pylist(list(self.answer["rows"]))

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return dict(vars(self))


@dataclass(frozen=True)
class Replay:
    """A decision, and whether its inputs still give the same answer.

    Parameters
    ----------
    decision : Decision
    same : bool
    answer : the answer given today from the recorded data, models and question
    """

    decision: Decision
    same: bool
    answer: Any

    def to_table(self) -> pa.Table:
        """The rows of today's answer."""
        return pa.Table.from_pylist(list(self.answer["rows"]))


class Ledger:
    """The append-only ledger of a shop: one SQLite file.

    Parameters
    ----------
    path : Path
        Made at the first append.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(
        self,
        *,
        verb: str,
        question: Mapping[str, Any],
        answer: Mapping[str, Any],
        models: Mapping[str, str],
        data: str,
        reasons: tuple[str, ...],
        rules: tuple[str, ...],
        merx: str,
    ) -> Decision:
        """Write one decision down, durably; gives it with its new id and time."""
        now = datetime.now(UTC)
        decision = Decision(
            id=f"{now:%Y%m%d}-{secrets.token_hex(8)}",
            time=now.isoformat(timespec="milliseconds"),
            verb=verb,
            question=plain(question),
            answer=plain(answer),
            models=models,
            data=data,
            reasons=reasons,
            rules=rules,
            merx=merx,
        )
        row = {
            name: value if isinstance(value, str) else json.dumps(value)
            for name, value in vars(decision).items()
        }
        columns, values = ", ".join(row), ", ".join(f":{name}" for name in row)
        with self._open() as connection:
            connection.execute(f"INSERT INTO decisions ({columns}) VALUES ({values})", row)  # noqa: S608
        return decision

    def get(self, decision_id: str) -> Decision:
        """One decision. Raises RequestError where the ledger does not hold it."""
        row = None
        if self.path.exists():
            with self._open() as connection:
                row = connection.execute("SELECT * FROM decisions WHERE id = ?", (decision_id,)).fetchone()
        if row is None:
            raise RequestError(f"{self.path}: no decision has the id {decision_id!r}.")
        return Decision(
            id=row["id"],
            time=row["time"],
            verb=row["verb"],
            question=json.loads(row["question"]),
            answer=json.loads(row["answer"]),
            models=json.loads(row["models"]),
            data=row["data"],
            reasons=tuple(json.loads(row["reasons"])),
            rules=tuple(json.loads(row["rules"])),
            merx=row["merx"],
        )

    def erase(self, user_id: str) -> int:
        """Delete every decision about a shopper, so that no byte of it stays; gives how many there were."""
        if not self.path.exists():
            return 0
        about = "json_extract(question, '$.user') = :user OR json_extract(answer, '$.user_id') = :user"
        with self._open() as connection:
            connection.execute("PRAGMA secure_delete = ON")
            connection.execute("BEGIN IMMEDIATE")
            for trigger in ("decisions_stay", "decisions_last"):
                connection.execute(f"DROP TRIGGER IF EXISTS {trigger}")
            found = connection.execute(f"DELETE FROM decisions WHERE {about}", {"user": user_id}).rowcount  # noqa: S608
            for trigger in _STAY:
                connection.execute(trigger)
        with self._open() as connection:
            connection.execute("VACUUM")
        return int(found)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """The ledger, made if it is not there; committed at the end. Raises DataError where it is damaged."""
        try:
            with closing(sqlite3.connect(self.path, timeout=30)) as connection:
                connection.row_factory = sqlite3.Row
                connection.execute("PRAGMA synchronous = FULL")
                found = connection.execute("PRAGMA user_version").fetchone()[0]
                if found == 0:
                    connection.executescript(_SCHEMA)
                elif found > FORMAT:
                    raise DataError(f"{self.path}: written by a newer merx (format {found}); update merx.")
                with connection:
                    yield connection
        except sqlite3.Error as error:
            raise DataError(f"{self.path}: the ledger cannot be read or written ({error}).") from None


def plain(value: Any) -> Any:
    """The value as it comes back from JSON, which has no NaN and no infinity: these raise ValueError."""
    return json.loads(json.dumps(value, allow_nan=False))


def holds(recorded: Any, today: Any) -> bool:
    """Whether today's answer says all that was recorded; an older merx may have recorded fewer fields."""
    if isinstance(recorded, dict) and isinstance(today, dict):
        return all(key in today and holds(value, today[key]) for key, value in recorded.items())
    if isinstance(recorded, list) and isinstance(today, list):
        return len(recorded) == len(today) and all(map(holds, recorded, today))
    return bool(recorded == today)
