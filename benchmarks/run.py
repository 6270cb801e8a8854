"""Runs benchmarks, each in a process of its own: all of them in turn, or those named.

    python benchmarks/run.py             every benchmark
    python benchmarks/run.py ingest      one

A benchmark is a file of this folder whose name does not begin with an underscore. It records its result in
benchmarks/results; `python tools/reference.py` makes docs/benchmarks.md from these.
"""

import subprocess
import sys
from difflib import get_close_matches
from pathlib import Path

HERE = Path(__file__).parent


def benchmarks() -> dict[str, Path]:
    """Name -> script, by name."""
    return {
        path.stem: path
        for path in sorted(HERE.glob("*.py"))
        if not path.stem.startswith("_") and path.stem != "run"
    }


def main(names: list[str]) -> int:
    """Run the named benchmarks, or all; 1 where one is unknown or fails."""
    known = benchmarks()
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            sys.stderr.write(f"no benchmark {name!r}.{hint} There are: {', '.join(known)}.\n")
            return 1
    failed = []
    for name in names or known:
        sys.stdout.write(f"\n{name}\n")
        sys.stdout.flush()
        if subprocess.run([sys.executable, str(known[name])], cwd=HERE.parent).returncode:
            failed.append(name)
    if failed:
        sys.stderr.write(f"failed: {', '.join(failed)}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
