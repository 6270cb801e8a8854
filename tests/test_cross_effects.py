"""A shop whose products touch each other: found, counted in prices, told in answers and in the report."""

import shutil

import numpy as np
import pytest

from merx import sections
from merx.answers.answer import Context
from merx.answers.price import fitted_on_panel
from merx.shop import Shop
from merx.simulate.truth import read_truth
from merx.simulating import simulate
from tests.shops import settings


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("crossed") / "shop"
    simulate(folder, users=1500, items=30, days=364, seed=1, cross_effects=True)
    shop = settings(Shop(folder), "\n[models.price_response]\ndraws = 50\n")
    shop.fit("bought_together", "item_knn", "price_response")
    return shop


def test_prices_count_what_they_do_to_other_products(shop):
    decision = shop.price()
    cross, together = decision.answer["cross"], decision.answer["together"]
    clear = cross["substitutes"] + cross["complements"]
    assert 0 < clear < cross["pairs"] / 4
    assert together["value"] > together["ignoring"]
    told = " ".join(decision.reasons)
    assert f"{cross['pairs']:,} pairs of near products {clear:,} clearly move each other's sales" in told
    assert f"({together['value'] - together['ignoring']:+,.2f})" in told
    truth = read_truth(shop.truth)
    place = {item: row for row, item in enumerate(truth.item_ids)}
    true = truth.cross().toarray()
    right = [
        true[place[row["item_id"]], place[row["priced"]]] * row["elasticity"] > 0 for row in cross["rows"]
    ]
    assert np.mean(right) >= 0.5 > np.count_nonzero(true) / true.size
    assert all(row["sure"] > 0.5 and row["units"] * row["profit"] > 0 for row in cross["rows"])
    assert shop.why(decision.id).same
    profit = sum(row["profit"] for row in decision.answer["rows"] if row["profit"] is not None)
    assert profit == pytest.approx(together["value"], rel=1e-4)


def test_one_product_has_the_price_that_it_has_among_all(shop):
    every = {row["item_id"]: row for row in shop.price().answer["rows"]}
    moved = [item for item, row in every.items() if "By itself it would cost" in row["reason"]]
    assert moved
    item = moved[0]
    decision = shop.price(item=item)
    [row] = decision.answer["rows"]
    assert row == every[item]
    assert "together" in [step["step"] for step in decision.answer["waterfall"]]
    assert any("chosen with what is clear of it" in reason for reason in decision.reasons)
    assert shop.why(decision.id).same


def test_the_way_of_a_price_ends_where_its_quote_is(shop):
    rows = shop.price().answer["rows"]
    by_others = next(row for row in rows if row["by_others"] != 1 and row["grade"] != "D")
    way = shop.price(item=by_others["item_id"]).answer["waterfall"]
    assert way[-1]["step"] == "others"
    assert way[-1]["profit"] == pytest.approx(by_others["profit"], rel=1e-5)
    assert way[-1]["units"] == pytest.approx(way[-2]["units"] * by_others["by_others"], rel=1e-4)


def test_the_report_shows_what_a_price_does_to_others(shop):
    decision = shop.price()
    with shop._engine() as (engine, data):
        context = Context(engine, shop.models, decision.models, data)
        model, panel, facts, _ = fitted_on_panel(context, "price_response")
    part = sections.prices(decision, {}, model, panel, shop.config.price, facts, curves=30)
    priced = {curve.item_id for curve in part.curves}
    shown = {(curve.item_id, other.title): other.profit for curve in part.curves for other in curve.touched}
    rows = [row for row in decision.answer["cross"]["rows"] if row["priced"] in priced]
    assert rows
    assert shown == {(row["priced"], row["item_id"]): row["profit"] for row in rows}
    for curve in part.curves:  # the way ends at the quote, with what the others' new prices do to it
        quote = next(quote for quote in part.quotes if quote.item_id == curve.item_id)
        assert curve.steps[-1].profit == pytest.approx(quote.profit.mean, rel=1e-4)


def test_prices_can_be_chosen_each_by_itself(shop, tmp_path):
    shutil.copytree(shop.folder, tmp_path / "copy")
    alone = settings(Shop(tmp_path / "copy"), "\n[price]\ncross_effects = false\n")
    decision = alone.price()
    assert "cross" not in decision.answer and "together" not in decision.answer
    assert all(row["by_others"] == 1 for row in decision.answer["rows"])
    item = next(row["item_id"] for row in decision.answer["rows"] if row["price"] != row["price_now"])
    one = alone.price(item=item)
    assert one.answer["touched"]
    assert not any("chosen with what is clear" in reason for reason in one.reasons)
