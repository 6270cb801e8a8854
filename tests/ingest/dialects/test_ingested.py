"""Every example through the whole of ingest."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from merx.ingest import FileReport, ingest
from merx.ingest.dialects import DIALECTS
from merx.store.tables import Tables

Taken = tuple[FileReport, list[dict[str, Any]]]
Take = Callable[[Path], Taken]
Example = Callable[[str], Path]

REJECTED: dict[str, dict[str, int]] = {
    "plain_stock": {"available is not yes or no": 1},
    "segment": {"unknown event 'identify'": 1, "unknown event 'Coupon Entered'": 1},
    "shopify_orders": {"the order was not paid": 1},
    "shopify_products": {"only a picture, no variant": 1},
    "woocommerce_orders": {"the order was not paid": 1},
    "magento_products": {"a translation for one store view": 1},
    "uci_online_retail": {
        "the code is no product": 2,
        "the invoice adjusts a bad debt": 1,
        "price <= 0": 1,
    },
}


@pytest.fixture
def take(tmp_path: Path) -> Take:
    """Ingest a file: the report, and the rows of its table."""

    def taken(path: Path) -> Taken:
        tables = Tables(tmp_path / "tables")
        (report,) = ingest(tables, tmp_path / "rejected", [path]).files
        paths = tables.paths(tables.current(), report.table)
        return report, [row for path in paths for row in pq.read_table(path).to_pylist()]

    return taken


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_every_line_is_accounted_for(name: str, example: Example, take: Take) -> None:
    report, rows = take(example(name))
    assert report.dialect == name
    assert dict(report.reasons) == REJECTED.get(name, {})
    assert report.read == report.accepted + report.rejected
    assert report.accepted == len(rows) > 0


@pytest.mark.parametrize(
    ("name", "form", "first"),
    [
        ("retailrocket", "milliseconds since 1970", "2024-01-05 10:11:12.001000"),
        ("movielens_ratings", "seconds since 1970", "2024-01-05 10:11:12"),
        ("ga4", "microseconds since 1970", "2024-01-05 10:11:12.000001"),
        ("uci_online_retail", "month/day/year", "2010-12-01 08:26:00"),
    ],
)
def test_the_unit_of_the_times_is_told_and_reported(
    name: str, form: str, first: str, example: Example, take: Take
) -> None:
    report, rows = take(example(name))
    assert str(min(row["time"] for row in rows)) == first
    assert any(note.startswith(f"times read as {form}") for note in report.notes)


def test_invoice_dates_with_the_day_first(example: Example, take: Take) -> None:
    path = example("uci_online_retail")
    path.write_text(path.read_text().replace("12/1/2010", "13/1/2010").replace("12/2/2010", "1/2/2010"))
    report, rows = take(path)
    assert report.rejected == sum(REJECTED["uci_online_retail"].values())
    assert {str(row["time"])[:10] for row in rows} == {"2010-01-13", "2010-02-01"}


def test_offsets_and_gmt_become_utc(example: Example, take: Take) -> None:
    _, rows = take(example("shopify_orders"))
    assert str(rows[0]["time"]) == "2024-01-05 15:11:12"


def test_a_negative_line_is_a_refund(example: Example, take: Take) -> None:
    _, rows = take(example("plain_purchases"))
    assert [(row["event"], row["quantity"]) for row in rows] == [("purchase", 2.0), ("refund", 1.0)]


def test_money_and_availability_of_a_feed(example: Example, take: Take) -> None:
    _, rows = take(example("google_merchant"))
    assert [(row["price"], row["availability"]) for row in rows] == [
        (12.5, "in_stock"),
        (5.0, "out_of_stock"),
    ]


@pytest.mark.slow
def test_the_whole_of_online_retail(take: Take) -> None:
    path = Path(os.environ.get("MERX_DATA", "../shared/data")) / "online_retail" / "online_retail.parquet"
    if not path.exists():
        pytest.skip(f"{path} is absent")
    report, rows = take(path)
    assert report.dialect == "uci_online_retail"
    assert (report.read, report.accepted, report.duplicates) == (541_909, 536_462, 0)
    assert dict(report.reasons) == {
        "the code is no product": 2_947,
        "price <= 0": 2_497,
        "the invoice adjusts a bad debt": 3,
    }
    assert sum(row["event"] == "refund" for row in rows) == 8_704
