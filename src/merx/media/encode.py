"""Vectors of the media that have none yet."""

from collections.abc import Sequence
from time import monotonic

import numpy as np

from merx.data.contracts import Progress
from merx.media.decoding import decoded
from merx.media.library import Library, Medium
from merx.media.picture_net import BATCH, FittedPictureNet

PART_SECONDS = 5.0  # of work in one part: what an interruption may cost


def encode(library: Library, encoder: FittedPictureNet, media: Sequence[Medium], progress: Progress) -> int:
    """Compute and keep the vectors of those media that have none of this encoder; how many that were.

    A video's vector is the mean of its frames', scaled to unit length. What gives no pixels is kept with its
    reason, and is not tried again.
    """
    table = library.vectors(encoder.fingerprint)
    done = set(zip(table["kind"].to_pylist(), table["sha256"].to_pylist(), strict=True))
    new = [medium for medium in media if (medium.kind, medium.sha256) not in done]
    begun, part, waiting = monotonic(), list[tuple[Medium, np.ndarray | str]](), 0
    for number, (medium, found) in enumerate(
        zip(new, decoded([(one.kind, one.path) for one in new], encoder.size), strict=True), start=1
    ):
        part.append((medium, found))
        waiting += 0 if isinstance(found, str) else len(found)
        last = number == len(new)
        if waiting < BATCH and not last:
            continue
        part, waiting = _looked_at(encoder, part), 0  # vectors take the place of pixels
        if last or monotonic() - begun > PART_SECONDS:
            library.add(encoder.fingerprint, [one for one, _ in part], [found for _, found in part])
            begun, part = monotonic(), []
        progress("media: vectors", number, len(new))
    return len(new)


def _looked_at(
    encoder: FittedPictureNet, part: Sequence[tuple[Medium, np.ndarray | str]]
) -> list[tuple[Medium, np.ndarray | str]]:
    """The part with a vector (F,) in place of pixels (pictures, S, S, 3)."""
    pixels = [found for _, found in part if isinstance(found, np.ndarray) and found.ndim == 4]
    if not pixels:
        return list(part)
    vectors = iter(np.split(encoder.vectors(np.concatenate(pixels)), np.cumsum([len(one) for one in pixels])))
    return [
        (medium, pooled(next(vectors)) if isinstance(found, np.ndarray) and found.ndim == 4 else found)
        for medium, found in part
    ]


def pooled(vectors: np.ndarray) -> np.ndarray:
    """The mean of vectors (pictures, F), scaled to unit length (F,)."""
    mean = vectors.mean(axis=0)
    found: np.ndarray = mean / max(float(np.linalg.norm(mean)), 1e-12)
    return found.astype(np.float32)
