"""One picture file to pixels, within limits."""

import struct
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
MOST_BYTES = 50_000_000  # of a file
MOST_PIXELS = 50_000_000  # of a picture, before it is made smaller: 150 MB as RGB
PAPER = (255, 255, 255)  # what lies behind transparency and beside a picture that is no square
SIXTEEN_BITS = ("I;16", "I;16B", "I;16L", "I;16N", "I")


class Unusable(Exception):  # noqa: N818
    """Why a file gives no pixels."""


def decode(path: Path, size: int) -> bytes:
    """The first picture of a file as RGB, fitted into size x size pixels.

    It is turned as its EXIF says, laid on white where it is transparent, scaled to touch the square's edges
    and centred. A JPEG is decoded no larger than needed (libjpeg's scaling in the transform domain).

    Raises
    ------
    Unusable
        The file is missing, too large, no picture, truncated, or holds floating-point values.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    Image.MAX_IMAGE_PIXELS = None  # the limit below, said in our words
    Image.init()
    formats = [name for name in FORMATS if name in Image.OPEN]  # a Pillow may be built without some
    try:
        if (length := path.stat().st_size) > MOST_BYTES:
            raise Unusable(f"{length / 1e6:,.0f} MB, more than {MOST_BYTES / 1e6:,.0f}")
        with Image.open(path, formats=formats) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise Unusable(
                    f"{picture.width:,} x {picture.height:,} pixels, "
                    f"more than {MOST_PIXELS / 1e6:,.0f} million"
                )
            picture.draft("RGB", (size, size))
            picture.load()
            upright = ImageOps.exif_transpose(picture)
            return fitted(_as_rgb(upright), size)
    except FileNotFoundError:
        raise Unusable("there is no such file") from None
    except UnidentifiedImageError:
        raise Unusable(f"no picture ({', '.join(FORMATS)})") from None
    except (OSError, SyntaxError, ValueError, EOFError, struct.error, MemoryError) as error:
        raise Unusable(f"damaged: {str(error) or type(error).__name__}") from None


def fitted(picture: "Image.Image", size: int) -> bytes:
    """The pixels of an RGB picture that is scaled to touch the edges of a square, and centred on white."""
    from PIL import Image, ImageOps

    inside = ImageOps.contain(picture, (size, size), Image.Resampling.BICUBIC)
    square = Image.new("RGB", (size, size), PAPER)
    square.paste(inside, ((size - inside.width) // 2, (size - inside.height) // 2))
    return square.tobytes()


def _as_rgb(picture: "Image.Image") -> "Image.Image":
    """Of any mode: palette, grey, CMYK, 16 bits, with or without transparency."""
    from PIL import Image

    if picture.mode == "F":
        raise Unusable("floating-point values, whose range is not known")
    if picture.mode in SIXTEEN_BITS:
        return picture.convert("I").point(lambda value: value * (1 / 256)).convert("L").convert("RGB")
    if picture.has_transparency_data:
        above = picture.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", above.size, (*PAPER, 255)), above).convert("RGB")
    return picture.convert("RGB")
