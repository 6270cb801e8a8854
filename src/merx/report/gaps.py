"""What a report says of gaps in the catalogue: what is missing, and what most likely belongs there."""

from __future__ import annotations

from dataclasses import dataclass

from merx.report.values import NAN


@dataclass(frozen=True)
class Gap:
    """One column: its gaps, those with a proposal, and how good proposals are on products that have a value.

    `right` is the share of proposals that would be right; NaN where none would be made.
    """

    column: str
    known: int
    missing: int
    proposed: int
    accuracy: float = NAN
    balanced: float = NAN
    calibration: float = NAN
    right: float = NAN
    refused: str = ""


@dataclass(frozen=True)
class Proposal:
    """What most likely is missing of one product, with its probability and what spoke for it."""

    title: str
    column: str
    value: str
    probability: float
    because: str


@dataclass(frozen=True)
class Gaps:
    """Every column with gaps, and a few proposals; they are made from the probability `least` on."""

    columns: tuple[Gap, ...]
    examples: tuple[Proposal, ...]
    least: float

    @property
    def sentence(self) -> str:
        """How much is missing, and how much of that could be filled."""
        told = []
        for one in self.columns:
            word = one.column if one.missing == 1 else PLURALS.get(one.column, one.column)
            told.append(f"{one.missing:,} {word} {'is' if one.missing == 1 else 'are'} missing")
            if one.proposed:
                sure = f", {one.right:.0%} of such right" if one.right == one.right else ""
                told[-1] += f" ({one.proposed:,} can be proposed{sure})"
            elif one.refused:
                told[-1] += " (none can be proposed)"
        text = ", ".join(told)
        return f"{text[0].upper()}{text[1:]}."


PLURALS = {"category": "categories", "brand": "brands"}
