"""Rules that tie products together, as linear bounds on the points chosen."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Coupling:
    """R rules of the form: the sum over items of weight[item, point chosen] is at most a bound.

    A band is two rules, a lower bound one with its signs turned.

    Parameters
    ----------
    name : tuple of R str
        In words.
    bound : float64 (R,)
    row : int64 (N,)
        The rule of each entry.
    item : int64 (N,), ascending
        The item of each entry; one entry at most for each rule and item.
    weight : float64 (N, G)
        What each point of the item uses of the rule.
    """

    name: tuple[str, ...]
    bound: np.ndarray
    row: np.ndarray
    item: np.ndarray
    weight: np.ndarray

    @classmethod
    def of(cls, rules: Sequence[tuple[str, np.ndarray, np.ndarray, float]], points: int) -> "Coupling":
        """From (name, items (n,), weight (n, G), bound) of each rule."""
        empty: tuple[np.ndarray, np.ndarray] = np.empty(0, np.int64), np.empty((0, points))
        item = np.concatenate([empty[0], *[np.asarray(entry[1], np.int64) for entry in rules]])
        weight = np.concatenate([empty[1], *[entry[2] for entry in rules]])
        row = np.repeat(np.arange(len(rules)), [len(entry[1]) for entry in rules])
        order = np.argsort(item, kind="stable")
        return cls(
            name=tuple(entry[0] for entry in rules),
            bound=np.array([entry[3] for entry in rules], dtype=np.float64),
            row=row[order].astype(np.int64),
            item=item[order],
            weight=np.ascontiguousarray(weight[order]),
        )

    @property
    def n_rules(self) -> int:
        """R."""
        return len(self.name)

    def usage(self, place: np.ndarray) -> np.ndarray:
        """What the points (I,) use of each rule, (R,)."""
        used = self.weight[np.arange(len(self.item)), place[self.item]]
        total: np.ndarray = np.bincount(self.row, used, self.n_rules)
        return total

    def only(self, kept: np.ndarray) -> "Coupling":
        """The rules for which `kept`, bool (R,), is true."""
        entries = kept[self.row]
        return Coupling(
            name=tuple(name for name, keep in zip(self.name, kept, strict=True) if keep),
            bound=self.bound[kept],
            row=(np.cumsum(kept) - 1)[self.row[entries]],
            item=self.item[entries],
            weight=self.weight[entries],
        )

    @property
    def scale(self) -> np.ndarray:
        """The largest difference that one item can make to each rule, (R,); 1 where none makes any."""
        most = np.zeros(self.n_rules)
        if len(self.weight):
            np.maximum.at(most, self.row, self.weight.max(axis=1) - self.weight.min(axis=1))
        return np.where(most > 0, most, 1.0)

    def scaled(self) -> "Coupling":
        """The same rules, each in units of its `scale`."""
        scale = self.scale
        return Coupling(
            self.name, self.bound / scale, self.row, self.item, self.weight / scale[self.row][:, None]
        )
