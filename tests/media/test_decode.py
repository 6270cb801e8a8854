"""Pictures of every mode become RGB squares; what is no picture is rejected with its reason."""

import json
import struct
import subprocess
import sys

import numpy as np
import pytest

from merx.media import worker
from merx.media.decode import PAPER, Unusable, decode
from merx.media.decoding import Worker, decoded
from merx.simulate.pictures import _chunk, encode_png

pytest.importorskip("PIL")
from PIL import Image

SIZE = 32
RED, BLUE = (220, 30, 30), (20, 40, 200)


def halves(width=40, height=40):
    """Red on the left, blue on the right."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, : width // 2], pixels[:, width // 2 :] = RED, BLUE
    return Image.fromarray(pixels)


def seen(path):
    return np.frombuffer(decode(path, SIZE), np.uint8).reshape(SIZE, SIZE, 3)


def assert_near(pixel, colour, within=12):
    assert np.abs(pixel.astype(int) - colour).max() <= within


def assert_halves(pixels):
    assert_near(pixels[16, 4], RED)
    assert_near(pixels[16, 27], BLUE)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.bmp", "a.tif", "a.gif"])
def test_formats_give_the_same_picture(tmp_path, name):
    halves().save(tmp_path / name)
    assert_halves(seen(tmp_path / name))


def test_palette_cmyk_and_grey(tmp_path):
    halves().convert("P", palette=Image.Palette.ADAPTIVE).save(tmp_path / "p.png")
    assert_halves(seen(tmp_path / "p.png"))
    halves().convert("CMYK").save(tmp_path / "c.jpg")
    assert_halves(seen(tmp_path / "c.jpg"))
    halves().convert("L").save(tmp_path / "l.png")
    grey = seen(tmp_path / "l.png")
    assert (grey[..., 0] == grey[..., 1]).all() and grey[16, 4, 0] > grey[16, 27, 0]


def test_sixteen_bits_are_scaled_not_cut(tmp_path):
    ramp = np.linspace(0, 65535, 64).astype(np.uint16)
    Image.fromarray(np.tile(ramp, (64, 1))).save(tmp_path / "deep.png")
    row = seen(tmp_path / "deep.png")[16, :, 0].astype(int)
    assert row[0] < 10 and row[-1] > 245 and abs(row[16] - 128) < 8


def test_transparency_lies_on_white(tmp_path):
    picture = halves().convert("RGBA")
    picture.putalpha(Image.fromarray(np.repeat([[255, 0]], 20, axis=1).repeat(40, axis=0).astype(np.uint8)))
    picture.save(tmp_path / "t.png")
    pixels = seen(tmp_path / "t.png")
    assert_near(pixels[16, 4], RED)
    assert_near(pixels[16, 27], PAPER)


def test_the_first_picture_of_an_animation(tmp_path):
    halves().save(tmp_path / "g.gif", save_all=True, append_images=[Image.new("RGB", (40, 40), BLUE)] * 3)
    assert_halves(seen(tmp_path / "g.gif"))


def test_exif_says_how_it_was_held(tmp_path):
    turned = halves().rotate(90, expand=True)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter, clockwise
    turned.save(tmp_path / "e.jpg", exif=exif)
    assert_halves(seen(tmp_path / "e.jpg"))


def test_what_is_no_square_keeps_its_shape_on_white(tmp_path):
    halves(80, 20).save(tmp_path / "wide.png")
    pixels = seen(tmp_path / "wide.png")
    assert_near(pixels[2, 16], PAPER)
    assert_halves(pixels)


def header_only(width, height):
    """A PNG file of a few bytes that says it is huge."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", b"") + _chunk(b"IEND", b"")


def test_bombs_truncated_files_and_texts_are_rejected_with_their_reason(tmp_path):
    whole = encode_png(np.asarray(halves()))
    (tmp_path / "bomb.png").write_bytes(header_only(60_000, 60_000))
    (tmp_path / "half.png").write_bytes(whole[: len(whole) * 2 // 3])
    halves(400, 400).save(tmp_path / "whole.jpg")
    jpeg = (tmp_path / "whole.jpg").read_bytes()
    (tmp_path / "half.jpg").write_bytes(jpeg[: len(jpeg) // 2])
    (tmp_path / "page.jpg").write_text("<html>not found</html>")
    Image.fromarray(np.ones((8, 8), np.float32)).save(tmp_path / "float.tif")
    reasons = {
        "bomb.png": "60,000 x 60,000 pixels, more than 50 million",
        "half.png": "damaged",
        "half.jpg": "damaged: image file is truncated",
        "page.jpg": "no picture",
        "float.tif": "floating-point",
        "absent.png": "no such file",
    }
    for name, reason in reasons.items():
        with pytest.raises(Unusable, match=reason):
            decode(tmp_path / name, SIZE)


def test_many_in_order_by_processes(tmp_path):
    paths = []
    for number in range(40):
        paths.append(tmp_path / f"{number}.png")
        paths[-1].write_bytes(encode_png(np.full((8, 8, 3), 5 * number, np.uint8)))
    paths[7].write_text("no picture")
    found = list(decoded([("picture", path) for path in paths], SIZE))
    assert isinstance(found[7], str) and found[7].startswith("no picture")
    assert all(one[0, 16, 16, 0] == 5 * n for n, one in enumerate(found) if n != 7)


def test_a_file_that_ends_its_process_is_rejected_and_the_next_is_read(tmp_path):
    halves().save(tmp_path / "a.png")
    with Worker(SIZE) as reader:
        assert not isinstance(reader.decode("picture", tmp_path / "a.png"), str)
        reader._process.kill()  # as the system does where memory runs out
        assert "was ended" in reader.decode("picture", tmp_path / "a.png")
        assert_halves(reader.decode("picture", tmp_path / "a.png")[0])


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no alarm")
def test_a_picture_that_never_ends_is_ended(tmp_path):
    endless = f"""
import merx.media.worker as worker
worker.MOST_SECONDS = {{"picture": 1}}
worker.decode = lambda path, size: exec("while True: pass")
import sys
sys.argv = ["worker", "{SIZE}"]
worker.main()
"""
    done = subprocess.run(
        [sys.executable, "-c", endless], input=json.dumps(["picture", "x"]).encode() + b"\n", timeout=20
    )
    assert done.returncode < 0  # by a signal
    assert worker.MOST_SECONDS["picture"] == 30
