"""Session neighbours: what visitors met who had just met the same.

V-SkNN with the index of Kersbergen, Sprangers & Schelter, "Serenade: low-latency session-based recommendation
in e-commerce at scale", SIGMOD 2022 (VMIS-kNN), and the three decays of Garg, Gupta, Malhotra, Vig & Shroff,
"Sequence and time aware neighborhood for session-based recommendations", SIGIR 2019 (STAN).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from merx.data.interactions import Interactions
from merx.data.results import Contributions
from merx.data.schema import DAY
from merx.data.vocabulary import Vocabulary
from merx.kernels.sessions import SessionIndex, parts, scores
from merx.tunable import between

MINUTE = 60_000_000  # in the unit of times
FAINT = 1e-3  # of the weight of the last item: what weighs less is not looked up


@dataclass(frozen=True)
class SessionKNN:
    """The sessions that share the latest items of a history, and what was met near those in them.

    Parameters
    ----------
    neighbours : int
        Sessions that speak, the most similar ones.
    recent : int
        Sessions of each item that are looked at, the newest ones.
    decay : float
        Steps back in a history after which an item counts 1/e. Items met at one moment share a step.
    pause : float
        Steps that a pause counts for, so that what was met in earlier sessions counts less.
    gap : float
        Minutes between two events that make a pause.
    distance : float
        Steps between two items of a session over which one speaks 1/e for the other.
    damping : float
        Power of its number of items that a session's weight is divided by, so that long sessions, which share
        an item with everybody, count less: 0 for the inner product, 0.5 for the cosine.
    half_life : float
        Days after which a session counts half, measured back from the newest.
    """

    neighbours: int = between(200, 20, 2000, log=True)
    recent: int = 500
    decay: float = between(2.0, 0.5, 20.0, log=True)
    pause: float = between(4.0, 0.0, 20.0)
    gap: float = 30.0
    distance: float = between(3.0, 0.5, 20.0, log=True)
    damping: float = between(0.25, 0.0, 1.0)
    half_life: float = between(90.0, 7.0, 730.0, log=True)

    def fit(self, sessions: Interactions) -> "FittedSessionKNN":
        """Index the sessions, of which each row is one; those of a single item say nothing about another."""
        offsets, item, position, _ = last_meetings(sessions)
        row = np.flatnonzero(np.diff(offsets) > 1)
        ended = sessions.time[sessions.offsets[row + 1] - 1]
        newest = np.argsort(-ended, kind="stable")
        row, ended = row[newest], ended[newest]  # (S,)
        length = np.diff(offsets)[row]
        starts = np.concatenate([[0], np.cumsum(length)]).astype(np.int64)  # (S + 1,)
        place = np.arange(starts[-1]) + np.repeat(offsets[row] - starts[:-1], length)  # (N,)
        item = item[place]
        met = np.bincount(item, minlength=sessions.n_items)  # (I,) sessions of each item
        by_item = np.argsort(item, kind="stable")  # (N,) and of one item the newest session first
        rank = np.arange(len(by_item)) - np.repeat(np.cumsum(met) - met, met)
        entry = by_item[rank < self.recent]  # (M,)
        age = (ended.max(initial=0) - ended) / DAY  # (S,)
        return FittedSessionKNN(
            items=sessions.items,
            offsets=starts,
            item=item,
            position=position[place],
            word=(0.5 ** (age / self.half_life) / length**self.damping).astype(np.float32),
            rarity=np.log1p(len(row) / np.maximum(met, 1)).astype(np.float32),
            heads=np.concatenate([[0], np.cumsum(np.minimum(met, self.recent))]).astype(np.int64),
            session=np.repeat(np.arange(len(row), dtype=np.int32), length)[entry],
            entry=entry,
            settings=self,
        )


@dataclass(frozen=True)
class FittedSessionKNN:
    """S sessions of N distinct items, newest session first; see `merx.kernels.sessions.SessionIndex`.

    Parameters
    ----------
    items : Vocabulary (I,)
    offsets : int64 (S + 1,)
    item, position : int32 (N,)
    word : float32 (S,)
    rarity : float32 (I,)
        Logarithm of 1 + sessions over sessions with the item.
    heads : int64 (I + 1,)
    session : int32 (M,)
    entry : int64 (M,)
    settings : SessionKNN
    """

    items: Vocabulary
    offsets: np.ndarray
    item: np.ndarray
    position: np.ndarray
    word: np.ndarray
    rarity: np.ndarray
    heads: np.ndarray
    session: np.ndarray
    entry: np.ndarray
    settings: SessionKNN

    def score(self, histories: Interactions) -> np.ndarray:
        """Scores float32 (U, I): of what the nearest sessions hold, by its nearness to the shared items."""
        offsets, item, weight = self._weigh(histories)
        return scores(self._index, self.rarity, offsets, item, weight, self.settings.neighbours, self._fade)

    def explain(self, histories: Interactions, item: np.ndarray) -> Contributions:
        """The terms of that sum by the item of the history that they rest on: part (k, n)."""
        _, history, weight = self._weigh(histories)
        part = parts(
            self._index, self.rarity, history, weight, self.settings.neighbours, self._fade, np.asarray(item)
        )
        return Contributions(part, history)

    @cached_property
    def _index(self) -> SessionIndex:
        return SessionIndex(
            self.offsets, self.item, self.position, self.word, self.heads, self.session, self.entry
        )

    @property
    def _fade(self) -> float:
        """What is left of a word after one step within a session."""
        return float(np.exp(-1 / self.settings.distance))

    def _weigh(self, histories: Interactions) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """How much each distinct item of the histories counts: offsets (U + 1,), item (n,), weight (n,)."""
        offsets, item, position, entry = last_meetings(histories)
        paused = np.diff(histories.time, prepend=histories.time[:1]) > self.settings.gap * MINUTE
        pauses = np.cumsum(paused)[entry]  # (n,) pauses before, of this history and of those above it
        steps = position + self.settings.pause * pauses
        last = np.repeat(offsets[1:] - 1, np.diff(offsets))  # (n,) the place of the history's last item
        weight = np.exp((steps - steps[last]) / self.settings.decay).astype(np.float32)
        kept = np.concatenate([[0], np.cumsum(weight >= FAINT)]).astype(np.int64)
        return kept[offsets], item[weight >= FAINT], weight[weight >= FAINT]


def last_meetings(histories: Interactions) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The distinct items of each history in the order in which they were last met, ragged.

    Items whose weights sum to 0 or less are left out, as in `Interactions.matrix`.

    Returns
    -------
    offsets : int64 (U + 1,)
    item : int32 (n,)
    position : int32 (n,)
        Of the moment of the last meeting, counted from 0; items met at one moment have the same.
    entry : int64 (n,)
        That meeting's place in `histories`.
    """
    user = histories.user
    key = user.astype(np.int64) * histories.n_items + histories.item
    order = np.argsort(key, kind="stable")  # an item's meetings side by side, oldest first
    last = np.diff(key[order], append=-1) != 0
    group = np.cumsum(last) - last
    total = np.bincount(group, histories.weight[order])
    entry = np.sort(order[last][total > 0])  # (n,)
    user, time = user[entry], histories.time[entry]
    length = np.bincount(user, minlength=histories.n_users)
    offsets = np.concatenate([[0], np.cumsum(length)]).astype(np.int64)
    first = np.diff(user, prepend=-1) != 0
    moment = np.cumsum((np.diff(time, prepend=0) != 0) | first)  # counted through all histories
    position = moment - np.repeat(moment[first], length[length > 0])
    return offsets, histories.item[entry], position.astype(np.int32), entry
