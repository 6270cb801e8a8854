"""Ranges of rows worked on by several threads. The kernels let go of the GIL, and share nothing but inputs.

No kernel starts threads of its own (no `prange`), so kernels may be called from any number of threads at
once.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import cache

from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]


def _processors() -> int:
    """How many this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


THREADS = int(os.environ.get("MERX_THREADS", 0)) or _processors()


def over_rows(rows: int, chunk: int, work: Callable[[int, int], None]) -> None:
    """Call work(first, last) for every range of at most `chunk` rows; each must write to rows of its own.

    One range alone runs in the caller's thread, so a single request pays for no pool.
    """
    ranges = [(first, min(first + chunk, rows)) for first in range(0, rows, chunk)]
    if len(ranges) < 2 or THREADS == 1:
        for first, last in ranges:
            work(first, last)
        return
    with ThreadPoolExecutor(THREADS) as pool:
        for done in [pool.submit(work, *span) for span in ranges]:
            done.result()


@cache
def _blas() -> ThreadpoolController:
    return ThreadpoolController()


def one_blas_thread() -> AbstractContextManager[None]:
    """While it lasts, BLAS works in the caller's thread: small products lose by waiting for others."""
    limit: AbstractContextManager[None] = _blas().limit(limits=1, user_api="blas")
    return limit
