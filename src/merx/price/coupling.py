"""Rules that tie products together, as linear bounds on the points chosen."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np


class Row(NamedTuple):
    """One rule: the sum over `item` (n,) of weight[i, point chosen], of (n, G), is at most `bound`.

    `kind` is the setting that it comes from, `name` the rule in words.
    """

    kind: str
    name: str
    item: np.ndarray
    weight: np.ndarray
    bound: float


@dataclass(frozen=True)
class Coupling:
    """R rules of the form: the sum over items of weight[item, point chosen] is at most a bound.

    A band is two rules, a lower bound one with its signs turned.

    Parameters
    ----------
    kind, name : tuples of R str
        The setting that a rule comes from, and the rule in words.
    bound : float64 (R,)
    row : int64 (N,)
        The rule of each entry.
    item : int64 (N,), ascending
        The item of each entry; one entry at most for each rule and item.
    weight : float64 (N, G)
        What each point of the item uses of the rule.
    """

    kind: tuple[str, ...]
    name: tuple[str, ...]
    bound: np.ndarray
    row: np.ndarray
    item: np.ndarray
    weight: np.ndarray

    @classmethod
    def of(cls, rows: Sequence[Row], points: int) -> "Coupling":
        """Of these rules, where each item has G = `points`."""
        item = np.concatenate([np.empty(0, np.int64), *[np.asarray(rule.item, np.int64) for rule in rows]])
        weight = np.concatenate([np.empty((0, points)), *[rule.weight for rule in rows]])
        row = np.repeat(np.arange(len(rows)), [len(rule.item) for rule in rows])
        order = np.argsort(item, kind="stable")
        return cls(
            kind=tuple(rule.kind for rule in rows),
            name=tuple(rule.name for rule in rows),
            bound=np.array([rule.bound for rule in rows], dtype=np.float64),
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
            kind=tuple(kind for kind, keep in zip(self.kind, kept, strict=True) if keep),
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
        weight = self.weight / scale[self.row][:, None]
        return replace(self, bound=self.bound / scale, weight=weight)

    def at(self, point: np.ndarray) -> "Coupling":
        """The same rules where the points of item i are those with the places point[i], int (I, K)."""
        return replace(self, weight=np.take_along_axis(self.weight, point[self.item], axis=1))
