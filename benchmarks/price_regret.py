"""What each way to learn from past prices earns: profit regret, error of elasticities, honesty of bands.

The peers need an environment of their own (`pip install econml doubleml`): set PRICE_PEERS to its Python.
"""

import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

from _price_worlds import DAYS, HELD_OUT, ITEMS, RULES, USERS, PriceWorld, before, held_out_error, make
from _record import Row, record
from merx import registry
from merx.evaluate.pricing import elasticity_error, interval_coverage
from merx.price.curve import STEP, DemandCurve, along_the_curve
from merx.price.optimise import optimise
from merx.price.response import PriceResponse
from merx.price.rows import CONTROLS, PRICE, Rows

SEEDS = range(10, 15)
MORE_SEEDS = range(40, 60)  # of WAVERING: an instrument errs by as much for every product of a shop
WAVERING = "follows demand, costs move"
OURS = "price_response"
BAR = "-2.6 for all"
WORLDS: dict[str, dict[str, Any]] = {
    "random": {"policy": "random"},
    "follows last week": {"policy": "follows_last_week"},
    "few changes": {"policy": "few_changes"},
    "follows demand": {"policy": "follows_demand"},
    "follows demand, costs move": {"policy": "follows_demand", "cost_shifters": True},
    "follows demand, jitter": {"policy": "follows_demand", "jitter": 0.05},
}
GOALS = {
    "random": 0.02,
    "follows last week": 0.02,
    "few changes": 0.03,
    "follows demand": 0.06,
    "follows demand, costs move": 0.02,
    "follows demand, jitter": 0.02,
}
FIGURES = {
    "rmse": "RMSE",
    "bias": "bias",
    "sure": "graded A or B",
    "held_out": f"error of {HELD_OUT} weeks held out",
}
BANDS = ((0.8, "80 %", 0.75, 0.85), (0.95, "95 %", 0.92, 0.98))
PROTOCOL = (
    f"merx.simulate shops of {USERS:,} users, {ITEMS} items and {DAYS} days, ingested as any data; means "
    f"over seeds {SEEDS[0]} to {SEEDS[-1]}, not those of development. Regret: share of the profit of the "
    "coming week at the best prices under the rules (at most 20 % change, ending .49 or .99, margin 10 "
    "%) that is missed by the prices that an estimate calls best under the same rules, without a grade "
    "or a least confidence; as the shop quotes: with both, so that an item may keep its price. -2.6 for "
    "all: that elasticity for every product; the kind literature_prior has the spread of published ones "
    "about it. Costs move: by category, half of it passed on; the series of costs is not told. Jitter: "
    "prices move by another 5 % at random each week; which part that is, is not told. RMSE and bias: of "
    "the elasticity. Bands: how often the true profit of the coming week at the quoted price is within "
    "the central 80 % and 95 % of its draws, of items graded A or B. Held out: absolute error of the "
    "weekly units of each product over the units, at the prices that were, of what is learnt from the "
    f"weeks before (seed {SEEDS[0]}). Peers: EconML, DoubleML, scikit-learn's SVR and LightGBM, each "
    "with the controls of merx's own learners; their nuisances are LightGBM's, their folds blocks of "
    "weeks; their weights and the SVR's cost and width were the best of those tried on seeds of "
    "development. True elasticities are about -2.6 on average, which flatters the bar and what leans on "
    f"it. Costs move, {len(SEEDS) + len(MORE_SEEDS)} shops: the same and seeds {MORE_SEEDS[0]} to "
    f"{MORE_SEEDS[-1]}, drawn when the use of costs was settled, because five such shops differ too much "
    "to tell."
)


@dataclass(frozen=True)
class Fared:
    """One estimator in one shop; NaN where it has no such figure."""

    regret: float
    quoted: float = np.nan
    rmse: float = np.nan
    bias: float = np.nan
    sure: float = np.nan
    held_out: float = np.nan
    bands: tuple[float, ...] = (np.nan, np.nan)


def ours(world: PriceWorld, ahead: bool) -> dict[str, Fared]:
    """Every kind of the registry, keeping prices and the bar; `ahead`: the weeks held out too."""
    rows = {
        "keep prices": Fared(world.regret(world.panel.price_now)),
        BAR: Fared(world.regret(world.at_elasticity(np.full(world.panel.n_items, -2.6)))),
    }
    cut = int(world.panel.week.max()) + 1 - HELD_OUT
    for kind in registry.kinds_for("price"):
        config, _ = kind.load()
        model = config().fit(world.panel)
        quotes = optimise(model, world.panel, RULES)
        sure = np.isin(quotes.grade, ["A", "B"])
        error = None
        if hasattr(model, "elasticity"):
            error = elasticity_error(model.elasticity.mean(axis=0), world.elasticity)
        at = quotes.price[:, None]
        profit = (model.draws(at) * (at - world.panel.cost[:, None]))[:, sure, 0]
        truth = world.profit(at)[sure, 0]
        levels = [level for level, *_ in BANDS]
        rows[kind.name] = Fared(
            regret=world.regret(world.by(model)),
            quoted=world.regret(quotes.price),
            rmse=error.rmse if error else np.nan,
            bias=error.bias if error else np.nan,
            sure=float(sure.mean()),
            held_out=held_out_error(config().fit(before(world.panel, cut)), world.panel, cut)
            if ahead
            else np.nan,
            bands=tuple(interval_coverage(profit, truth, levels)) if sure.any() else (np.nan, np.nan),
        )
    return rows


def peers(world: PriceWorld) -> dict[str, Fared]:
    """The peers' elasticities and curves on the rows that merx's learners see."""
    rows, panel = Rows.of(world.panel), world.panel
    ahead = along_the_curve(rows, panel.price_now)[:, (PRICE, *CONTROLS)]
    with tempfile.TemporaryDirectory() as folder:
        given, found = Path(folder) / "in.npz", Path(folder) / "out.npz"
        np.savez(
            given,
            y=np.log((rows.units + 0.5) / (rows.usual + 0.5)),
            price=rows.X[:, PRICE],
            controls=rows.X[:, CONTROLS],
            item=rows.item,
            week=rows.week,
            units=rows.units,
            weight=rows.weight(),
            usual=rows.usual,
            traits=np.column_stack([np.log(rows.reference), np.log(rows.level), panel.category]),
            ahead=ahead.reshape(panel.n_items, len(STEP), -1),
        )
        subprocess.run(
            [os.environ["PRICE_PEERS"], Path(__file__).with_name("_price_peers.py"), given, found],
            env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            check=True,
        )
        said = dict(np.load(found))
    fared = {}
    for name, value in said.items():
        if value.ndim == 1:
            error = elasticity_error(value, world.elasticity)
            fared[name] = Fared(world.regret(world.at_elasticity(value)), rmse=error.rmse, bias=error.bias)
        else:
            curve = DemandCurve.of(panel.items, panel.price_now, value[None])
            fared[name] = Fared(world.regret(world.by(curve)))
    return fared


def rows_of(case: str, found: list[dict[str, Fared]]) -> list[Row]:
    """The table of one world: means over its shops."""

    def over(name: str, figure: str) -> float:
        values = [getattr(one[name], figure) for one in found]
        return float(mean([value for value in values if np.isfinite(value)] or [np.nan]))

    name, goal = f"prices: {case}", GOALS[case]
    bar, own = over(BAR, "regret"), over(OURS, "regret")
    best = min((n for n in found[0] if ", " in n), key=lambda n: over(n, "regret"))
    peer = over(best, "regret")
    quoted = over(OURS, "quoted")
    rows = [
        Row(name, f"{OURS}: regret", own, goal=f"<= {goal}", met=own <= goal),
        Row(name, f"{OURS}: regret, as the shop quotes", quoted, goal=f"<= {goal}", met=quoted <= goal),
        Row(name, f"{OURS}: regret", own, bar, BAR, own / bar, "no more than the bar", own <= bar),
        Row(name, f"{OURS}: regret", own, peer, f"{best}, the best peer", own / peer, "below", own < peer),
    ]
    for estimator in found[0]:
        if estimator != OURS:
            rows.append(Row(name, f"{estimator}: regret", over(estimator, "regret")))
        for figure, words in FIGURES.items():
            if np.isfinite(value := over(estimator, figure)):
                rows.append(Row(name, f"{estimator}: {words}", value))
        if estimator != OURS and np.isfinite(value := over(estimator, "quoted")):
            rows.append(Row(name, f"{estimator}: regret, as the shop quotes", value))
    for place, (_, level, low, high) in enumerate(BANDS):
        covers = [one[OURS].bands[place] for one in found if np.isfinite(one[OURS].bands[place])]
        if covers:
            value = float(mean(covers))
            met = low <= value <= high
            rows.append(Row(name, f"{OURS}: {level} band of profit", value, goal=f"{low} to {high}", met=met))
    return rows


def over_more(found: list[dict[str, Fared]]) -> list[Row]:
    """WAVERING in more shops: ours and the bar, over those found and MORE_SEEDS."""
    own, quoted, bar = [], [], []
    for one in found:
        own.append(one[OURS].regret)
        quoted.append(one[OURS].quoted)
        bar.append(one[BAR].regret)
    for seed in MORE_SEEDS:
        world = make(seed=seed, **WORLDS[WAVERING])
        model = PriceResponse().fit(world.panel)
        own.append(world.regret(world.by(model)))
        quoted.append(world.regret(optimise(model, world.panel, RULES).price))
        bar.append(world.regret(world.at_elasticity(np.full(world.panel.n_items, -2.6))))
    regret, as_quoted, at_bar = mean(own), mean(quoted), mean(bar)
    name, goal = f"prices: {WAVERING}, {len(own)} shops", GOALS[WAVERING]
    return [
        Row(name, f"{OURS}: regret", regret, goal=f"<= {goal}", met=regret <= goal),
        Row(name, f"{OURS}: regret, as the shop quotes", as_quoted, goal=f"<= {goal}", met=as_quoted <= goal),
        Row(
            name,
            f"{OURS}: regret",
            regret,
            at_bar,
            BAR,
            regret / at_bar,
            "no more than the bar",
            regret <= at_bar,
        ),
    ]


def main() -> None:
    if "PRICE_PEERS" not in os.environ:
        raise SystemExit("Set PRICE_PEERS to a Python that has econml and doubleml.")
    rows = []
    for case, settings in WORLDS.items():
        found = []
        for seed in SEEDS:
            world = make(seed=seed, **settings)
            found.append(ours(world, seed == SEEDS[0]) | peers(world))
        rows += rows_of(case, found)
        if case == WAVERING:
            rows += over_more(found)
    record("price_regret", PROTOCOL, rows)


if __name__ == "__main__":
    main()
