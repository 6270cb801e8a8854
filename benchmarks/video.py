"""Frames chosen from a video, beside decoding alone."""

from pathlib import Path

from _process import data, seconds
from _record import Row, medians, record
from merx.media.video import frames

SIZE, ROUNDS = 128, 9


def played(path: Path) -> int:
    """PyAV alone: every frame decoded; how many."""
    import av

    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def main() -> None:
    path = data("product_video/bottle-detection.mp4")
    pairs = []
    for _ in range(ROUNDS):
        peer = seconds(played, path)
        pairs.append((seconds(frames, path, SIZE), peer))
    ours, peer, ratio = medians(pairs)
    name = "PyAV decoding alone"
    record(
        "video",
        "bottle-detection.mp4 (product_video): frames chosen by change of scene and fitted into 128 x 128, "
        "beside PyAV decoding every frame as it comes. Medians of interleaved rounds.",
        [Row("video to frames", "seconds", ours, peer, name, ratio, "<= 1.5", ratio <= 1.5)],
    )


if __name__ == "__main__":
    main()
