"""Prices on their way to the shop: proposed, reviewed, approved, applied, each step with who, when and why.

An append-only file of events (`merx.price.events`). Each step looks at the state and writes within one
transaction, so writers may come at the same time. Nothing is applied, or handed out, that nobody approved.
"""

import secrets
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from merx.errors import RequestError
from merx.price.events import (
    APPROVED,
    GUARDED,
    OPEN,
    STEPS,
    Event,
    append,
    current,
    latest,
    opened,
    select,
    stamp,
    stop_in_force,
)
from merx.price.guardrails import PASS, Verdict

Check = Callable[[Event, float, datetime], Verdict]
"""What the guardrails say of a proposal, at a price, at a time."""


@dataclass(frozen=True)
class Draft:
    """A price to be proposed; `decision` is the id of the answer that it comes from."""

    item: str
    price: float
    price_now: float
    grade: str
    decision: str


class PriceLedger:
    """The ledger of proposed prices: one SQLite file.

    Parameters
    ----------
    path : Path
        Made at the first write.
    clock : function that gives the time, optional
    """

    def __init__(self, path: Path, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.path = path
        self._clock = clock

    def propose(self, drafts: Sequence[Draft], *, by: str, why: str, check: Check) -> tuple[Event, ...]:
        """Propose prices; gives the events written, what the guardrails say of each among them.

        An older proposal of the same item that nobody has approved is rejected in favour of the new one. An
        item with an approved price that is not applied yet gets no new proposal.
        """
        with self._writing(by, why) as (connection, now):
            before = {event.item: event for event in latest(connection) if event.state in (*OPEN, *APPROVED)}
            written = []
            for draft in drafts:
                name = f"{now:%Y%m%d}-{secrets.token_hex(5)}"
                old = before.get(draft.item)
                if old is not None and old.state in APPROVED:
                    continue
                if old is not None:
                    said = f"{name} takes its place"
                    written.append(self._next(connection, now, old, "rejected", by, why, words=said))
                about = vars(draft) | {"proposal": name, "state": "proposed", "by": by, "why": why}
                new = Event(**about, time=stamp(now), proposed=stamp(now), verdict=PASS, words="")
                said_of_new = check(new, draft.price, now)
                new = replace(new, verdict=said_of_new.level, words="; ".join(said_of_new.words))
                written.append(append(connection, new))
            return tuple(written)

    def move(
        self,
        proposals: Sequence[str],
        state: str,
        *,
        by: str,
        why: str,
        check: Check,
        batch: int,
        price: float | None = None,
    ) -> tuple[Event, ...]:
        """Take proposals one step further, all of them or none; gives the events written.

        Parameters
        ----------
        proposals : sequence of ids
        state : str
            reviewed, approved, overridden, rejected, applied or rolled_back.
        check : function
            The guardrails, asked before a price is approved, overridden or applied.
        batch : int
            At most so many are approved, overridden or applied at once.
        price : float, optional
            The price that overrides the proposed one.

        Raises
        ------
        RequestError
            A proposal is not known or not in a state that leads there, a guardrail blocks it, prices are
            stopped, or there are too many. Nothing was written then.
        """
        names = list(dict.fromkeys(proposals))
        with self._writing(by, why) as (connection, now):
            events = [current(connection, name, self.path) for name in names]
            if wrong := [event for event in events if state not in STEPS[event.state]]:
                one = wrong[0]
                raise RequestError(
                    f"{len(wrong):,} of {len(names):,} proposals cannot become {state}: {one.proposal} "
                    f"({one.item}) is {one.state}; next comes {' or '.join(STEPS[one.state]) or 'nothing'}."
                )
            if price is not None:
                events = [replace(event, price=price) for event in events]
            verdicts = self._guarded(connection, now, events, state, check, batch)
            if state == "rolled_back":
                _refuse_if_followed(connection, events)
                events = [replace(event, price=event.price_now) for event in events]
            return tuple(
                self._next(connection, now, event, state, by, why, verdict.level, "; ".join(verdict.words))
                for event, verdict in zip(events, verdicts, strict=True)
            )

    def export(
        self,
        *,
        by: str,
        why: str,
        check: Check,
        batch: int,
        write: Callable[[Sequence[Event]], None],
    ) -> tuple[Event, ...]:
        """Hand every approved price that is not applied yet to `write`, and note it. Nothing becomes applied.

        Raises
        ------
        RequestError
            Nothing is approved, prices are stopped, a guardrail blocks one of them today, or there are more
            than `batch`.
        """
        with self._writing(by, why) as (connection, now):
            approved = [event for event in latest(connection) if event.state in APPROVED]
            if not approved:
                raise RequestError(f"{self.path}: no price is approved and not yet applied.")
            self._guarded(connection, now, approved, "exported", check, batch)
            names = ", ".join(str(event.proposal) for event in approved)
            append(connection, _of_all("exported", now, by, why, f"{len(approved)} prices: {names}"))
            write(approved)
            return tuple(approved)

    def stop(self, *, by: str, why: str) -> Event:
        """From now on nothing is approved, exported or applied; prices can still be rolled back."""
        with self._writing(by, why) as (connection, now):
            if there := stop_in_force(connection):
                raise RequestError(f"Prices were stopped before, {there.time} by {there.by}: {there.why}")
            return append(connection, _of_all("stopped", now, by, why, ""))

    def resume(self, *, by: str, why: str) -> Event:
        """Lift the stop."""
        with self._writing(by, why) as (connection, now):
            if stop_in_force(connection) is None:
                raise RequestError("Prices are not stopped.")
            return append(connection, _of_all("resumed", now, by, why, ""))

    def stopped(self) -> Event | None:
        """The stop in force, if there is one."""
        if not self.path.exists():
            return None
        with opened(self.path) as connection:
            return stop_in_force(connection)

    def latest(self, *states: str) -> tuple[Event, ...]:
        """The last event of every proposal, or of those in these states."""
        if not self.path.exists():
            return ()
        with opened(self.path) as connection:
            return tuple(event for event in latest(connection) if not states or event.state in states)

    def history(self, item: str | None = None) -> tuple[Event, ...]:
        """Every event, oldest first; of one item where one is named."""
        if not self.path.exists():
            return ()
        with opened(self.path) as connection:
            return tuple(select(connection, "1") if item is None else select(connection, "item = ?", item))

    def _guarded(
        self,
        connection: sqlite3.Connection,
        now: datetime,
        events: Sequence[Event],
        state: str,
        check: Check,
        batch: int,
    ) -> list[Verdict]:
        """What the guardrails say of a step. Raises RequestError where it may not be taken."""
        if state not in GUARDED:  # what was said before still stands
            return [Verdict(event.verdict, (event.words,)) for event in events]
        if stop := stop_in_force(connection):
            raise RequestError(
                f"Prices are stopped, {stop.time} by {stop.by}: {stop.why.rstrip('.')}. Nothing is {state} "
                "until `merx prices SHOP resume`."
            )
        if len(events) > batch:
            raise RequestError(
                f"{len(events):,} prices at once, and [governance] batch allows {batch:,}: take fewer, and "
                "look at what they did before the next."
            )
        verdicts = [check(event, float(event.price or 0.0), now) for event in events]
        blocked = [
            (event, verdict)
            for event, verdict in zip(events, verdicts, strict=True)
            if verdict.level == "block"
        ]
        if blocked:
            event, verdict = blocked[0]
            raise RequestError(
                f"{len(blocked):,} of {len(events):,} prices are blocked, so none is {state}. "
                f"{event.proposal} ({event.item}, {event.price:.2f}): {'; '.join(verdict.words)}. Reject "
                "them, or leave them out."
            )
        return verdicts

    @staticmethod
    def _next(
        connection: sqlite3.Connection,
        now: datetime,
        event: Event,
        state: str,
        by: str,
        why: str,
        verdict: Literal["pass", "warn", "block"] = PASS,
        words: str = "",
    ) -> Event:
        step = replace(event, time=stamp(now), state=state, by=by, why=why, verdict=verdict, words=words)
        return append(connection, step)

    @contextmanager
    def _writing(self, by: str, why: str) -> Iterator[tuple[sqlite3.Connection, datetime]]:
        """A transaction that no other writer enters, and its time. RequestError without who and why."""
        for name, text in (("by", by), ("why", why)):
            if not text.strip():
                raise RequestError(f"{name} is empty: every step of a price says who took it and why.")
        with opened(self.path) as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection, self._clock()
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")


def _of_all(state: str, now: datetime, by: str, why: str, words: str) -> Event:
    return Event(stamp(now), None, None, None, None, state, by, why, "", "", "", PASS, words)


def _refuse_if_followed(connection: sqlite3.Connection, events: Sequence[Event]) -> None:
    """Raise RequestError where a later price of the same item is applied: going back would skip it."""
    applied: Mapping[str | None, Event] = {
        event.item: event for event in latest(connection) if event.state == "applied"
    }
    if wrong := [event for event in events if applied[event.item].proposal != event.proposal]:
        one, later = wrong[0], applied[wrong[0].item]
        raise RequestError(
            f"{one.proposal} ({one.item}) cannot be rolled back: {later.proposal} was applied after it; roll "
            "that back first."
        )
