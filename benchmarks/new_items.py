"""New products of simulated shops whose truth is known: what each sort of data finds of the best list."""

import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from _record import Row, record
from merx.config import ShopConfig
from merx.data.contracts import Recommender
from merx.data.features import ItemFeatures, item_features
from merx.data.interactions import Interactions
from merx.data.vocabulary import Vocabulary
from merx.evaluate.split import held_back
from merx.fitting import config_of
from merx.judging_new import BAR, JUDGED, popular_categories
from merx.media.features import features_of
from merx.recommend.rank import rank
from merx.registry import kind
from merx.shop import Shop
from merx.simulate.truth import Truth, read_truth
from merx.simulating import simulate

SEEDS = (0, 1, 2)
USERS, ITEMS, DAYS = 1000, 300, 364
K = 10
NOISES, LENGTH = (0.35, 1.0), 32  # of a picture's vector beside its factors of length 1; numbers in it
MISSING = 0.3  # share of the products that lack one modality
MOST_LOST = 0.2  # of the gain over popularity
GOAL = "above each alone"
ALONE = ("text", "picture", "attributes")
FUSED, HOLES = "fused", "fused, one modality missing for 30 %"
KNOWN = "true tastes, nothing of how well each sells"

PROTOCOL = (
    f"Simulated shops of {USERS:,} shoppers and {ITEMS} products over a year, seeds {SEEDS}. A tenth of the "
    "products (merx.evaluate.split.held_back) is taken out of the histories, and lists hold these alone, for "
    "every shopper with a history. NDCG@10 with graded gains: what a list earns is the units that the truth "
    "expects its shopper to buy of each product by taste in the week after (Truth.purchase_rate), those of "
    "place j divided by log2(j + 1); its share of what the ten best products earn in order. So 1 is all that "
    "one could reach who knew the truth. Texts and attributes are the shop's own. Pictures are stood in for: "
    f"a picture's vector is the product's true taste factors at length 1, turned at random into {LENGTH} "
    f"numbers, plus noise of length {NOISES[0]} (clear pictures) or {NOISES[1]} (blurred ones) on average; "
    "no network saw a pixel, so these rows say how fusion uses pictures, not how good pictures are. "
    "The blurred ones were added after fused was seen to lose to clear pictures alone on the first shop. "
    "How fusion joins the maps was then changed, and its regularization set from 10 to 3, on shops of "
    "other seeds (30 to 35). "
    "Default settings of fusion. Missing: "
    f"{MISSING:.0%} of all products, old and new, lack one modality each, drawn at random. Popularity: of a "
    "new product the mean over its category. True tastes: the list in the order of Truth.affinity, the most "
    "that features of taste could give, as nothing tells how well a new product sells. "
    "± is the standard error over shoppers."
)


def pictures(truth: Truth, items: Vocabulary, noise: float, rng: np.random.Generator) -> np.ndarray:
    """Noisy views of the true factors of items, (I, LENGTH)."""
    factors = truth.item_factors[Vocabulary(pa.array(truth.item_ids)).codes(items.ids)]  # (I, F)
    factors = factors / np.linalg.norm(factors, axis=1, keepdims=True)
    turn, _ = np.linalg.qr(rng.normal(size=(max(LENGTH, factors.shape[1]), LENGTH)))
    seen = factors @ turn[: factors.shape[1]] * np.sqrt(len(turn) / LENGTH)
    blur: np.ndarray = rng.normal(size=seen.shape) * noise / np.sqrt(LENGTH)
    return seen + blur


def holes(features: ItemFeatures, rng: np.random.Generator) -> ItemFeatures:
    """The same with one modality missing for some of the products."""
    missing = np.zeros(features.present.shape, dtype=bool)
    some = np.flatnonzero(rng.random(len(missing)) < MISSING)
    missing[some, rng.integers(missing.shape[1], size=len(some))] = True
    return features.without(missing)


def graded(item: np.ndarray, rate: np.ndarray) -> np.ndarray:
    """Shares (U,) of the best list by what lists (U, K) earn at the rates (U, I)."""
    discount = 1 / np.log2(np.arange(2, K + 2))
    best = -np.sort(-rate, axis=1)[:, :K] @ discount
    rate = np.pad(rate, ((0, 0), (0, 1)))  # a place left empty, -1, earns nothing
    found: np.ndarray = rate[np.arange(len(rate))[:, None], item[:, :K]] @ discount / best
    return found


def one_shop(folder: Path, seed: int) -> dict[float, dict[str, np.ndarray]]:
    """Noise of the pictures -> method -> its share of the best list, for every shopper (U,)."""
    simulate(folder, users=USERS, items=ITEMS, days=DAYS, seed=seed)
    shop = Shop(folder)
    with shop.inputs() as inputs:
        histories: Interactions = inputs.of("histories")
        catalogue = inputs.of("catalogue")
    truth = read_truth(shop.truth)
    own = features_of(catalogue)
    new = held_back(histories.items)
    train = histories.keep(~new[histories.item])
    users = np.flatnonzero(np.diff(train.offsets) > 0)
    rate, taste = (np.where(new, value[users], 0) for value in true_rates(shop, truth, histories))
    told = train.take(users)

    def share(model: Recommender) -> np.ndarray:
        return graded(rank(model, told, K, candidates=new).item, rate)

    fusion = config_of(kind(JUDGED), ShopConfig())
    collaborative = fusion.als.fit(train)
    bars = {
        BAR: share(popular_categories(train, catalogue, new)),
        KNOWN: graded(np.argsort(-taste, axis=1, kind="stable"), rate),
    }
    found: dict[float, dict[str, np.ndarray]] = {}
    for noise in NOISES:
        rng = np.random.default_rng(seed)
        vectors = dict(zip(own.names, own.vectors, strict=True))
        vectors["picture"] = pictures(truth, own.items, noise, rng)
        features = item_features(own.items, vectors)
        tried = {name: features.only([name]) for name in ALONE}
        tried |= {FUSED: features, HOLES: holes(features, rng)}
        found[noise] = bars | {
            name: share(fusion.join(collaborative, train, some)) for name, some in tried.items()
        }
    return found


def true_rates(shop: Shop, truth: Truth, histories: Interactions) -> tuple[np.ndarray, np.ndarray]:
    """`Truth.purchase_rate` and `Truth.affinity` of the shoppers and items of histories, each (U, I)."""
    known = pq.read_table(shop.folder / "raw" / "events.parquet", columns=["user_id"])["user_id"]
    user = np.unique(Vocabulary(pa.array(truth.user_ids)).codes(known))
    user = user[user >= 0]  # rows of the histories -> of the truth, both in the order of their ids
    item = Vocabulary(pa.array(truth.item_ids)).codes(histories.items.ids)
    return (
        np.array([truth.purchase_rate(int(one))[item] for one in user]),
        np.array([truth.affinity(int(one))[item] for one in user]),
    )


def rows(case: str, found: dict[str, np.ndarray]) -> Iterable[Row]:
    """Each method, then what was to be reached."""
    mean = {name: float(value.mean()) for name, value in found.items()}
    metric = f"share of the best NDCG@{K}"
    for name, value in found.items():
        yield Row(f"{case}: {name}", f"{metric} ± {_error(value):.4f}", mean[name])
    for name in ALONE:
        lead = found[FUSED] - found[name]
        words = f"{name}; lead {lead.mean():+.4f} ± {_error(lead):.4f}"
        ratio = mean[FUSED] / mean[name]
        yield Row(f"{case}: {FUSED}", metric, mean[FUSED], mean[name], words, ratio, GOAL, ratio > 1)
    gain, lost = mean[FUSED] - mean[BAR], mean[FUSED] - mean[HOLES]
    goal = f"less than {MOST_LOST:g} of the gain"
    met = lost < MOST_LOST * gain
    words = "the gain of fused over popularity"
    yield Row(f"{case}: {HOLES}", f"loss of NDCG@{K}", lost, gain, words, lost / gain, goal, met)


def _error(value: np.ndarray) -> float:
    """The standard error of the mean of (U,)."""
    return float(value.std(ddof=1) / np.sqrt(len(value)))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        shops = [one_shop(Path(folder) / f"shop{seed}", seed) for seed in SEEDS]
    every: list[Row] = []
    for noise, case in zip(NOISES, ("clear pictures", "blurred pictures"), strict=True):
        together = {name: np.concatenate([one[noise][name] for one in shops]) for name in shops[0][noise]}
        every += rows(case, together)
    record("new_items", PROTOCOL, every)


if __name__ == "__main__":
    main()
