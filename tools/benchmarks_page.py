"""docs/benchmarks.md from benchmarks/results/*.json. Goals not met are shown as plainly as goals met."""

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"

INTRODUCTION = """\
<!-- Written by tools/reference.py from benchmarks/results; run a benchmark to change it. -->
# Benchmarks

Each table is the recorded result of one script in `benchmarks/`. `make bench NAME=<name>` runs it again;
`make bench` runs them all. *Ratio* is ours divided by the peer's. A goal was set before the measurement;
a goal that was not met is listed as plainly as one that was.
"""


def page() -> str:
    """The page as the recorded results have it."""
    results = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(RESULTS.glob("*.json"))]
    parts = [INTRODUCTION, _goals(results)]
    parts += [_section(result) for result in results]
    return "\n".join(parts)


def _goals(results: list[dict[str, Any]]) -> str:
    rows = [(result["name"], row) for result in results for row in result["rows"] if row.get("goal")]
    met = sum(row["met"] is True for _, row in rows)
    missed = [(name, row) for name, row in rows if row["met"] is not True]
    lines = [f"Goals: {met} of {len(rows)} met.\n"]
    if missed:
        lines += ["Not met:\n"]
        lines += [
            f"- [{name}](#{name.replace('_', '-')}): {row['case']}, {row['metric']}: {_number(row['ours'])}"
            + (f", ratio {_number(row['ratio'])}" if row.get("ratio") is not None else "")
            + f" (goal {row['goal']})"
            for name, row in missed
        ]
        lines.append("")
    return "\n".join(lines)


def _section(result: dict[str, Any]) -> str:
    lines = [
        f"## {result['name'].replace('_', '-')}\n",
        f"{result['protocol']}\n",
        f"`{result['command']}`, {result['date']}, commit {result['commit']}, {result['machine']}.\n",
    ]
    rows = [{**row, "case": row["case"].replace("|", "\\|")} for row in result["rows"]]
    if any(row.get("peer_name") for row in rows):
        lines += [
            "| case | metric | merx | peer | | ratio | goal | met |",
            "|---|---|---:|---:|---|---:|---|---|",
        ]
        lines += [
            f"| {row['case']} | {row['metric']} | {_number(row['ours'])} | {_number(row.get('peer'))} "
            f"| {row.get('peer_name', '')} | {_number(row.get('ratio'))} | {_goal(row)} |"
            for row in rows
        ]
    else:
        lines += ["| case | metric | merx | goal | met |", "|---|---|---:|---|---|"]
        lines += [
            f"| {row['case']} | {row['metric']} | {_number(row['ours'])} | {_goal(row)} |" for row in rows
        ]
    return "\n".join(lines) + "\n"


def _goal(row: dict[str, Any]) -> str:
    if not row.get("goal"):
        return " | "
    return f"{row['goal']} | {'yes' if row['met'] else '**no**'}"


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
