"""Simulated shops of 0.1, 1 and 10 million interactions: what recommenders take, and implicit.

`scale.py FOLDER` keeps each measurement as a file, so that an interrupted run goes on where it was.
"""

import json
import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from _process import run
from _record import Row, record
from _scale import ASKED, EPOCHS, FACTORS, METHODS, NEIGHBOURS, PEERS

SIZES = (100_000, 1_000_000, 10_000_000)
BIG = {"graph_filter": 100_000, "nmf": 1_000_000, "ease": 1_000_000}  # the largest shop that each is tried on
GOAL = 10_000_000  # interactions of the shop for which goals were set
ROOM = 8.0  # GiB
PLOT = Path(__file__).parents[1] / "docs" / "images" / "growth.svg"
GREY = "#808080"  # readable on light and on dark
COLOURS = ("#1f83c4", "#d9661f", "#2f9e5b", "#c94f7c", "#8a6fd1", "#a8852a", "#35a0a0", "#c0504d", "#7f8c3a")
Took = dict[str, float]


def measured(method: str, size: int, folder: Path) -> Took:
    """What one method took; run where the folder does not say yet."""
    kept, child = folder / f"{method}-{size}.json", str(Path(__file__).with_name("_scale.py"))
    if not (folder / f"{size}.npz").exists():
        run(sys.executable, child, "simulate", str(size), str(folder))
    if not kept.exists():
        run(sys.executable, child, method, str(size), str(folder))
    took: Took = json.loads(kept.read_text())
    return took


def case(method: str, size: int) -> str:
    return f"{method}, {size:,} interactions"


def against(peer: str, size: int, took: dict[tuple[str, int], Took]) -> list[Row]:
    """Ours beside the peer's."""
    ours, theirs = took[PEERS[peer], size], took[peer, size]
    rows = []
    for metric, key in (("seconds to fit", "fit"), ("seconds to rank", "rank"), ("peak MiB", "peak")):
        ratio = ours[key] / theirs[key]
        goal, met = "", None
        if size == GOAL and key != "peak":
            goal, met = "ratio at most 1.0", ratio <= 1
        if size == GOAL and key == "peak":
            goal, met = f"at most {ROOM:g} GiB", ours[key] <= ROOM * 1024
        rows.append(Row(case(PEERS[peer], size), metric, ours[key], theirs[key], peer, ratio, goal, met))
    pair = (ours["recall"], theirs["recall"])
    rows.append(Row(case(PEERS[peer], size), "Recall@20", *pair, peer, pair[0] / pair[1]))
    return rows


def alone(method: str, size: int, took: Took) -> list[Row]:
    """A method without a peer."""
    goal, met = (f"at most {ROOM:g} GiB", took["peak"] <= ROOM * 1024) if size == GOAL else ("", None)
    return [
        Row(case(method, size), "seconds to fit", took["fit"]),
        Row(case(method, size), "seconds to rank", took["rank"]),
        Row(case(method, size), "peak MiB", took["peak"], goal=goal, met=met),
        Row(case(method, size), "Recall@20", took["recall"]),
    ]


def label_ends(axes: Axes, ends: list[tuple[float, float, str, str]]) -> None:
    """Names at the ends of lines (x, y, name, colour), moved apart where they would overlap."""
    ends = sorted(ends, key=lambda end: end[1])
    place = np.log([end[1] for end in ends])
    gap = np.log(axes.get_ylim()[1] / axes.get_ylim()[0]) * 0.052
    for _ in range(300):  # neighbours push each other aside until there is room
        short = np.maximum(gap - np.diff(place), 0) / 2
        place[:-1] -= short
        place[1:] += short
    for (x, y, name, colour), height in zip(ends, np.exp(place), strict=True):
        axes.annotate(
            *(name, (x, y), (x * 1.2, height)), color=colour, va="center", fontsize=8.5, annotation_clip=False
        )


def draw(took: dict[tuple[str, int], Took]) -> None:
    """Time to fit, time to rank and memory by interactions, a line a method."""
    plt.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "growth", "font.family": "sans-serif"})
    figure, panels = plt.subplots(1, 3, figsize=(12, 4.6))
    titles = ("Seconds to fit", f"Seconds to rank {ASKED:,} users", "Peak memory, MiB")
    for axes, title, key in zip(panels, titles, ("fit", "rank", "peak"), strict=True):
        axes.set(xscale="log", yscale="log", xlim=(SIZES[0] / 1.3, SIZES[-1] * 1.3))
        ends = []
        for colour, name in zip((*COLOURS, GREY, GREY), (*METHODS, *PEERS), strict=True):
            sizes = [size for size in SIZES if (name, size) in took]
            line = [took[name, size][key] for size in sizes]
            axes.plot(sizes, line, color=colour, marker="o", ms=3, lw=1.5, ls="--" if name in PEERS else "-")
            ends.append((sizes[-1], line[-1], name, colour))
        if key == "peak":
            axes.axhline(ROOM * 1024, color=GREY, lw=0.8, ls=":")
            axes.set_yticks(
                [250, 500, 1000, 2000, 4000, 8000], ["250", "500", "1,000", "2,000", "4,000", "8,000"]
            )
            axes.set_yticks([], minor=True)
        last = max(end[0] for end in ends)
        label_ends(axes, [end for end in ends if end[0] == last])
        for x, y, name, colour in ends:
            if x < last:  # not tried on the largest shops
                axes.annotate(name, (x, y), (x * 1.1, y), color=colour, va="center", fontsize=8.5)
        axes.set_title(title, color=GREY, fontsize=10, loc="left")
        axes.set_xlabel("interactions", color=GREY)
        axes.tick_params(which="both", colors=GREY)
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(GREY)
    figure.tight_layout(w_pad=6)
    figure.savefig(PLOT, transparent=True, bbox_inches="tight", metadata={"Date": None})


def main(folder: Path) -> None:
    took = {
        (method, size): measured(method, size, folder)
        for size in SIZES
        for method in (*METHODS, *PEERS)
        if size <= BIG.get(method, SIZES[-1])
    }
    rows = [row for size in SIZES for peer in PEERS for row in against(peer, size, took)]
    for (method, size), found in took.items():
        if method not in PEERS and method not in PEERS.values():
            rows += alone(method, size, found)
    loaded = max(found["loaded"] for (_, size), found in took.items() if size == SIZES[-1])
    record(
        "scale",
        "Simulated shops of 10 interactions a user and 50 an item (1,000,000 users and 200,000 items at 10 "
        "million): activity and popularity by power laws, three themes a user. Each method in a process of "
        f"its own, two threads, once. Lists of 20 for {ASKED:,} users at every size, items met left out; "
        f"peak memory is of the whole process, of which {loaded:.0f} MiB at the largest size is there when "
        f"the data are loaded. als and implicit_als: {FACTORS} factors, {EPOCHS} rounds, the same loss up "
        "to scale, implicit with its default solver (conjugate gradient) and BLAS on one thread; "
        f"nmf: 64 factors, {EPOCHS} rounds. item_knn and implicit_cosine: {NEIGHBOURS} neighbours. "
        "Recall@20 of one item held out from each of these users.",
        rows,
    )
    draw(took)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as scratch:
            main(Path(scratch))
