"""Forms of times, numbers, ids and names of events."""

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from tests.ingest.world import HEADER


def test_other_names_of_events_are_known_and_said(world):
    mapping = {"table": "events", "columns": {name: name for name in ("time", "event", "item_id")}}
    report = world.file(
        ["2024-01-01,Add To Basket,i", "2024-01-01,buy,i", "2024-01-01,view_item,i"],
        header="time,event,item_id",
        mappings={"own": mapping},
    )
    assert [event for (event,) in world.rows("events", "event")] == ["add_to_cart", "purchase", "view_item"]
    assert "Add To Basket -> add_to_cart, buy -> purchase" in str(report.notes)


def test_not_a_number_is_nothing_and_infinite_is_wrong(world):
    rows = {"time": ["2024-01-01"] * 3, "event": ["purchase"] * 3, "user_id": ["u"] * 3, "item_id": ["i"] * 3}
    table = pa.table(
        {
            **rows,
            "quantity": [float("nan"), 1.0, 2.0],
            "price": [1.0, float("nan"), float("inf")],
            "_ROW": [1, 2, 3],
        }
    )
    pq.write_table(table, world.folder / "n.parquet")
    report = world.read(world.folder / "n.parquet").files[0]
    assert dict(report.reasons) == {"price is not finite": 1}
    assert world.rows("events", "quantity, price") == [(1.0, 1.0), (1.0, None)]


def test_a_negative_quantity_is_a_refund(world):
    header = "time,event,item_id,quantity,price"
    mapping = {"table": "events", "columns": {name: name for name in header.split(",")}}
    world.file(["2024-01-01,purchase,i,-2,3"], header=header, dialect="own", mappings={"own": mapping})
    assert world.rows("events", "event, quantity, price") == [("refund", 2.0, 3.0)]


@pytest.mark.parametrize(
    ("times", "first", "note"),
    [
        (["1704067200", "1704067201"], "2024-01-01 00:00:00", "seconds"),
        (["1704067200.5", "1704067201.25"], "2024-01-01 00:00:00.5", "seconds"),
        (["1704067200000", "1704067201000"], "2024-01-01 00:00:00", "milliseconds"),
        (["1704067200000000", "1704067201000000"], "2024-01-01 00:00:00", "microseconds"),
        (["1704067200000000000", "1704067201000000000"], "2024-01-01 00:00:00", "nanoseconds"),
        (["2024-01-01T01:00:00+01:00", "2024-01-01T01:00:01Z"], "2024-01-01 00:00:00", "ISO"),
        (["2024-01-01 00:00:00 UTC", "2024-01-02 00:00 GMT"], "2024-01-01 00:00:00", "ISO"),
        (["12/1/2010 8:26", "12/31/2010 8:26"], "2010-12-01 08:26:00", "month/day/year"),
        (["1/12/2010 8:26", "31/12/2010 8:26"], "2010-12-01 08:26:00", "day/month/year"),
        (["1.12.10", "31.12.10"], "2010-12-01 00:00:00", "day.month.year"),
        (["1/2/2010 8:26", "2/3/2010 8:26"], "2010-01-02 08:26:00", "this is an assumption"),
        (["20240101", "20240102"], "2024-01-01 00:00:00", "YYYYMMDD"),
        (["1/12/2010 8:26 PM", "12/13/2010 8:27 AM"], "2010-01-12 20:26:00", "month/day/year"),
        (["01 Dec 2010 08:26", "02 Dec 2010 08:26"], "2010-12-01 08:26:00", "day, name of month, year"),
    ],
)
def test_forms_of_time(world, times, first, note):
    mapping = {"table": "events", "columns": {name: name for name in ("time", "event", "user_id", "item_id")}}
    lines = [f"{time},view_item,u,i" for time in times]
    report = world.file(lines, header="time,event,user_id,item_id", mappings={"own": mapping})
    assert report.accepted == 2
    assert world.rows("events", "CAST(min(time) AS VARCHAR)") == [(first,)]
    assert any(note in each for each in report.notes)


def test_a_day_after_the_first_lines_can_change_the_order_of_day_and_month(world):
    mapping = {"table": "events", "columns": {name: name for name in ("time", "event", "item_id")}}
    lines = ["1/2/2010 8:26,view_item,i"] * 6000 + ["13/2/2010 8:26,view_item,i", "never,view_item,i"]
    report = world.file(lines, header="time,event,item_id", mappings={"own": mapping})
    assert (report.accepted, dict(report.reasons)) == (6001, {"time not readable as day/month/year": 1})
    assert world.rows("events", "DISTINCT month(time)") == [(2,)]


@pytest.mark.parametrize(
    ("prices", "read"),
    [
        (["1,234.56", "2.50"], [2.5, 1234.56]),
        (["£3.50", "$ 4"], [3.5, 4.0]),
        (["12.50 GBP", "EUR 3"], [3.0, 12.5]),
        (["1.234,56", "2,5"], [2.5, 1234.56]),
        (["2,5 €", "1.000"], [2.5, 1000.0]),
    ],
)
def test_forms_of_number(world, prices, read):
    report = world.file(
        [f"2024-01-01;purchase;u;i;1;{price}" for price in prices], header=HEADER.replace(",", ";")
    )
    assert report.rejected == 0
    assert [price for (price,) in world.rows("events", "price")] == read


def test_a_decimal_comma_counts_only_where_no_number_has_a_dot(world):
    lines = [f"2024-01-01;purchase;u;i;1;{price}" for price in ("2.5", "3,5")]
    report = world.file(lines, header=HEADER.replace(",", ";"))
    assert dict(report.reasons) == {"price is not a number": 1}


def test_ids_are_trimmed_and_words_for_nothing_are_null(world):
    world.file(["2024-01-01,view_item, u1\t,\u00a0i1,,", "2024-01-01,view_item,nan,i1,,"])
    assert world.rows("events", "user_id, item_id") == [("u1", "i1"), (None, "i1")]


def test_whole_number_ids_lose_the_tail_that_floats_gave_them(world):
    table = pa.table(
        {
            "time": ["2024-01-01", "2024-01-02"],
            "event": ["view_item"] * 2,
            "user_id": [17850.0, None],
            "item_id": [1, 2],
        }
    )
    pq.write_table(table, world.folder / "floats.parquet")
    world.read(world.folder / "floats.parquet")
    assert world.rows("events", "user_id, item_id") == [("17850", "1"), (None, "2")]


@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Berlin"])
@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_times_of_every_arrow_type(world, unit, zone):
    factor = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    time = pa.array([1704449472 * factor], pa.timestamp(unit, zone))
    table = pa.table({"time": time, "event": ["view_item"], "user_id": ["u"], "item_id": ["i"]})
    pq.write_table(table, world.folder / "t.parquet")
    (report,) = world.read(world.folder / "t.parquet").files
    assert (report.read, report.accepted) == (1, 1)
    assert str(world.rows(columns="time")[0][0]) == "2024-01-05 10:11:12"
