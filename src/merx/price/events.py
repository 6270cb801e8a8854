"""The events of the price ledger, and the file that holds them: it refuses what `STEPS` does not know."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from merx.errors import DataError, RequestError

FORMAT = 1

STEPS: Mapping[str, tuple[str, ...]] = {
    "": ("proposed",),
    "proposed": ("reviewed", "rejected"),
    "reviewed": ("approved", "overridden", "rejected"),
    "approved": ("applied", "rejected"),
    "overridden": ("applied", "rejected"),
    "applied": ("rolled_back",),
    "rejected": (),
    "rolled_back": (),
}
"""Where a proposal may go from each state. To override is to approve another price than the proposed one."""

OPEN = ("proposed", "reviewed")
APPROVED = ("approved", "overridden")
GUARDED = (*APPROVED, "applied", "exported")
"""What a guardrail can block and a stop forbids."""

OF_ALL = ("stopped", "resumed", "exported")
"""Events of no single proposal."""

_VALUES = ", ".join(f"('{old}', '{new}')" for old, news in STEPS.items() for new in news)
_SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS events (
    number INTEGER PRIMARY KEY AUTOINCREMENT, time TEXT NOT NULL, proposal TEXT, item TEXT, price REAL,
    price_now REAL, state TEXT NOT NULL, by TEXT NOT NULL CHECK (trim(by) <> ''),
    why TEXT NOT NULL CHECK (trim(why) <> ''), decision TEXT NOT NULL, grade TEXT NOT NULL,
    proposed TEXT NOT NULL, verdict TEXT NOT NULL, words TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS events_of_proposals ON events (proposal, number);
CREATE TRIGGER IF NOT EXISTS events_stay BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'the price ledger is append-only'); END;
CREATE TRIGGER IF NOT EXISTS events_last BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'the price ledger is append-only'); END;
CREATE TRIGGER IF NOT EXISTS events_in_order BEFORE INSERT ON events
WHEN CASE WHEN NEW.proposal IS NULL THEN NEW.state NOT IN {OF_ALL} ELSE
    (coalesce((SELECT state FROM events WHERE proposal = NEW.proposal ORDER BY number DESC LIMIT 1), ''),
     NEW.state) NOT IN (VALUES {_VALUES}) END
BEGIN SELECT RAISE(ABORT, 'no such step of a price'); END;
CREATE TRIGGER IF NOT EXISTS events_stop BEFORE INSERT ON events
WHEN NEW.state IN {GUARDED} AND 'stopped' =
    (SELECT state FROM events WHERE state IN ('stopped', 'resumed') ORDER BY number DESC LIMIT 1)
BEGIN SELECT RAISE(ABORT, 'prices are stopped'); END;
PRAGMA user_version = {FORMAT};
COMMIT;
"""  # noqa: S608 (only the constants above are put in)


@dataclass(frozen=True)
class Event:
    """One step of one proposal; or a stop, a resumption or an export, which are of no single proposal.

    Parameters
    ----------
    time : str
        UTC, ISO 8601.
    proposal, item : str or None
    price : float or None
        The price proposed, or the one that overrode it; of a roll-back, the price to go back to.
    price_now : float or None
        The price in force when it was proposed.
    state, by, why : str
    decision : str
        Id of the decision that proposed the price.
    grade : str
        A to D, of the evidence.
    proposed : str
        When it was proposed.
    verdict : "pass", "warn" or "block"
        Of the guardrails when they were last asked.
    words : str
        What they said.
    number : int
        In the order of writing.
    """

    time: str
    proposal: str | None
    item: str | None
    price: float | None
    price_now: float | None
    state: str
    by: str
    why: str
    decision: str
    grade: str
    proposed: str
    verdict: Literal["pass", "warn", "block"]
    words: str
    number: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return dict(vars(self))


def stamp(time: datetime) -> str:
    """A time as events have it."""
    return time.isoformat(timespec="milliseconds")


def append(connection: sqlite3.Connection, event: Event) -> Event:
    """Write an event down; gives it with its number."""
    row = {name: value for name, value in vars(event).items() if name != "number"}
    columns, values = ", ".join(row), ", ".join(f":{name}" for name in row)
    written = connection.execute(f"INSERT INTO events ({columns}) VALUES ({values})", row)  # noqa: S608
    return Event(**row, number=int(written.lastrowid or 0))


def select(connection: sqlite3.Connection, which: str, *values: str) -> list[Event]:
    """The events that an SQL condition of this module's users selects, oldest first."""
    rows = connection.execute(f"SELECT * FROM events WHERE {which} ORDER BY number", values)  # noqa: S608
    return [Event(**dict(row)) for row in rows]


def latest(connection: sqlite3.Connection) -> list[Event]:
    """The last event of every proposal."""
    last = "number IN (SELECT max(number) FROM events WHERE proposal IS NOT NULL GROUP BY proposal)"
    return select(connection, last)


def current(connection: sqlite3.Connection, proposal: str, path: Path) -> Event:
    """The last event of a proposal. Raises RequestError where there is none."""
    events = select(connection, "proposal = ?", proposal)
    if not events:
        raise RequestError(
            f"{path}: no proposal has the id {proposal!r}; `merx prices SHOP history` has all."
        )
    return events[-1]


def stop_in_force(connection: sqlite3.Connection) -> Event | None:
    """The stop that nobody has lifted yet."""
    events = select(connection, "state IN ('stopped', 'resumed')")
    return events[-1] if events and events[-1].state == "stopped" else None


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """The ledger, made if it is not there. Raises DataError where it is damaged or refuses an event."""
    try:
        with closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as connection:
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA synchronous = FULL")
            found = connection.execute("PRAGMA user_version").fetchone()[0]
            if found == 0:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.executescript(_SCHEMA)
            elif found > FORMAT:
                raise DataError(f"{path}: written by a newer merx (format {found}); update merx.")
            yield connection
    except sqlite3.Error as error:
        raise DataError(f"{path}: the price ledger cannot be read or written ({error}).") from None
