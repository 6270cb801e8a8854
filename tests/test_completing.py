"""Gaps in a shop's catalogue: what is proposed, what is refused, and that given data stay as they are."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from PIL import Image

from merx import seeing
from merx.cli import main
from merx.cli.show_complete import show_complete
from merx.completed import last
from merx.errors import DataError
from merx.media.inferred import with_inferred
from merx.media.picture_net import PictureNet
from merx.media.values import within
from merx.price.gaps import price_gaps
from merx.sections import gaps as gaps_section
from merx.shop import Shop
from merx.simulate.catalogue import CATEGORIES, draw_texts
from merx.simulate.pictures import draw_pictures

COUNT = 180


@pytest.fixture(scope="module")
def catalogue():
    rng = np.random.default_rng(0)
    category = rng.integers(0, 6, COUNT) * 4
    texts = draw_texts(rng.integers(0, 4, COUNT), category, rng)
    return {
        "item_id": [f"i{n}" for n in range(COUNT)],
        "title": texts.title,
        "description": texts.description,
        "brand": texts.brand,
        "category": [CATEGORIES[c] for c in category],
        "price": (10 * np.exp(0.2 * rng.normal(size=COUNT)) * (1 + category)).round(2),
    }


def made(folder, catalogue, **blank):
    """A shop whose catalogue has nulls where `blank` says so, by column."""
    shop = Shop.init(folder)
    columns = {
        name: [
            None if name in blank and gone else value
            for value, gone in zip(values, blank.get(name, values), strict=True)
        ]
        for name, values in catalogue.items()
    }
    pq.write_table(pa.table(columns), folder / "products.parquet")
    shop.ingest(folder / "products.parquet")
    return shop


@pytest.fixture(scope="module")
def gaps():
    return {
        name: np.random.default_rng(seed).random(COUNT) < share
        for seed, (name, share) in enumerate({"category": 0.3, "brand": 0.2, "price": 0.1}.items())
    }


@pytest.fixture(scope="module")
def shop(tmp_path_factory, catalogue, gaps):
    return made(tmp_path_factory.mktemp("gaps") / "shop", catalogue, **gaps)


@pytest.fixture(scope="module")
def before(shop):
    """The files of the tables as they were."""
    return {path: path.read_bytes() for path in (shop.folder / "tables").rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def report(shop, before):
    return shop.complete(prices=True, to=shop.folder / "proposals.csv")


def test_proposals_are_mostly_right_and_as_often_as_is_said(report, catalogue, gaps):
    truth = {name: dict(zip(catalogue["item_id"], catalogue[name], strict=True)) for name in catalogue}
    rows = report.proposals.to_pylist()
    for one in report.columns:
        own = [row for row in rows if row["column"] == one.column]
        hits = [within(truth[one.column][row["item_id"]], row["value"]) for row in own]
        assert one.missing == gaps[one.column].sum() and one.known == COUNT - one.missing
        assert len(own) == one.proposed > 0.8 * one.missing
        assert np.mean(hits) > 0.93
        assert np.mean(hits) == pytest.approx(one.right, abs=0.05)
        assert one.accuracy > one.trivial + 0.5 and one.calibration < 0.06
        assert all(0.8 <= row["probability"] <= 1 for row in own)
    lamp = next(row for row in rows if row["value"] == "Home > Lamps")
    assert "'lamp" in lamp["because"] or "'light'" in lamp["because"]


def test_given_data_are_never_written_over(shop, before, report, gaps):
    assert {path: path.read_bytes() for path in before} == before
    written = pq.read_table(shop.folder / "inferred.parquet")
    assert written.equals(report.proposals)
    assert {row["column"] for row in written.to_pylist()} == {"category", "brand", "price"}
    for row in written.to_pylist():
        assert gaps[row["column"]][int(row["item_id"][1:])] and row["inferred"]
    lines = (shop.folder / "proposals.csv").read_text().splitlines()
    assert len(lines) == len(written) + 1 and lines[1].endswith("true")


def test_only_gaps_of_products_with_a_title_are_filled_where_proposals_are_read(shop, report):
    with shop.inputs() as inputs:
        inputs.of("features")
        catalogue = inputs.of("catalogue")
    proposed = {(row["column"], row["item_id"]): row["value"] for row in report.proposals.to_pylist()}
    filled, count = with_inferred(catalogue, shop.folder / "inferred.parquet")
    for name in ("category", "brand"):
        for item, given, found in zip(
            *(column.to_pylist() for column in (catalogue.items.ids, getattr(catalogue, name))),
            getattr(filled, name).to_pylist(),
            strict=True,
        ):
            assert found == (given or proposed.get((name, item)))
    assert count == sum(one.proposed for one in report.columns)
    assert f"{count} categories and brands inferred" in inputs.words["features"]
    hidden = catalogue.only(np.arange(COUNT) % 2 == 0)
    again, _ = with_inferred(hidden, shop.folder / "inferred.parquet")
    assert again.category.take(np.arange(1, COUNT, 2)).null_count == COUNT // 2
    assert with_inferred(catalogue, shop.folder / "nowhere") == (catalogue, 0)


def test_the_report_shows_what_was_found_on_the_tables_of_today(shop, report):
    data = report.proposals["data"][0].as_py()
    found = gaps_section(last(shop.folder, data))
    assert [one.missing for one in found.columns] == [one.missing for one in report.columns]
    assert f"{report.columns[0].missing} categories are missing" in found.sentence
    assert {one.column for one in found.examples} == {
        "category",
        "brand",
    }  # prices have a report of their own
    assert last(shop.folder, "other tables") is None and last(shop.folder / "nowhere", data) is None


def test_a_damaged_or_foreign_file_is_refused_with_what_to_do(shop, report, catalogue, tmp_path):
    data, whole = report.proposals["data"][0].as_py(), shop.folder / "inferred.parquet"
    path = tmp_path / "inferred.parquet"
    path.write_bytes(whole.read_bytes()[:-200])
    refuses(lambda: last(tmp_path, data), path)
    refuses(lambda: with_inferred(catalogue, path), path)
    pq.write_table(pa.table({"item_id": ["i0"]}), path)
    refuses(lambda: last(tmp_path, data), path, "its metadata lack columns, data,")
    refuses(lambda: with_inferred(catalogue, path), path, "it has the columns item_id")
    told = json.loads(pq.read_schema(whole).metadata[b"merx"])
    told["columns"][0]["missing"] = "many"
    pq.write_table(report.proposals.replace_schema_metadata({"merx": json.dumps(told)}), path)
    refuses(lambda: last(tmp_path, data), path, "expected int, found 'many'")


def refuses(call, path, why=""):
    with pytest.raises(DataError) as refused:
        call()
    said = str(refused.value)
    assert said.startswith(f"{path}: damaged, or not written by merx (") and why in said
    assert f"run `merx complete {path.parent}` again" in said


def test_the_command_tells_what_was_found(shop, report):
    """Equal data give equal proposals; those of a higher probability are a part of them."""
    result = CliRunner().invoke(main, ["complete", str(shop.folder), "--least", "0.99", "--json"])
    told = json.loads(result.output)
    sure = report.proposals.filter(pc.greater_equal(report.proposals["probability"], 0.99))
    assert told["proposed"] == len(pq.read_table(shop.folder / "inferred.parquet")) < len(report.proposals)
    assert {row["item_id"] for row in told["examples"]} <= set(sure["item_id"].to_pylist())
    assert told["prices"] is None
    show_complete(report.to_dict())
    refused = CliRunner().invoke(main, ["complete", str(shop.folder), "--least", "1.5"])
    assert refused.exit_code == 1 and "between 0 and 1" in refused.stderr


def test_a_column_that_nobody_filled_is_refused_and_a_full_catalogue_has_no_gaps(tmp_path, catalogue):
    every = np.ones(COUNT, bool)
    none = made(tmp_path / "none", catalogue, category=every, brand=every).complete()
    assert all("no product has one" in one.refused for one in none.columns)
    assert none.if_any is None and not len(none.proposals)
    full = made(tmp_path / "full", catalogue).complete()
    assert (
        full.columns == () and full.if_any is None and not (tmp_path / "full" / "inferred.parquet").exists()
    )
    shown = CliRunner().invoke(main, ["complete", str(tmp_path / "full")])
    assert "there are no gaps" in shown.output


def test_words_that_say_nothing_lead_to_no_proposal(tmp_path, catalogue, gaps):
    rng = np.random.default_rng(5)
    shuffled = {**catalogue, "category": list(rng.permutation(catalogue["category"]))}
    report = made(tmp_path / "noise", shuffled, category=gaps["category"]).complete()
    [one] = report.columns
    assert not len(report.proposals)
    assert one.refused or one.right is None


def test_prices_are_the_last_seen_or_the_median_of_alike_products():
    nan = np.nan
    listed = np.array([10.0, 12.0, 14.0, 100.0, nan, nan, nan, nan])
    seen = np.array([nan, nan, nan, nan, 9.0, nan, nan, nan])
    category = ["A > x", "A > x", "A > x", "A > y", "A > x", "A > x", "A > z", None]
    brand = ["b", "b", "b", "c", "b", "b", None, "b"]
    found = price_gaps(listed, seen, category, brand)
    assert [(one.item, one.price) for one in found.proposals] == [(4, 9.0), (5, 11.0), (6, 12.0)]
    told = [one.because for one in found.proposals]
    assert told == [
        "the last price seen",
        "the median of 4 products of A > x by b",
        "the median of 5 products of A",
    ]
    assert found.missing == 4  # the last, without a category, stays open
    assert found.judged == 5
    # each against the median of the others: 10 of (9, 12, 14), and so on; 100 of all below A
    offs = np.abs(np.log([10 / 12, 12 / 10, 14 / 10, 9 / 12, 100 / 11]))
    assert found.error == pytest.approx(np.expm1(np.median(offs)))


def test_pictures_that_the_network_learnt_from_do_not_tell_what_pictures_are_worth(tmp_path, monkeypatch):
    """Of 40 pictures few are held out: too few to say what pictures are worth; for brands all of them do."""
    pytest.importorskip("torch", reason="needs merx[media]")
    rng = np.random.default_rng(0)
    taste, category = rng.integers(0, 2, 40), rng.integers(0, 2, 40) * 4
    texts = draw_texts(taste, category, rng)
    raw = tmp_path / "shop" / "raw"
    shop = made(
        tmp_path / "shop",
        {
            "item_id": [f"i{n}" for n in range(40)],
            "title": texts.title,
            "category": [CATEGORIES[c] for c in category],
            "brand": texts.brand,
            "image_link": [f"{n}.png" for n in range(40)],
        },
        category=np.arange(40) < 5,
        brand=np.arange(40) < 5,
    )
    raw.mkdir()
    for n, picture in enumerate(draw_pictures(taste, category, 32, rng)):
        Image.fromarray(picture).save(raw / f"{n}.png")
    monkeypatch.setattr(seeing, "SETTINGS", PictureNet(size=32, epochs=1))
    shop.media()
    category, brand = shop.complete().columns
    assert "pictures are left out" in category.note and category.by["picture"] == 0
    assert category.by["words"] == 35
    assert brand.by["picture"] == 35 and not brand.note
    order = sorted(range(40), key=lambda n: f"i{n}")
    held_out = sum(bool(apart) and n >= 5 for apart, n in zip(PictureNet().apart(40), order, strict=True))
    assert f"all but {held_out} of them" in category.note
