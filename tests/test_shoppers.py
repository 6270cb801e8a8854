"""What shoppers will do and what they are worth: answered, replayed, written as CSV."""

import csv
import shutil
from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from merx.behaviour.bg_nbd import BGNBD
from merx.behaviour.gamma_gamma import GammaGamma
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
    assert {score.task for score in report.scores} >= {"propensity", "lifetime", "value"}
    assert sorted(ends) == [end - 1 - shop.config.evaluate.days] * 3


def test_values_are_judged_by_what_was_ordered_for_in_the_days_held_out(shop):
    """The error of purchases times their value, from the events of the last days, order by order."""
    days = shop.config.evaluate.days
    with shop.inputs() as inputs:
        end = inputs.of("activity").end - 1
    with shop.inputs(until=(end - days) * DAY) as past:
        customers = past.of("customers")
    with shop._engine() as (engine, _):
        events = engine.query("activity", until=str(np.datetime64(end, "D")))
    came = dict.fromkeys(customers.users.ids.to_pylist(), 0.0)
    for row in events.to_pylist():
        if row["user_id"] in came and (row["day"] - date(1970, 1, 1)).days >= end - days:
            came[row["user_id"]] += row["revenue"]
    told = BGNBD().fit(customers).expected(customers, days) * GammaGamma().fit(customers).value(customers)
    before = customers.frequency * np.nan_to_num(customers.value) / np.maximum(customers.age, 1) * days
    judged = {score.model: score for score in shop.evaluate().scores if score.task == "value"}
    for name, said in (("gamma_gamma", told), ("same_revenue", before)):
        off = said - np.array(list(came.values()))
        assert judged[name].metrics["rmse"] == pytest.approx(np.sqrt(np.mean(off**2)))
        assert judged[name].metrics["bias"] == pytest.approx(np.mean(off))
    assert judged["same_revenue"].beats_trivial is None
    assert "same_revenue" in judged["gamma_gamma"].sentence


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
