"""Every answer given, appended to one ledger, so that it can be shown, explained and replayed."""

import json
import secrets
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from merx.errors import RequestError


@dataclass(frozen=True)
class Decision:
    """One answer and all that it came from. Every field is plain JSON.

    Parameters
    ----------
    id : str
    time : str
        UTC, ISO 8601.
    verb : str
        recommend, forecast or price.
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
            id=f"{now:%Y%m%d}-{secrets.token_hex(4)}",
            time=now.isoformat(timespec="milliseconds"),
            verb=verb,
            question=question,
            answer=answer,
            models=models,
            data=data,
            reasons=reasons,
            rules=rules,
            merx=merx,
        )
        with self._connect() as connection:
            connection.execute(
                "INSERT INTO decisions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    decision.id,
                    decision.time,
                    verb,
                    json.dumps(question),
                    json.dumps(answer),
                    json.dumps(models),
                    data,
                    json.dumps(reasons),
                    json.dumps(rules),
                    merx,
                ),
            )
        connection.close()
        return decision

    def get(self, decision_id: str) -> Decision:
        """One decision. Raises RequestError where the ledger does not hold it."""
        row = None
        if self.path.exists():
            connection = self._connect()
            row = connection.execute("SELECT * FROM decisions WHERE id = ?", (decision_id,)).fetchone()
            connection.close()
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

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=30)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS decisions (id TEXT PRIMARY KEY, time TEXT, verb TEXT, question TEXT, "
            "answer TEXT, models TEXT, data TEXT, reasons TEXT, rules TEXT, merx TEXT)"
        )
        return connection
