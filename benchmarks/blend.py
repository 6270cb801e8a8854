"""The blend against every single recommender, on Online Retail and on shops whose truth is known."""

import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy import sparse

from _process import data
from _record import Row, record
from _truth import true_rates
from merx import registry
from merx.config import TUNED, ShopConfig
from merx.data.interactions import Interactions
from merx.data.vocabulary import Vocabulary
from merx.errors import MerxError
from merx.evaluate.ranking import ndcg, recall
from merx.evaluate.split import last_days, split_by_time, targets
from merx.fitting import Inputs, config_of
from merx.recommend.rank import rank
from merx.shop import Shop
from merx.simulate.truth import read_truth
from merx.simulating import simulate

DAYS, DEPTH, K = 28, 20, 10  # days held out; places of a list for recall, and for NDCG
SEEDS = (10, 11, 12)
RETAIL, GOAL = "Online Retail", "above every single one"
SETTINGS = Path(__file__).parent / "settings" / "online_retail.toml"

PROTOCOL = (
    "Every kind that can be fitted, once; lists over the full catalogue. New items: what a shopper met "
    "before is left out of the lists and is no target. All items: nothing is left out. Means over shoppers "
    "± standard error; the best single kind is the best by the figure shown; the lead is taken shopper by "
    f"shopper. Online Retail: split by time, fitted on what came before the last {DAYS} days, judged on the "
    "known shoppers who bought something (new) in those. Tuned: with benchmarks/settings/online_retail.toml "
    "as the shop's tuned.toml, chosen on earlier days. Simulated shops: 2,000 users, 200 items, a year, "
    f"seeds {', '.join(map(str, SEEDS))}, fitted on all of it. A list earns the units that the truth expects "
    "its shopper to buy of each item in the week after, at today's prices and with stock, by taste, as a "
    "reorder or after a friend; those of place j divided by log2(j + 1). Its share is what it earns by what "
    f"the {K} best items earn, in order: 1 is all that one could reach who knew the truth."
)

# Of lists (U, 20): a number per shopper, float64 (U,).
Measure = Callable[[np.ndarray], np.ndarray]
# Case and measure -> kind -> a number per shopper.
Found = dict[tuple[str, str], dict[str, np.ndarray]]


@dataclass(frozen=True)
class Trial:
    """Shoppers to list for, what is left out of their lists, and how these are measured."""

    case: str
    histories: Interactions
    exclude: Interactions | None
    measures: dict[str, Measure]


def tried(inputs: Inputs, config: ShopConfig, trials: list[Trial]) -> Found:
    """Fit every kind that the inputs carry, once, and measure its lists in each trial."""
    found: Found = {}
    for kind in registry.kinds_for("recommend"):
        try:
            model = config_of(kind, config).fit(*[inputs.of(name) for name in kind.reads])
        except MerxError:
            continue  # the shop has no ratings, or no views
        for trial in trials:
            item = rank(model, trial.histories, DEPTH, exclude=trial.exclude).item
            if (item < 0).all():
                continue  # it lists what was bought before, and that is left out
            for name, measure in trial.measures.items():
                found.setdefault((trial.case, name), {})[kind.name] = measure(item)
    return found


def online_retail(shop: Shop, case: str) -> Found:
    """Known shoppers who bought something in the last days, against what they bought."""
    with shop.inputs() as inputs:
        histories = inputs.of("histories")
    split = split_by_time(histories, last_days(histories, DAYS))
    some = np.diff(split.train.offsets) > 0
    trials = []
    for what, known in (("new items", split.train), ("all items", None)):
        wanted = targets(split, exclude=known)
        user = np.flatnonzero((np.diff(wanted.indptr) > 0) & some)
        exclude = None if known is None else known.take(user)
        trials.append(Trial(f"{case}, {what}", split.train.take(user), exclude, of_bought(wanted[user])))
    with shop.inputs(until=split.cut) as inputs:
        return tried(inputs, shop.config, trials)


def of_bought(wanted: sparse.csr_array) -> dict[str, Measure]:
    """How lists are measured where what was bought is known, bool CSR (U, I)."""
    return {
        f"Recall@{DEPTH}": lambda item: recall(item, wanted),
        f"NDCG@{K}": lambda item: ndcg(item[:, :K], wanted),
    }


def simulated(shop: Shop, case: str) -> Found:
    """All shoppers with a history, against what the truth says they will buy next."""
    with shop.inputs() as inputs:
        histories = inputs.of("histories")
        truth = read_truth(shop.truth)
        events = shop.folder / "raw" / "events.parquet"
        user = np.unique(Vocabulary(pa.array(truth.user_ids)).codes(pq.read_table(events)["user_id"]))
        user = user[user >= 0]  # rows of the histories -> of the truth, both in the order of their ids
        item = Vocabulary(pa.array(truth.item_ids)).codes(histories.items.ids)
        rate = true_rates(truth, events)[np.ix_(user, item)]
        left = np.where(histories.seen().toarray(), 0.0, rate)
        trials = [
            Trial(f"{case}, new items", histories, histories, of_rates(left)),
            Trial(f"{case}, all items", histories, None, of_rates(rate)),
        ]
        return tried(inputs, shop.config, trials)


def of_rates(rate: np.ndarray) -> dict[str, Measure]:
    """How lists are measured where the units to be bought are known, (U, I)."""
    discount = 1 / np.log2(np.arange(2, K + 2))  # (K,)
    best = -np.sort(-rate, axis=1)[:, :K] @ discount  # (U,)
    rate = np.pad(rate, ((0, 0), (0, 1)))  # a place left empty, -1, earns nothing
    user = np.arange(len(rate))[:, None]
    return {f"share of the best NDCG@{K}": lambda item: rate[user, item[:, :K]] @ discount / best}


def rows(found: Found) -> Iterable[Row]:
    """The blend against the best single kind, then each single kind."""
    for (case, measure), kinds in found.items():
        blend = kinds["blend"]
        singles = sorted(kinds.keys() - {"blend"}, key=lambda kind: -kinds[kind].mean())
        best = singles[0]
        ours, peer = blend.mean(), kinds[best].mean()
        lead = f"{best}, the best single one; lead {ours - peer:+.4f} {error(blend - kinds[best])}"
        row = Row(f"{case}: blend", f"{measure} {error(blend)}", ours, peer, lead, ours / peer)
        yield replace(row, goal=GOAL, met=bool(ours > peer)) if case.startswith(RETAIL) else row
        for kind in singles:
            yield Row(f"{case}: {kind}", f"{measure} {error(kinds[kind])}", kinds[kind].mean())


def error(value: np.ndarray) -> str:
    """The standard error of the mean of (U,)."""
    return f"± {value.std(ddof=1) / np.sqrt(len(value)):.4f}"


def main() -> None:
    found: Found = {}
    with tempfile.TemporaryDirectory() as folder:
        retail = Shop.init(Path(folder) / "retail")
        retail.ingest(data("online_retail/online_retail.parquet"))
        found |= online_retail(retail, f"{RETAIL}, as shipped")
        shutil.copy(SETTINGS, retail.folder / TUNED)
        found |= online_retail(Shop(retail.folder), f"{RETAIL}, tuned")
        of_seed = []
        for seed in SEEDS:
            home = Path(folder) / f"shop{seed}"
            simulate(home, users=2000, items=200, days=364, seed=seed)
            of_seed.append(simulated(Shop(home), f"{len(SEEDS)} simulated shops, as shipped"))
    for key, kinds in of_seed[0].items():
        found[key] = {kind: np.concatenate([one[key][kind] for one in of_seed]) for kind in kinds}
    record("blend", PROTOCOL, list(rows(found)))


if __name__ == "__main__":
    main()
