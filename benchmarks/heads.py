"""The other heads of the sequence network on simulated visits to come, beside what the truth foretells."""

import sys
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np

from _record import Row, record
from _replay import replay
from _visits import Day, foretold
from merx.behaviour.calibration import reliability
from merx.behaviour.heads import LEAVE
from merx.behaviour.reading import counted
from merx.behaviour.sequence import Sequence
from merx.data.interactions import Interactions
from merx.data.schema import EVENT_CODE
from merx.fitting import Inputs
from merx.shop import Shop
from merx.simulate import Simulation
from merx.simulating import simulate
from merx.store.duckdb_engine import DuckDBEngine
from merx.store.tables import Tables

USERS, ITEMS, DAYS, SEEDS = 200, 100, 364, (0, 1, 2)
LEARNT = 0.8  # of the days
PURCHASE = EVENT_CODE["purchase"]
DAY = 86_400_000_000


def visits(seed: int) -> Interactions:
    """Every visit of a shop, oldest first, without those that hold nothing that models read."""
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home) / "shop"
        simulate(folder, users=USERS, items=ITEMS, days=DAYS, seed=seed)
        tables = Tables(folder / "tables")
        engine = DuckDBEngine(tables, tables.current())
        found: Interactions = counted(Inputs(engine, Shop(folder).config).of("sessions"))
        engine.close()
    found = found.take(np.flatnonzero(np.diff(found.offsets) > 0))
    return found.take(np.argsort(found.time[found.offsets[:-1]], kind="stable"))


def prefixes(found: Interactions) -> Interactions:
    """What was known after each event: a row for each of the N events."""
    length = np.diff(found.offsets)
    first = np.repeat(found.offsets[:-1], length)
    known = np.arange(len(found)) - first + 1
    entry = np.concatenate(
        [np.arange(a, b + 1) for a, b in zip(first.tolist(), range(len(found)), strict=True)]
    )
    offsets = np.concatenate([[0], np.cumsum(known)])
    return Interactions(
        offsets, found.item[entry], found.weight[entry], found.time[entry], found.event[entry], found.items
    )


def came(found: Interactions) -> tuple[np.ndarray, np.ndarray]:
    """The next event (N,), LEAVE after the last, and whether a purchase is to come, float64 (N,)."""
    following = np.append(found.event[1:], LEAVE).astype(np.int64)
    following[found.offsets[1:] - 1] = LEAVE
    bought = np.cumsum(found.event == PURCHASE)
    later = np.repeat(bought[found.offsets[1:] - 1], np.diff(found.offsets)) - bought
    return following, (later > 0).astype(np.float64)


def truth(found: Interactions, seed: int) -> Iterator[tuple[np.ndarray, float]]:
    """What the simulator's own rules say after each event."""
    config = Simulation(users=USERS, items=ITEMS, days=DAYS, seed=seed)
    code = np.array([int(name[1:]) for name in found.items.ids.to_pylist()])
    start = (config.start - date(1970, 1, 1)).days
    day = found.time[found.offsets[:-1]] // DAY - start
    weeks: dict[int, list[int]] = {}
    for row, week in enumerate((day // 7).tolist()):
        weeks.setdefault(week, []).append(row)
    for week in replay(config):
        days: dict[int, Day] = {}
        for row in weeks.get(week.number, []):
            today = int(day[row])
            if today not in days:
                days[today] = Day(week, today)
            own = slice(found.offsets[row], found.offsets[row + 1])
            yield from foretold(days[today], found.event[own], code[found.item[own]])


def figures(chance: np.ndarray, purchase: np.ndarray, following: np.ndarray, later: np.ndarray) -> np.ndarray:
    """Accuracy and log loss of the next event, and calibration error and log loss of the purchase."""
    given = np.maximum(chance[np.arange(len(chance)), following], 1e-12)
    bought = np.maximum(np.where(later > 0, purchase, 1 - purchase), 1e-12)
    return np.array(
        [
            (chance.argmax(axis=1) == following).mean(),
            -np.log(given).mean(),
            reliability(purchase, later).error,
            -np.log(bought).mean(),
        ]
    )


def one(seed: int) -> np.ndarray:
    """Figures of the network, of the truth, and of the commonest, (3, 4), on the later visits of a shop."""
    every = visits(seed)
    begin = every.time[every.offsets[:-1]]
    cut = every.time.min() + LEARNT * (every.time.max() - every.time.min())
    model = Sequence(heads=("item", "event", "gap", "purchase"), seed=seed).fit(
        every.take(np.flatnonzero(begin < cut))
    )
    late = every.take(np.flatnonzero(begin >= cut))
    said = model.foretell(prefixes(late))
    best, sure = zip(*truth(late, seed), strict=True)
    following, later = came(late)
    there = np.isfinite(said.purchase)  # where a product is known
    following, later = following[there], later[there]
    usual = np.tile(np.bincount(following, minlength=LEAVE + 1) / len(following), (len(following), 1))
    found = np.stack(
        [
            figures(said.event[there], said.purchase[there], following, later),
            figures(np.array(best)[there], np.array(sure)[there], following, later),
            figures(usual, np.full(len(later), later.mean()), following, later),
        ]
    )
    sys.stdout.write(f"seed {seed}, {len(later):,} events\n{found}\n")
    return found


if __name__ == "__main__":
    every = np.stack([one(seed) for seed in SEEDS])
    mean, spread = every.mean(axis=0), every.std(axis=0)
    case = f"simulated shops of {USERS} shoppers"
    names = ("next event, accuracy", "next event, log loss", "calibration error", "log loss")
    rows = []
    for place, name in enumerate(names):
        metric = name if place < 2 else f"purchase to come, {name}"
        ours, best, usual = (float(value) for value in mean[:, place])
        goal, met = ("below .02", ours < 0.02) if name == "calibration error" else ("", None)
        rows += [
            Row(f"{case} (spread {spread[0, place]:.4f})", metric, ours, best, "the truth", None, goal, met),
            Row(case, f"{metric}, always the commonest", usual),
        ]
    record(
        "heads",
        f"Visits of simulated shops ({USERS} shoppers, {ITEMS} products, {DAYS} days, seeds 0 to 2): the "
        f"network learns from those of the first {LEARNT:.0%} of the days (the newest tenth of them stops "
        "and calibrates it) and is asked after every event of the later ones. The truth: Bayes' rule over "
        "the rules that the visits were drawn by, which knows the day's expected demand and not who the "
        "visitor is.",
        rows,
    )
