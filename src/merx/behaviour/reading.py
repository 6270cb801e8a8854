"""From histories to the rows of a network: what is said of each event, and what it is to foretell."""

from dataclasses import dataclass

import numpy as np

from merx.behaviour.batches import Rows, canonical
from merx.behaviour.heads import LEAVE
from merx.data.catalogue import Catalogue
from merx.data.interactions import Interactions
from merx.data.schema import EVENT_CODE, EVENTS

SECOND = 1_000_000  # in the unit of times
GAPS = 32  # codes of pauses: 0 before the first event, then powers of two of a second
BANDS = 16  # of prices
QUANTITIES = 12  # codes of quantities: 0 where not known, then powers of two
SIDES = {"event": len(EVENTS), "gap": GAPS, "quantity": QUANTITIES}
PURCHASE = EVENT_CODE["purchase"]


def counted(histories: Interactions) -> Interactions:
    """The entries that a network reads: refunds are left out."""
    return histories.keep(histories.weight > 0)


def gap_code(pause: np.ndarray) -> np.ndarray:
    """Code of pauses in microseconds, int64 of the same shape."""
    code = 1 + np.log2(1 + np.maximum(pause, 0) / SECOND).astype(np.int64)
    return np.asarray(np.minimum(code, GAPS - 1))


def gaps(histories: Interactions) -> np.ndarray:
    """Code of the pause before each entry, int64 (N,)."""
    code = gap_code(np.diff(histories.time, prepend=0))
    code[histories.offsets[:-1][np.diff(histories.offsets) > 0]] = 0
    return code


def quantity_code(units: np.ndarray) -> np.ndarray:
    """Code of quantities, int64 of the same shape."""
    code = 1 + np.log2(np.maximum(np.nan_to_num(units, nan=1), 1)).astype(np.int64)
    return np.where(np.isnan(units), 0, np.minimum(code, QUANTITIES - 1))


def sides_of(histories: Interactions) -> dict[str, np.ndarray]:
    """The codes of SIDES of each entry, int64 (N,)."""
    units = histories.quantity
    return {
        "event": histories.event.astype(np.int64),
        "gap": gaps(histories),
        "quantity": np.zeros(len(histories), np.int64) if units is None else quantity_code(units),
    }


def attributes_of(catalogue: Catalogue) -> dict[str, np.ndarray]:
    """Codes of each attribute of the items, int64 (I,); 0 is for what is not known.

    category : the text as it stands.
    price : bands of equal numbers of products.
    """
    text = catalogue.category.to_pylist()
    names = sorted({name for name in text if name is not None})
    place = {name: code for code, name in enumerate(names, 1)}
    category = np.array([place.get(name, 0) for name in text], np.int64)
    price = catalogue.price
    there = ~np.isnan(price)
    shares = np.linspace(0, 1, BANDS + 1)[1:-1]
    edges = np.unique(np.quantile(price[there], shares)) if there.any() else np.empty(0)
    band = np.where(there, 1 + np.searchsorted(edges, price), 0)
    return {"category": category, "price": band.astype(np.int64)}


@dataclass(frozen=True)
class Read:
    """Rows to learn from.

    Parameters
    ----------
    rows : Rows
        Their items as places in `met`.
    late : dict of bool (N,)
        Of each label, whether it is among the newest, by which training is stopped.
    met : int64 (J,)
        Codes of the items that someone met.
    times : int64 (J,)
        How often each was.
    """

    rows: Rows
    late: dict[str, np.ndarray]
    met: np.ndarray
    times: np.ndarray


def read(sessions: Interactions, heads: tuple[str, ...], inputs: tuple[str, ...], share: float) -> Read:
    """Rows in an order of their own, with the labels of those heads.

    Parameters
    ----------
    share : float
        Of the labels, the newest are late; where times only count events, the last of each row are.
    """
    kept = counted(sessions)
    met, item, times = np.unique(kept.item, return_inverse=True, return_counts=True)
    quantity = [] if kept.quantity is None else [quantity_code(kept.quantity)]
    order = canonical(kept.offsets, [item, kept.event, kept.time, *quantity])
    order = order[np.diff(kept.offsets)[order] > 0]
    kept = kept.take(order)
    item = np.searchsorted(met, kept.item).astype(np.int64)
    last = np.zeros(len(kept), bool)
    last[kept.offsets[1:] - 1] = True
    every = _labels(kept, item, last)
    late = _late(kept, last, share)
    read = set(inputs) - ({"quantity"} if kept.quantity is None else set())
    sides = {name: side for name, side in sides_of(kept).items() if name in read}
    rows = Rows(kept.offsets, item, sides, {name: every[name] for name in heads})
    return Read(
        rows, {name: late["purchase" if name == "purchase" else "next"] for name in heads}, met, times
    )


def _labels(kept: Interactions, item: np.ndarray, last: np.ndarray) -> dict[str, np.ndarray]:
    seconds = np.maximum(np.diff(kept.time, append=0), 0) / SECOND
    bought = np.cumsum(kept.event == PURCHASE)
    later = np.repeat(bought[kept.offsets[1:] - 1], np.diff(kept.offsets)) - bought
    return {
        "item": np.where(last, -1, np.roll(item, -1)),
        "event": np.where(last, LEAVE, np.roll(kept.event, -1)).astype(np.int64),
        "gap": np.where(last, np.nan, np.log1p(seconds)).astype(np.float32),
        "purchase": (later > 0).astype(np.int64),
    }


def _late(kept: Interactions, last: np.ndarray, share: float) -> dict[str, np.ndarray]:
    """Whether what follows each entry, and what its row ends in, are among the newest."""
    length = np.diff(kept.offsets)
    place = np.arange(len(kept)) - np.repeat(kept.offsets[:-1], length)
    final = np.repeat(kept.time[kept.offsets[1:] - 1], length)
    if not len(kept) or np.array_equal(kept.time, place):  # no clock: the last step of each row
        before_last = np.roll(last, -1) | last
        return {"next": before_last, "purchase": before_last}
    cut = np.quantile(kept.time, 1 - share)
    return {"next": np.where(last, kept.time, np.roll(kept.time, -1)) > cut, "purchase": final > cut}
