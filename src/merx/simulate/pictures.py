"""Product pictures drawn by code: colour and texture carry the style, the outline carries the category."""

import struct
import zlib
from pathlib import Path

import numpy as np

from merx.simulate.catalogue import LEAVES_PER_DEPARTMENT, STYLES, style_of

BATCH = 64  # pictures drawn at a time


def draw_pictures(taste: np.ndarray, category: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """Pictures uint8 (B, size, size, 3) of products of the given taste (B,) and category (B,).

    The outline is a polygon of as many corners as the department says, stretched and pierced as the
    second-level category says; hue and texture follow the style. Each picture is turned, scaled, shifted
    and lit at random.
    """
    count = taste.size
    style = style_of(taste)[:, None, None]
    corners = (category // LEAVES_PER_DEPARTMENT + 3)[:, None, None]  # 3 to 8
    leaf = (category % LEAVES_PER_DEPARTMENT)[:, None, None]
    turn, scale, shift_x, shift_y, light = rng.uniform(
        [-0.5, 0.55, -0.12, -0.12, 0.85], [0.5, 0.75, 0.12, 0.12, 1.05], (count, 5)
    ).T[:, :, None, None]

    axis = np.linspace(-1, 1, size, dtype=np.float32)
    x, y = axis[None, None, :] - shift_x, axis[None, :, None] - shift_y  # (B, 1, S), (B, S, 1)
    stretch = np.array([1.0, 1.6, 1.0, 1.6])[leaf]
    u = (x * np.cos(turn) + y * np.sin(turn)) * stretch  # (B, S, S)
    v = y * np.cos(turn) - x * np.sin(turn)
    radius, angle = np.hypot(u, v), np.arctan2(v, u)
    sector = 2 * np.pi / corners
    edge = scale * np.cos(sector / 2) / np.cos(angle % sector - sector / 2)
    inside = (radius < edge) & ((leaf < 2) | (radius > 0.35 * edge))

    wave = 9.0 + 5.0 * (style % 4)
    stripes = np.sin(wave * u + 0 * v)
    checks = np.sign(np.sin(wave * u) * np.sin(wave * v))
    rings = np.sin(1.5 * wave * radius)
    texture = np.choose(style % 3, [stripes, checks, rings])  # (B, S, S) in [-1, 1]

    hue = (style[..., None] + rng.uniform(-0.3, 0.3, (count, 1, 1, 1))) / len(STYLES)
    colour = 0.5 + 0.5 * np.cos(2 * np.pi * (hue + np.array([0.0, 1 / 3, 2 / 3])))  # (B, 1, 1, 3)
    body = (0.35 + 0.65 * colour) * (0.8 + 0.2 * texture[..., None])
    ground = 0.94 + 0.02 * axis[:, None, None]
    pixels = np.where(inside[..., None], body, ground) * light[..., None]
    drawn: np.ndarray = (255 * np.clip(pixels, 0.0, 1.0)).astype(np.uint8)
    return drawn


def encode_png(pixels: np.ndarray) -> bytes:
    """PNG file of one RGB picture uint8 (H, W, 3). Source: the PNG specification (ISO/IEC 15948)."""
    height, width = pixels.shape[:2]
    rows = np.zeros((height, 1 + 3 * width), np.uint8)  # each row begins with its filter: 0, none
    rows[:, 1:] = pixels.reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)  # 8 bits, RGB
    body = zlib.compress(rows.tobytes(), 3)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def write_pictures(
    folder: Path, item_ids: tuple[str, ...], taste: np.ndarray, category: np.ndarray, size: int
) -> list[Path]:
    """Write folder/pictures/<item_id>.png for each of I items; equal items give equal files."""
    target = Path(folder) / "pictures"
    target.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    paths = [target / f"{name}.png" for name in item_ids]
    for first in range(0, len(paths), BATCH):
        batch = slice(first, first + BATCH)
        drawn = draw_pictures(taste[batch], category[batch], size, rng)
        for path, pixels in zip(paths[batch], drawn, strict=True):
            path.write_bytes(encode_png(pixels))
    return paths
