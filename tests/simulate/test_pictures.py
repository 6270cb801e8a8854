import struct
import zlib

import numpy as np

from merx.simulate import Simulation
from merx.simulate.pictures import draw_pictures, encode_png


def chunks(png):
    """The chunks of a PNG file, each with its checksum verified."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    found, at = {}, 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        kind, data = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        assert struct.unpack(">I", png[at + 8 + length : at + 12 + length]) == (zlib.crc32(kind + data),)
        found[kind], at = data, at + 12 + length
    return found


def test_png_holds_the_pixels():
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    found = chunks(encode_png(pixels))
    assert list(found) == [b"IHDR", b"IDAT", b"IEND"]
    assert struct.unpack(">IIBBBBB", found[b"IHDR"]) == (7, 5, 8, 2, 0, 0, 0)
    rows = np.frombuffer(zlib.decompress(found[b"IDAT"]), np.uint8).reshape(5, 22)
    assert (rows[:, 0] == 0).all()
    assert (rows[:, 1:].reshape(5, 7, 3) == pixels).all()


def test_every_product_has_its_picture(tmp_path):
    shop = Simulation(users=5, items=70, days=3).run()
    paths = shop.write_pictures(tmp_path / "a", size=32)
    links = shop.tables["products"]["image_link"].to_pylist()
    assert [p.relative_to(tmp_path / "a").as_posix() for p in paths] == links
    again = shop.write_pictures(tmp_path / "b", size=32)
    assert all(a.read_bytes() == b.read_bytes() for a, b in zip(paths, again, strict=True))


def test_colour_carries_the_style():
    taste = np.repeat([0, 4, 8], 10)
    drawn = draw_pictures(taste, np.zeros(30, int), 48, np.random.default_rng(0)).astype(float)
    colour = drawn.mean(axis=(1, 2))  # (30, 3)
    tint = colour / colour.sum(axis=1, keepdims=True)
    centre = tint.reshape(3, 10, 3).mean(axis=1)  # (3, 3)
    nearest = ((tint[:, None] - centre) ** 2).sum(axis=2).argmin(axis=1)
    assert (nearest == np.repeat([0, 1, 2], 10)).all()
