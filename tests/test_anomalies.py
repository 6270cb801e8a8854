"""Unusual days, from files to the answer: each with what was expected and the reason that was put in."""

import json
import re
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from merx.cli import main
from merx.errors import RequestError
from merx.shop import Shop
from tests.shops import csv, settings

DAYS = 150
FIRST = date(2024, 1, 1)
LAST = DAYS - 1


def units(seed, level):
    return np.random.default_rng(seed).poisson(level, DAYS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Products with a bulk order, a price cut, a stock-out and a fair in the last week, and a steady one."""
    path = tmp_path_factory.mktemp("unusual") / "shop"
    shop = Shop.init(path)
    sold = {name: units(place, 25) for place, name in enumerate(["bulk", "cut", "out", "steady", "fair"])}
    sold["cut"][LAST] = 110
    sold["out"][LAST - 1 :] = 0
    sold["fair"][LAST - 2] = 130
    rows = [
        f"u{n % 7},{name},purchase,{FIRST + timedelta(day)}T{9 + n % 9:02d}:{n % 60:02d}:00,5,1"
        for name, series in sold.items()
        for day, count in enumerate(series)
        for n in range(count)
    ]
    rows.append(f"u1,bulk,purchase,{FIRST + timedelta(days=LAST - 3)}T12:00:00,4,400")
    prices = [("cut", 0, 5.0), ("cut", LAST, 3.0), ("out", 0, 5.0), ("bulk", 0, 5.0)]
    prices += [("steady", 0, 5.0), ("fair", 0, 5.0)]
    when = [np.datetime64(FIRST + timedelta(days=day), "us") for _, day, _ in prices]
    table = pa.table(
        {"item_id": [row[0] for row in prices], "time": when, "price": [row[2] for row in prices]}
    )
    pq.write_table(table, path / "prices.parquet")
    stock = pa.table(
        {
            "item_id": ["out", "out"],
            "time": [np.datetime64(FIRST + timedelta(days=day), "us") for day in (0, LAST - 1)],
            "available": [True, False],
        }
    )
    pq.write_table(stock, path / "stock.parquet")
    shop.ingest(csv(path / "events.csv", *rows), path / "prices.parquet", path / "stock.parquet")
    fair = FIRST + timedelta(days=LAST - 2)
    settings(shop, f'[forecast.holidays]\nfair = ["{fair}"]\n')
    return path


@pytest.fixture(scope="module")
def decision(folder):
    return Shop(folder).anomalies()


def of(decision, key):
    return [row for row in decision.answer["rows"] if row["key"] == key]


def test_each_day_has_the_reason_that_was_put_in(decision):
    [bulk], [cut], [fair] = (of(decision, f"item: {name}") for name in ("bulk", "cut", "fair"))
    assert bulk["reasons"][0] == "one order of 400"
    assert cut["reasons"][0] == "its price was 40% lower than usual"
    assert fair["reasons"][0] == "fair"
    out = of(decision, "item: out")
    assert [row["reasons"][0] for row in out] == ["out of stock"] * 2
    assert [row["sold"] for row in out] == [0.0, 0.0]
    assert not of(decision, "item: steady")


def test_what_was_expected_and_how_seldom(decision):
    [bulk] = of(decision, "item: bulk")
    assert bulk["date"] == str(FIRST + timedelta(days=LAST - 3))
    assert bulk["expected"] == pytest.approx(25, rel=0.15)
    assert bulk["low"] < 25 < bulk["high"] < bulk["sold"]
    assert bulk["one_in"] >= 1000
    dates = [row["date"] for row in decision.answer["rows"]]
    assert dates == sorted(dates, reverse=True)


def test_the_shop_says_which_product_moved_it(decision):
    rows = of(decision, "shop")
    [row] = [row for row in rows if row["date"] == str(FIRST + timedelta(days=LAST - 3))]
    assert row["reasons"][0].startswith("mostly item bulk: ")
    [bulk] = of(decision, "item: bulk")
    assert bulk["reasons"][-1] == "the whole shop was unusual in the same way"


def test_it_is_told_and_replays(folder, decision):
    assert decision.reasons[0].startswith(f"{len(decision.answer['rows'])} unusual days among 42: ")
    assert "one order of 400" in " ".join(decision.reasons) or len(decision.reasons) == 4
    assert Shop(folder).why(decision.id).same
    json.dumps(decision.to_dict(), allow_nan=False)


def test_only_the_days_asked_for(folder):
    one = Shop(folder).anomalies(days=1)
    assert {row["date"] for row in one.answer["rows"]} == {str(FIRST + timedelta(days=LAST))}
    with pytest.raises(RequestError, match="days is 0"):
        Shop(folder).anomalies(days=0)


def test_a_shop_without_sales_and_a_young_one(tmp_path):
    shop = Shop.init(tmp_path / "empty")
    with pytest.raises(RequestError, match="no day can be called unusual"):
        shop.anomalies()
    shop.ingest(
        csv(tmp_path / "few.csv", *(f"u,a,purchase,2024-01-{day:02d}T12:00:00,5,1" for day in range(1, 15)))
    )
    young = shop.anomalies()
    assert young.answer["rows"] == [] and young.reasons[0].startswith("No day could be judged")
    assert shop.why(young.id).same


def test_the_command_line_shows_them_and_why(folder):
    shown = CliRunner().invoke(main, ["anomalies", str(folder), "--days", "7"])
    assert shown.exit_code == 0
    text = " ".join(shown.output.split())
    assert "likely because" in text and "one order of 400" in text
    decision = re.search(r"decision (\S+)", text).group(1)
    why = CliRunner().invoke(main, ["why", str(folder), decision])
    assert why.exit_code == 0
    assert "models: none" in why.output and "the same answer" in why.output


def test_the_report_shows_them(folder):
    shop = Shop(folder)
    shop.fit("best", "shelf_price")
    html = shop.report().read_text(encoding="utf-8")
    assert "Unusual days" in html and "one order of 400" in html and "out of stock" in html
    assert "Chosen for " in html and "of the loss of the seasonal naive forecast" in html
    assert "<option>Price of cut</option>" in html
    assert "fair: " in html  # what the holiday adds, beside the parts of the series
