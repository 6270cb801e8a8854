"""The price ledger: no path leads to an applied price without an approval, and nothing is ever unwritten."""

import re
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from merx.errors import ConfigError, DataError, RequestError
from merx.price.events import APPROVED, STEPS, Event
from merx.price.guardrails import Facts, Governance, Verdict, verdict
from merx.price.ledger import Draft, PriceLedger

STATES = [state for state in STEPS if state]
START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
SIGNED = {"by": "ada", "why": "a test"}


def anything_goes(event, price, now):
    return Verdict("pass")


def draft(item="i1", price=11.0, now=10.0, grade="A"):
    return Draft(item, price, now, grade, "20260105-0")


def step(ledger, proposal, state, **more):
    known = SIGNED | {"check": anything_goes, "batch": 100} | more
    return ledger.move([proposal], state, **known)[0]


def propose(ledger, *drafts):
    events = ledger.propose(drafts or (draft(),), check=anything_goes, **SIGNED)
    return [event.proposal for event in events if event.state == "proposed"]


def rows(ledger):
    with sqlite3.connect(ledger.path) as connection:
        return connection.execute("SELECT * FROM events ORDER BY number").fetchall()


def test_the_whole_way_with_who_when_and_why(tmp_path):
    times = iter(START + timedelta(hours=n) for n in range(9))
    ledger = PriceLedger(tmp_path / "prices.sqlite", lambda: next(times))
    [name] = propose(ledger)
    for state in ("reviewed", "approved", "applied", "rolled_back"):
        step(ledger, name, state, by=f"{state} by", why=f"{state} why")
    events = ledger.history("i1")
    assert [e.state for e in events] == ["proposed", "reviewed", "approved", "applied", "rolled_back"]
    assert [e.by for e in events[1:]] == [f"{e.state} by" for e in events[1:]]
    assert [e.why for e in events[1:]] == [f"{e.state} why" for e in events[1:]]
    assert [e.time[11:13] for e in events] == ["09", "10", "11", "12", "13"]
    assert {e.proposed for e in events} == {events[0].time}
    assert {e.decision for e in events} == {"20260105-0"}
    assert [e.price for e in events] == [11.0, 11.0, 11.0, 11.0, 10.0]  # back to what it was


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.sampled_from([*STATES, "stop", "resume", "export"]), st.integers(0, 2)), max_size=25
    )
)
def test_no_path_reaches_applied_without_an_approval(tmp_path_factory, path):
    ledger = PriceLedger(tmp_path_factory.mktemp("ledger") / "prices.sqlite")
    names = propose(ledger, draft("a"), draft("b"), draft("c"))
    stopped, handed_out = False, []
    for state, which in path:
        before = rows(ledger)
        try:
            if state in ("stop", "resume"):
                getattr(ledger, state)(**SIGNED)
                stopped = state == "stop"
            elif state == "export":
                ledger.export(check=anything_goes, batch=9, write=handed_out.extend, **SIGNED)
                assert not stopped
            else:
                step(ledger, names[which], state)
                assert not (stopped and state in (*APPROVED, "applied"))
        except RequestError:
            assert rows(ledger) == before  # refused whole
        assert rows(ledger)[: len(before)] == before  # nothing is unwritten
    for name in names:
        way = [event.state for event in ledger.history() if event.proposal == name]
        for earlier, later in zip(["", *way], way, strict=False):
            assert later in STEPS[earlier]
        for place, state in enumerate(way):
            if state == "applied":
                assert set(way[:place]) & set(APPROVED)
                assert "reviewed" in way[:place]
    assert all(event.state in APPROVED for event in handed_out)


def test_the_file_itself_refuses_what_is_no_step(tmp_path):
    ledger = PriceLedger(tmp_path / "prices.sqlite")
    [name] = propose(ledger)
    forged = (
        "INSERT INTO events (time, proposal, item, price, price_now, state, by, why, decision, grade, "
        "proposed, verdict, words) VALUES ('t', ?, 'i1', 1, 10, ?, 'eve', 'greed', '', 'A', 't', 'pass', '')"
    )
    with sqlite3.connect(ledger.path) as connection:
        for text in ("UPDATE events SET price = 1", "DELETE FROM events"):
            with pytest.raises(sqlite3.DatabaseError, match="append-only"):
                connection.execute(text)
        for proposal, state in (
            (name, "applied"),
            (name, "approved"),
            ("new", "approved"),
            (None, "applied"),
        ):
            with pytest.raises(sqlite3.DatabaseError, match="no such step"):
                connection.execute(forged, (proposal, state))
        connection.execute(forged, (name, "reviewed"))
        connection.execute(forged, (None, "stopped"))
        with pytest.raises(sqlite3.DatabaseError, match="prices are stopped"):
            connection.execute(forged, (name, "approved"))
    assert ledger.stopped().by == "eve"


def test_a_step_needs_a_name_and_a_reason(tmp_path):
    ledger = PriceLedger(tmp_path / "prices.sqlite")
    for missing in ("by", "why"):
        with pytest.raises(RequestError, match=f"^{missing} is empty"):
            ledger.propose([draft()], check=anything_goes, **(SIGNED | {missing: "  "}))
    assert ledger.history() == ()


def test_a_block_refuses_the_whole_batch_and_names_one(tmp_path):
    ledger = PriceLedger(tmp_path / "prices.sqlite")
    names = propose(ledger, draft("a"), draft("b"))
    for name in names:
        step(ledger, name, "reviewed")

    def check(event, price, now):
        return Verdict("block", ("too dear",)) if event.item == "b" else Verdict("warn", ("hm",))

    with pytest.raises(RequestError, match=r"1 of 2 prices are blocked.*\(b, 11\.00\): too dear"):
        ledger.move(names, "approved", check=check, batch=9, **SIGNED)
    assert {event.state for event in ledger.latest()} == {"reviewed"}
    approved = step(ledger, names[0], "approved", check=check)
    assert (approved.verdict, approved.words) == ("warn", "hm")


def test_the_batch_cap(tmp_path):
    ledger = PriceLedger(tmp_path / "prices.sqlite")
    names = propose(ledger, *(draft(f"i{n}") for n in range(3)))
    ledger.move(names, "reviewed", check=anything_goes, batch=2, **SIGNED)  # looking is not capped
    with pytest.raises(RequestError, match=r"3 prices at once.*batch allows 2"):
        ledger.move(names, "approved", check=anything_goes, batch=2, **SIGNED)
    ledger.move(names[:2], "approved", check=anything_goes, batch=2, **SIGNED)
    ledger.move(names[2:], "approved", check=anything_goes, batch=2, **SIGNED)
    with pytest.raises(RequestError, match="3 prices at once"):
        ledger.export(check=anything_goes, batch=2, write=pytest.fail, **SIGNED)


def test_the_kill_switch(tmp_path):
    ledger = PriceLedger(tmp_path / "prices.sqlite")
    first, second, third = propose(ledger, draft("a"), draft("b"), draft("c"))
    for name, *way in ((first, "reviewed", "approved", "applied"), (second, "reviewed", "approved")):
        for state in way:
            step(ledger, name, state)
    step(ledger, third, "reviewed")
    ledger.stop(by="bea", why="wrong costs")
    with pytest.raises(RequestError, match=r"stopped before.*bea: wrong costs"):
        ledger.stop(**SIGNED)
    for name, state in ((second, "applied"), (third, "approved"), (third, "overridden")):
        with pytest.raises(RequestError, match=r"Prices are stopped.*bea: wrong costs"):
            step(ledger, name, state, price=10.5)
    with pytest.raises(RequestError, match="Prices are stopped"):
        ledger.export(check=anything_goes, batch=9, write=pytest.fail, **SIGNED)
    step(ledger, first, "rolled_back")  # the way back stays open
    step(ledger, third, "rejected")
    ledger.resume(**SIGNED)
    step(ledger, second, "applied")
    with pytest.raises(RequestError, match="not stopped"):
        ledger.resume(**SIGNED)


def test_a_new_proposal_takes_the_place_of_an_open_one_but_not_of_an_approved_one(tmp_path):
    ledger = PriceLedger(tmp_path / "prices.sqlite")
    [old] = propose(ledger)
    step(ledger, old, "reviewed")
    [new] = propose(ledger, draft(price=12.0))
    assert {e.proposal: e.state for e in ledger.latest()} == {old: "rejected", new: "proposed"}
    step(ledger, new, "reviewed")
    step(ledger, new, "overridden", price=12.5)
    assert propose(ledger, draft(price=13.0)) == []
    assert ledger.latest("overridden")[0].price == 12.5
    step(ledger, new, "applied")
    [next_one] = propose(ledger, draft(price=13.0, now=12.5))
    for state in ("reviewed", "approved", "applied"):
        step(ledger, next_one, state)
    with pytest.raises(RequestError, match=f"{next_one} was applied after it"):
        step(ledger, new, "rolled_back")
    assert step(ledger, next_one, "rolled_back").price == 12.5
    assert step(ledger, new, "rolled_back").price == 10.0


def test_an_export_that_cannot_be_written_is_not_noted(tmp_path):
    ledger = PriceLedger(tmp_path / "prices.sqlite")
    [name] = propose(ledger)
    step(ledger, name, "reviewed")
    step(ledger, name, "approved")

    def fails(events):
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        ledger.export(check=anything_goes, batch=9, write=fails, **SIGNED)
    assert [event.state for event in ledger.history()] == ["proposed", "reviewed", "approved"]


WRITER = """
import sys
from pathlib import Path
from merx.errors import RequestError
from merx.price.guardrails import Verdict
from merx.price.ledger import PriceLedger
ledger, won = PriceLedger(Path(sys.argv[1])), 0
for name in sys.argv[2:]:
    try:
        ledger.move([name], "reviewed", by="w", why="race", check=lambda *_: Verdict("pass"), batch=1)
        won += 1
    except RequestError:
        pass
print(won)
"""


def test_writers_at_the_same_time_take_each_step_once(tmp_path):
    ledger = PriceLedger(tmp_path / "prices.sqlite")
    names = propose(ledger, *(draft(f"i{n}") for n in range(15)))
    call = [sys.executable, "-c", WRITER, str(ledger.path), *names]
    racing = [subprocess.Popen(call, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert sum(int(one.communicate()[0]) for one in racing) == len(names)
    assert len(ledger.history()) == 2 * len(names)


def test_a_ledger_of_a_newer_merx_is_left_alone(tmp_path):
    with sqlite3.connect(tmp_path / "prices.sqlite") as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(DataError, match="newer merx"):
        PriceLedger(tmp_path / "prices.sqlite").history()


# Guardrails


def said(price=11.0, *, then=10.0, now=10.0, cost=5.0, grade="A", days=0, **chosen):
    when = START.isoformat()
    event = Event(when, "p", "i1", price, then, "reviewed", "ada", "why", "d", grade, when, "pass", "")
    settings = Governance(**chosen)
    return verdict(event, price, Facts(now, cost), START + timedelta(days=days), settings, min_margin=0.1)


@pytest.mark.parametrize(
    ("case", "level", "words"),
    [
        ({}, "pass", ""),
        ({"price": 4.99, "block_change": 1.0}, "block", "4.99 is below the cost of 5.00"),
        ({"price": 9.4, "cost": 9.0}, "warn", "the margin is 4%, below 10%"),
        ({"cost": None}, "warn", "the cost is not known"),
        ({"price": 11.01}, "warn", r"a move of \+10% is beyond 10%"),
        ({"price": 12.51}, "block", r"a move of \+25% is beyond 25%"),
        ({"price": 7.49}, "block", "a move of -25% is beyond 25%"),
        ({"grade": "C"}, "warn", "grade C"),
        ({"grade": "D"}, "block", "grade D"),
        ({"days": 14}, "pass", ""),
        ({"days": 15}, "block", "proposed 15 days ago, more than 14"),
        ({"now": 10.5}, "block", "the price is 10.50 now and was 10.00 when this was proposed"),
        ({"now": None}, "block", "sells no such product"),
        ({"price": 0.0}, "block", "0.00 is no price"),
        ({"now": 11.0, "days": 99}, "pass", "charges it already"),
    ],
)
def test_guardrails(case, level, words):
    found = said(**case)
    assert found.level == level
    assert re.search(words, "; ".join(found.words)) if words else not found.words


def test_settings_that_cannot_be():
    for wrong in ({"warn_change": 0.5}, {"warn_change": -0.1}, {"batch": 0}, {"max_age_days": 0}):
        with pytest.raises(ConfigError):
            Governance(**wrong)
