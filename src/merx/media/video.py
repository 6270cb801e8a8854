"""A few frames of a video that show what is in it, in bounded memory whatever its length.

A frame is kept where the scene has changed since the one kept before it. Where more are kept than wanted, the
one that differs least from its predecessor goes.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from merx.media.decode import MOST_PIXELS, Unusable, fitted

if TYPE_CHECKING:
    import av
    import numpy as np

# Containers that hold what they play: a playlist would make the reader open other files.
CONTAINERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,ogg,flv,asf"
FRAMES = 16  # kept of a video, at most
LOOKS = 5  # times a second that the scene is looked at
THUMB = 32  # side of the grey picture by which frames are compared, in pixels
CHANGED = 12.0  # mean difference of two such pictures, of 255, from which the scene is another
LONG = 120  # seconds from which only frames that stand for themselves (key frames) are decoded
WHOLE = 0.9  # part of the length that must be there


@dataclass(frozen=True, eq=False)
class Kept:
    """A frame: its pixels, its grey thumbnail, and how far that is from the one kept before."""

    pixels: bytes
    thumb: "np.ndarray"
    change: float


def frames(path: Path, size: int) -> list[bytes]:
    """RGB pixels, each size x size x 3, of at most 16 frames in their order.

    Raises
    ------
    Unusable
        The file is missing, no video, damaged, truncated, or its frames are too large.
    """
    import av

    if not path.exists():
        raise Unusable("there is no such file")
    try:
        with av.open(
            str(path), options={"format_whitelist": CONTAINERS, "protocol_whitelist": "file"}
        ) as container:
            return _frames(container, size)
    except (av.FFmpegError, OSError, ValueError, MemoryError) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise Unusable(f"no video, or damaged: {said}") from None


def _frames(container: "av.container.InputContainer", size: int) -> list[bytes]:
    if not container.streams.video:
        raise Unusable("no video: the file holds no pictures")
    stream = container.streams.video[0]
    if stream.width * stream.height > MOST_PIXELS:
        raise Unusable(
            f"{stream.width:,} x {stream.height:,} pixels, more than {MOST_PIXELS / 1e6:,.0f} million"
        )
    length = _seconds(container, stream)
    stream.thread_type = "AUTO"
    if length > LONG:
        stream.codec_context.skip_frame = "NONKEY"
    kept, look_at, reached = list[Kept](), float("-inf"), 0
    begins = stream.start_time or 0
    for packet in container.demux(stream):
        if packet.pts is not None:
            reached = max(reached, packet.pts - begins + (packet.duration or 0))
        for frame in packet.decode():
            if frame.time is not None and frame.time < look_at:
                continue
            look_at = (frame.time or 0.0) + 1 / LOOKS
            _keep(frame, kept, size)
    if not kept:
        raise Unusable("no video, or damaged: no frame can be decoded")
    there = float(reached * stream.time_base) if stream.time_base is not None else length
    if there < WHOLE * length:
        raise Unusable(f"truncated: {there:.1f} of {length:.1f} s are there")
    return [one.pixels for one in kept]


def _seconds(container: "av.container.InputContainer", stream: "av.video.stream.VideoStream") -> float:
    """The length that the file says it has; 0 where it does not say."""
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    return (container.duration or 0) / 1e6


def _keep(frame: "av.VideoFrame", kept: list[Kept], size: int) -> None:
    """Add a frame where the scene has changed; drop the one that changed least where there are too many."""
    import numpy as np

    thumb = frame.reformat(THUMB, THUMB, "gray", interpolation="FAST_BILINEAR").to_ndarray().astype(np.int16)
    change = float(np.abs(thumb - kept[-1].thumb).mean()) if kept else float("inf")
    if change < CHANGED:
        return
    scale = size / max(frame.width, frame.height)
    width, height = (max(1, round(side * scale)) for side in (frame.width, frame.height))
    small = frame.reformat(width, height, "rgb24", interpolation="BICUBIC")
    kept.append(Kept(fitted(small.to_image(), size), thumb, change))
    if len(kept) > FRAMES:
        kept.remove(min(kept, key=lambda one: one.change))
