"""The examples run as they stand and print what they say."""

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
