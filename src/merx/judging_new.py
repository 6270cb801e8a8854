"""How well products that nobody has met find their shoppers, and what each sort of data brings to that.

A tenth of the products, the same ones every time, is taken out of the histories as if it had come today. The
lists hold these alone, and what shoppers took of them is what a good list would have held.
"""

from collections.abc import Iterator
from itertools import combinations

import numpy as np
from scipy import sparse

from merx.config import ShopConfig
from merx.data.catalogue import Catalogue
from merx.data.contracts import Recommender
from merx.data.features import ItemFeatures
from merx.data.interactions import Interactions
from merx.data.schema import EVENT_CODE
from merx.errors import DataError
from merx.evaluate.ranking import RankingScores, score_ranking
from merx.evaluate.split import held_back
from merx.evaluate.verdict import compare
from merx.fitting import Inputs, config_of
from merx.judged import Score
from merx.recommend.popularity import FittedPopularity, Popularity
from merx.recommend.rank import rank
from merx.registry import kind

JUDGED = "fusion"  # the kind whose settings hold
BAR = "popular categories"
TASK = "new_products"


def new_products(inputs: Inputs, config: ShopConfig) -> tuple[list[Score], str]:
    """The ablation: every modality alone, pairs, all, each one missing, against what sells in the category.

    Raises DataError where no product has features, or too few products or shoppers can be judged.
    """
    histories: Interactions = inputs.of("histories")
    features: ItemFeatures = inputs.of("features")
    if not features.names:
        raise DataError("no product has a text, a picture or attributes; ingest a catalogue.")
    held = held_back(histories.items)
    train = histories.keep(~held[histories.item])
    targets, users = _targets(histories, held, train, config)
    told, k = train.take(users), config.evaluate.k

    def score(model: Recommender) -> RankingScores:
        return score_ranking(rank(model, told, k + 1, candidates=held), targets, told, k)

    fusion = config_of(kind(JUDGED), config)
    collaborative = fusion.als.fit(train)
    results = {BAR: score(popular_categories(train, inputs.of("catalogue"), held))}
    for name, names in ablation(features.names):
        results[name] = score(fusion.join(collaborative, train, features.only(names)))
    verdicts = {entry.model: entry for entry in compare(results, BAR)}
    scores = []
    for name, result in results.items():
        verdict = verdicts.get(name)
        metrics = {f"{metric}@{k}": result.mean(metric) for metric in ("ndcg", "recall", "hit_rate")}
        sentence = verdict.sentence if verdict else "The bar for the others."
        scores.append(Score(TASK, name, metrics, verdict.beats if verdict else None, sentence))
    return scores, (
        f"{held.sum():,} products, the same tenth every time, taken out of the histories as if nobody had "
        f"met them; lists of these alone for {len(users):,} shoppers who took any. Fusion ({fusion.how}) "
        "of what shoppers take with the features named."
    )


def ablation(names: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What is tried, in words, and the modalities: each alone, pairs, all, and all but each."""
    every = len(names)
    for size in sorted({size for size in (1, 2, every - 1, every) if 0 < size <= every}):
        for some in combinations(names, size):
            yield (" + ".join(some) if size < every or every < 2 else "all features"), some


def popular_categories(train: Interactions, catalogue: Catalogue, new: np.ndarray) -> FittedPopularity:
    """What sells, where of a new product that is the mean over its category; without one, over all."""
    popularity = Popularity().fit(train).popularity.astype(np.float64)  # (I,)
    code = catalogue.category.fill_null("").dictionary_encode().indices.to_numpy()
    sold = np.bincount(code[~new], popularity[~new], code.max() + 1)
    count = np.bincount(code[~new], minlength=code.max() + 1)
    mean = np.where(count > 0, sold / np.maximum(count, 1), popularity[~new].mean())
    return FittedPopularity(train.items, np.where(new, mean[code], popularity).astype(np.float32))


def _targets(
    histories: Interactions, held: np.ndarray, train: Interactions, config: ShopConfig
) -> tuple[sparse.csr_array, np.ndarray]:
    """What the shoppers judged took of the products held back, bool CSR (U', I), and their rows (U',)."""
    bought = histories.keep(held[histories.item] & (histories.event == EVENT_CODE["purchase"]))
    taken = (bought if len(bought) else histories.keep(held[histories.item])).seen()
    users = np.flatnonzero((np.diff(taken.indptr) > 0) & (np.diff(train.offsets) > 0))
    if not len(users):
        raise DataError("no shopper with a history took one of the products that are held back as new.")
    most = config.evaluate.users
    if most and len(users) > most:
        users = np.sort(np.random.default_rng(0).choice(users, most, replace=False))
    return taken[users], users
