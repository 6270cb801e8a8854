"""The examples run as they stand and print what they say."""

import re
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_three_shoppers():
    printed = subprocess.run(
        [sys.executable, EXAMPLES / "three_shoppers.py"], capture_output=True, text=True, check=True
    ).stdout
    assert "user1 bought A, B, C: recommend D, because of" in printed
    assert "user2 bought A, B, D: recommend C, because of" in printed
    assert "user3 bought B, C, D: recommend A, because of" in printed
    assert "1 shared: cosine 1.00, with a shrinkage of 10 0.09" in printed
    assert "8 shared: cosine 0.80, with a shrinkage of 10 0.40" in printed


def test_three_histories():
    printed = subprocess.run(
        [sys.executable, EXAMPLES / "three_histories.py"], capture_output=True, text=True, check=True
    ).stdout
    three, short, long = printed.split("\n\n")
    assert held_out(three, "LSTM") <= 1 and learned(three, "LSTM") <= 0.67  # 4 of 6: two pairs contradict
    assert "6 learned from" in three and "3 held out" in three
    for told, best in ((short, 0.82), (long, 0.89)):
        assert f"{best} is the best possible" in told
        assert best - 0.03 <= held_out(told, "LSTM") <= best + 0.03  # 0.03: two standard errors of 1,000
        assert held_out(told, "LSTM") > held_out(told, "base rate") + 0.1
    assert held_out(long, "LSTM") > held_out(long, "after the last 3") + 0.03  # it remembers more


def figures(told, name):
    """What is printed of an answer: on what it learned from, and held out."""
    (line,) = [line for line in told.splitlines() if line.startswith(f"  {name} ")]
    return [float(word) for word in re.sub(r"\(.*?\)", "", line.removeprefix(f"  {name}")).split()]


def learned(told, name):
    return figures(told, name)[0]


def held_out(told, name):
    return figures(told, name)[1]
