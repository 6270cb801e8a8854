"""What a report says of the shoppers to come, as plain values; see `merx.report.model`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from merx.report.values import NAN, Floats, one_of, same_length

Figure = Literal["purchase", "churn", "revenue", "predicted"]
FIGURES = ("purchase", "churn", "revenue", "predicted")


@dataclass(frozen=True)
class Segment:
    """Shoppers who belong together, what is suggested for them, and what is expected of them.

    `lately`: they were there in the last weeks, so that their chances are known. `purchase` and `churn` are
    mean chances, `revenue` and `predicted` sums.
    """

    name: str
    action: str
    shoppers: int
    held_out: int
    lately: bool
    purchase: float = NAN
    churn: float = NAN
    revenue: float = NAN
    predicted: float = NAN


@dataclass(frozen=True)
class Curve:
    """What was foretold against what came, over B bins of shoppers, lowest first; all arrays (B,).

    `error` is the expected calibration error; `measured` says on which days, in words.
    """

    predicted: Floats
    observed: Floats
    count: Floats
    error: float
    measured: str

    def __post_init__(self) -> None:
        same_length(self, "reliability", "predicted", "observed", "count")


@dataclass(frozen=True)
class Foretold:
    """One figure of the days to come, over all shoppers of whom it is known.

    `total` is the expected number of shoppers who will do it, or an amount; it is about shoppers who were
    active in the last `active` days (0: about all customers) and about the `ahead` days to come. `off` is how
    much too high (above 0) the sum was when it was tested, as a share. `beats` says whether the model is
    better than the trivial answer, None where that was not judged; `verdict` says it in words, or why not.
    """

    figure: Figure
    shoppers: int
    total: float
    active: int
    ahead: int
    off: float = NAN
    beats: bool | None = None
    verdict: str = ""
    curve: Curve | None = None

    def __post_init__(self) -> None:
        one_of(self.figure, FIGURES, "figure of shoppers")


@dataclass(frozen=True)
class Hidden:
    """A model of shoppers that says nothing, what is missing for that, and why it was not fitted."""

    model: str
    says: str
    reason: str


@dataclass(frozen=True)
class ShoppersToCome:
    """The segments, what is foretold of all together, whom to act on, and what cannot be said.

    `act_on` names segments, the most at stake first. `nobody_left`: the lifetime model takes nearly everyone
    for a customer still. `rules` are sentences.
    """

    segments: tuple[Segment, ...]
    foretold: tuple[Foretold, ...] = ()
    act_on: tuple[str, ...] = ()
    nobody_left: bool = False
    hidden: tuple[Hidden, ...] = ()
    rules: str = ""
    decision_id: str = ""

    def of(self, figure: Figure) -> Foretold | None:
        """What is foretold of that figure, None where nothing is."""
        return next((one for one in self.foretold if one.figure == figure), None)

    @property
    def valued(self) -> Foretold | None:
        """The amount by which segments are compared.

        The value to come, since it is about all customers, unless the revenue alone beats the trivial answer.
        """
        worth, revenue = self.of("predicted"), self.of("revenue")
        if worth is None or revenue is None:
            return worth or revenue
        return revenue if revenue.beats and not worth.beats else worth


# --- how good that is ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TargetScore:
    """How well one model foretold what it is about: its mean loss, and that of the trivial answer.

    `about` says what it foretells, `loss_name` which loss (`money`: in the shop's currency), `rule` what the
    trivial answer is.
    """

    model: str
    about: str
    loss_name: str
    loss: float
    trivial: float
    rule: str
    beats: bool
    sentence: str
    money: bool = False
    auc: float = NAN
    average_precision: float = NAN
    error: float = NAN


@dataclass(frozen=True)
class TargetTable:
    """Models that each foretell something else; only their own trivial answers compare with them."""

    scores: tuple[TargetScore, ...]
    protocol: str = ""
