"""Many pictures and videos to pixels, in processes that may die without harm."""

import json
import struct
import subprocess
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import IO, cast

import numpy as np

from merx.kernels.threads import THREADS
from merx.media.worker import MOST_MEMORY, MOST_SECONDS

AHEAD = 256  # pictures decoded before they are asked for


class Worker:
    """A process that decodes one file after the other; a new one takes its place where it dies."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Worker":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def decode(self, kind: str, path: Path) -> np.ndarray | str:
        """Pixels uint8 (pictures, size, size, 3), or the reason why there are none."""
        if self._process is None:
            command = [sys.executable, "-m", "merx.media.worker", str(self.size)]
            self._process = subprocess.Popen(  # noqa: S603
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
        asked, answered = cast(IO[bytes], self._process.stdin), cast(IO[bytes], self._process.stdout)
        try:
            asked.write(json.dumps([kind, str(path)]).encode() + b"\n")
            asked.flush()
            sign, length = struct.unpack(">cI", _read(answered, 5))
            if sign == b"-":
                return _read(answered, length).decode()
            pixels = np.frombuffer(_read(answered, length * 3 * self.size**2), np.uint8)
            return pixels.reshape(length, self.size, self.size, 3).copy()  # bytes cannot be written to
        except (EOFError, BrokenPipeError):
            self._end()
            return (
                f"its decoding was ended: it took more than {MOST_SECONDS[kind]} s "
                f"or {MOST_MEMORY / 1e9:.0f} GB, or broke the decoder"
            )

    def _end(self) -> None:
        if self._process is None:
            return
        self._process.kill()
        with self._process:  # closes the pipes and waits
            self._process = None


def _read(pipe: IO[bytes], count: int) -> bytes:
    found = pipe.read(count)
    if len(found) < count:
        raise EOFError
    return found


def decoded(files: Sequence[tuple[str, Path]], size: int) -> Iterator[np.ndarray | str]:
    """Pixels uint8 (pictures, size, size, 3) of each file in order, or the reason why there are none.

    Parameters
    ----------
    files : (kind, path) of each
        A "picture" gives one, a "video" at most 16.
    """
    with ExitStack() as open_:
        free = SimpleQueue[Worker]()
        for _ in range(THREADS):
            free.put(open_.enter_context(Worker(size)))
        pool = open_.enter_context(ThreadPoolExecutor(THREADS))

        def work(kind: str, path: Path) -> np.ndarray | str:
            worker = free.get()
            try:
                return worker.decode(kind, path)
            finally:
                free.put(worker)

        waiting = deque[Future[np.ndarray | str]]()
        for kind, path in files:
            waiting.append(pool.submit(work, kind, path))
            if len(waiting) > AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
