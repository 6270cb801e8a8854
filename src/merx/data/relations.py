"""Who follows whom among the shoppers, and what those they follow did."""

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from merx.data.interactions import Interactions


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
