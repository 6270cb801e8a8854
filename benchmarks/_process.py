"""Run a command and account for it as the operating system does."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path


def run(*words: str) -> tuple[float, float]:
    """Wall seconds and peak memory in MiB of one command; raises where it fails."""
    start = time.perf_counter()
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(words)}: exit status {process.returncode}")
    return seconds, usage.ru_maxrss / 1024


def merx(*words: str) -> tuple[float, float]:
    """The same for a command of merx."""
    return run(str(Path(sys.executable).with_name("merx")), *words)


def data(name: str) -> Path:
    """A real data set; raises SystemExit that says where it was looked for."""
    path = Path(os.environ.get("MERX_DATA", "../shared/data")) / name
    if not path.exists():
        raise SystemExit(f"{path} is not there; set MERX_DATA to the folder of the data sets.")
    return path


def peak() -> float:
    """The largest memory of this process so far, in MiB. (ru_maxrss would count the parent's before exec.)"""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def seconds(work: Callable[..., object], *given: object) -> float:
    """Wall seconds of a call."""
    begun = time.perf_counter()
    work(*given)
    return time.perf_counter() - begun
