"""The main job, end to end: on a simulated shop whose truth is known, or on a file of your own.

python tools/demo.py                     simulates a shop in demo/simulated, then runs everything on it
python tools/demo.py --data FILE         the same on a file (a dialect that merx knows)
"""

import argparse
import shutil
from pathlib import Path

from merx.cli import main as merx

ASSUMED_MARGIN = 0.4


def call(*words: str) -> None:
    """Run one command of merx, shown as a user would type it."""
    print(f"\n$ merx {' '.join(words)}", flush=True)
    merx(list(words), standalone_mode=False)


def main() -> None:
    """Parse the arguments and run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="a file of your own instead of a simulated shop")
    data = parser.parse_args().data
    shop = Path("demo") / (data.stem.replace("_", "-") if data else "simulated")
    for folder in (shop, shop.with_name(f"{shop.name}-truth")):
        shutil.rmtree(folder, ignore_errors=True)  # only what an earlier demo left in demo/
    if data:
        call("init", str(shop))
        with open(shop / "shop.toml", "a", encoding="utf-8") as settings:
            settings.write(f"\n[price]\nassumed_margin = {ASSUMED_MARGIN}\n")
        print(
            f"Where a cost is not known, a margin of {ASSUMED_MARGIN:.0%} is assumed; "
            f"set your own in {shop}/shop.toml."
        )
        call("run", str(shop), str(data))
    else:
        call("simulate", str(shop))
        call("run", str(shop))
    print(f"\nOpen {shop / 'report.html'} in a browser.")


if __name__ == "__main__":
    main()
