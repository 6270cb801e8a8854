"""The shop as one shopper finds it now: its products, and what the shopper did so far and does just now."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from merx.answers.recommend.question import RecommendQuestion
from merx.data.catalogue import Catalogue
from merx.data.interactions import Interactions
from merx.data.schema import DAY, EVENT_CODE
from merx.data.vocabulary import Vocabulary
from merx.errors import RequestError
from merx.recommend.rank import met_before
from merx.recommend.rules import Shelf
from merx.store import assemble
from merx.store.engine import Engine

SECOND = 1_000_000


@dataclass(frozen=True)
class Visit:
    """What a list is made from. I items of the shop.

    Parameters
    ----------
    shelf : Shelf (I,)
    basis : Interactions, a batch of one
        What the models are asked about.
    past : Interactions, a batch of one
        What the shopper did, just now included.
    gone, met, page : bool (I,)
        Out of stock; not to be shown again; on the page already.
    new : bool (I,)
        Nobody met the item before the last `new_days` days; all False where new items have no share.
    bought_days : int64 (I,)
        On how many days the shopper bought the item.
    friends_bought : int64 (I,)
        How many of those whom the shopper follows bought it; 0 in sensitive categories.
    """

    shelf: Shelf
    basis: Interactions
    past: Interactions
    gone: np.ndarray
    met: np.ndarray
    page: np.ndarray
    new: np.ndarray
    bought_days: np.ndarray
    friends_bought: np.ndarray

    @property
    def items(self) -> Vocabulary:
        """All items of the shop, (I,)."""
        return self.shelf.catalogue.items


def visit(engine: Engine, question: RecommendQuestion) -> Visit:
    """Read what the question needs to know. Raises RequestError where it names an unknown item."""
    items = assemble.items(engine)
    for what, ids in (
        ("items of the page", question.page),
        ("recent items", question.recent),
        ("items to leave out", question.without),
    ):
        _check_known(what, ids, items)
    products = engine.query("products")
    priced = question.objective == "profit" or any(rule.reads_prices for rule in question.rules)
    catalogue = assemble.catalogue(engine) if priced else assemble.described(products, items)
    latest = engine.query("latest")["time"].cast(pa.int64())[0].as_py() or 0
    past = _nothing() if question.user is None else assemble.history(engine, question.user, question.weights)
    friends, friends_bought = _friends(engine, question, catalogue)
    now = max(latest, int(past.time.max(initial=0)))
    viewed, carted = (
        max(question.weights.get(name, 0.0), 0.0) or 1.0 for name in ("view_item", "add_to_cart")
    )
    past = _then(past, question.recent, "view_item", viewed, now)
    if question.about == "item" and question.item is not None:
        basis = _then(_nothing(), (question.item,), "view_item", viewed, now)
    elif question.about == "cart":
        basis = _then(_nothing(), question.cart, "add_to_cart", carted, now)
    elif question.about == "purchases":
        basis = past.keep(np.isin(past.event, [EVENT_CODE["purchase"], EVENT_CODE["refund"]]))
    else:
        basis = past if friends is None else _beside(past, friends)
    known = met_before(past, question.exclude)
    bought = past.keep(past.event == EVENT_CODE["purchase"])
    item = codes(bought.items.ids, items)[bought.item]
    bought_ago = np.full(len(items), np.inf)
    np.minimum.at(bought_ago, item, (now - bought.time) / DAY)
    visits = np.unique(np.stack([item, bought.time // DAY]), axis=1)
    nothing = np.zeros(len(items), dtype=bool)
    return Visit(
        shelf=Shelf(catalogue, bought_ago),
        basis=basis,
        past=past,
        gone=_gone(engine, products, items) if question.in_stock_only else nothing,
        met=_among([] if known is None else known.items.ids.take(pa.array(np.unique(known.item))), items),
        page=_among(question.page, items),
        new=~assemble.met_by(engine, latest - question.new_days * DAY, items)
        if question.new_share
        else nothing,
        bought_days=np.bincount(visits[0].astype(np.int64), minlength=len(items)),
        friends_bought=friends_bought,
    )


def _friends(
    engine: Engine, question: RecommendQuestion, catalogue: Catalogue
) -> tuple[Interactions | None, np.ndarray]:
    """What those whom the shopper follows did, and how many of them bought each item, int64 (I,).

    Nothing of it is in a sensitive category.
    """
    items = catalogue.items
    nobody = np.zeros(len(items), np.int64)
    if question.user is None or not question.friends:
        return None, nobody
    found, friend = assemble.friends(engine, question.user, question.weights, question.relations)
    if not len(found):
        return None, nobody
    code = codes(found.items.ids, items)[found.item]
    told = ~Shelf(catalogue, np.full(len(items), np.inf)).in_category(question.sensitive)[code]
    bought = np.isin(found.event, [EVENT_CODE["purchase"], EVENT_CODE["refund"]]) & told
    pairs, place = np.unique(np.stack([friend[bought], code[bought]]), axis=1, return_inverse=True)
    kept = np.bincount(place, found.weight[bought], minlength=pairs.shape[1]) > 0
    return found.keep(told), np.bincount(pairs[1][kept], minlength=len(items))


def _beside(past: Interactions, friends: Interactions) -> Interactions:
    """A history with that of friends, in the codes of the items of both."""
    items = Vocabulary.of([*past.items.ids.to_pylist(), *friends.items.ids.to_pylist()])
    return replace(past.recode(items), friends=friends.recode(items))


def codes(ids: Sequence[str] | pa.Array, items: Vocabulary) -> np.ndarray:
    """Codes int64 (n,) of ids in a large vocabulary that is used once; -1 where unknown."""
    if not len(ids):
        return np.empty(0, np.int64)
    given = ids if isinstance(ids, pa.Array) else pa.array(ids, pa.string())
    found = pc.fill_null(pc.index_in(given, items.ids), -1)
    return np.asarray(found.to_numpy(zero_copy_only=False)).astype(np.int64)


def _among(ids: Sequence[str] | pa.Array, items: Vocabulary) -> np.ndarray:
    """Whether each item is one of these ids, bool (I,)."""
    found = np.zeros(len(items), dtype=bool)
    code = codes(ids, items)
    found[code[code >= 0]] = True
    return found


def _check_known(what: str, ids: tuple[str, ...], items: Vocabulary) -> None:
    unknown = [name for name, code in zip(ids, codes(ids, items), strict=True) if code < 0]
    if unknown:
        raise RequestError(
            f"{len(unknown)} of {len(ids)} {what} are unknown to the shop: "
            f"{', '.join(map(repr, unknown[:3]))}; neither an event nor the catalogue names them."
        )


def _nothing() -> Interactions:
    none = np.empty(0)
    return Interactions(
        offsets=np.zeros(2, np.int64),
        item=none.astype(np.int32),
        weight=none.astype(np.float32),
        time=none.astype(np.int64),
        event=none.astype(np.int8),
        items=Vocabulary.of([]),
    )


def _then(past: Interactions, ids: tuple[str, ...], event: str, weight: float, after: int) -> Interactions:
    """A history of one shopper followed by events on these items, a second apart."""
    if not ids:
        return past
    items = Vocabulary.of([*past.items.ids.to_pylist(), *ids])
    past = past.recode(items)
    n = len(ids)
    quantity = past.quantity
    return replace(
        past,
        offsets=past.offsets + np.array([0, n]),
        item=np.concatenate([past.item, items.codes(ids)]),
        weight=np.concatenate([past.weight, np.full(n, weight, np.float32)]),
        time=np.concatenate([past.time, after + SECOND * np.arange(1, n + 1)]),
        event=np.concatenate([past.event, np.full(n, EVENT_CODE[event], np.int8)]),
        quantity=None if quantity is None else np.concatenate([quantity, np.full(n, np.nan, np.float32)]),
    )


def _gone(engine: Engine, products: pa.Table, items: Vocabulary) -> np.ndarray:
    """Known to be out of stock, bool (I,): by the stock history, else by the catalogue."""
    gone = products.filter(pc.equal(products["availability"], "out_of_stock"))["item_id"]
    found = _among(gone.combine_chunks(), items)
    stock = engine.query("stock")  # sorted by item and time: the last row of an item is its present state
    code = codes(stock["item_id"].combine_chunks(), items)
    found[code[code >= 0]] = ~stock["available"].to_numpy()[code >= 0]
    return found
