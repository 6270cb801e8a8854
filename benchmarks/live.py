"""One shopper, live: a list of 20 products with reasons, out of 100,000, by every kind of recommender."""

# ruff: noqa: E402 (the number of threads is set before NumPy is imported)
import os

for name in ("MERX_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ[name] = "1"

import sys
from dataclasses import replace
from time import perf_counter

import numpy as np
import pyarrow as pa

from _record import Row, record
from merx import registry
from merx.data.catalogue import Catalogue
from merx.data.contracts import Recommender
from merx.data.interactions import Interactions, history
from merx.data.schema import DAY, EVENT_CODE
from merx.data.vocabulary import Vocabulary
from merx.errors import MerxError
from merx.explain.recommendation import strongest
from merx.recommend.rank import hear

ITEMS, USERS, EVENTS, TASTES = 100_000, 40_000, 25, 1_000
REQUESTS, HISTORY, K = 1_000, 20, 20
FAST = ("item_knn", "als")  # the default kinds, which have a stricter goal


def shop(rng: np.random.Generator, items: Vocabulary, users: int, events: int) -> Interactions:
    """Shoppers of three tastes each, who meet the products of a taste by a power law of popularity."""
    share = 1 / (10 + np.arange(ITEMS // TASTES))
    taste = rng.integers(TASTES, size=(users, 3))[
        np.arange(users)[:, None], rng.integers(3, size=(users, events))
    ]
    place = rng.choice(ITEMS // TASTES, size=(users, events), p=share / share.sum())
    n = users * events
    return Interactions(
        offsets=np.arange(users + 1, dtype=np.int64) * events,
        item=(taste * (ITEMS // TASTES) + place).ravel().astype(np.int32),
        weight=np.ones(n, np.float32),
        time=np.sort(rng.integers(365 * DAY, size=(users, events)), axis=1).ravel(),
        event=np.full(n, EVENT_CODE["purchase"], np.int8),
        items=items,
    )


def catalogue(rng: np.random.Generator, items: Vocabulary) -> Catalogue:
    """Titles of a word of the product's taste and two others; a brand, a category and a price each."""
    taste = np.arange(ITEMS) // (ITEMS // TASTES)
    words = rng.integers(5_000, size=(ITEMS, 2))
    return Catalogue(
        items=items,
        title=pa.array([f"taste{t} word{a} word{b}" for t, (a, b) in zip(taste, words, strict=True)]),
        description=pa.array([None] * ITEMS, pa.string()),
        brand=pa.array([f"brand{b}" for b in rng.integers(500, size=ITEMS)]),
        category=pa.array([f"part{t // 50} > taste{t}" for t in taste]),
        price=np.exp(rng.normal(3, 1, ITEMS)),
        cost=np.full(ITEMS, np.nan),
    )


def visits(histories: Interactions) -> Interactions:
    """Each history cut into pieces of five events, as visits or baskets are short."""
    return replace(histories, offsets=np.arange(0, len(histories) + 1, 5))


def requests(histories: Interactions) -> list[list[str]]:
    """The distinct ids of the first products of shoppers that no model was fitted on."""
    names = histories.items.ids.to_pylist()
    edges = zip(histories.offsets[:-1], histories.offsets[1:], strict=True)
    return [[names[code] for code in dict.fromkeys(histories.item[a:b].tolist())][:HISTORY] for a, b in edges]


def answer(name: str, model: Recommender, ids: list[str]) -> int:
    """What a server does for one request; gives how many products it lists."""
    stars = [1 + place % 5 for place in range(len(ids))] if name.startswith("rating_") else None
    one = history(ids, model.items, weight=stars, event=["rate"] * len(ids) if stars else None)
    heard = hear(model, one)
    item = heard.top(K, None if name == "buy_again" else one, None)[0][0]
    return len(strongest(heard.explain(item[item >= 0]), model.items))


def main() -> None:
    rng = np.random.default_rng(0)
    items = Vocabulary.of(f"i{code:06d}" for code in range(ITEMS))
    histories = shop(rng, items, USERS, EVENTS)
    rated = replace(
        histories,
        weight=rng.integers(1, 6, len(histories)).astype(np.float32),
        event=np.full(len(histories), EVENT_CODE["rate"], np.int8),
    )
    short = visits(histories)
    inputs = {"histories": histories, "catalogue": catalogue(rng, items)}
    inputs |= dict.fromkeys(("sessions", "baskets", "views"), short)
    asked = requests(shop(rng, items, REQUESTS, 2 * HISTORY))
    rows = []
    for kind in registry.kinds_for("recommend"):
        if sys.argv[1:] and kind.name not in sys.argv[1:]:
            continue
        given = inputs | ({"histories": rated} if kind.name.startswith("rating_") else {})
        try:
            model = kind.load()[0]().fit(*[given[name] for name in kind.reads])
        except (KeyError, MerxError, MemoryError) as error:
            rows.append(Row(f"{kind.name}: not fitted: {error}", "p99 ms", float("nan")))
            continue
        for ids in asked[:20]:
            answer(kind.name, model, ids)
        seconds, shown = [], []
        for ids in asked:
            start = perf_counter()
            shown.append(answer(kind.name, model, ids))
            seconds.append(perf_counter() - start)
        p50, p99 = np.percentile(seconds, [50, 99]) * 1e3
        limit = 1 if kind.name in FAST else 5
        case = f"{kind.name}, {np.mean(shown):.1f} products listed"
        rows.append(Row(case, "p50 ms", float(p50)))
        rows.append(Row(case, "p99 ms", float(p99), goal=f"below {limit} ms", met=bool(p99 < limit)))
    record(
        "live",
        f"{REQUESTS:,} shoppers whom no model was fitted on, one after the other: from a history of "
        f"{HISTORY} product ids to at most {K} products with their reasons, what the shopper has left out, "
        f"of {ITEMS:,} products. One thread, one process, no network. A simulated shop of {USERS:,} "
        f"shoppers with {EVENTS} events each and {TASTES:,} tastes; settings as shipped.",
        rows,
    )


if __name__ == "__main__":
    main()
