"""`python -m merx.media.worker SIZE`: a process that decodes one file after the other and does nothing else.

It reads a line of JSON, [kind, path], and answers each with `+`, a number of pictures (4 bytes, big-endian)
and as many times SIZE x SIZE x 3 bytes; or with `-`, the length of a reason (4 bytes) and the reason. A file
that breaks its decoder, fills its memory or never ends takes no more than this process with it.
"""

import json
import signal
import struct
import sys
import warnings
from contextlib import suppress
from pathlib import Path

from merx.media.decode import Unusable, decode

MOST_MEMORY = 4_000_000_000  # bytes of address space of the process
MOST_SECONDS = {"picture": 30, "video": 300}  # for one


def pictures(kind: str, path: Path, size: int) -> list[bytes]:
    """The one of a picture, a few of a video. Raises Unusable."""
    if kind == "picture":
        return [decode(path, size)]
    from merx.media.video import frames

    return frames(path, size)


def main() -> None:
    """Answer on stdout until stdin ends."""
    size, out = int(sys.argv[1]), sys.stdout.buffer
    warnings.simplefilter("ignore")  # of odd metadata; what cannot be decoded is an error
    limit_memory()
    for line in sys.stdin:
        kind, path = json.loads(line)
        alarm(MOST_SECONDS[kind])
        try:
            found = pictures(kind, Path(path), size)
            answer = b"+" + struct.pack(">I", len(found)) + b"".join(found)
        except Unusable as reason:
            text = str(reason).encode()
            answer = b"-" + struct.pack(">I", len(text)) + text
        alarm(0)
        out.write(answer)
        out.flush()


def limit_memory() -> None:
    """Of this process, where the system can."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))


def alarm(seconds: int) -> None:
    """End this process after so many seconds, where the system can; 0: do not."""
    if hasattr(signal, "alarm"):
        signal.alarm(seconds)


if __name__ == "__main__":
    main()
