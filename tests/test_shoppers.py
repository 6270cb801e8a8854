"""What shoppers will do and what they are worth: answered, replayed, written as CSV."""

import csv

import pyarrow as pa
import pytest

from merx.errors import RequestError
from merx.files import write_csv
from merx.shop import Shop


def test_segments_one_shopper_and_the_csv(shop, tmp_path):
    decision = shop.shoppers(csv=tmp_path / "all.csv")
    with open(tmp_path / "all.csv") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == decision.answer["shoppers"]
    counted = sum(row["shoppers"] for row in decision.answer["rows"])
    assert counted == sum(bool(row["segment"]) for row in rows)
    assert all(row["action"] == "none" for row in rows if row["held_out"] == "true")
    one = shop.shoppers("u000003")
    assert len(one.answer["rows"]) == 1 and one.reasons
    assert shop.why(decision.id).same and shop.why(one.id).same


def test_who_is_not_known_and_a_shop_without_events(shop, tmp_path):
    with pytest.raises(RequestError, match="no event names the shopper"):
        shop.shoppers("nobody")
    with pytest.raises(RequestError, match="nothing can be said"):
        Shop.init(tmp_path / "new").shoppers()


def test_text_that_a_spreadsheet_would_run_is_quoted(tmp_path):
    write_csv(pa.table({"user_id": ["=1+1", "+1", "-1", "@a", "b"], "n": [-1.0] * 5}), tmp_path / "a.csv")
    with open(tmp_path / "a.csv") as file:
        rows = list(csv.DictReader(file))
    assert [row["user_id"] for row in rows] == ["'=1+1", "'+1", "'-1", "'@a", "b"]
    assert rows[0]["n"] == "-1"
