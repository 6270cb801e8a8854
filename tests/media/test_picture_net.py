"""The network learns what is known of a world of pictures, the same each time, and survives being saved."""

import numpy as np
import pytest

from merx import artefact
from merx.errors import ArtefactError, ConfigError, FitError
from merx.media.picture_net import FittedPictureNet, PictureNet, brought
from tests.media.worlds import SIZE, styled

torch = pytest.importorskip("torch")

CONFIG = PictureNet(size=SIZE, length=24, epochs=8, held_out=0.0)
PIXELS, STYLE = styled(240)
OTHERS, OTHER_STYLE = styled(60, seed=1)


@pytest.fixture(scope="module")
def fitted():
    return CONFIG.fit(PIXELS, [f"style {style:02d}" for style in STYLE])


def test_it_learns_the_styles(fitted):
    said = fitted.chances(fitted.vectors(OTHERS))
    assert np.allclose(said.sum(axis=1), 1, atol=1e-5)
    named = np.array([int(name.split()[1]) for name in fitted.classes])
    assert (named[said.argmax(axis=1)] == OTHER_STYLE).mean() > 0.7  # by chance one in twelve


def test_vectors_are_unit_and_one_by_one_the_same(fitted):
    together = fitted.vectors(OTHERS)
    assert together.shape == (60, 24) and together.dtype == np.float32
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    assert np.allclose(fitted.vectors(OTHERS[5:6])[0], together[5], atol=1e-4)
    assert fitted.vectors(OTHERS[:0]).shape == (0, 24)


def test_taste_brings_products_that_the_same_people_like_together():
    rng = np.random.default_rng(3)
    liked = rng.normal(size=(12, 8)).astype(np.float32)  # (styles, K)
    factors = liked[STYLE]
    factors[::5] = 0  # of products nobody met
    fitted = CONFIG.fit(PIXELS, factors=factors)
    vectors = fitted.vectors(OTHERS)
    likeness = vectors @ vectors.T
    np.fill_diagonal(likeness, -1)
    assert (OTHER_STYLE[likeness.argmax(axis=1)] == OTHER_STYLE).mean() > 0.6
    assert fitted.classes == ()


def test_equal_seeds_give_equal_weights():
    short = PictureNet(size=SIZE, length=8, epochs=1, held_out=0.2)
    labels = ["a" if style < 6 else "b" for style in STYLE]
    one, again = short.fit(PIXELS, labels), short.fit(PIXELS, labels)
    assert one.fingerprint == again.fingerprint and one.summary == again.summary
    assert "others" in one.summary
    other = PictureNet(size=SIZE, length=8, epochs=1, held_out=0.2, seed=1).fit(PIXELS, labels)
    assert other.fingerprint != one.fingerprint


def test_saved_and_loaded_it_is_the_same_to_the_bit(fitted, tmp_path):
    artefact.save(fitted, tmp_path / "net", kind="picture_net", config=CONFIG, about={})
    loaded = artefact.load(tmp_path / "net", "picture_net", FittedPictureNet, PictureNet)
    assert loaded.fingerprint == fitted.fingerprint and loaded.classes == fitted.classes
    assert (loaded.vectors(OTHERS) == fitted.vectors(OTHERS)).all()


def test_weights_of_ones_own(fitted, tmp_path):
    from safetensors.numpy import save_file

    save_file(fitted.weights, tmp_path / "own.safetensors")
    own = brought(tmp_path / "own.safetensors", SIZE)
    assert (own.vectors(OTHERS) == fitted.vectors(OTHERS)).all()
    artefact.save(fitted, tmp_path / "net", kind="picture_net", config=CONFIG, about={})
    another_shop = brought(tmp_path / "net" / "arrays.safetensors", SIZE)
    assert another_shop.fingerprint == fitted.fingerprint

    wrong = {
        "lacking": {name: array for name, array in fitted.weights.items() if name != "stem.conv.bias"},
        "shape": {**fitted.weights, "stem.conv.bias": np.zeros(3, np.float32)},
        "nan": {**fitted.weights, "stem.conv.bias": np.full(24, np.nan, np.float32)},
        "halves": {**fitted.weights, "stem.conv.bias": np.zeros(24, np.float16)},
    }
    for name, weights in wrong.items():
        save_file(weights, tmp_path / f"{name}.safetensors")
        with pytest.raises(ArtefactError, match="stem"):
            brought(tmp_path / f"{name}.safetensors", SIZE)
    (tmp_path / "text.safetensors").write_text("no weights")
    for name in ("text", "absent"):
        with pytest.raises(ArtefactError, match=name):
            brought(tmp_path / f"{name}.safetensors", SIZE)


def test_rare_classes_count_more():
    from merx.media.picture_training import class_weight

    label = torch.tensor([0] * 90 + [1] * 10 + [-1] * 5)
    weight = class_weight(label)
    assert weight[1] == pytest.approx(3 * weight[0])  # the root of nine
    assert 90 * weight[0] + 10 * weight[1] == pytest.approx(100)


def test_what_it_looks_at_lies_on_the_product(fitted, tmp_path):
    pytest.importorskip("captum")
    from PIL import Image

    from merx.media.saliency import saliency, write_overlay

    picture = styled(1, seed=1, size=96)[0][0]
    heat, name = saliency(fitted, picture)
    assert heat.shape == (96, 96) and heat.min() >= 0 and heat.max() == pytest.approx(1)
    assert name in fitted.classes
    write_overlay(picture, heat, tmp_path / "seen.png")
    with Image.open(tmp_path / "seen.png") as written:
        assert written.size == (192, 96)


def test_what_cannot_be_is_refused():
    with pytest.raises(FitError, match="fewer than 20"):
        CONFIG.fit(PIXELS, ["the same"] * len(PIXELS))
    with pytest.raises(FitError, match="10 pictures"):
        CONFIG.fit(PIXELS[:10], list("ababababab"))
    with pytest.raises(ConfigError, match="size"):
        PictureNet(size=8)
