"""Who did what with which item, when: ragged by user, oldest first."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from merx.data.schema import EVENT_CODE
from merx.data.vocabulary import Vocabulary


@dataclass(frozen=True)
class Interactions:
    """Histories of U users over I items; collaborative filters read it as CSR, networks as sequences.

    A request at serving time is the same type with U = batch.

    Parameters
    ----------
    offsets : int64 (U + 1,)
        User u owns the entries offsets[u]:offsets[u + 1], oldest first.
    item : int32 (N,)
        Codes in `items`.
    weight : float32 (N,)
        Strength of the event (purchase > add_to_cart > view_item; 0 or below for a refund).
    time : int64 (N,)
        Microseconds since 1970, UTC.
    event : int8 (N,)
        Place in `merx.data.schema.EVENTS`.
    items : Vocabulary (I,)
    quantity : float32 (N,), optional
        Units, NaN where not known.
    friends : Interactions (the same U rows and items), optional
        What those whom each user follows did, of all of them together: the weights of each are scaled by its
        share of the ties of the user, so that they are those of a mean friend. None: nothing is known.
    """

    offsets: np.ndarray
    item: np.ndarray
    weight: np.ndarray
    time: np.ndarray
    event: np.ndarray
    items: Vocabulary
    quantity: np.ndarray | None = None
    friends: "Interactions | None" = None

    @property
    def n_users(self) -> int:
        """U."""
        return len(self.offsets) - 1

    @property
    def n_items(self) -> int:
        """I."""
        return len(self.items)

    def __len__(self) -> int:
        return len(self.item)

    @property
    def user(self) -> np.ndarray:
        """The user of every entry, int32 (N,)."""
        return np.repeat(np.arange(self.n_users, dtype=np.int32), np.diff(self.offsets))

    def matrix(self) -> sparse.csr_array:
        """Sum of weights as float32 CSR (U, I): sorted, without duplicates, zeros and negative sums left out.

        A purchase that was refunded in full thus speaks neither for nor against its item.
        """
        matrix = sparse.csr_array(
            (self.weight, self.item, self.offsets), shape=(self.n_users, self.n_items), copy=True
        )
        matrix.sum_duplicates()
        matrix.data[matrix.data <= 0] = 0
        matrix.eliminate_zeros()
        return matrix

    def seen(self) -> sparse.csr_array:
        """True where a user met an item, however it ended: bool CSR (U, I), sorted, no duplicates."""
        matrix = sparse.csr_array(
            (np.ones(len(self), dtype=bool), self.item, self.offsets),
            shape=(self.n_users, self.n_items),
            copy=True,
        )
        matrix.sum_duplicates()
        return matrix

    def keep(self, mask: np.ndarray) -> "Interactions":
        """Only the entries where `mask` (N,) is true; every user stays, perhaps with an empty history.

        What friends did stays as it is.
        """
        kept = np.concatenate([[0], np.cumsum(mask)])
        return replace(
            self,
            offsets=kept[self.offsets].astype(np.int64),
            item=self.item[mask],
            weight=self.weight[mask],
            time=self.time[mask],
            event=self.event[mask],
            quantity=None if self.quantity is None else self.quantity[mask],
        )

    def take(self, users: np.ndarray) -> "Interactions":
        """The histories of the users (n,), in that order."""
        users = np.asarray(users)
        length = np.diff(self.offsets)[users]
        offsets = np.concatenate([[0], np.cumsum(length)]).astype(np.int64)
        # entry j of the result is entry (start of its user + place within its user) here
        entry = np.arange(offsets[-1]) + np.repeat(self.offsets[users] - offsets[:-1], length)
        return replace(
            self,
            offsets=offsets,
            item=self.item[entry],
            weight=self.weight[entry],
            time=self.time[entry],
            event=self.event[entry],
            quantity=None if self.quantity is None else self.quantity[entry],
            friends=None if self.friends is None else self.friends.take(users),
        )

    def recode(self, items: Vocabulary) -> "Interactions":
        """The same histories in the codes of another vocabulary; entries it does not know are left out."""
        if items == self.items:
            return self
        code = items.codes(self.items.ids)[self.item] if len(self) else self.item
        friends = None if self.friends is None else self.friends.recode(items)
        return replace(self, item=code, items=items, friends=friends).keep(code >= 0)


def history(
    item_ids: Sequence[str],
    items: Vocabulary,
    *,
    weight: Sequence[float] | None = None,
    event: Sequence[str] | None = None,
    time: Sequence[int] | None = None,
) -> Interactions:
    """One shopper's history, oldest first, as a batch of one; ids that `items` does not know are left out."""
    code = items.codes(item_ids)
    n = len(code)
    one = Interactions(
        offsets=np.array([0, n], dtype=np.int64),
        item=code,
        weight=np.ones(n, np.float32) if weight is None else np.asarray(weight, np.float32),
        time=np.arange(n, dtype=np.int64) if time is None else np.asarray(time, np.int64),
        event=np.array([EVENT_CODE[name] for name in event or ["purchase"] * n], np.int8),
        items=items,
    )
    return one.keep(code >= 0)
