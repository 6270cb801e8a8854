"""How long `import merx` and `merx --help` take, whole processes, beside a bare Python."""

import sys
from statistics import median

from _process import merx, run
from _record import Row, record

RUNS = 9

bare, imported, helped = [], [], []
for _ in range(RUNS):
    bare.append(run(sys.executable, "-c", "pass")[0])
    imported.append(run(sys.executable, "-c", "import merx")[0])
    helped.append(merx("--help")[0])
python = median(bare)
record(
    "startup",
    f"Whole processes, interleaved, median of {RUNS}; the peer is python -c pass.",
    [
        Row(case, "seconds", s := median(times), python, "bare Python", s / python, "under 0.5 s", s < 0.5)
        for case, times in (('python -c "import merx"', imported), ("merx --help", helped))
    ],
)
