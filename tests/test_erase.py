"""Erasing a shopper: no byte of the folder names them afterwards, and what was sold stays what was sold."""

import shutil
import sqlite3

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from merx.cli import main
from merx.errors import DataError, RequestError
from merx.shop import Shop
from tests.shops import settings

ERIN, OTHERS = "erin-4711", [f"someone-{n}" for n in range(8)]


@pytest.fixture
def peopled(made, tmp_path):
    """A copy of a shop that knows Erin by events, before and after a login, by relations and a bad line."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return Shop(tmp_path / "shop")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    tmp_path = tmp_path_factory.mktemp("peopled")
    events = tmp_path / "events.csv"
    head = "event_id,user_id,session_id,item_id,event,time,price,quantity,transaction_id\n"
    rows = [
        f"e{n}{i},{name},s{n}{i},p{(n + i) % 6},purchase,2024-02-{1 + i:02d}T10:00:00,5,1,t{n}{i}\n"
        for n, name in enumerate([ERIN, *OTHERS])
        for i in range(5)
    ]
    rows += ["e-anonymous,,s00,p5,view_item,2024-02-01T09:50:00,,,\n"]
    rows += [f"e-bad,{ERIN},s99,p1,purchase,no time at all,5,1,t99\n"]
    events.write_text(head + "".join(rows))
    later = tmp_path / "later.csv"
    later.write_text(head + f"e-late,{OTHERS[0]},s77,p1,purchase,2024-03-01T10:00:00,5,1,t77\n")
    relations = tmp_path / "relations.csv"
    relations.write_text(
        f"user_id,other_user_id,kind\n{ERIN},{OTHERS[0]},follows\n{OTHERS[1]},{ERIN},follows\n"
        f"{OTHERS[1]},{OTHERS[2]},follows\n"
    )
    shop = Shop.init(tmp_path / "shop")
    shop.ingest(events)
    shop.ingest(relations)
    shop.ingest(later)
    shop = settings(shop, '\n[social]\nfriends = "always"\n')
    shop.fit("popularity", "item_knn", "user_knn", "als", "social_knn", "social_als", "content")
    return tmp_path


def naming(folder, name):
    """The files below a folder that name someone, Parquet files read."""
    found = []
    for path in folder.rglob("*"):
        if path.is_file():
            held = name.encode() in path.read_bytes()
            if path.suffix == ".parquet":
                held |= any(name in str(column.to_pylist()) for column in pq.read_table(path).columns)
            if held:
                found.append(path.relative_to(folder).as_posix())
    return found


def test_nothing_names_the_shopper_afterwards(peopled):
    before = naming(peopled.folder, ERIN)
    assert any(path.startswith("tables/events") for path in before)
    assert any(path.startswith("rejected") for path in before)
    assert not any(path.startswith("models") for path in before)  # models know no shopper
    hers = peopled.recommend(ERIN, model="social_knn")
    theirs = peopled.recommend(OTHERS[3], model="item_knn")
    peopled.shoppers()
    peopled.report()
    erased = peopled.erase(ERIN)
    assert naming(peopled.folder, ERIN) == []
    assert (erased.events, erased.relations, erased.lines) == (5, 2, 1)
    assert erased.decisions == 2  # her list, and the one in the report
    assert erased.states >= 2 and set(erased.refit) == {"user_knn", "social_knn"}
    assert {path.rsplit("/", 1)[-1] for path in erased.kept} == {"events.csv", "relations.csv", "later.csv"}
    with pytest.raises(RequestError, match="no decision"):
        peopled.why(hers.id)
    with pytest.raises(DataError, match="state of the tables is not there"):
        peopled.why(theirs.id)  # it was given on tables that named her
    with pytest.raises(RequestError, match="names the shopper"):
        peopled.erase(ERIN)


def test_what_was_sold_stays_and_others_are_untouched(peopled):
    with peopled._engine() as (engine, _):
        before = engine.query("daily_demand"), engine.query("overview").to_pylist()[0]
        other = engine.query("history", user=OTHERS[3])
    peopled.erase(ERIN)
    with peopled._engine() as (engine, _):
        after = engine.query("overview").to_pylist()[0]
        assert engine.query("daily_demand").equals(before[0])
        assert engine.query("history", user=OTHERS[3]).equals(other)
        assert engine.query("history", user=ERIN).num_rows == 0
        assert engine.query("relations").num_rows == 1
        events = engine.query("sessions").to_pylist()
    assert after["events"] == before[1]["events"] and after["users"] == before[1]["users"] - 1
    assert after["sessions"] == before[1]["sessions"]  # visits hold together, under other ids
    assert not {"s00", "s01"} & {row["session_id"] for row in events}
    [visit] = {row["session_id"] for row in events if row["item_id"] == "p5" and row["event"] == "view_item"}
    assert [row["event"] for row in events if row["session_id"] == visit] == ["view_item", "purchase"]


def test_the_same_files_do_not_bring_the_shopper_back(peopled):
    source = peopled.folder.parent / "events.csv"
    peopled.erase(ERIN)
    peopled.ingest(source)
    assert naming(peopled.folder, ERIN) == []
    later = peopled.recommend(OTHERS[3], model="item_knn")
    assert peopled.why(later.id).same
    with (
        sqlite3.connect(peopled.folder / "decisions.sqlite") as ledger,
        pytest.raises(sqlite3.IntegrityError),
    ):
        ledger.execute("DELETE FROM decisions")  # append-only again
    ledger.close()


def test_erasing_by_command_asks_before(peopled):
    words = ["erase", str(peopled.folder), "--user", ERIN]
    assert CliRunner().invoke(main, words, input="n\n").exit_code == 1
    assert naming(peopled.folder, ERIN)
    done = CliRunner().invoke(main, [*words, "--yes"])
    assert done.exit_code == 0 and "5 events, 2 relations" in " ".join(done.output.split())
    assert naming(peopled.folder, ERIN) == []
