"""Runs the commands of docs/tutorial/first-shop.md and writes what they print below them.

    python tools/tutorial.py            brings the page up to date

A block of the kind `console` holds lines that begin with `$ ` and what they print. The last argument of
`merx why` is replaced by the last decision that was printed before it.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "tutorial" / "first-shop.md"
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
DECISION = re.compile(r"\b\d{8}-[0-9a-f]{16}\b")
WIDTH = "110"
SHORT = Path("/tmp")  # noqa: S108 - a fresh folder is made in it


def with_outputs(text: str) -> str:
    """The page with each command's output as it is today.

    The commands run in a folder with a short name, so that lines break as they would for a user.

    Raises
    ------
    RuntimeError
        A command failed.
    """
    with tempfile.TemporaryDirectory(dir=SHORT if SHORT.is_dir() else None) as folder:
        return _with_outputs(text, Path(folder).resolve())


def _with_outputs(text: str, folder: Path) -> str:
    last = ""

    def block(match: re.Match[str]) -> str:
        nonlocal last
        lines = []
        for command in re.findall(r"^\$ (.*)$", match.group(1), re.MULTILINE):
            words = command.split()
            if words[:2] == ["merx", "why"]:
                words[-1] = last
            output = _without(f"{folder}{os.sep}", _run(words, folder))
            last = next(iter(reversed(DECISION.findall(output))), last)
            lines += [f"$ {' '.join(words)}", *(line.rstrip() for line in output.splitlines())]
        return "```console\n" + "\n".join(lines) + "\n```"

    return BLOCK.sub(block, text)


def _without(path: str, output: str) -> str:
    """The output with files named from the folder it ran in; a column of them narrows by as much."""
    if path in output:
        output = re.sub(rf"^(file|Report) {{{len(path)}}}", r"\1", output, flags=re.MULTILINE)
    return output.replace(path, "")


def masked(text: str) -> list[str]:
    """The lines of a page without what may differ between machines: numbers, ids, blanks, empty lines.

    And without what stands in a list of products: which forest is learnt depends on the last digits.
    """
    text = re.sub(r"^(\d+ +i\d+) .*\n(?: {8,}.*\n)*", r"\1\n", text, flags=re.MULTILINE)
    text = DECISION.sub("DECISION", text)
    text = re.sub(r"[0-9T]{10,}Z?-[0-9a-f]{16}|\b[0-9a-f]{16}\b", "HASH", text)
    text = re.sub(r"[+-]?\d[\d,.:T]*(?:e[+-]\d+)?", "#", text)
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def _run(words: list[str], folder: Path) -> str:
    merx = str(Path(sys.executable).with_name(words[0]))
    environment = {**os.environ, "COLUMNS": WIDTH, "NO_COLOR": "1", "TERM": "dumb"}
    done = subprocess.run(  # noqa: S603 - the words stand in our own page
        [merx, *words[1:]], cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def main() -> None:
    """Bring the page up to date."""
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(with_outputs(text), encoding="utf-8")


if __name__ == "__main__":
    main()
