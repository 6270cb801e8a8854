"""One form for every result: `benchmarks/results/NAME.json`, from which docs/benchmarks.md is made."""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from statistics import median

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Row:
    """One figure: ours, the peer's, and the goal set beforehand for their ratio (or for ours alone)."""

    case: str
    metric: str
    ours: float
    peer: float | None = None
    peer_name: str = ""
    ratio: float | None = None
    goal: str = ""
    met: bool | None = None


def record(name: str, protocol: str, rows: Sequence[Row]) -> Path:
    """Write the result file of one benchmark and print its rows."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    result = {
        "name": name,
        "protocol": protocol,
        "command": f"make bench NAME={name}",
        "commit": commit.stdout.strip(),
        "date": date.today().isoformat(),
        "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}",
        "rows": [asdict(row) for row in rows],
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(result, indent=1) + "\n")
    for row in rows:
        sys.stdout.write(
            f"{row.case:40} {row.metric:24} ours {row.ours:.4g}  peer {row.peer}  {row.goal} {row.met}\n"
        )
    return path


def medians(pairs: Sequence[tuple[float, float]]) -> tuple[float, float, float]:
    """Median of ours, median of the peer's, and the median of the ratios pair by pair."""
    return (
        median(ours for ours, _ in pairs),
        median(peer for _, peer in pairs),
        median(ours / peer for ours, peer in pairs),
    )
