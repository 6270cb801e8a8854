"""What a report says of friends: whether they move each other, by kind of relation."""

from __future__ import annotations

from dataclasses import dataclass

from merx.report.values import NAN


@dataclass(frozen=True)
class Tie:
    """One kind of relation: its `ties`, and the purchases that followed a friend's beside those expected.

    `share` of all purchases is owed to friends, from `low` to `high`; NaN where too few tell.
    """

    kind: str
    ties: int
    followed: int
    expected: float
    share: float = NAN
    low: float = NAN
    high: float = NAN


@dataclass(frozen=True)
class Friends:
    """Every kind of relation, the finding in a sentence, and what the shop's setting makes of it.

    `beside` compares with shoppers who are alike; it is empty where too few are.
    """

    ties: tuple[Tie, ...]
    sentence: str
    rule: str
    beside: str = ""
    days: int = 28
    decision_id: str = ""
