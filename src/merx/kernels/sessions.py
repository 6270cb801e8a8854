"""The sessions nearest to the one a shopper is in, and what they hold.

An index like that of VMIS-kNN: for each item the most recent sessions it was met in, newest first, so that a
request costs a few thousand steps however many sessions there are (Kersbergen, Sprangers & Schelter,
"Serenade: low-latency session-based recommendation in e-commerce at scale", SIGMOD 2022, section 4).
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from merx.kernels.heap import push
from merx.kernels.threads import over_rows

CHUNK = 64  # histories that a thread takes at a time


class SessionIndex(NamedTuple):
    """S sessions of N distinct items, newest session first.

    Parameters
    ----------
    offsets : int64 (S + 1,)
        Session s owns the entries offsets[s]:offsets[s + 1], oldest first.
    item : int32 (N,)
    position : int32 (N,)
        Of the moment at which the item was met, counted from 0 within its session.
    word : float32 (S,)
        What a session's word counts for.
    heads : int64 (I + 1,)
        Item i was met in the sessions session[heads[i]:heads[i + 1]], newest first, and no others count.
    session : int32 (M,)
    entry : int64 (M,)
        Where item i is among the entries of that session.
    """

    offsets: np.ndarray
    item: np.ndarray
    position: np.ndarray
    word: np.ndarray
    heads: np.ndarray
    session: np.ndarray
    entry: np.ndarray


def scores(
    index: SessionIndex,
    worth: np.ndarray,
    offsets: np.ndarray,
    item: np.ndarray,
    weight: np.ndarray,
    k: int,
    fade: float,
) -> np.ndarray:
    """Scores float32 (U, I) of histories: -inf where no neighbour holds the item.

    score(i) = worth(i) sum_n word(n) sum_h weight(h) fade^|position of i - position of h|

    over the k neighbours n and the items h of the history that n holds. The neighbours are the sessions of
    the largest word(n) sum_h weight(h); of equal ones the newer.

    Parameters
    ----------
    index : SessionIndex
    worth : float32 (I,), above 0
    offsets : int64 (U + 1,)
        History u has the entries offsets[u]:offsets[u + 1].
    item : int32 (H,)
        Distinct within a history.
    weight : float32 (H,), above 0
    k : int, at least 1
    fade : float
        By one step of a session, from 0 to 1.
    """
    score = np.zeros((len(offsets) - 1, len(worth)), np.float32)
    over_rows(
        len(score),
        CHUNK,
        lambda first, last: _score_rows(index, worth, offsets, item, weight, k, fade, first, last, score),
    )
    return score


@njit(nogil=True, cache=True)
def parts(index, worth, item, weight, k, fade, wanted):
    """What each item (H,) of one history adds to the scores of the items `wanted` (k,): float64 (k, H)."""
    row = np.full(len(worth), -1, np.int32)  # of an item in the answer
    for j in range(len(wanted)):
        row[wanted[j]] = j
    part = np.zeros((len(wanted), len(item)))
    nearest, session, head, link, entry, source = _neighbours(index, item, weight, k)
    for slot in nearest:
        s = session[slot]
        place = head[slot]
        while place >= 0:
            h = source[place]
            at = index.position[entry[place]]
            for other in range(index.offsets[s], index.offsets[s + 1]):
                i = index.item[other]
                if row[i] >= 0:
                    near = fade ** abs(index.position[other] - at)
                    part[row[i], h] += worth[i] * index.word[s] * weight[h] * near
            place = link[place]
    return part


@njit(nogil=True, cache=True)
def _score_rows(index, worth, offsets, item, weight, k, fade, first, last, score):
    for row in range(first, last):
        own = slice(offsets[row], offsets[row + 1])
        nearest, session, head, link, entry, source = _neighbours(index, item[own], weight[own], k)
        longest = 0
        for slot in nearest:
            longest = max(longest, index.position[index.offsets[session[slot] + 1] - 1] + 1)
        near = np.empty(longest)
        for slot in nearest:
            s = session[slot]
            start, end = index.offsets[s], index.offsets[s + 1]
            moments = index.position[end - 1] + 1
            near[:moments] = 0
            place = head[slot]
            while place >= 0:
                near[index.position[entry[place]]] += weight[own][source[place]]
                place = link[place]
            _spread(near, moments, fade)
            for place in range(start, end):
                score[row, index.item[place]] += index.word[s] * near[index.position[place]]
        for i in range(len(worth)):
            score[row, i] = score[row, i] * worth[i] if score[row, i] > 0 else -np.inf


@njit(nogil=True, cache=True)
def _spread(near, moments, fade):
    """near[p] becomes sum_q near[q] fade^|p - q|: what was gathered from the left and from the right."""
    for p in range(1, moments):
        near[p] += fade * near[p - 1]
    # near[p] now holds all from the left; from the right, what p gives to p - 1 is its sum less its left's
    for p in range(moments - 2, -1, -1):
        near[p] += fade * (near[p + 1] - fade * near[p])


@njit(nogil=True, cache=True)
def _neighbours(index, item, weight, k):
    """The nearest sessions to one history.

    Sessions met on the way are counted in an open-addressed table, as large as the number of entries that
    the index holds of the history's items, and each keeps a linked list of its entries.

    Returns
    -------
    nearest : int32 (at most k,)
        Slots of the neighbours.
    session, head : of each slot, the session and its first place in the lists
    link, entry, source : of each place, the next one (-1: none), the entry in the session and the item of
        the history that led there
    """
    total = 0
    for h in range(len(item)):
        total += index.heads[item[h] + 1] - index.heads[item[h]]
    size = 4
    while size < 2 * total:
        size *= 2
    table = np.full(size, -1, np.int32)  # slot of a session
    session = np.empty(total, np.int32)
    similarity = np.empty(total, np.float32)
    head = np.empty(total, np.int32)
    link = np.empty(total, np.int32)
    entry = np.empty(total, np.int64)
    source = np.empty(total, np.int32)
    slots, place = 0, 0
    for h in range(len(item)):
        for posting in range(index.heads[item[h]], index.heads[item[h] + 1]):
            s = index.session[posting]
            cell = _cell(s, size)
            while table[cell] >= 0 and session[table[cell]] != s:
                cell = (cell + 1) & (size - 1)
            slot = table[cell]
            if slot < 0:
                slot = slots
                slots += 1
                table[cell] = slot
                session[slot], similarity[slot], head[slot] = s, 0, -1
            similarity[slot] += weight[h]
            link[place], entry[place], source[place] = head[slot], index.entry[posting], h
            head[slot] = place
            place += 1
    best = np.empty(min(k, slots), np.float32)
    chosen = np.empty(min(k, slots), np.int32)
    filled = 0
    for slot in range(slots):
        s = session[slot]
        filled = push(best, chosen, filled, similarity[slot] * index.word[s], s)
    nearest = np.empty(filled, np.int32)
    for n in range(filled):
        cell = _cell(chosen[n], size)
        while session[table[cell]] != chosen[n]:
            cell = (cell + 1) & (size - 1)
        nearest[n] = table[cell]
    return nearest, session, head, link, entry, source


@njit(nogil=True, cache=True, inline="always")
def _cell(session, size):
    """Where the search for a session begins in a table of 2^b cells (Knuth's multiplicative hash)."""
    return ((np.int64(session) * 2654435769) >> 12) & (size - 1)
