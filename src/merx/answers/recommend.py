"""What should this shopper see?"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from merx.answers.answer import Answer, Context
from merx.config import ShopConfig
from merx.data.vocabulary import Vocabulary
from merx.errors import RequestError
from merx.explain.recommendation import reasons
from merx.recommend.rank import rank
from merx.store import assemble
from merx.store.engine import Engine

FALLBACK = "popularity"


@dataclass(frozen=True)
class RecommendQuestion:
    """Parameters
    ----------
    user : str
        The shopper's id.
    weights : dict of event name -> weight
        What each event of the history counts.
    model : str
        Kind of the recommender.
    k : int
    exclude_seen, in_stock_only : bool
    category : str or None
        Only items of this category or below it.
    """

    user: str
    weights: dict[str, float]
    model: str
    k: int
    exclude_seen: bool
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
            exclude_seen=settings.exclude_seen,
            in_stock_only=settings.in_stock_only,
        )


def recommend(context: Context, question: RecommendQuestion) -> Answer:
    """The best k items for one shopper, each with its reasons.

    A shopper without a usable history gets what is popular, and the answer says so.

    Raises
    ------
    RequestError
        The category does not exist, or k is below 1.
    """
    if question.k < 1:
        raise RequestError(f"k = {question.k}: a list needs at least 1 item.")
    kind = question.model
    model = context.model(kind)
    history = assemble.history(context.engine, question.user, model.items, question.weights)
    rules = []
    if not history.matrix().nnz:
        kind, model = FALLBACK, context.model(FALLBACK)
        history = history.recode(model.items)
        rules.append("no usable history: what is popular")
    products = context.engine.query("products")
    candidates = np.ones(len(model.items), dtype=bool)
    if question.category is not None:
        candidates &= _in_category(products, model.items, question.category)
        rules.append(f"only category {question.category}")
    if question.in_stock_only:
        gone = _out_of_stock(context.engine, products, model.items)
        candidates &= ~gone
        if gone.any():
            rules.append(f"in stock only: {int(gone.sum())} products left out")
    if question.exclude_seen:
        rules.append("not what the shopper met before")
    ranking = rank(model, history, question.k, exclude_seen=question.exclude_seen, candidates=candidates)
    item = ranking.item[0][ranking.item[0] >= 0]
    title, category = _column(products, "title"), _column(products, "category")
    entries = [
        {
            "rank": place + 1,
            "item_id": name,
            "title": title.get(name),
            "category": category.get(name),
            "score": float(score),
            "reasons": [
                {"item_id": why.item_id, "title": title.get(why.item_id), "share": round(why.share, 4)}
                for why in because
            ],
        }
        for place, (name, score, because) in enumerate(
            zip(
                model.items.names(item).to_pylist(),
                ranking.score[0],
                reasons(model, history, item),
                strict=False,
            )
        )
    ]
    content = {"user_id": question.user, "model": kind, "rows": entries, "history": len(history)}
    return Answer(content, tuple(_sentence(entry) for entry in entries), tuple(rules))


def _sentence(entry: dict[str, Any]) -> str:
    name = entry["title"] or entry["item_id"]
    if not entry["reasons"]:
        return f"{name}: popular with all shoppers."
    because = ", ".join(f"{why['title'] or why['item_id']} ({why['share']:.0%})" for why in entry["reasons"])
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


def _out_of_stock(engine: Engine, products: pa.Table, items: Vocabulary) -> np.ndarray:
    """Whether each item is known to be out of stock, bool (I,): by the stock history, else the catalogue."""
    gone = set(products.filter(pc.equal(products["availability"], "out_of_stock"))["item_id"].to_pylist())
    stock = engine.query("stock")  # sorted by item and time: the last row of an item is its present state
    state = dict(zip(stock["item_id"].to_pylist(), stock["available"].to_pylist(), strict=True))
    gone = {name for name in gone if state.get(name) is not True}
    gone |= {name for name, available in state.items() if not available}
    found = np.zeros(len(items), dtype=bool)
    code = items.codes(sorted(gone))
    found[code[code >= 0]] = True
    return found
