"""Whether the state of a sequence network tells propensities what counts and dates do not."""

import tempfile
from pathlib import Path

import lightgbm
import numpy as np
from scipy.special import expit

from _process import data
from _record import Row, record
from merx.behaviour.activity_features import features
from merx.behaviour.propensity_training import CHURN, PURCHASE, Goal, grow, outcome, raw
from merx.behaviour.ranks import auc
from merx.behaviour.sequence import Sequence
from merx.data.activity import Activity
from merx.data.interactions import Interactions
from merx.data.schema import DAY
from merx.data.vocabulary import Vocabulary
from merx.shop import Shop
from merx.simulating import simulate
from merx.store import assemble
from merx.store.duckdb_engine import DuckDBEngine
from merx.store.tables import Tables

SPANS, NEWEST = 16, 4  # weeks; the newest are told of by forests of the others
WIDTH = 16  # of the state
FOREST = (200, 16, 0.03)  # trees, leaves, learning rate


def read(folder: Path) -> tuple[Activity, Interactions, Vocabulary]:
    """What shoppers did by day and event by event, and who the histories are of."""
    tables = Tables(folder / "tables")
    engine = DuckDBEngine(tables, tables.current())
    found = assemble.activity(engine, assemble.end(engine))
    histories, users = assemble.interactions(engine, Shop(folder).config.events.weights)
    engine.close()
    return found, histories, users


def figures(said: np.ndarray, came: np.ndarray) -> tuple[float, float]:
    """AUC and log loss."""
    chance = np.clip(expit(said), 1e-9, 1 - 1e-9)
    return auc(said, came > 0), float(-np.log(np.where(came > 0, chance, 1 - chance)).mean())


def compared(folder: Path, case: str, goal: Goal) -> list[Row]:
    """With the state as it was before each span, of a network that saw nothing after the first one began."""
    activity, histories, users = read(folder)
    days = [activity.end - 1 - number * goal.ahead for number in range(1, SPANS + 1)]
    network = Sequence(width=WIDTH, blocks=1, heads=("item", "event", "gap")).fit(
        histories.keep(histories.time < days[-1] * DAY)
    )
    plain, wide, came = [], [], []
    for day in days:
        active = activity.active(day - goal.active, day)
        known = users.codes(activity.users.ids.take(active))
        state = network.embed(histories.keep(histories.time < day * DAY))[np.maximum(known, 0)]
        state[known < 0] = 0
        plain.append(features(activity, active, day))
        wide.append(np.concatenate([plain[-1], state], axis=1))
        came.append(outcome(activity, goal, active, day))
    after = np.concatenate(came[:NEWEST])
    found = []
    for values in (wide, plain):
        forest = grow(np.concatenate(values[NEWEST:]), np.concatenate(came[NEWEST:]), "binary", *FOREST)
        said = raw(lightgbm.Booster(model_str=forest), np.concatenate(values[:NEWEST]))
        found.append(figures(said, after))
    return [
        Row(f"{case}, {goal.name}, {len(after):,} shopper-weeks", metric, ours, peer, "without the state")
        for metric, ours, peer in zip(("AUC", "log loss"), *found, strict=True)
    ]


def main() -> None:
    rows = []
    with tempfile.TemporaryDirectory() as home:
        simulate(Path(home) / "simulated", users=3000, items=150, days=330, seed=0)
        retail = Shop.init(Path(home) / "retail")
        retail.ingest(data("online_retail/online_retail.parquet"))
        for name, case in (("simulated", "simulated shop"), ("retail", "Online Retail")):
            for goal in (PURCHASE, CHURN):
                rows += compared(Path(home) / name, case, goal)
    record(
        "propensity_state",
        f"The newest {SPANS} weeks: forests learn from the older {SPANS - NEWEST} and tell the newest "
        f"{NEWEST}, on the features of the propensities and, in our column, the {WIDTH} numbers that a "
        "sequence network remembers of each shopper; it was trained on what came before all of these weeks. "
        "Not calibrated.",
        rows,
    )


if __name__ == "__main__":
    main()
