"""What shoppers will do and what they are worth: answered, replayed, written as CSV."""

import csv
import shutil

import pyarrow as pa
import pytest

from merx.behaviour.propensity import Purchase, Revenue
from merx.data.schema import DAY
from merx.errors import RequestError
from merx.files import write_csv
from merx.shop import Shop
from merx.store import assemble


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


def test_no_model_of_shoppers_sees_the_days_it_is_judged_on(shop, monkeypatch):
    """Spies in place of the models record the day after the last that they were fitted on."""
    ends = []

    def noting(work, end):
        return lambda *given: ends.append(end(given[1])) or work(*given)

    for config in (Purchase, Revenue):
        monkeypatch.setattr(config, "fit", noting(config.fit, lambda activity: activity.end))
    monkeypatch.setattr(
        assemble, "customers", noting(assemble.customers, lambda until: (until - 1) // DAY + 1)
    )
    report = shop.evaluate()
    with shop.inputs() as inputs:
        end = inputs.of("activity").end
    assert {score.task for score in report.scores} >= {"propensity", "lifetime"}
    assert sorted(ends) == [end - 1 - shop.config.evaluate.days] * 3


def test_parts_without_a_model_are_left_out_and_named(shop):
    for kind in ("purchase", "bg_nbd"):
        shutil.rmtree(shop.models.folder / kind)
    decision = shop.shoppers()
    assert any("left out, not fitted: purchase, bg_nbd" in rule for rule in decision.rules)
    assert all(row["purchase"] is None and row["total"] is None for row in decision.answer["rows"])
    assert any(row["churn"] is not None for row in decision.answer["rows"])


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
