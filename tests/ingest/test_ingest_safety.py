"""Whatever happens on the way, the tables are the old ones or the new ones."""

import errno
import os
import signal
import subprocess
import sys
import time

import pytest

from merx.errors import DataError
from merx.ingest import ingest
from merx.store.tables import Tables

HEADER = "time,event,user_id,item_id,quantity,price"
MANY = 3000

INGEST = """
import sys
from pathlib import Path
from merx.ingest import ingest
from merx.store.tables import Tables
folder = Path(sys.argv[1])
sys.stdout.write("ready\\n"); sys.stdout.flush()
ingest(Tables(folder / "tables"), folder / "rejected", [folder / "b.csv"])
"""


@pytest.fixture
def folder(tmp_path):
    write(tmp_path / "a.csv", 1, 10)
    write(tmp_path / "b.csv", 2, MANY)
    read(tmp_path, "a.csv")
    return tmp_path


def write(path, day, rows):
    lines = [f"2024-01-{day:02} 10:00:00,purchase,u{n},i{n % 7},1,{n % 5 + 1}" for n in range(rows)]
    path.write_text("\n".join([HEADER, *lines, "2024-01-01,odd,u,i,1,1", ""]))


def read(folder, *names):
    return ingest(Tables(folder / "tables"), folder / "rejected", [folder / name for name in names])


def rows(folder):
    tables = Tables(folder / "tables")
    snapshot = tables.current()
    assert all(path.exists() for table in ("events", "prices") for path in tables.paths(snapshot, table))
    return snapshot.rows("events")


@pytest.mark.parametrize("step", range(1, 11))
def test_a_crash_at_any_replacement_leaves_old_or_new(folder, monkeypatch, step):
    """Each file appears by `os.replace`: dying before the n-th one is dying between any two steps."""
    replaced, calls = os.replace, []

    def dying(source, target):
        calls.append(target)
        if len(calls) == step:
            raise KeyboardInterrupt
        replaced(source, target)

    monkeypatch.setattr(os, "replace", dying)
    try:
        read(folder, "b.csv")
        died = False
    except KeyboardInterrupt:
        died = True
    monkeypatch.undo()
    assert died == (step <= len(calls))
    assert rows(folder) == (10 if died else 10 + MANY)
    read(folder, "b.csv")
    assert rows(folder) == 10 + MANY
    parts = {path.name for path in (folder / "tables" / "events").iterdir()}
    assert parts == {
        part.name for part in Tables(folder / "tables").current().parts if part.table == "events"
    }


@pytest.mark.parametrize("delay", [0.0, 0.03, 0.08, 0.15, 0.3])
def test_a_kill_at_any_moment_leaves_old_or_new(folder, delay):
    process = subprocess.Popen([sys.executable, "-c", INGEST, str(folder)], stdout=subprocess.PIPE, text=True)
    with process:
        process.stdout.readline()
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
    assert rows(folder) in (10, 10 + MANY)
    report = read(folder, "b.csv")
    assert report.accepted + report.duplicates + report.rejected == MANY + 1
    assert rows(folder) == 10 + MANY
    assert not (folder / "tables" / "scratch").exists()


def test_a_full_disk_is_said_and_changes_nothing(folder, monkeypatch):
    def full(source, target):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(DataError, match="no space left"):
        read(folder, "b.csv")
    monkeypatch.undo()
    assert rows(folder) == 10


def test_a_limit_on_file_size_is_said_and_changes_nothing(folder):
    """The writer itself runs out of room, within DuckDB."""
    code = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))\n" + INGEST
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True)
    assert "DataError" in done.stderr
    assert "no space left" in done.stderr
    assert rows(folder) == 10
    read(folder, "b.csv")
    assert rows(folder) == 10 + MANY


def test_only_one_writer_at_a_time(folder):
    with Tables(folder / "tables").writing(), pytest.raises(DataError, match="another merx process"):
        read(folder, "b.csv")
