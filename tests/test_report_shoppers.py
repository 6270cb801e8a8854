"""The shoppers to come, from the shop's tables to the report, the summary of a run and the command line."""

import csv as csv_module
import json
import re

import numpy as np
import pytest
from click.testing import CliRunner

from merx.answers.shoppers import KEEP
from merx.behaviour.segments import PROPENSITY_RULES, RFM_RULES
from merx.cli import main
from merx.shop import Shop
from merx.simulating import simulate
from tests.shops import SMALL, csv, settings


def run(*words):
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exit_code == 0, result.output + result.stderr
    return result.stdout


def as_json(*words):
    return json.loads(run(*words, "--json"), parse_constant=pytest.fail)


def section(shop, name):
    """One section of the shop's report, its blanks as one."""
    text = shop.report().read_text(encoding="utf-8")
    found = re.search(rf'<section id="{name}".*?</section>', text, re.DOTALL)
    return " ".join(found.group().split()) if found else ""


def charts(shop):
    text = shop.report().read_text(encoding="utf-8")
    data = re.search(r'<script type="application/json" id="merx-data">(.*?)</script>', text, re.DOTALL)
    return json.loads(data.group(1))["charts"]


def orders(path, days, users):
    """A file of orders: every user orders something every fifth day."""
    rows = [
        f"u{user},i{(user + day) % 7},purchase,{np.datetime64('2024-01-01') + day}T10:00:00,10,1"
        for day in range(days)
        for user in range(users)
        if (day + user) % 5 == 0
    ]
    return csv(path, *rows)


def test_who_is_to_be_acted_on_are_segments():
    assert set(KEEP) <= {rule[0] for rule in (*PROPENSITY_RULES, *RFM_RULES)}


def test_what_is_expected_adds_up(shop, tmp_path):
    answer = shop.shoppers(csv=tmp_path / "all.csv").answer
    with open(tmp_path / "all.csv") as file:
        rows = list(csv_module.DictReader(file))
    for name in ("purchase", "churn", "revenue", "predicted"):
        known = [float(row[name]) for row in rows if row[name]]
        assert answer["expected"][name]["shoppers"] == len(known)
        assert answer["expected"][name]["sum"] == pytest.approx(sum(known), rel=1e-4)
    for name in ("revenue", "predicted"):
        of_segments = sum(row[f"{name}_sum"] or 0 for row in answer["rows"])
        assert of_segments == pytest.approx(answer["expected"][name]["sum"], rel=1e-4)
    alive = [float(row["alive"]) for row in rows if row["alive"]]
    assert answer["nobody_left"] == (np.mean(alive) >= 0.99)
    assert answer["nobody_left"] == (
        "nearly everyone for a customer still" in " ".join(shop.shoppers().reasons)
    )
    model = shop.models.load("purchase", shop.models.versions()["purchase"])
    tested = answer["expected"]["purchase"]["tested"]
    assert tested["shoppers"] == model.shoppers
    assert tested["came"] == pytest.approx(model.base * model.shoppers, rel=1e-4)
    stakes = [
        row["predicted_sum"] for name in answer["act_on"] for row in answer["rows"] if row["segment"] == name
    ]
    assert stakes == sorted(stakes, reverse=True)


def test_the_report_shows_them_judged_or_not(shop):
    before = section(shop, "coming")
    assert "Not all of this was judged yet" in before and "Measured at the fit" in before
    shop.evaluate()
    after, judged = section(shop, "coming"), section(shop, "evaluation")
    assert "Measured in the evaluation below" in after and "Not all of this" not in after
    decision = shop.ledger.get(re.search(r"merx why \S+ (\S+)</code>", after).group(1))
    assert decision.verb == "shoppers" and shop.why(decision.id).same
    for row in decision.answer["rows"]:
        assert row["segment"] in after and row["action"] in after
    record = json.loads((shop.folder / "evaluation.json").read_text())
    drawn = charts(shop)
    for kind in ("purchase", "churn"):
        came = next(one for one in drawn[f"reliability-{kind}"]["series"] if one["id"] == "came")["data"]
        np.testing.assert_allclose(
            np.transpose(came), [record["reliability"][kind][n] for n in ("predicted", "observed")]
        )
    with shop.inputs() as inputs:
        day = np.datetime64(inputs.of("activity").end - 1 - shop.config.evaluate.days, "D")
    assert f"As of {day}" in judged and f"days from {day} on" in judged
    for score in record["scores"]:
        if score["task"] in ("propensity", "lifetime", "value"):
            assert score["sentence"] in judged or score["beats_trivial"] is None
    assert "evaluation-lifetime" in drawn and "evaluation-value" in drawn


def test_a_model_that_the_data_do_not_carry_is_hidden_with_the_reason(tmp_path):
    shop = Shop.init(tmp_path / "shop")
    shop.ingest(orders(tmp_path / "orders.csv", days=80, users=40))
    shop.fit("popularity", "purchase", "churn", "revenue", "bg_nbd", "gamma_gamma")
    reasons = shop.models.refused()
    assert reasons.keys() == {"purchase", "churn", "revenue", "bg_nbd", "gamma_gamma"}
    text = section(shop, "coming")
    assert "What cannot be said yet" in text
    assert "the events span 80 days, and it takes 113" in text
    assert "What an order will be worth" in text
    assert "<b>bg_nbd:</b> 40 of 40 customers bought on a second day, and it takes 100" in text
    assert "40 shoppers in segments by what they bought. Act first on “" in text


def test_a_shop_of_which_nothing_can_be_said_says_why(tmp_path):
    shop = Shop.init(tmp_path / "shop")
    shop.ingest(
        csv(
            tmp_path / "views.csv",
            "u1,i1,view_item,2024-01-01T10:00:00,,",
            "u2,i1,view_item,2024-01-02T10:00:00,,",
        )
    )
    assert section(shop, "coming") == ""  # before the first fit
    shop.fit()
    text = section(shop, "coming")
    assert "Nothing can be said of the shoppers to come yet." in text
    assert "the events span 2 days, and it takes 50" in text
    shown = run("run", shop.folder)
    assert "Shoppers to come" not in shown and "Report:" in shown
    assert as_json("run", shop.folder)["shoppers"] is None


def test_a_refusal_holds_until_the_next_fit(shop):
    shop.models.refuse("churn", "too few.")
    assert shop.models.refused()["churn"] == "too few." and "churn" in shop.models.versions()
    assert "too few." not in section(shop, "coming")  # the version in force still answers
    shop.fit("churn")
    assert "churn" not in shop.models.refused()


def test_shoppers_on_the_command_line(shop, tmp_path):
    everyone = as_json("shoppers", shop.folder, "--csv", tmp_path / "all.csv")
    with open(tmp_path / "all.csv") as file:
        assert len(list(csv_module.DictReader(file))) == everyone["answer"]["shoppers"]
    shown = run("shoppers", shop.folder)
    for row in everyone["answer"]["rows"]:
        assert f"{row['segment']}: {row['action']}" in " ".join(shown.split())
    assert re.search(
        r"About \d+ of the \d+ shoppers who were active in the last 28 days", " ".join(shown.split())
    )
    one = as_json("shoppers", shop.folder, "--user", "u000003")
    assert [row["user_id"] for row in one["answer"]["rows"]] == ["u000003"]
    assert "u000003" in run("shoppers", shop.folder, "--user", "u000003")
    for decision in (everyone, one):
        assert as_json("why", shop.folder, decision["id"])["replays_to_the_same_answer"] is True
        replayed = run("why", shop.folder, decision["id"])
        assert "the same answer" in replayed and all(
            " ".join(reason.split()) in " ".join(replayed.split()) for reason in decision["reasons"]
        )


def test_who_is_not_known_is_one_paragraph(shop):
    result = CliRunner().invoke(main, ["shoppers", str(shop.folder), "--user", "nobody"])
    assert result.exit_code == 1 and "no event names the shopper 'nobody'" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_a_run_ends_with_the_shoppers_and_the_report(tmp_path):
    simulate(tmp_path / "shop", users=120, items=20, days=120)
    settings(Shop(tmp_path / "shop"), SMALL)
    shown = " ".join(run("run", tmp_path / "shop").split())
    end = shown[shown.index("Shoppers to come:") :]
    assert re.search(r"About \d+ of the \d+ shoppers .* to order in the next 7", end)
    assert end.index("decision ") < end.index("Report: ")
    decision = Shop(tmp_path / "shop").ledger.get(re.search(r"decision (\S+)", end).group(1))
    assert decision.verb == "shoppers"
