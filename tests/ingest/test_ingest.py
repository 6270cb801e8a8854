"""Every line read is accepted, rejected or a duplicate; what the rules say of each."""

import csv
import gzip
import io
import json
import tempfile
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from merx.data.schema import EVENTS_TABLE, TABLES
from merx.errors import ConfigError, DataError
from tests.ingest.world import HEADER, LINES, World


def test_a_clean_file(world):
    report = world.file(LINES)
    assert (report.read, report.accepted, report.rejected, report.duplicates) == (4, 4, 0, 0)
    assert report.rejected_file is None
    assert not world.rejected.exists()
    assert world.rows("events", "event, user_id, item_id, quantity, price") == [
        ("add_to_cart", "u1", "i1", 1.0, 2.5),
        ("purchase", "u1", "i1", 2.0, 2.5),
        ("purchase", "u2", "i2", 1.0, 7.0),
        ("view_item", "u1", "i1", 1.0, None),
    ]
    (path,) = world.tables.paths(world.tables.current(), "events")
    schema = pq.read_schema(path)
    assert schema.names == [*EVENTS_TABLE.names, "key"]
    assert [schema.field(name).type for name in EVENTS_TABLE.names] == EVENTS_TABLE.types


def test_the_same_file_again_changes_nothing(world):
    path = world.write(LINES)
    before = world.read(path).fingerprint
    again = world.read(path)
    assert (again.read, again.accepted, again.duplicates) == (4, 0, 4)
    assert again.fingerprint == before


def test_one_content_has_one_set_of_keys_in_every_format(world):
    path = world.write(LINES)
    table = pyarrow.csv.read_csv(path)
    pq.write_table(table, world.folder / "orders.parquet")
    with open(world.folder / "orders.jsonl", "w") as file:
        for row in table.to_pylist():
            file.write(
                json.dumps({name: value for name, value in row.items() if value is not None}, default=str)
                + "\n"
            )
    (world.folder / "orders2.csv.gz").write_bytes(gzip.compress(b"\xef\xbb\xbf" + path.read_bytes()))
    (world.folder / "orders3.csv").write_bytes(path.read_bytes().replace(b",", b";").replace(b"\n", b"\r\n"))
    assert world.read(path).accepted == 4
    for other in ("orders.parquet", "orders.jsonl", "orders2.csv.gz", "orders3.csv"):
        report = world.read(world.folder / other)
        assert (report.read, report.duplicates) == (4, 4), other


def test_keys_are_fixed_for_ever(world):
    world.file(LINES[:1])
    import hashlib
    import uuid

    text = "\x1f".join(
        ["1704103200000000", "view_item", "u1", "\x1e", "i1", "1.0", "\x1e", "\x1e", "\x1e", "\x1e"]
    )
    assert world.rows("events", "key") == [(uuid.UUID(bytes=hashlib.md5(text.encode()).digest()[::-1]),)]


def test_a_longer_export_adds_only_what_is_new(world):
    world.file(LINES[:3], "may.csv")
    report = world.file(LINES, "june.csv")
    assert (report.read, report.accepted, report.duplicates) == (4, 1, 3)
    assert len(world.rows()) == 4


def test_two_equal_lines_are_two_purchases(world):
    line = LINES[2]
    assert world.file([line, line], "a.csv").accepted == 2
    report = world.file([line, line, line], "b.csv")
    assert (report.accepted, report.duplicates) == (1, 2)
    assert world.file([line], "c.csv").duplicates == 1
    assert len(world.rows()) == 3


def test_of_lines_with_an_id_the_first_counts(world):
    header = "event_id," + HEADER
    report = world.file(["7," + LINES[0], "7," + LINES[2], "8," + LINES[2], "," + LINES[2]], header=header)
    assert (report.accepted, report.duplicates) == (3, 1)
    report = world.file(["8," + LINES[3], "9," + LINES[3]], "later.csv", header=header)
    assert (report.accepted, report.duplicates) == (1, 1)
    assert world.rows("events", "event_id, event") == [
        ("7", "view_item"),
        ("8", "purchase"),
        ("9", "purchase"),
        (None, "purchase"),
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (",purchase,u,i,1,1", "time missing"),
        ("soon,purchase,u,i,1,1", "time not readable as ISO 8601"),
        ("1899-01-01,purchase,u,i,1,1", "time before 1990"),
        ("2999-01-01,purchase,u,i,1,1", "time in the future"),
        ("2024-01-01,,u,i,1,1", "event missing"),
        ("2024-01-01,dance,u,i,1,1", "unknown event 'dance'"),
        ("2024-01-01,purchase,u,,1,1", "item_id missing for purchase"),
        ("2024-01-01,purchase,u,NULL,1,1", "item_id missing for purchase"),
        ("2024-01-01,purchase,u,i,0,1", "quantity = 0"),
        ("2024-01-01,add_to_cart,u,i,inf,1", "quantity is not finite"),
        ("2024-01-01,purchase,u,i,few,1", "quantity is not a number"),
        ("2024-01-01,purchase,u,i,1,0", "price <= 0"),
        ("2024-01-01,purchase,u,i,1,-3", "price <= 0"),
        ("2024-01-01,purchase,u,i,1,nan", None),
        ('2024-01-01,purchase,u,i,1,"1,5"', "price is not a number"),
        ("2024-01-01,purchase," + "u" * 513 + ",i,1,1", "user_id longer than 512 characters"),
        ("2024-01-01,purchase,u,i,1", "fewer cells than the header"),
        ("2024-01-01,purchase,u,i,1,1,1", "more cells than the header"),
        ('2024-01-01,purchase,"u"x,i,1,1', "text after a closing quote"),
        ('2024-01-01,purchase,"u,i,1,1', "a quote that is not closed"),
    ],
)
def test_why_a_line_is_rejected(world, line, reason):
    report = world.file([*LINES, line])
    if reason is None:
        assert report.accepted == 5
        return
    assert (report.accepted, report.rejected) == (4, 1)
    assert dict(report.reasons) == {reason: 1}
    (example,) = report.examples[reason]
    assert example.line == 6
    path, rows = world.only_rejected()
    assert str(path) == report.rejected_file
    assert [(row["file"], row["line"], row["reason"]) for row in rows] == [("orders.csv", "6", reason)]


def test_line_numbers_count_quoted_line_ends_blank_lines_and_the_mark_at_the_start(world):
    path = world.folder / "orders.csv"
    path.write_bytes(
        b"\xef\xbb\xbf" + HEADER.encode() + b"\r\n"
        b'2024-01-01,view_item,"u\r\n1",i,,\r\n'  # lines 2 and 3
        b"\r\n"  # 4
        b"2024-01-01,nonsense,u,i,,\r\n"  # 5
        b"2024-01-01,view_item,u\r\n"  # 6
        b"\r\n\r\n"  # 7, 8
        b"2024-01-01,view_item\r\n"  # 9
        b'2024-01-01,purchase,"a ""q""\r\n\r\n b",i,1,0\r\n'  # 10 to 12
        b"2024-01-01,view_item,u,i,,"  # 13
    )
    report = world.read(path).files[0]
    assert (report.read, report.accepted) == (6, 2)
    found = {reason: [each.line for each in examples] for reason, examples in report.examples.items()}
    assert found == {
        "unknown event 'nonsense'": [5],
        "fewer cells than the header": [6, 9],
        "price <= 0": [10],
    }


def test_line_numbers_over_many_blocks(world, monkeypatch):
    monkeypatch.setattr("merx.ingest.records.CHUNK", 1000)
    lines = []
    for n in range(400):
        lines.append(f'2024-01-01,view_item,"u\n{n}",i,,' if n % 5 else f"2024-01-01,odd{n % 2},u,i,,")
        if n % 7 == 0:
            lines += ["", "2024-01-01,view_item"]
    path = world.write(lines, name="many.csv")
    report = world.read(path).files[0]
    _, rows = world.only_rejected()
    physical = path.read_text().split("\n")
    for row in rows:
        shown = physical[int(row["line"]) - 1]
        assert shown.startswith(f"2024-01-01,{row['event']}")
    assert len(rows) == report.rejected == 80 + 58


def test_a_mended_line_can_be_ingested(world):
    world.file([*LINES, "2024-01-05,purchase,u9,i9,1,0", "2024-01-05,purchase,u8,i8"])
    path, _ = world.only_rejected()
    mended = path.read_text().replace(",i9,1,0", ",i9,1,4").replace("u8,i8,,", "u8,i8,2,3")
    (world.folder / "mended.csv").write_text(mended)
    report = world.read(world.folder / "mended.csv").files[0]
    assert (report.read, report.accepted, report.rejected) == (2, 2, 0)
    assert len(world.rows()) == 6


def test_products_keep_their_history_and_the_last_line_counts(world):
    header = "item_id,title,brand"
    report = world.file(["a,A,x", "b,B,y", "b,B2,y"], "p1.csv", header=header)
    assert (report.table, report.read, report.accepted, report.duplicates) == ("products", 3, 2, 1)
    report = world.file(["b,B2,y", "a,A3,x"], "p2.csv", header=header)
    assert (report.accepted, report.duplicates) == (1, 1)
    report = world.file(["a,A,x"], "p3.csv", header=header)
    assert (report.accepted, report.duplicates) == (1, 0)


def test_prices_and_stock_are_states(world):
    line = "a,2024-01-01,5"
    report = world.file([line, line, "a,2024-01-02,6"], "prices.csv", header="item_id,time,price")
    assert (report.table, report.accepted, report.duplicates) == ("prices", 2, 1)
    report = world.file(
        ["a,2024-01-01,yes", "a,2024-01-02,perhaps"], "stock.csv", header="item_id,time,available"
    )
    assert (report.table, report.accepted, dict(report.reasons)) == (
        "stock",
        1,
        {"available is not yes or no": 1},
    )


def test_prices_are_learned_from_orders(world):
    def order(day, price):
        return f"2024-01-{day:02} 12:00,purchase,u,i,1,{price}"

    world.file([order(1, 5), order(2, 5), order(2, 5), order(2, 9), order(4, 7)], "a.csv")
    changes = "strftime(time, '%d'), price, from_orders"
    assert world.rows("prices", changes) == [("01", 5.0, True), ("04", 7.0, True)]
    world.file([order(3, 6), order(5, 7)], "b.csv")
    assert world.rows("prices", changes) == [("01", 5.0, True), ("03", 6.0, True), ("04", 7.0, True)]
    # The whole at once says the same as the parts.
    other = World(world.folder / "whole")
    other.folder.mkdir()
    other.file([order(1, 5), order(2, 5), order(2, 5), order(2, 9), order(4, 7), order(3, 6), order(5, 7)])
    assert other.rows("prices", changes) == world.rows("prices", changes)


def test_products_are_learned_from_orders_and_never_overwritten(world):
    world.file(["i1,Kept,"], "p.csv", header="item_id,title,brand")
    header = HEADER + ",title,brand"
    lines = [
        LINES[0] + ",Other,acme",
        LINES[3] + ",Blue,",
        LINES[3] + ",Blue,",
        LINES[3] + ",Cyan,b",
        LINES[3] + ",Cyan,",
    ]
    report = world.file(lines, header=header)
    assert "products learned from the lines: 2 rows" in report.notes
    assert world.rows("products", "item_id, title, brand") == [
        ("i1", "Kept", "acme"),
        ("i1", "Kept", None),
        ("i2", "Blue", "b"),
    ]
    assert "products" not in str(world.file([lines[0]], "again.csv", header=header).notes)


@pytest.mark.parametrize(
    ("column", "event"),
    [("price", "purchase"), ("quantity", "purchase"), ("value", "rate"), (None, "view_item")],
)
def test_a_mapping_without_an_event_says_what_happened_by_what_else_it_holds(world, column, event):
    columns = {"time": "wann", "item_id": "was", **({column: "zahl"} if column else {})}
    report = world.file(["2024-01-01,i,3"], header="wann,was,zahl", mappings={"own": {"columns": columns}})
    assert report.accepted == 1
    assert world.rows(columns="event") == [(event,)]


def test_mappings_are_checked(world):
    with pytest.raises(ConfigError, match="'colour' is no column"):
        world.file(LINES, mappings={"own": {"columns": {"colour": "x"}}})
    with pytest.raises(ConfigError, match="is none of"):
        world.file(LINES, mappings={"own": {"table": "sales", "columns": {"time": "x"}}})
    with pytest.raises(DataError, match="there is no such dialect"):
        world.file(LINES, dialect="klingon")


def test_a_bad_file_keeps_what_came_before_it(world):
    good, bad = world.write(LINES, "a.csv"), world.write([], "b.csv")
    with pytest.raises(DataError, match=r"no rows.*The 1 file\(s\) before it are in"):
        world.read(good, bad)
    assert len(world.rows()) == 4


def test_the_report_is_plain_data(world):
    steps = []
    report = world.read(world.write([*LINES, "x"]), progress=lambda *step: steps.append(step))
    record = json.loads(json.dumps(report.to_dict()))
    assert list(record["files"][0]) == [
        "path", "sha256", "format", "dialect", "table", "read", "accepted", "rejected", "duplicates",
        "reasons", "examples", "notes", "rejected_file",
    ]  # fmt: skip
    assert world.tables.current().sources[0] == record["files"][0]
    assert [done for _, done, total in steps] == [0, 1, 2, 3]


CELL = st.one_of(
    st.sampled_from(
        ["", "2024-01-01", "12/1/2010", "1704067200", "view_item", "purchase", "cart", "i1", "u1"]
    ),
    st.sampled_from(
        ["0", "1", "-1", "2.5", "1,5", "inf", "nan", '"', ",", "a\nb", " x ", "\u00e9\u4e16", "'"]
    ),
    st.text(st.characters(codec="utf-8", exclude_characters="\0\r", exclude_categories=["Cs"]), max_size=6),
)
ROW = st.one_of(
    st.tuples(st.just("2024-01-01"), st.just("purchase"), CELL, CELL, CELL, CELL),
    st.tuples(CELL, CELL, CELL, CELL, CELL, CELL),
    st.lists(CELL, min_size=0, max_size=9),
)


@settings(max_examples=25, deadline=None)
@given(rows=st.lists(ROW, min_size=1, max_size=12), end=st.sampled_from(["\n", "\r\n"]))
def test_every_line_of_a_dirty_file_is_accounted_for(rows, end):
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator=end)
    writer.writerow(HEADER.split(","))
    writer.writerows(rows)
    written = text.getvalue()
    counted = sum(1 for row in csv.reader(io.StringIO(written, newline="")) if row) - 1
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        path = world.folder / "dirty.csv"
        path.write_bytes(written.encode())
        if not counted:
            with pytest.raises(DataError):
                world.read(path)
            return
        report = world.read(path).files[0]
        assert report.read == counted
        assert report.accepted + report.rejected + report.duplicates == counted
        assert len(world.rows()) == report.accepted
        if report.rejected:
            assert len(world.only_rejected()[1]) == report.rejected
        assert world.read(path).accepted == 0


@settings(max_examples=25, deadline=None)
@given(body=st.text(st.sampled_from('a,"\n\r; \té1'), min_size=1, max_size=60))
def test_no_text_is_too_odd(body):
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        path = world.folder / "odd.csv"
        path.write_bytes(f"{HEADER}\n{LINES[0]}\n{body}".encode())
        report = world.read(path).files[0]
        assert report.accepted + report.rejected == report.read >= 1


def test_every_table_has_the_columns_of_its_schema(world):
    world.file(["u1,u2"], "r.csv", header="user_id,other_user_id")
    (path,) = world.tables.paths(world.tables.current(), "relations")
    schema = pq.read_schema(path)
    assert schema.names == [*TABLES["relations"].names, "key"]
