"""What should this shopper see?"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from merx.answers.answer import Answer, Context
from merx.config import ShopConfig
from merx.data.interactions import Interactions
from merx.data.vocabulary import Vocabulary
from merx.errors import RequestError
from merx.explain.recommendation import Reason, reasons
from merx.recommend.rank import met_before, rank
from merx.store import assemble
from merx.store.engine import Engine

FALLBACK = "popularity"


@dataclass(frozen=True)
class RecommendQuestion:
    """What was asked.

    Parameters
    ----------
    user : str
        The shopper's id.
    weights : dict of event name -> weight
        What each event of the history counts.
    model : str
        Kind of the recommender.
    k : int
    exclude : str
        What is not shown again: "met", "bought" or "nothing".
    in_stock_only : bool
    category : str or None
        Only items of this category or below it.
    """

    user: str
    weights: dict[str, float]
    model: str
    k: int
    exclude: str
    in_stock_only: bool
    category: str | None = None

    @classmethod
    def of(cls, config: ShopConfig, user: str) -> "RecommendQuestion":
        """What the shop's settings ask for one shopper."""
        settings = config.recommend
        return cls(
            user=user,
            weights=config.events.weights,
            model=settings.model,
            k=settings.k,
            exclude=settings.exclude,
            in_stock_only=settings.in_stock_only,
        )


def recommend(context: Context, question: RecommendQuestion) -> Answer:
    """The best k items for one shopper, each with its reasons.

    What the model leaves empty, all of it for a shopper without a history, is filled up with what is
    popular, and the answer says so.

    Raises
    ------
    RequestError
        The category does not exist, or k is below 1.
    """
    if question.k < 1:
        raise RequestError(f"k = {question.k}: a list needs at least 1 item.")
    if not question.user.strip():
        raise RequestError("the shopper's id is empty.")
    products = context.engine.query("products")
    history = assemble.history(context.engine, question.user, question.weights)
    gone = _out_of_stock(context.engine, products) if question.in_stock_only else set()
    places: list[Place] = []
    for kind in dict.fromkeys((question.model, FALLBACK)):  # each once, in this order
        if len(places) < question.k:
            places += _places(context, kind, question, history, products, gone, places)
    title, category = _column(products, "title"), _column(products, "category")
    rows = [
        {
            "rank": number,
            "item_id": place.item_id,
            "title": title.get(place.item_id),
            "category": category.get(place.item_id),
            "score": place.score,
            "model": place.kind,
            "reasons": [
                {"item_id": why.item_id, "title": title.get(why.item_id), "share": round(why.share, 4)}
                for why in place.reasons
            ],
        }
        for number, place in enumerate(places, start=1)
    ]
    content = {"user_id": question.user, "model": question.model, "history": len(history), "rows": rows}
    rules = _rules(question, places, gone)
    return Answer(content, tuple(_sentence(row) for row in rows), (*rules, *context.notes))


@dataclass(frozen=True)
class Place:
    """One place of a list, and the kind of model that filled it."""

    item_id: str
    score: float
    kind: str
    reasons: tuple[Reason, ...]


def _places(
    context: Context,
    kind: str,
    question: RecommendQuestion,
    history: Interactions,
    products: pa.Table,
    gone: set[str],
    taken: list[Place],
) -> list[Place]:
    """What one kind of model puts on the places that are left."""
    model = context.model(kind, "recommend")
    known = history.recode(model.items)
    candidates = np.ones(len(model.items), dtype=bool)
    if question.category is not None:
        candidates &= _in_category(products, model.items, question.category)
    barred = model.items.codes(sorted(gone | {place.item_id for place in taken}))
    candidates[barred[barred >= 0]] = False
    left = question.k - len(taken)
    ranking = rank(model, known, left, exclude=met_before(known, question.exclude), candidates=candidates)
    item = ranking.item[0][ranking.item[0] >= 0]
    return [
        Place(name, float(score), kind, because)
        for name, score, because in zip(
            model.items.names(item).to_pylist(),
            ranking.score[0][: len(item)],
            reasons(model, known, item),
            strict=True,
        )
    ]


def _rules(question: RecommendQuestion, places: list[Place], gone: set[str]) -> tuple[str, ...]:
    rules = []
    if question.category is not None:
        rules.append(f"only category {question.category}")
    if gone:
        rules.append(f"in stock only: {len(gone):,} products left out")
    if question.exclude != "nothing":
        rules.append(f"not what the shopper {question.exclude} before")
    filled = sum(place.kind == FALLBACK for place in places)
    if filled and question.model != FALLBACK:
        rules.append(f"filled up with what is popular: {filled} of {len(places)} places")
    return tuple(rules)


def _sentence(row: dict[str, Any]) -> str:
    name = row["title"] or row["item_id"]
    if row["model"] == FALLBACK:
        return f"{name}: popular with all shoppers."
    if not row["reasons"]:
        return f"{name}: fits the shopper's history as a whole."
    because = ", ".join(f"{why['title'] or why['item_id']} ({why['share']:.0%})" for why in row["reasons"])
    return f"{name}: because of {because}."


def _column(products: pa.Table, name: str) -> dict[str, str | None]:
    """One column of the products by item id."""
    return dict(zip(products["item_id"].to_pylist(), products[name].to_pylist(), strict=True))


def _in_category(products: pa.Table, items: Vocabulary, category: str) -> np.ndarray:
    """Whether each item is in the category or below it, bool (I,)."""
    name = products["category"]
    inside = pc.or_(pc.equal(name, category), pc.starts_with(name, f"{category} > "))
    members = products.filter(pc.fill_null(inside, False))["item_id"]
    if not len(members):
        raise RequestError(
            f"no product is in the category {category!r}; check its spelling in the catalogue."
        )
    return np.asarray(pc.is_in(items.ids, members.combine_chunks()).to_numpy(zero_copy_only=False))


def _out_of_stock(engine: Engine, products: pa.Table) -> set[str]:
    """Ids of the products known to be out of stock: by the stock history, else by the catalogue."""
    gone = set(products.filter(pc.equal(products["availability"], "out_of_stock"))["item_id"].to_pylist())
    stock = engine.query("stock")  # sorted by item and time: the last row of an item is its present state
    state = dict(zip(stock["item_id"].to_pylist(), stock["available"].to_pylist(), strict=True))
    return {name for name in gone if name not in state} | {name for name in state if not state[name]}
