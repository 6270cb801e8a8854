"""Vectors are kept by what files hold: only new ones are computed, and an interrupted run goes on."""

import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from merx.data.vocabulary import Vocabulary
from merx.errors import DataError
from merx.media import encode as encoding
from merx.media.encode import encode, pooled
from merx.media.library import Library, linked, media_of, vectors_of
from merx.media.picture_net import FittedPictureNet
from merx.simulate.pictures import encode_png
from tests.media.worlds import SIZE, styled

for needed in ("torch", "PIL"):
    pytest.importorskip(needed)


@pytest.fixture(scope="module")
def encoder():
    """Not trained: what a vector says does not matter here."""
    import torch

    from merx.media.network import Network

    torch.manual_seed(0)
    weights = Network(8, {}).folded().state_dict()
    return FittedPictureNet({name: weight.numpy() for name, weight in weights.items()}, (), SIZE)


def products(**links):
    """Of item id to link."""
    return pa.table(
        {
            "item_id": list(links),
            "image_link": pa.array(list(links.values()), pa.string()),
            "video_link": pa.nulls(len(links), pa.string()),
        }
    )


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "raw"
    root.mkdir()
    pixels, _ = styled(5)
    for name, one in zip("abcde", pixels, strict=True):
        (root / f"{name}.png").write_bytes(encode_png(one))
    return root


def quiet(*_):
    pass


def test_links_are_followed_below_the_folder_alone(folder):
    (folder.parent / "secret.png").write_bytes(b"x")
    os.symlink(folder.parent / "secret.png", folder / "way-out.png")
    table = products(
        i1="a.png",
        i2="../secret.png",
        i3="way-out.png",
        i4="https://shop.example/a.png",
        i5="gone.png",
        i6=None,
        i7="nul\0.png",
        i8=".",
    )
    rows = {row["item_id"]: row for row in linked(table, folder, None).to_pylist()}
    assert rows["i1"]["sha256"] and rows["i1"]["reason"] is None
    for item, reason in {
        "i2": "leads out",
        "i3": "leads out",
        "i4": "nothing is fetched",
        "i5": "no such file",
        "i7": "cannot be read",
        "i8": "no file",
    }.items():
        assert rows[item]["sha256"] is None and reason in rows[item]["reason"]
    assert "i6" not in rows


def test_a_file_that_did_not_change_is_not_read_again(folder, monkeypatch):
    before = linked(products(i1="a.png", i2="b.png"), folder, None)
    (folder / "b.png").write_bytes(b"another")
    read = []
    monkeypatch.setattr("merx.media.library._sha256", lambda path: read.append(path.name) or "new")
    after = linked(products(i1="a.png", i2="b.png"), folder, before).to_pylist()
    assert read == ["b.png"] and after[0]["sha256"] == before["sha256"][0].as_py()


def test_only_new_media_are_computed_and_a_renamed_file_is_known(folder, encoder, tmp_path):
    library = Library(tmp_path / "media")
    links = linked(products(i1="a.png", i2="b.png", i3="a.png"), folder, None)
    assert encode(library, encoder, media_of(links), quiet) == 2  # two products share a file
    assert encode(library, encoder, media_of(links), quiet) == 0
    (folder / "a.png").rename(folder / "z.png")
    links = linked(products(i1="z.png", i2="b.png", i4="c.png"), folder, links)
    assert encode(library, encoder, media_of(links), quiet) == 1


def test_an_interrupted_run_goes_on_where_it_stopped(folder, encoder, tmp_path, monkeypatch):
    pixels, _ = styled(30, seed=2)
    for number, one in enumerate(pixels):
        (folder / f"{number}.png").write_bytes(encode_png(one))
    links = linked(products(**{f"i{n}": f"{n}.png" for n in range(30)}), folder, None)
    library = Library(tmp_path / "media")
    monkeypatch.setattr(encoding, "BATCH", 8)
    monkeypatch.setattr(encoding, "PART_SECONDS", 0.0)

    def pull_the_plug(what, done, total):
        if done == 16:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        encode(library, encoder, media_of(links), pull_the_plug)
    folder_of = library.folder / "vectors" / encoder.fingerprint
    (folder_of / ".half-written.parquet").write_bytes(b"PAR1")  # what a killed writer leaves
    assert encode(library, encoder, media_of(links), quiet) == 14
    found = library.vectors(encoder.fingerprint)
    assert len(found) == 30 and len(set(found["sha256"].to_pylist())) == 30


def test_bad_pictures_are_kept_with_their_reason_and_not_tried_again(folder, encoder, tmp_path):
    (folder / "bad.png").write_text("no picture")
    links = linked(products(i1="bad.png", i2="b.png"), folder, None)
    library = Library(tmp_path / "media")
    assert encode(library, encoder, media_of(links), quiet) == 2
    reasons = library.vectors(encoder.fingerprint)["reason"].to_pylist()
    assert sorted(map(str, reasons))[0] == "None" and "no picture" in sorted(map(str, reasons))[1]
    assert encode(library, encoder, media_of(links), quiet) == 0


def test_vectors_of_items(folder, encoder, tmp_path):
    library, items = Library(tmp_path / "media"), Vocabulary.of(["i1", "i2", "i3", "i4"])
    assert vectors_of(tmp_path / "media", items) == {}
    (folder / "bad.png").write_text("no picture")
    links = linked(products(i1="a.png", i3="bad.png", i4="b.png", i9="c.png"), folder, None)
    library.keep_links(links)
    encode(library, encoder, media_of(links), quiet)
    assert vectors_of(tmp_path / "media", items) == {}  # no network is in force
    library.use(encoder.fingerprint)
    [(kind, (vectors, present))] = vectors_of(tmp_path / "media", items).items()
    assert kind == "picture" and present.tolist() == [True, False, False, True]
    assert vectors.dtype == np.float32 and not vectors[1:3].any()
    assert np.allclose(np.linalg.norm(vectors[present], axis=1), 1, atol=1e-5)
    pixels, _ = styled(5)
    assert np.allclose(vectors[3], encoder.vectors(pixels[1:2])[0], atol=1e-4)


def test_a_damaged_file_is_named_with_what_to_do(folder, encoder, tmp_path):
    library = Library(tmp_path / "media")
    links = linked(products(i1="a.png"), folder, None)
    library.keep_links(links)
    encode(library, encoder, media_of(links), quiet)
    library.use(encoder.fingerprint)
    [part] = (tmp_path / "media" / "vectors").glob("*/*.parquet")
    for path in (part, tmp_path / "media" / "links.parquet"):
        path.write_bytes(path.read_bytes()[:-9])
        with pytest.raises(DataError, match=rf"{path.name}: damaged.*delete it"):
            vectors_of(tmp_path / "media", Vocabulary.of(["i1"]))
        pq.write_table(pa.table({"x": [1]}), path)
        with pytest.raises(DataError, match="it has the columns x"):
            vectors_of(tmp_path / "media", Vocabulary.of(["i1"]))
        path.unlink()
    assert vectors_of(tmp_path / "media", Vocabulary.of(["i1"])) == {}


def test_a_video_is_the_mean_of_its_frames():
    found = pooled(np.array([[1, 0], [0, 1]], np.float32))
    assert np.allclose(found, np.sqrt(0.5))
