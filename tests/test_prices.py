"""Prices of a shop from the proposal to the platform, through Shop and the command line."""

import csv
import json

import pytest
from click.testing import CliRunner

from merx.answers import PriceQuestion
from merx.answers.price import _summary
from merx.cli import main
from merx.errors import RequestError
from merx.price.limits import PriceRules
from merx.shop import Shop
from tests.shops import settings

SIGNED = {"by": "ada", "why": "weekly round"}


def run(folder, *words, fails=False):
    signed = [] if words[0] == "history" else ["--by", "ada", "--why", "weekly round"]
    done = CliRunner().invoke(main, ["prices", str(folder), *map(str, words), *signed, "--json"])
    assert done.exit_code == (1 if fails else 0), done.output
    return json.loads(done.stdout.strip().splitlines()[0])


def test_from_a_quote_to_the_platform_and_back(shop, tmp_path):
    shop = settings(shop, "\n[price]\nassumed_margin = 0.4\nmin_confidence = 0.5\n")
    changed = {row["item_id"]: row for row in shop.price().answer["rows"] if row["price"] != row["price_now"]}
    folder = shop.folder
    proposed = run(folder, "propose")["events"]
    assert {event["item"] for event in proposed} == set(changed)
    assert all(event["price"] == changed[event["item"]]["price"] for event in proposed)
    assert shop.ledger.get(proposed[0]["decision"]).verb == "price"
    assert run(folder, "export", tmp_path / "none.csv", fails=True)["kind"] == "RequestError"
    assert not (tmp_path / "none.csv").exists()

    mild = [event["proposal"] for event in proposed if event["verdict"] != "block"]
    blocked = [event["proposal"] for event in proposed if event["verdict"] == "block"]
    assert mild
    run(folder, "review")
    if blocked:
        assert "blocked" in run(folder, "approve", *blocked, fails=True)["error"]
    approved = run(folder, "approve", *mild)["events"]
    assert {event["state"] for event in approved} == {"approved"}
    run(folder, "export", tmp_path / "prices.csv")
    with open(tmp_path / "prices.csv") as file:
        lines = list(csv.DictReader(file))
    assert {line["item_id"]: float(line["price"]) for line in lines} == {
        event["item"]: event["price"] for event in approved
    }
    assert {line["approved_by"] for line in lines} == {"ada"}
    waiting = run(folder, "history", "--waiting")["events"]
    assert {e["state"] for e in waiting if e["proposal"] in mild} == {"approved"}  # exported, not applied

    run(folder, "apply")
    back = run(folder, "rollback", mild[0])["events"]
    assert back[0]["price"] == changed[back[0]["item"]]["price_now"]
    ways = [event["state"] for event in run(folder, "history", "--item", back[0]["item"])["events"]]
    assert ways == ["proposed", "reviewed", "approved", "applied", "rolled_back"]


def test_a_stop_holds_everything_until_it_is_lifted(shop, tmp_path):
    shop = settings(shop, "\n[price]\nassumed_margin = 0.4\nmin_confidence = 0.5\n")
    shop.prices.propose(**SIGNED)
    shop.prices.review([], **SIGNED)
    first = next(event for event in shop.prices.waiting() if event.verdict != "block")
    stopped = run(shop.folder, "stop")
    assert stopped["stopped"]["why"] == "weekly round"
    assert "Prices are stopped" in run(shop.folder, "approve", first.proposal, fails=True)["error"]
    assert run(shop.folder, "resume")["stopped"] is None
    own = round(first.price_now * 1.05, 2)
    [event] = run(shop.folder, "override", first.proposal, "--price", own)["events"]
    assert (event["state"], event["price"]) == ("overridden", own)
    other = next(e for e in shop.prices.waiting() if e.state == "reviewed")
    with pytest.raises(RequestError, match=r"blocked.*a move of"):
        shop.prices.override(other.proposal, other.price_now * 2, **SIGNED)
    shown = CliRunner().invoke(main, ["prices", str(shop.folder), "history"])
    assert shown.exit_code == 0 and "stopped" in shown.output


def test_without_ids_only_what_no_guardrail_warns_of_is_approved(shop):
    shop = settings(
        shop, "\n[price]\nassumed_margin = 0.4\nmin_confidence = 0.5\n[governance]\nwarn_change = 0.0\n"
    )
    shop.prices.propose(**SIGNED)
    shop.prices.review([], **SIGNED)
    with pytest.raises(RequestError, match="No price waits to be approved"):
        shop.prices.approve([], **SIGNED)  # every move is warned of
    with pytest.raises(RequestError, match="history --waiting` says why"):
        shop.prices.approve([], **SIGNED)
    assert len(shop.prices.reject([], **SIGNED)) == len(shop.prices.history()) / 3


def test_products_whose_approved_prices_wait_get_no_other_and_it_is_told(shop):
    shop = settings(shop, "\n[price]\nassumed_margin = 0.4\nmin_confidence = 0.5\n")
    proposed = shop.prices.propose(**SIGNED)
    mild = [event.proposal for event in proposed if event.verdict != "block"]
    shop.prices.review([], **SIGNED)
    shop.prices.approve(mild, **SIGNED)
    [item, *_] = [event.item for event in proposed if event.proposal in mild]
    assert "apply or reject those first" in run(shop.folder, "propose", "--item", item, fails=True)["error"]


def test_products_without_a_cost_are_told_of_as_those_without_evidence():
    stays = {"price": 9.5, "price_now": 9.5, "profit": None, "profit_now": None}
    rows = [stays | {"cost": cost, "grade": grade} for cost, grade in ((None, "B"), (None, "D"), (4.0, "A"))]
    told = _summary(rows, PriceRules())
    assert "1 is refused for want of evidence (grade D)" in told
    assert "1 stay for want of a cost" in told
    assert "cost" not in _summary(rows[1:], PriceRules())


def test_every_step_needs_a_name_and_a_reason(shop):
    for command in main.commands["prices"].commands.values():
        needed = {option.name for option in command.params if option.required}
        assert command.name == "history" or {"by", "why"} <= needed
    with pytest.raises(RequestError, match="by is empty"):
        Shop(shop.folder).prices.stop(by="", why="x")


def test_prices_are_drawn_to_learn_from_where_it_is_allowed_and_keep_the_rules(shop):
    with pytest.raises(RequestError, match="explore is false"):
        shop.prices.propose(explore=True, **SIGNED)
    shop = settings(
        shop,
        "\n[price]\nassumed_margin = 0.4\nmax_change = 0.15\nendings = [0.99]\n"
        "[governance]\nexplore = true\n",
    )
    events = run(shop.folder, "propose", "--explore")["events"]
    grades = {row["item_id"]: row["grade"] for row in shop.price().answer["rows"]}
    assert events and all(grades[event["item"]] != "D" for event in events)
    for event in events:
        assert abs(event["price"] / event["price_now"] - 1) <= 0.15 + 1e-9
        assert round(event["price"] % 1, 2) == 0.99
    again = run(shop.folder, "propose", "--explore")["events"]
    drawn = [event["price"] for event in again if event["state"] == "proposed"]
    assert drawn != [event["price"] for event in events]  # another draw


def test_one_product_has_its_way_from_the_price_now(shop):
    shop = settings(shop, "\n[price]\nassumed_margin = 0.4\nmin_confidence = 0.5\n")
    changed = [row for row in shop.price().answer["rows"] if row["price"] != row["price_now"]]
    decision = shop.price(item=changed[0]["item_id"])
    way = decision.answer["waterfall"]
    assert way[0]["step"] == "now" and way[1]["step"] == "response"
    assert way[-1]["price"] == decision.answer["rows"][0]["price"]
    assert way[-1]["profit"] == pytest.approx(decision.answer["rows"][0]["profit"], rel=1e-5)
    assert "The price now is" in decision.reasons[1] and shop.why(decision.id).same
    shown = CliRunner().invoke(main, ["why", str(shop.folder), decision.id])
    assert "by the response" in " ".join(shown.output.split())


def test_the_shop_chooses_what_prices_come_from(shop):
    assert "boosted_response" in shop.config.skipped and "price_response" not in shop.config.skipped
    shop = settings(
        shop, '\n[price]\nmodel = "boosted_response"\nassumed_margin = 0.4\nmin_confidence = 0.0\n'
    )
    assert "boosted_response" not in shop.config.skipped  # fitted with the others
    with pytest.raises(RequestError, match="boosted_response' was fitted"):
        shop.price()
    shop.fit("boosted_response")
    decision = shop.price()
    assert "boosted_response" in decision.models and "price_response" not in decision.models
    assert shop.why(decision.id).same
    item = decision.answer["rows"][0]["item_id"]
    assert shop.price(item=item).reasons[1].startswith("Of the units of a usual week: ")
    proposed = {event.item: event.price for event in shop.prices.propose(**SIGNED)}
    rows = {row["item_id"]: row["price"] for row in decision.answer["rows"]}
    assert proposed == {name: rows[name] for name in proposed}
    dearer = {item: decision.answer["rows"][0]["price_now"] * 1.1}
    by_trees = shop.what_if(dearer)["total"]
    toml = shop.folder / "shop.toml"
    toml.write_text(toml.read_text().replace("boosted_response", "price_response"))
    assert Shop(shop.folder).what_if(dearer)["total"] != by_trees


def test_a_price_by_boosted_trees_tells_what_moves_the_coming_week(shop):
    shop.fit("boosted_response")
    item = shop.price().answer["rows"][0]["item_id"]
    decision = shop._decide("price", PriceQuestion(item, "boosted_response", shop.config.price))
    assert decision.reasons[1].startswith("Of the units of a usual week: ")
