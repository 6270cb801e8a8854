"""The walk over Online Retail prints and draws what its page shows."""

import os
import re
from pathlib import Path

import notebook
import pytest

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("MERX_DATA", ROOT.parent / "shared" / "data")).resolve()

PAGE = notebook.PAGE.read_text(encoding="utf-8")
PRINTED = re.compile(r"^```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"[+-]?\d[\d,]*(?:\.\d+)?")


def test_a_block_is_run_in_the_names_of_those_before_it_and_its_output_stands_below_it(tmp_path):
    first, second = "```python\nx = 2\n```\n", "```python\nprint(x + 1, ' ')\n```\n"
    text = f"Text.\n\n{first}\nMore.\n\n{second}\n```text\n4\n```\n\nEnd.\n"
    now = notebook.with_outputs(text, tmp_path, tmp_path)
    assert now == text.replace("```text\n4\n", "```text\n3\n")
    assert notebook.with_outputs(now, tmp_path, tmp_path) == now


def test_plots_are_saved_in_the_order_in_which_they_are_made(tmp_path):
    draw = "from matplotlib import pyplot\nfor _ in range({}):\n    pyplot.figure()\npyplot.show()\n"
    text = "".join(f"```python\n{draw.format(count)}```\n" for count in (1, 2))
    notebook.with_outputs(text, tmp_path, tmp_path)
    assert {path.name for path in tmp_path.glob("*.png")} == {f"online-retail-{n}.png" for n in (1, 2, 3)}


def test_the_plots_of_the_page_are_there():
    drawn = re.findall(r"\.\./images/(online-retail-\d+\.png)", PAGE)
    assert drawn == [f"online-retail-{number + 1}.png" for number in range(len(drawn))]
    assert {path.name for path in notebook.IMAGES.glob("online-retail-*.png")} == set(drawn)


@pytest.mark.slow
@pytest.mark.skipif(not (DATA / "online_retail").is_dir(), reason="MERX_DATA holds no online_retail")
def test_the_page_shows_what_its_blocks_print_today(tmp_path):
    """Words are equal, numbers nearly: sums in another order differ in the last digits."""
    now = notebook.with_outputs(PAGE, DATA, tmp_path)
    shown, printed = PRINTED.findall(PAGE), PRINTED.findall(now)
    assert [NUMBER.sub("#", block) for block in shown] == [NUMBER.sub("#", block) for block in printed], (
        "run python tools/notebook.py"
    )
    for before, after in zip(shown, printed, strict=True):
        assert numbers(before) == pytest.approx(numbers(after), rel=0.02, abs=0.002)
    drawn = {path.name for path in tmp_path.glob("*.png")}
    assert drawn == {path.name for path in notebook.IMAGES.glob("online-retail-*.png")}


def numbers(text):
    return [float(number.replace(",", "")) for number in NUMBER.findall(text)]
