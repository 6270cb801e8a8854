"""What a share of the places for new products costs and brings, in simulated shops whose truth is known."""

import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from _record import Row, record
from merx.config import ShopConfig
from merx.data.contracts import Recommender
from merx.data.interactions import Interactions
from merx.evaluate.split import held_back
from merx.fitting import config_of
from merx.media.features import features_of
from merx.recommend.arrange import Wishes, arrange
from merx.recommend.new_share import NewShare, draw
from merx.recommend.objective import discount
from merx.recommend.rank import rank
from merx.registry import kind
from merx.shop import Shop
from merx.simulate.truth import read_truth
from merx.simulating import simulate
from new_items import true_rates

SEEDS = (0, 1, 2)
USERS, ITEMS, DAYS = 2000, 1500, 364
K = 10
SHARES = (0.0, 0.1, 0.2, 0.3)
EACH = 1000  # lists that figures are told for
MODELS = ("fusion", "blend")
BEST = "the truth's best lists"

PROTOCOL = (
    f"Simulated shops of {USERS:,} shoppers and {ITEMS:,} products over a year, seeds {SEEDS}. A tenth of "
    "the products (merx.evaluate.split.held_back) is taken out of the histories: these are new, and sell as "
    "well as the old. Default settings; texts and attributes, no pictures. Lists of "
    f"{K} of all products that the shopper did not meet, for every shopper with a history, arranged by "
    "merx.recommend.arrange with each share. Purchases: the units that the truth expects the shopper to buy "
    "of what is shown in the week after, by taste (Truth.purchase_rate), those of place j divided by "
    f"log2(j + 1), as not every place is seen; for {EACH:,} lists. Beside them those of the same lists "
    "without a share; ± is the standard error of the difference over shoppers."
)


def judged(places: np.ndarray, new: np.ndarray, rate: np.ndarray) -> np.ndarray:
    """Of lists (U, K) of products: new ones shown, purchases of all, and of the new ones, (3, U)."""
    rate, new = np.pad(rate, ((0, 0), (0, 1))), np.append(new, False)  # of a place left empty, -1
    units = np.take_along_axis(rate, places, axis=1) * discount(K)
    return np.stack([new[places].sum(axis=1), units.sum(axis=1), (units * new[places]).sum(axis=1)])


def arranged(model: Recommender, told: Interactions, new: np.ndarray, share: float, seed: int) -> np.ndarray:
    """The lists (U, K) of the shoppers, as items of the model."""
    ranking = rank(model, told, len(new), exclude=told)
    lists = np.full((len(ranking.item), K), -1)
    for user, row in enumerate(ranking.item):
        pool = row[row >= 0]
        fresh = NewShare(new[pool], share, draw(str(seed), str(user)))
        none = np.zeros(len(pool), dtype=bool)
        shown = pool[arrange(Wishes(discount(len(pool)), ~none, none, fresh=fresh), K)]
        lists[user, : len(shown)] = shown
    return lists


def one_shop(folder: Path, seed: int) -> dict[tuple[str, float], np.ndarray]:
    """(model, share) -> `judged` for every shopper."""
    simulate(folder, users=USERS, items=ITEMS, days=DAYS, seed=seed)
    shop = Shop(folder)
    with shop.inputs() as inputs:
        histories: Interactions = inputs.of("histories")
        sessions: Interactions = inputs.of("sessions")
        catalogue = inputs.of("catalogue")
    new = held_back(histories.items)
    train = histories.keep(~new[histories.item])
    given = {
        "histories": train,
        "sessions": sessions.keep(~new[histories.items.codes(sessions.items.ids)[sessions.item]]),
        "catalogue": catalogue,
        "features": features_of(catalogue),
    }
    users = np.flatnonzero(np.diff(train.offsets) > 0)
    told = train.take(users)
    rate = true_rates(shop, read_truth(shop.truth), histories)[0][users]
    unmet = rate.copy()
    unmet[told.user, told.item] = -1
    found = {(BEST, 0.0): judged(np.argsort(-unmet, axis=1, kind="stable")[:, :K], new, rate)}
    for name in MODELS:
        model = config_of(kind(name), ShopConfig()).fit(*[given[what] for what in kind(name).reads])
        for share in SHARES:
            found[name, share] = judged(arranged(model, told, new, share, seed), new, rate)
    return found


def rows(found: dict[tuple[str, float], np.ndarray]) -> Iterable[Row]:
    """Of each model and share: new products in a list, purchases of all and of the new ones."""
    for (name, share), ours in found.items():
        without = found[name, 0.0]
        case = name if name == BEST else f"{name}, new_share {share:g}"
        for metric, own, bare, each in (
            (f"new products of {K}", ours[0], without[0], 1),
            (f"purchases of {EACH:,} lists", ours[1], without[1], EACH),
            (f"of these, of new products, {EACH:,} lists", ours[2], without[2], EACH),
        ):
            change = each * (own - bare)
            error = change.std(ddof=1) / np.sqrt(len(change))
            peer = (each * float(bare.mean()), f"without a share; ± {error:.2g}") if share else (None, "")
            ratio = float(own.mean() / bare.mean()) if share and bare.any() else None
            yield Row(case, metric, each * float(own.mean()), *peer, ratio)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        shops = [one_shop(Path(folder) / f"shop{seed}", seed) for seed in SEEDS]
    together = {key: np.concatenate([one[key] for one in shops], axis=1) for key in shops[0]}
    record("new_share", PROTOCOL, list(rows(together)))


if __name__ == "__main__":
    main()
