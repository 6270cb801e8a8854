"""From tables to histories. Nothing below this knows which engine ran."""

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from merx.data.activity import COUNTS, Activity
from merx.data.catalogue import Catalogue
from merx.data.customers import Customers, customers_of
from merx.data.interactions import Interactions
from merx.data.relations import NEVER, Ties
from merx.data.schema import DAY, EVENTS, TIME
from merx.data.vocabulary import Vocabulary
from merx.errors import DataError
from merx.store.engine import Engine


def interactions(engine: Engine, weights: Mapping[str, float]) -> tuple[Interactions, Vocabulary]:
    """The histories of all known shoppers, and the vocabulary of the shoppers, in the same order.

    Their items are all that an event or the catalogue names, so that models share one vocabulary.

    Raises
    ------
    DataError
        No event has both a shopper and an item.
    """
    table = engine.query("histories")
    if not table.num_rows:
        raise DataError("no event names both a shopper (user_id) and a product (item_id); ingest some.")
    users, _, offsets = _users(table)
    return _ragged(table, offsets, items(engine), weights), users


def sessions(engine: Engine, weights: Mapping[str, float]) -> Interactions:
    """The visits to the shop, those of anonymous visitors too: one row each, of the same items.

    Raises
    ------
    DataError
        No event of a product belongs to a visit.
    """
    table = engine.query("sessions")
    if not table.num_rows:
        raise DataError(
            "no event of a product (item_id) names a session_id, a user_id or a transaction_id; ingest some."
        )
    keys = [table["visit"].to_numpy()]
    for name in ("user_id", "session_id"):
        codes = table[name].combine_chunks().dictionary_encode().indices
        keys.append(pc.fill_null(codes, -1).to_numpy())
    changes = np.any([np.diff(key) != 0 for key in keys], axis=0)  # the rows come sorted by the three
    offsets = np.concatenate([[0], np.flatnonzero(changes) + 1, [table.num_rows]]).astype(np.int64)
    return _ragged(table, offsets, items(engine), weights)


def customers(engine: Engine, until: int) -> Customers:
    """Everyone known who bought and kept something before a moment (microseconds since 1970, UTC).

    The last day seen is the one of the microsecond before.

    Raises
    ------
    DataError
        There is no such customer.
    """
    table = engine.query("purchase_days", until=str(np.datetime64(until, "us")))
    if not table.num_rows:
        raise DataError("no purchase names a shopper (user_id) and a product (item_id); ingest orders.")
    users, code, _ = _users(table)
    return customers_of(
        users,
        code,
        table["day"].cast(pa.int32()).to_numpy(),
        table["value"].to_numpy(),
        (until - 1) // DAY,
    )


def activity(engine: Engine, until: int) -> Activity:
    """What every known shopper did on which day, before a moment (microseconds since 1970, UTC).

    Raises
    ------
    DataError
        No event names a shopper.
    """
    table = engine.query("activity", until=str(np.datetime64(until, "us")))
    if not table.num_rows:
        raise DataError("no event names a shopper (user_id); ingest some.")
    users, _, offsets = _users(table)
    day = table["day"].cast(pa.int32()).to_numpy().astype(np.int64)
    return Activity(
        users,
        offsets,
        day,
        np.column_stack([table[name].to_numpy() for name in COUNTS]),
        table["revenue"].to_numpy(),
        int(day.min()),
        (until - 1) // DAY + 1,
    )


def end(engine: Engine) -> int:
    """The moment after the latest event, microseconds since 1970."""
    latest = engine.query("latest")["time"].cast(pa.int64())[0].as_py()
    return 1 + (latest or 0)


def items(engine: Engine) -> Vocabulary:
    """Every item that an event or the catalogue names."""
    return Vocabulary(engine.query("items")["item_id"].combine_chunks())


def catalogue(engine: Engine, until: int | None = None) -> Catalogue:
    """What is known of each of the `items`; a price or cost that the catalogue lacks is the last one seen.

    Parameters
    ----------
    until : int, optional
        Prices are seen before this moment only (microseconds since 1970, UTC).
    """
    found = described(engine.query("products"), items(engine))
    seen = engine.query("prices")  # sorted by item and time
    if until is not None:
        seen = seen.filter(pc.less(seen["time"], pa.scalar(until, TIME)))
    price, cost = (_last(seen, name, found.items) for name in ("price", "cost"))
    return replace(
        found,
        price=np.where(np.isnan(found.price), price, found.price),
        cost=np.where(np.isnan(found.cost), cost, found.cost),
    )


def met_by(engine: Engine, until: int, items: Vocabulary) -> np.ndarray:
    """Whether anyone met each item before a moment (microseconds since 1970, UTC), bool (I,)."""
    first = engine.query("first_met")
    early = first.filter(pc.less(first["time"], pa.scalar(until, TIME)))["item_id"].combine_chunks()
    return np.asarray(pc.is_in(items.ids, early).to_numpy(zero_copy_only=False))


def _last(seen: pa.Table, name: str, items: Vocabulary) -> np.ndarray:
    """The value in the last row of each item that has one, float64 (I,), NaN where there is none."""
    known = seen.filter(pc.is_valid(seen[name]))
    item = pc.index_in(known["item_id"], items.ids).to_numpy()
    last = np.full(len(items), np.nan)
    last[item] = known[name].to_numpy()  # of the rows of an item the last one stays
    return last


def described(products: pa.Table, found: Vocabulary) -> Catalogue:
    """What the rows of the query `products` say of each of these items."""
    place = pc.index_in(found.ids, products["item_id"].combine_chunks())  # (I,), null: not in the catalogue
    rows = products.take(place).combine_chunks()

    def number(name: str) -> np.ndarray:
        return np.asarray(pc.fill_null(rows[name], np.nan).to_numpy())

    price = np.where(np.isnan(number("sale_price")), number("price"), number("sale_price"))
    text = {name: rows[name].combine_chunks() for name in ("title", "description", "brand", "category")}
    return Catalogue(found, **text, price=price, cost=number("cost_of_goods_sold"))


def history(engine: Engine, user_id: str, weights: Mapping[str, float]) -> Interactions:
    """The history of one shopper as a batch of one, in a vocabulary of its own: `recode` it for a model."""
    table = engine.query("history", user=user_id)
    own = Vocabulary.of(table["item_id"].to_pylist())
    return _ragged(table, np.array([0, table.num_rows], np.int64), own, weights)


def ties(engine: Engine, shoppers: Vocabulary, kinds: Collection[str] = (), until: int | None = None) -> Ties:
    """The relations between the shoppers (U,), one by one.

    Parameters
    ----------
    kinds : names of kinds of relation
        Only these; none named: all.
    until : int, optional
        Only what began before this moment (microseconds since 1970, UTC), or has no date.

    Raises
    ------
    DataError
        No two of the shoppers are related.
    """
    table = _of_kinds(engine.query("relations"), kinds)
    since = pc.fill_null(table["time"].cast(pa.int64()), NEVER).to_numpy()
    user, other = (shoppers.codes(table[name]) for name in ("user_id", "other_user_id"))
    known = (user >= 0) & (other >= 0)
    if until is not None:
        known &= since < until
    if not known.any():
        raise DataError("no relation ties two shoppers with events; ingest relations.")
    names = table["kind"].combine_chunks().dictionary_encode()
    return Ties(
        user,
        other,
        table["weight"].to_numpy(),
        since,
        names.indices.to_numpy(),
        tuple(names.dictionary.to_pylist()),
    ).keep(known)


def friends(
    engine: Engine, user_id: str, weights: Mapping[str, float], kinds: Collection[str] = ()
) -> tuple[Interactions, np.ndarray]:
    """What those whom a shopper is tied to did, as `Interactions.friends` of a batch of one.

    Returns
    -------
    Interactions, in a vocabulary of its own
    int64 (N,)
        Which friend each entry is of, by a number that means nothing outside this answer.
    """
    tied = _of_kinds(engine.query("friends", user=user_id), kinds)
    table = engine.query("friend_histories", user=user_id)
    who = Vocabulary.of(tied["user_id"].to_pylist())
    strength = np.bincount(who.codes(tied["user_id"]), tied["weight"].to_numpy(), minlength=len(who))
    friend = who.codes(table["user_id"])
    table, friend = table.filter(pa.array(friend >= 0)), friend[friend >= 0].astype(np.int64)
    active = np.bincount(friend, minlength=len(who)) > 0
    own = Vocabulary.of(table["item_id"].to_pylist())
    found = _ragged(table, np.array([0, table.num_rows], np.int64), own, weights)
    counts = _counts(table, weights)
    share = strength / max(strength[active].sum(), np.finfo(float).tiny)
    friend = friend[counts]
    return replace(found, weight=(found.weight * share[friend]).astype(np.float32)), friend


def _of_kinds(table: pa.Table, kinds: Collection[str]) -> pa.Table:
    return table.filter(pc.is_in(table["kind"], pa.array(kinds, pa.string()))) if kinds else table


def _users(table: pa.Table) -> tuple[Vocabulary, np.ndarray, np.ndarray]:
    """The shoppers (U,) of rows that come sorted by user_id, the code of each row, and offsets (U + 1,)."""
    user = table["user_id"].combine_chunks().dictionary_encode()
    code = user.indices.to_numpy()
    count = np.bincount(code, minlength=len(user.dictionary))
    return Vocabulary(user.dictionary), code, np.concatenate([[0], np.cumsum(count)]).astype(np.int64)


def _ragged(
    table: pa.Table, offsets: np.ndarray, items: Vocabulary, weights: Mapping[str, float]
) -> Interactions:
    event, weight = _worth(table, weights)
    found = Interactions(
        offsets=offsets,
        item=pc.index_in(table["item_id"], items.ids).to_numpy().astype(np.int32),
        weight=weight,
        time=table["time"].to_numpy().astype("datetime64[us]").astype(np.int64),
        event=event,
        items=items,
        quantity=pc.fill_null(table["quantity"], np.nan).to_numpy().astype(np.float32),
    )
    return found.keep(_counts(table, weights))


def _counts(table: pa.Table, weights: Mapping[str, float]) -> np.ndarray:
    """Which rows say something, bool (N,): not what weighs nothing; but no stars are a rating."""
    event, weight = _worth(table, weights)
    rated = event == EVENTS.index("rate")
    return np.asarray((weight != 0) | rated & (weights.get("rate", 0.0) > 0))


def _worth(table: pa.Table, weights: Mapping[str, float]) -> tuple[np.ndarray, np.ndarray]:
    """The code of each event, int8 (N,), and what it weighs, float32 (N,)."""
    event = pc.index_in(table["event"], pa.array(EVENTS)).to_numpy().astype(np.int8)
    worth = np.array([weights.get(name, 0.0) for name in EVENTS], np.float32)
    rated = event == EVENTS.index("rate")
    stars = np.where(rated, pc.fill_null(table["value"], 0.0).to_numpy(zero_copy_only=False), 1.0)
    return event, (worth[event] * stars).astype(np.float32)
