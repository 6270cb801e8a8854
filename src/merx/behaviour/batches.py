"""Rows of events as a network reads them: cut into pieces, packed without padding, in a seeded order.

A packed batch holds the first events of all its pieces, then the second ones, and so on, longest piece first.
At step t the pieces that are still running are thus the first sizes[t] of the batch, and nothing is padded.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np


@dataclass(frozen=True)
class Rows:
    """R rows of N events in all, with what a network is told of each event and what it is to foretell.

    Parameters
    ----------
    offsets : int64 (R + 1,)
        Row r owns the events offsets[r]:offsets[r + 1], oldest first.
    item : int64 (N,)
    sides : dict of int64 (N,)
        Other codes of each event, such as its name or the pause before it.
    labels : dict of (N,)
        What follows each event, by the head that is to say it: int64 codes, -1 where nothing is known, or
        float32, NaN likewise.
    """

    offsets: np.ndarray
    item: np.ndarray
    sides: dict[str, np.ndarray]
    labels: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.item)

    def labelled(self) -> np.ndarray:
        """Whether any label of an event is known, bool (N,)."""
        return np.asarray(np.any([known(label) for label in self.labels.values()], axis=0))


@dataclass(frozen=True)
class Packed:
    """N events of B pieces.

    Parameters
    ----------
    entry : int64 (N,)
        Their places among the events of the rows.
    sizes : int64 (T,)
        How many pieces have an event at step t: falling, of sum N.
    piece : int64 (N,)
        The piece of each, which is its place within its step.
    """

    entry: np.ndarray
    sizes: np.ndarray
    piece: np.ndarray


def known(label: np.ndarray) -> np.ndarray:
    """Whether each label is known, bool (N,)."""
    return label >= 0  # NaN is not


def pack(start: np.ndarray, length: np.ndarray) -> Packed:
    """The pieces of those first events and lengths (B,), each at least 1."""
    order = np.argsort(-length, kind="stable")
    start, length = start[order], length[order]
    running = np.arange(length.max(initial=0))[:, None] < length  # (T, B)
    step, piece = np.nonzero(running)
    return Packed(start[piece] + step, running.sum(axis=1), piece)


def reordered(packed: Packed, share: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The entries whose items are read, int64 (N,): of that share of the pieces in another order.

    And those whose items come next (N,), -1 at the end of a piece. So what was met teaches beside when it
    was, and what stood at the end of a history is read as well (Xie et al., Contrastive learning for
    sequential recommendation, ICDE 2022: reorder).
    """
    own = np.argsort(packed.piece, kind="stable")  # piece by piece, oldest first
    piece = packed.piece[own]
    moved = rng.random(packed.sizes.max(initial=0)) < share  # (B,)
    key = np.where(moved[piece], rng.random(len(own)), np.arange(len(own)))  # compared within a piece
    entry = np.empty_like(packed.entry)
    entry[own] = packed.entry[own][np.lexsort((key, piece))]
    follows = np.full(len(own), -1)
    inside = piece[1:] == piece[:-1]
    follows[own[:-1][inside]] = entry[own[1:][inside]]
    return entry, follows


def pieces(rows: Rows, length: int) -> tuple[np.ndarray, np.ndarray]:
    """First event and length (P,) of what the rows are cut into, for training.

    A piece has at most `length` events, as alike as the row allows. Events after the last labelled one of a
    row teach nothing and are left out.
    """
    labelled = np.flatnonzero(rows.labelled())
    row = np.searchsorted(rows.offsets, labelled, side="right") - 1
    last = np.full(len(rows.offsets) - 1, -1)
    last[row] = labelled  # the last of a row stays
    first = rows.offsets[:-1]
    events = np.maximum(last + 1 - first, 0)  # (R,)
    count = -(-events // length)
    row = np.repeat(np.arange(len(count)), count)
    place = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)  # (P,) of the piece in its row
    begin = first[row] + events[row] * place // count[row]
    end = first[row] + events[row] * (place + 1) // count[row]
    return begin, end - begin


def batches(
    start: np.ndarray, length: np.ndarray, events: int, rng: np.random.Generator | None
) -> Iterator[Packed]:
    """All pieces (P,) once, in batches of about that many events; in the order of `rng`, if given."""
    order = np.arange(len(start)) if rng is None else rng.permutation(len(start))
    start, length = start[order], length[order]
    batch = (np.cumsum(length) - length) // events  # (P,)
    edges = np.flatnonzero(np.diff(batch, prepend=-1, append=-1))
    for a, b in pairwise(edges):
        yield pack(start[a:b], length[a:b])


def canonical(offsets: np.ndarray, columns: list[np.ndarray]) -> np.ndarray:
    """An order of the rows (R,) that depends on what they hold alone, not on how they are given.

    Rows are ordered by a hash of their events; `columns` are integers (N,).
    """
    with np.errstate(over="ignore"):
        code = np.zeros(len(columns[0]), np.uint64)
        for column in [*columns, np.arange(len(code)) - np.repeat(offsets[:-1], np.diff(offsets))]:
            code = _mixed(code ^ column.astype(np.uint64))
        total = np.concatenate([[np.uint64(0)], np.cumsum(code)])
        return np.asarray(np.argsort(total[offsets[1:]] - total[offsets[:-1]], kind="stable"))


def _mixed(code: np.ndarray) -> np.ndarray:
    """SplitMix64: Steele, Lea & Flood, Fast splittable pseudorandom number generators, OOPSLA (2014)."""
    code = code + np.uint64(0x9E3779B97F4A7C15)
    code = (code ^ (code >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    code = (code ^ (code >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(code ^ (code >> np.uint64(31)))


@dataclass(frozen=True)
class Negatives:
    """Items drawn to be told from the next one, the same for all events of a batch.

    Parameters
    ----------
    share : float64 (I,)
        How likely each item is to be drawn first; of sum 1.
    log_chance : float32 (I,)
        Logarithm of how likely each is to be among those drawn.
    count : int
        Distinct items to draw, at most I.
    """

    share: np.ndarray
    log_chance: np.ndarray
    count: int

    @classmethod
    def of(cls, met: np.ndarray, popularity: float, count: int) -> "Negatives":
        """From how often each item was met (I,), to that power: 0 draws all alike. A count of 0 is all items.

        The chance to be among K drawn without replacement is taken as that of K drawn with replacement,
        stretched to sum to K.
        """
        share = np.maximum(met, 1).astype(np.float64) ** popularity
        share /= share.sum()
        if not 0 < count < len(met):
            return cls(share, np.zeros(len(met), np.float32), len(met))
        chance = -np.expm1(-count * share)
        return cls(share, np.log(np.minimum(chance * (count / chance.sum()), 1)).astype(np.float32), count)

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """Sorted distinct items int64 (K,).

        The K first in a race of exponential clocks, each as fast as its share, are a sample without
        replacement (Efraimidis & Spirakis, Weighted random sampling with a reservoir, 2006).
        """
        if self.count == len(self.share):
            return np.arange(self.count)
        clock = rng.standard_exponential(len(self.share), np.float32) / self.share
        return np.sort(np.argpartition(clock, self.count)[: self.count])
