"""A price test of a shop from its design to the next fit, on orders whose elasticity is known."""

import json
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner

from merx.cli import main
from merx.data.vocabulary import Vocabulary
from merx.errors import DataError, RequestError
from merx.price_tests import _likeness
from merx.shop import Shop
from tests.price.worlds import make_world
from tests.shops import settings

MONDAY = date(2024, 1, 1)
ELASTICITY = -3.4
BEFORE, ITEMS = 30, 24
SIGNED = ["--by", "ada", "--why", "to learn"]


def orders(path, weeks, prices, seed):
    """One order line a unit sold, at the prices (I, W) of the weeks; week 0 begins at MONDAY."""
    rng = np.random.default_rng(seed)
    base = np.exp(np.random.default_rng(0).normal(3.4, 0.3, ITEMS))
    rows = ["user_id,item_id,event,time,price,quantity,category"]
    for column, week in enumerate(weeks):
        luck = np.exp(rng.normal(0, 0.1, ITEMS) + rng.normal(0, 0.15))
        mean = base * luck * (prices[:, column] / 10) ** ELASTICITY
        for item, units in enumerate(np.maximum(rng.poisson(mean), 7)):
            for unit in range(units):
                day = MONDAY + timedelta(days=7 * week + unit % 7)
                rows.append(
                    f"u{rng.integers(90)},i{item:02d},purchase,{day}T{9 + unit // 7 % 12:02d}:"
                    f"{unit // 84 % 60:02d}:{item:02d},{prices[item, column]:.2f},1,c{item // 2:02d}"
                )
    path.write_text("\n".join(rows) + "\n")
    return path


def run(*words, fails=False):
    done = CliRunner().invoke(main, [*map(str, words), "--json"])
    assert done.exit_code == (1 if fails else 0), done.output
    return json.loads(done.stdout.strip().splitlines()[0])


def test_from_the_design_to_the_next_fit(tmp_path):
    rng = np.random.default_rng(1)
    shop = Shop.init(tmp_path / "shop")
    before = np.round(10 * np.exp(rng.normal(0, 0.03, (ITEMS, BEFORE))), 2)
    before[:, -1] = 10.0
    shop.ingest(orders(tmp_path / "before.csv", range(BEFORE), before, seed=2))
    folder = shop.folder
    pairs = [f"i{item:02d},i{item + 1:02d},1.0" for item in range(0, ITEMS, 2)]
    (tmp_path / "similar.csv").write_text("\n".join(["item_id,other_id,similarity", *pairs]) + "\n")
    drawn = run(
        *("price-test", folder, "design", "spring", "--ratio", 0.9, "--ratio", 1.1, "--weeks", 10),
        *("--similar", tmp_path / "similar.csv", *SIGNED),
    )
    assert drawn["start"] == str(MONDAY + timedelta(days=7 * BEFORE))
    assert len(set(drawn["cluster"])) == ITEMS / 2 and drawn["expected"]["interference"] == 0.0
    assert 0 < drawn["expected"]["error"] < 1.0 and drawn["expected"]["power"] > 0.5
    assert "is there already" in run("price-test", folder, "design", "spring", *SIGNED, fails=True)["error"]
    assert "0 of 10 weeks" in run("price-test", folder, "analyse", "spring", fails=True)["error"]

    events = run("price-test", folder, "propose", "spring", *SIGNED)["events"]  # the first block comes next
    arm = np.array(drawn["arm"])[drawn["cluster"]]
    ratio = np.array(drawn["ratio"])[arm]  # (I, B)
    assert [e["price"] for e in events] == pytest.approx(np.round(10 * ratio[:, 0], 2))
    assert {e["state"] for e in events} == {"proposed"}
    assert {e["decision"] for e in events} == {"price test spring, block 1"}
    assert (
        "Block 9 is none"
        in run("price-test", folder, "propose", "spring", "--block", 9, *SIGNED, fails=True)["error"]
    )

    charged = np.round(10 * np.repeat(ratio, 2, axis=1), 2)
    shop.ingest(orders(tmp_path / "test.csv", range(BEFORE, BEFORE + 10), charged, seed=3))
    found = run("price-test", folder, "analyse", "spring")
    assert found["low"] < ELASTICITY < found["high"]
    assert abs(found["elasticity"] - ELASTICITY) < 3 * found["error"]
    assert found["chance"] < 0.01
    assert found["error"] == pytest.approx(drawn["expected"]["error"], rel=0.6)
    model = Shop(folder).config.models["price_response"]  # what the next fit is held against
    assert model["tested_elasticity"] == found["tested_elasticity"] < -2.6
    assert model["tested_error"] == found["tested_error"] < 0.7
    with open(folder / "shop.toml", "a") as file:
        file.write("\n[models.price_response]\ntested_elasticity = -2.0\n")
    assert Shop(folder).config.models["price_response"]["tested_elasticity"] == -2.0  # by hand comes first
    shown = CliRunner().invoke(main, ["price-test", str(folder), "analyse", "spring"])
    assert "The next fit is held against" in shown.output


def test_products_under_test_get_no_other_prices(shop):
    shop = settings(
        shop, "\n[price]\nassumed_margin = 0.4\nmin_confidence = 0.5\n[governance]\nexplore = true\n"
    )
    free = {event.item for event in shop.prices.propose(by="ada", why="weekly round")}
    rows = {row["item_id"]: row for row in shop.price().answer["rows"]}
    panel = shop.price_tests._panel()
    code = panel.category[panel.items.codes(pa.array(sorted(free)))]
    category = panel.categories.ids[int(np.bincount(code).argmax())].as_py().split(" > ")[0]
    drawn = shop.price_tests.design("spring", by="ada", why="to learn", category=category)
    tested = set(drawn["items"])
    assert free & tested and free - tested
    told = run("prices", shop.folder, "propose", *SIGNED)
    proposed = {event["item"]: event["price"] for event in told["events"] if event["state"] == "proposed"}
    assert proposed == {item: rows[item]["price"] for item in free - tested}
    assert any(f"no change in a price test, until {drawn['until']}" in rule for rule in told["rules"])
    held = min(free & tested)
    assert "no change in a price test" in shop.price(item=held).reasons[0]
    explored = run("prices", shop.folder, "propose", "--explore", *SIGNED)["events"]
    assert not tested & {event["item"] for event in explored if event["state"] == "proposed"}

    file = shop.folder / "price-tests" / "spring.json"
    file.write_text(file.read_text().replace(drawn["until"], "2001-01-01"))  # a test that is over
    assert {event.item for event in Shop(shop.folder).prices.propose(by="ada", why="x")} >= free


def test_what_speaks_against_a_test_is_told_and_names_are_checked(shop):
    tests = shop.price_tests
    for wrong in ("../x", "", "a b"):
        with pytest.raises(RequestError, match="no name of a test"):
            tests.design(wrong, by="ada", why="x")
    with pytest.raises(RequestError, match="no such test; there are: none"):
        tests.analyse("none")
    told = tests.design("wide", by="ada", why="x", ratio=(0.8, 1.2), difference=0.1)
    assert any("power" in warning for warning in told["warnings"])
    assert any("block_change" in warning for warning in told["warnings"])
    with pytest.raises(RequestError, match="too few"):
        tests.design("none", by="ada", why="x", category="no such category")
    with pytest.raises(RequestError, match="in a price test already"):
        tests.design("second", by="ada", why="x")


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ("item_id,other\na,b\n", "other_id is missing|similarity is missing"),
        ("item_id,other_id,similarity\na,b,near\n", "near"),
        ("item_id,other_id,similarity\na,b,-1\n", "below 0"),
        ("item_id,other_id,similarity\n0001,0002,1\n", "none of its 1 pairs"),
    ],
)
def test_a_file_of_similar_products_that_tells_nothing_is_refused(tmp_path, rows, told):
    panel = make_world("random", 1, items=5, weeks=20, categories=1).panel
    file = tmp_path / "similar.csv"
    file.write_text(rows)
    with pytest.raises(DataError, match=told):
        _likeness(panel, file)


def test_ids_of_similar_products_keep_their_leading_zeros(tmp_path):
    panel = make_world("random", 1, items=3, weeks=20, categories=1).panel
    panel = replace(panel, items=Vocabulary.of(["0001", "0002", "1"]))
    file = tmp_path / "similar.csv"
    file.write_text("item_id,other_id,similarity\n0001,0002,.5\n")
    assert _likeness(panel, file).toarray()[0, 1] == 0.5
