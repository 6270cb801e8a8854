"""Runs the Python of docs/tutorial/online-retail.md, and writes what it prints below each block.

    python tools/notebook.py            brings the page and its plots up to date

Blocks run one after the other, as in a notebook. What a block prints stands in the `text` block below it; its
plots are saved as docs/images/online-retail-1.png and so on, in the order in which they are made. The data
are read from MERX_DATA (default ../shared/data).
"""

import contextlib
import io
import os
import re
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "tutorial" / "online-retail.md"
IMAGES = ROOT / "docs" / "images"
BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n.*?^```\n)?", re.MULTILINE | re.DOTALL)


def with_outputs(text: str, data: Path, images: Path) -> str:
    """The page with each block's output as it is today; its plots are written to `images`."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    pyplot.show = lambda: None
    names: dict[str, Any] = {}
    plots = 0

    def run(match: re.Match[str]) -> str:
        nonlocal plots
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(match.group(1), str(PAGE), "exec"), names)  # noqa: S102 - our own page
        for number in pyplot.get_fignums():
            plots += 1
            pyplot.figure(number).savefig(images / f"{PAGE.stem}-{plots}.png", dpi=120, bbox_inches="tight")
        pyplot.close("all")
        code = f"```python\n{match.group(1)}```\n"
        output = "\n".join(line.rstrip() for line in printed.getvalue().splitlines())
        return code + (f"\n```text\n{output}\n```\n" if output else "")

    home = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            (Path(folder) / "online_retail.parquet").symlink_to(
                data / "online_retail" / "online_retail.parquet"
            )
            return BLOCK.sub(run, text)
        finally:
            os.chdir(home)


def main() -> None:
    """Bring the page up to date."""
    data = Path(os.environ.get("MERX_DATA", ROOT.parent / "shared" / "data")).resolve()
    PAGE.write_text(with_outputs(PAGE.read_text(encoding="utf-8"), data, IMAGES), encoding="utf-8")


if __name__ == "__main__":
    main()
