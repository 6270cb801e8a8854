"""One method on one simulated shop, in a process of its own: `_scale.py METHOD INTERACTIONS FOLDER`.

What it took goes to METHOD-INTERACTIONS.json in the folder; the method "simulate" makes the shop instead.
"""

# ruff: noqa: E402 (the number of threads is set before NumPy is imported)
import os
import sys

METHOD = sys.argv[1] if len(sys.argv) > 1 else ""
PEERS = {"implicit_als": "als", "implicit_cosine": "item_knn"}
os.environ["MERX_THREADS"] = os.environ["OMP_NUM_THREADS"] = "2"
os.environ["OPENBLAS_NUM_THREADS"] = "1" if METHOD in PEERS else "2"  # as implicit's documentation advises

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pyarrow as pa
from scipy import sparse

from _process import peak
from merx.data.interactions import Interactions
from merx.data.schema import DAY
from merx.data.vocabulary import Vocabulary
from merx.recommend.als import ALS
from merx.recommend.ease import EASE
from merx.recommend.graph_filter import GraphFilter
from merx.recommend.item_knn import ItemKNN
from merx.recommend.nmf import NMF
from merx.recommend.popularity import Popularity
from merx.recommend.rank import rank
from merx.recommend.rp3beta import RP3Beta
from merx.recommend.session_knn import SessionKNN
from merx.recommend.user_knn import UserKNN

K, NEIGHBOURS, FACTORS, EPOCHS, ASKED = 20, 100, 128, 5, 10_000
CONFIDENCE, HELD = 40.0, 10.0  # implicit's alpha and regularization; a pair not observed has 1 there
METHODS: dict[str, Any] = {
    "popularity": Popularity(),
    "item_knn": ItemKNN(neighbours=NEIGHBOURS, weighting="log", shrinkage=0.0, normalise=0.0),
    "rp3beta": RP3Beta(),
    "ease": EASE(),
    "session_knn": SessionKNN(),
    "user_knn": UserKNN(),
    # implicit's loss divided by the surplus of an observed pair; both solvers go towards the solution
    # (conjugate gradients there, blocks here)
    "als": ALS(
        factors=FACTORS,
        alpha=1 / (CONFIDENCE - 1),
        regularization=HELD / (CONFIDENCE - 1),
        nu=0.0,
        epochs=EPOCHS,
        block=32,
    ),
    "nmf": NMF(epochs=EPOCHS),
    "graph_filter": GraphFilter(),
}


def simulate(n: int, seed: int = 0) -> tuple[Interactions, np.ndarray]:
    """A shop of n distinct pairs, n / 10 users and n / 50 items, and an item more for each user asked.

    How much a user meets follows a power law, as does how often an item of a theme is met. A user has three
    themes of about 200 items; one meeting in five is of any theme.
    """
    rng = np.random.default_rng(seed)
    users, items = n // 10, n // 50
    themes = max(1, items // 200)
    start = np.linspace(0, items, themes + 1).astype(np.int64)  # a theme's items side by side
    popularity = (rng.permutation(items) + 10.0) ** -0.9
    until = np.concatenate([[0], np.cumsum(popularity)])  # (I + 1,)
    activity = np.cumsum(1 + rng.pareto(1.8, users))
    draws = n + n // 3
    user = np.searchsorted(activity, rng.random(draws) * activity[-1]).astype(np.int32)
    # theme 0 is as much as four times as frequent as the last: themes are more or less popular, too
    own = np.floor(themes * rng.random((users, 3)) ** 1.5).astype(np.int32)
    theme = own[user, rng.integers(3, size=draws)]
    low, high = until[start[theme]], until[start[theme + 1]]
    anywhere = rng.random(draws) < 0.2
    low[anywhere], high[anywhere] = 0, until[-1]
    item = np.searchsorted(until, low + rng.random(draws) * (high - low), side="right") - 1
    pair = np.unique(user * np.int64(items) + np.minimum(item, items - 1))
    pair = np.sort(rng.permutation(pair)[:n])
    user = pair // items
    length = np.bincount(user, minlength=users)
    order = np.lexsort((rng.random(len(pair)), user))  # within a user in any order
    item = (pair % items)[order].astype(np.int32)
    # the last item of each user asked, of two or more, is held out
    last = np.cumsum(length) - 1
    asked = np.arange(min(users, ASKED))
    held = asked[length[asked] > 1]
    wanted = np.full(len(asked), -1, np.int32)
    wanted[held] = item[last[held]]
    everything = Interactions(
        offsets=np.concatenate([[0], np.cumsum(length)]).astype(np.int64),
        item=item,
        weight=np.ones(len(item), np.float32),
        time=np.sort(rng.integers(0, 365 * DAY, len(item))),
        event=np.zeros(len(item), np.int8),
        items=Vocabulary(pa.array(np.arange(items)).cast(pa.string())),
    )
    kept = np.ones(len(item), bool)
    kept[last[held]] = False
    return everything.keep(kept), wanted


def save(shop: Interactions, wanted: np.ndarray, path: Path) -> None:
    """As an npz of plain arrays."""
    arrays = {name: getattr(shop, name) for name in ("offsets", "item", "weight", "time", "event")}
    np.savez(path, ids=np.arange(shop.n_items), wanted=wanted, **arrays)


def load(path: Path) -> tuple[Interactions, np.ndarray]:
    """What `save` wrote."""
    with np.load(path) as arrays:
        items = Vocabulary(pa.array(arrays["ids"]).cast(pa.string()))
        fields = {name: arrays[name] for name in ("offsets", "item", "weight", "time", "event")}
        return Interactions(**fields, items=items), arrays["wanted"]


def ours(config: Any, shop: Interactions) -> tuple[Callable[[], Any], Callable[[Any], np.ndarray]]:
    """How to fit it, and how to rank for the users asked: item int32 (ASKED, K)."""
    asked = shop.take(np.arange(min(shop.n_users, ASKED)))
    return lambda: config.fit(shop), lambda model: rank(model, asked, K, exclude=asked).item


def theirs(name: str, shop: Interactions) -> tuple[Callable[[], Any], Callable[[Any], np.ndarray]]:
    """The same for implicit; its matrices are made before the clock starts."""
    from implicit.cpu.als import AlternatingLeastSquares
    from implicit.nearest_neighbours import CosineRecommender

    met = sparse.csr_matrix(shop.matrix())
    asked = np.arange(min(shop.n_users, ASKED))
    histories = met[asked]

    def fit() -> Any:
        model = (
            AlternatingLeastSquares(
                FACTORS,
                regularization=HELD,
                alpha=CONFIDENCE,
                iterations=EPOCHS,
                num_threads=2,
                random_state=0,
            )
            if name == "implicit_als"
            else CosineRecommender(K=NEIGHBOURS + 1, num_threads=2)  # an item is among its own
        )
        model.fit(met, show_progress=False)
        return model

    return fit, lambda model: model.recommend(asked, histories, N=K)[0]


def work_of(name: str, shop: Interactions) -> tuple[Callable[[], Any], Callable[[Any], np.ndarray]]:
    """The same for any method."""
    return theirs(name, shop) if name in PEERS else ours(METHODS[name], shop)


def main() -> None:
    n, folder = int(sys.argv[2]), Path(sys.argv[3])
    path = folder / f"{n}.npz"
    if METHOD == "simulate":
        save(*simulate(n), path)
        return
    small, _ = simulate(5_000)  # everything compiled before the clock starts
    for name in {METHOD, PEERS.get(METHOD, METHOD)}:
        fit, lists = work_of(name, small)
        lists(fit())
    if METHOD == "ease":
        ours(replace(METHODS["ease"], exact_items=0), small)[0]()
    shop, wanted = load(path)
    loaded = peak()
    fit, lists = work_of(METHOD, shop)
    start = perf_counter()
    model = fit()
    fitted = perf_counter()
    most = peak()
    before = perf_counter()
    item = lists(model)
    ranked = perf_counter()
    recall = float((item == wanted[:, None]).any(axis=1)[wanted >= 0].mean())
    took = {
        "fit": fitted - start,
        "rank": ranked - before,
        "loaded": loaded,
        "peak_fit": most,
        "peak": peak(),
        "recall": recall,
    }
    (folder / f"{METHOD}-{n}.json").write_text(json.dumps(took))
    sys.stdout.write(f"{METHOD} {n} {took}\n")


if __name__ == "__main__":
    main()
