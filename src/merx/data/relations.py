"""Who follows whom among the shoppers, and what those they follow did."""

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from merx.data.interactions import Interactions

NEVER = np.iinfo(np.int64).min  # of a tie without a date: it was there before anything happened


@dataclass(frozen=True)
class Ties:
    """R relations between U shoppers, one by one, each with its kind and its date.

    Parameters
    ----------
    user, other : int32 (R,)
        Codes of who is tied to whom; never oneself.
    weight : float64 (R,), above 0
    since : int64 (R,)
        Microseconds since 1970, UTC; NEVER where not known.
    kind : int32 (R,)
        Place in `kinds`.
    kinds : tuple of str
    """

    user: np.ndarray
    other: np.ndarray
    weight: np.ndarray
    since: np.ndarray
    kind: np.ndarray
    kinds: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.user)

    def keep(self, which: np.ndarray) -> "Ties":
        """Only those where a mask (R,) is true; or those at some places, in that order."""
        return replace(
            self,
            **{name: getattr(self, name)[which] for name in ("user", "other", "weight", "since", "kind")},
        )

    def relations(self, n_users: int) -> "Relations":
        """All together, by pair."""
        return Relations.of(n_users, self.user, self.other, self.weight, self.kinds)


@dataclass(frozen=True)
class Relations:
    """Relations between U shoppers, in the row order of their histories.

    Parameters
    ----------
    follows : float32 CSR (U, U), above 0, without a diagonal
        Entry (u, v): how strongly u is tied to v.
    kinds : tuple of str
        The kinds of relation that are in it.
    """

    follows: sparse.csr_array
    kinds: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        n_users: int,
        user: np.ndarray,
        other: np.ndarray,
        weight: np.ndarray,
        kinds: tuple[str, ...] = (),
    ) -> "Relations":
        """Of R pairs of codes. Equal pairs add up; oneself, and weights of 0 or below, do not count."""
        counts = (user != other) & (weight > 0)
        follows = sparse.csr_array(
            (weight[counts].astype(np.float32), (user[counts], other[counts])), shape=(n_users, n_users)
        )
        follows.sum_duplicates()
        return cls(follows, kinds)

    @property
    def shares(self) -> sparse.csr_array:
        """Each friend's part of what all friends of a shopper say, float32 CSR (U, U); rows sum to 1 or 0."""
        total = self.follows.sum(axis=1, dtype=np.float64)
        part = self.follows.data / np.repeat(total, np.diff(self.follows.indptr))
        return sparse.csr_array(
            (part.astype(np.float32), self.follows.indices, self.follows.indptr), shape=self.follows.shape
        )

    def give(self, histories: Interactions, users: np.ndarray) -> Interactions:
        """The histories of the users (n,), in that order, with those of their friends as `friends`.

        Parameters
        ----------
        histories : Interactions (U users)
        """
        shares = self.shares[users]
        friend, owner = shares.indices, np.repeat(np.arange(len(users)), np.diff(shares.indptr))
        length = np.diff(histories.offsets)[friend]
        first = np.cumsum(length) - length
        entry = np.arange(length.sum()) + np.repeat(histories.offsets[friend] - first, length)
        owner, share = np.repeat(owner, length), np.repeat(shares.data, length)
        order = np.lexsort((histories.item[entry], histories.time[entry], owner))
        entry, share = entry[order], share[order]
        count = np.bincount(owner, minlength=len(users))
        theirs = replace(
            histories,
            offsets=np.concatenate([[0], np.cumsum(count)]).astype(np.int64),
            item=histories.item[entry],
            weight=histories.weight[entry] * share,
            time=histories.time[entry],
            event=histories.event[entry],
            quantity=None if histories.quantity is None else histories.quantity[entry],
            friends=None,
        )
        return replace(histories.take(users), friends=theirs)
