"""A video gives the frames that show what is in it, whatever its length; what is no video is rejected."""

import os
from pathlib import Path

import numpy as np
import pytest

from merx.media.decode import Unusable
from merx.media.video import FRAMES, frames

av = pytest.importorskip("av")

SIZE = 32
CLIP = Path(os.environ.get("MERX_DATA", "../shared/data")) / "product_video" / "bottle-detection.mp4"


def film(path, scenes, seconds=1.0, rate=10):
    """A video of plain colours, each for so many seconds."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=rate)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for colour in scenes:
            pixels = np.full((48, 64, 3), colour, np.uint8)
            for _ in range(int(seconds * rate)):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return path


def colours(found):
    """The colour in the middle of each frame."""
    return [
        np.frombuffer(one, np.uint8).reshape(SIZE, SIZE, 3)[SIZE // 2, SIZE // 2].astype(int) for one in found
    ]


def test_one_frame_for_each_scene(tmp_path):
    scenes = [(200, 30, 30), (30, 200, 30), (30, 30, 200)]
    found = colours(frames(film(tmp_path / "a.mp4", scenes), SIZE))
    assert len(found) == 3
    for seen, shown in zip(found, scenes, strict=True):
        assert np.abs(seen - shown).max() < 25


def test_many_scenes_give_no_more_than_the_most(tmp_path):
    grey = [(v, v, v) for v in (20, 230, 60, 190, 100, 150) * 5]
    assert len(frames(film(tmp_path / "a.mp4", grey, seconds=0.5), SIZE)) == FRAMES


def test_long_videos_are_read_by_their_key_frames(tmp_path):
    grey = [(v, v, v) for v in (20, 230) * 70]
    assert 1 < len(frames(film(tmp_path / "a.mp4", grey, rate=4), SIZE)) <= FRAMES


def test_truncated_files_playlists_and_texts_are_rejected(tmp_path):
    whole = film(tmp_path / "a.mkv", [(200, 30, 30), (30, 30, 200)] * 10).read_bytes()
    (tmp_path / "half.mkv").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.mp4").write_text("no video")
    (tmp_path / "list.m3u8").write_text("#EXTM3U\n#EXTINF:5,\na.mkv\n")
    for name in ("half.mkv", "text.mp4", "list.m3u8", "absent.mp4"):
        with pytest.raises(Unusable):
            frames(tmp_path / name, SIZE)


@pytest.mark.skipif(not CLIP.exists(), reason=f"{CLIP} is not there")
def test_a_real_clip(tmp_path):
    found = frames(CLIP, SIZE)
    assert 5 <= len(found) <= FRAMES
    (tmp_path / "half.mp4").write_bytes(CLIP.read_bytes()[:200_000])
    with pytest.raises(Unusable):
        frames(tmp_path / "half.mp4", SIZE)
