"""Look-alikes of a shop's products: by text, by pictures whose vectors are put there by hand, and by both."""

import numpy as np
import pytest

from merx.errors import RequestError
from merx.look_alikes import overview
from merx.media.library import Library, linked, media_of
from merx.sections import look_alikes
from tests.test_cli import as_json, run


def with_pictures(shop, unusable="i00003"):
    """Each picture's vector points where its product's number says; that of one product gives no pixels."""
    library = Library(shop.folder / "media")
    with shop._engine() as (engine, _):
        products = engine.query("products")
    links = linked(products, shop.folder / "raw", None)
    media = media_of(links)
    place = dict(zip(links["sha256"].to_pylist(), links["item_id"].to_pylist(), strict=True))
    angle = np.array([int(place[one.sha256][1:]) for one in media]) * 0.05
    vectors = np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
    library.keep_links(links)
    library.use("by hand")
    library.add(
        "by hand",
        media,
        [
            "damaged" if place[one.sha256] == unusable else own
            for one, own in zip(media, vectors, strict=True)
        ],
    )
    return shop


def test_by_text_with_the_words_that_made_them_alike(shop):
    found = shop.similar("i00005", count=4)
    assert found["by"] == ["text"] and found["item"]["item_id"] == "i00005"
    assert [row["rank"] for row in found["rows"]] == [1, 2, 3, 4]
    alike = [row["similarity"] for row in found["rows"]]
    assert alike == sorted(alike, reverse=True) and 0 < alike[-1] <= alike[0] <= 1
    title = found["item"]["title"].casefold()
    for row in found["rows"]:
        assert row["text"] == row["similarity"] and row["picture"] is None
        assert sum(one["share"] for one in row["words"]) <= 1.001
    shared = {one["word"] for one in found["rows"][0]["words"]}
    assert any(word in title and word in found["rows"][0]["title"].casefold() for word in shared)
    assert len(shop.similar("i00005", count=1000)["rows"]) == 39


def test_by_picture_and_by_both(shop):
    with_pictures(shop)
    found = shop.similar("i00010", by="picture", count=4)["rows"]
    assert {row["item_id"] for row in found[:2]} == {"i00009", "i00011"}
    assert found[0]["picture"] == found[0]["similarity"] == pytest.approx(np.cos(0.05), abs=1e-4)
    both = shop.similar("i00010")
    assert both["by"] == ["text", "picture"]
    for row in both["rows"]:
        if row["picture"] is not None:
            assert row["similarity"] == pytest.approx((row["text"] + row["picture"]) / 2, abs=1e-4)
    assert shop.similar("i00003")["by"] == ["text"]  # goes on without its picture


def test_by_the_sentence_encoder_of_the_shop(shop, monkeypatch):
    def embed(titles, descriptions):
        angle = np.arange(len(titles)) * 0.05
        return np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)

    monkeypatch.setattr("merx.look_alikes.text_encoder", lambda config, media: embed)
    [first, second] = shop.similar("i00010", count=2)["rows"]
    assert {first["item_id"], second["item_id"]} == {"i00009", "i00011"}
    assert first["text"] == pytest.approx(np.cos(0.05), abs=1e-4)


def test_on_the_command_line(shop):
    with_pictures(shop)
    shown = run("similar", shop.folder, "i00010", "--count", 3)
    assert (
        shown.exit_code == 0 and "by text and picture" in shown.output and "words in common" in shown.output
    )
    assert len(as_json("similar", shop.folder, "i00010", "--count", 3)["rows"]) == 3
    assert run("similar", shop.folder, "i00010", "--by", "price").exit_code == 2


def test_what_cannot_be_answered_says_what_to_do(shop):
    with pytest.raises(RequestError, match="'nope' is unknown to the shop"):
        shop.similar("nope")
    with pytest.raises(RequestError, match="merx media"):
        shop.similar("i00003", by="picture")
    with_pictures(shop)
    with pytest.raises(RequestError, match=r"i00003 has no picture \(.*damaged\); mend that"):
        shop.similar("i00003", by="picture")
    with pytest.raises(RequestError, match="i00003 has no video"):
        shop.similar("i00003", by="video")
    with pytest.raises(RequestError, match="count = 0"):
        shop.similar("i00003", count=0)
    failed = run("similar", shop.folder, "nope")
    assert failed.exit_code == 1 and failed.stderr.startswith("merx: 'nope' is unknown")


def test_duplicates_of_a_shop(shop, tmp_path):
    assert shop.duplicates()["duplicates"] == []
    with shop._engine() as (engine, _):
        [product] = engine.query("products").slice(5, 1).to_pylist()
    again = product["title"].upper().replace(",", " -")
    (tmp_path / "more.csv").write_text(f"item_id,title,brand\nagain,{again},{product['brand']}\n")
    shop.ingest(tmp_path / "more.csv")
    [pair] = shop.duplicates()["duplicates"]
    assert {pair["one"]["item_id"], pair["other"]["item_id"]} == {"again", product["item_id"]}
    assert pair["score"] == 1 and pair["only_one"] == pair["only_other"] == [] and pair["picture"] is None
    shown = run("duplicates", shop.folder)
    assert shown.exit_code == 0 and "1 pair of likely duplicates" in shown.output and "again" in shown.output
    assert run("duplicates", shop.folder, "--variants").exit_code == 0
    assert as_json("duplicates", shop.folder)["duplicates"] == [pair]
    with shop._engine() as (engine, _):
        found = overview(engine, shop.config, shop.folder / "media")
    section = look_alikes(found)
    assert section.sentence == "Among 41 products 1 pair is likely one product listed twice."
    assert {section.pairs[0].one.item_id, section.pairs[0].other.item_id} == {"again", product["item_id"]}
    assert len(section.nearest) == 3
    best = found["nearest"][0]
    alike = shop.similar(best["item"]["item_id"], count=3)["rows"]
    assert best["rows"] == alike
    assert [row.title for row in section.nearest[0].rows] == [row["title"] for row in alike]
    assert look_alikes({}) is None
