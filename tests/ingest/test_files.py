"""Formats, encodings, columns and files that cannot be read."""

import gzip

import pytest

from merx.errors import DataError
from tests.ingest.world import HEADER, LINES


def test_json_lines(world):
    path = world.folder / "orders.jsonl"
    path.write_text(
        '{"time": 1704067200, "event": "purchase", "user_id": 5, "item_id": "i", "price": 2.5}\n'
        "\n"
        '{"time": 1704067201, "event": "purchase", "user_id": "6", "item_id": 7, "price": "3"}\n'
        "{broken\n"
        "[1]\n"
        '{"time": 1704067201, "event": "purchase", "user_id": "6", "item_id": "z", "price": "x"}\n'
    )
    report = world.read(path).files[0]
    assert (report.read, report.accepted) == (5, 2)
    assert dict(report.reasons) == {"not a JSON object": 2, "price is not a number": 1}
    assert [each.line for each in report.examples["not a JSON object"]] == [4, 5]
    assert world.rows("events", "user_id, item_id, price") == [("5", "i", 2.5), ("6", "7", 3.0)]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        (HEADER.encode() + b"\n", "has a header and no rows"),
        (HEADER.encode() + b"\n2024-01-01,view_item,u\x00,i,,\n", "line 2 holds a NUL byte"),
        (HEADER.encode() + "\n2024-01-01,view_item,Jos\xe9,i,,\n".encode("latin-1"), "line 2 is not UTF-8"),
        ((HEADER + "\n" + LINES[0]).encode("utf-16"), "UTF-16"),
        (b"time#event#item_id\n2024-01-01#view_item#i\n", "no comma, semicolon, tab or bar"),
        (b"a,b\n1,2\n", "of no dialect"),
        (HEADER.encode() + b'\n2024-01-01,view_item,"u,i,,\n' + b"x\n" * 1_100_000, "the record at line 2"),
    ],
)
def test_files_that_cannot_be_read(world, content, said):
    path = world.folder / "bad.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=said):
        world.read(path)
    assert not world.tables.current().parts


@pytest.mark.parametrize("letters", ["\u00e9", "\u4e16", "\U0001f600"])
def test_letters_that_blocks_cut_in_two(world, monkeypatch, letters):
    monkeypatch.setattr("merx.ingest.records.CHUNK", 49)
    path = world.write([f"2024-01-0{n},view_item,{letters * n},i,," for n in range(1, 9)])
    assert world.read(path).accepted == 8
    path.write_bytes(path.read_bytes() + b"2024-01-01,view_item,\xff,i,,\n")
    with pytest.raises(DataError, match="line 10 is not UTF-8"):
        world.read(path)
    path.write_bytes(path.read_bytes()[:-6] + "\u4e16".encode()[:2])
    with pytest.raises(DataError, match="line 10 is not UTF-8"):
        world.read(path)


def test_blank_lines_before_the_header(world):
    path = world.folder / "orders.csv"
    path.write_text("\n\n" + "\n".join([HEADER, LINES[0], "2024-01-01,odd,u,i,,", "x"]) + "\n")
    report = world.read(path).files[0]
    assert (report.accepted, report.rejected) == (1, 2)
    assert [row["line"] for row in world.only_rejected()[1]] == ["5", "6"]


def test_other_unreadable_sources(world):
    with pytest.raises(DataError, match="no such file"):
        world.read(world.folder / "absent.csv")
    (world.folder / "empty").mkdir()
    with pytest.raises(DataError, match="holds no file"):
        world.read(world.folder / "empty")
    (world.folder / "cut.csv.gz").write_bytes(gzip.compress(("\n".join([HEADER, *LINES]) * 9).encode())[:-20])
    with pytest.raises(DataError, match="ends too early"):
        world.read(world.folder / "cut.csv.gz")
    (world.folder / "no.csv.gz").write_bytes(b"time,event\n")
    with pytest.raises(DataError, match="no intact"):
        world.read(world.folder / "no.csv.gz")
    (world.folder / "no.parquet").write_bytes(b"PAR1 but not really")
    with pytest.raises(DataError, match="no readable Parquet"):
        world.read(world.folder / "no.parquet")
    (world.folder / "list.json").write_text('[{"time": 1}]')
    with pytest.raises(DataError, match="JSON lines"):
        world.read(world.folder / "list.json")


def test_folders_globs_and_odd_file_names(world):
    for place, name in enumerate(("it's [1]*.csv", 'say "hi"; DROP TABLE x.csv', "é.csv")):
        world.write([f"2024-01-0{place + 1},view_item,u,i,,", "2024-01-01,odd,u,i,,"], name)
    report = world.read(world.folder / "*.csv")
    assert [file.accepted for file in report.files] == [1, 1, 1]
    assert world.read(world.folder, world.folder / "é.csv").duplicates == 6
    assert len(list(world.rejected.glob("*.csv"))) == 3


def test_odd_column_names_stay_names(world):
    odd = 'x"; DROP TABLE rejected; --'
    header = f'"{odd.replace(chr(34), chr(34) * 2)}",when\'s,what'
    mapping = {"columns": {"item_id": odd, "time": "when's", "event": "what"}}
    report = world.file(
        ["i,2024-01-01,view_item", "i,2024-01-01,odd"], header=header, mappings={"own": mapping}
    )
    assert (report.accepted, report.rejected) == (1, 1)
    assert odd in world.only_rejected()[1][0]


def test_repeated_and_blank_column_names(world):
    report = world.file([LINES[0] + ",x,y,z"], header=HEADER + ",Price,,PRICE")
    assert report.accepted == 1
    assert world.rows("events", "price") == [(None,)]
