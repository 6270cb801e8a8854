"""What a report says, as plain values. It knows no model and no store: whoever has the answers fills this in.

Every section is optional; what is absent is left out of the page. Money is in `Report.currency`, shares and
coverages are fractions (0.8, never 80), times are UTC, a value that is not known is NaN. Titles and texts
are untrusted: they are escaped when the page is written, never here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import numpy as np

from merx.errors import DataError
from merx.report.coming import ShoppersToCome, TargetTable
from merx.report.friends import Friends
from merx.report.gaps import Gaps
from merx.report.look_alikes import LookAlikes
from merx.report.past import Decomposition, UnusualDays
from merx.report.values import NAN, Dates, Floats, one_of, same_length

State = Literal["ready", "weak", "refused"]
Severity = Literal["info", "warning", "serious"]
Grade = Literal["A", "B", "C", "D"]


@dataclass(frozen=True)
class ShopSummary:
    """The shop in a few numbers; `start` and `end` are the times of the first and the last event."""

    start: datetime
    end: datetime
    events: int
    shoppers: int
    products: int
    purchases: int
    revenue: float
    version: str  # of merx
    fingerprint: str  # of the data that the report was made from


# --- what was read ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RejectReason:
    """Why rows of a file were set aside, how many, and one of them."""

    text: str
    count: int
    example: str = ""


@dataclass(frozen=True)
class IngestFile:
    """One file that was read: accepted + rejected + duplicates = read.

    `notes` hold each choice that was made while reading: the unit of the time stamps, the duplicate rule.
    """

    name: str
    read: int
    accepted: int
    rejected: int
    duplicates: int = 0
    dialect: str = ""
    reasons: tuple[RejectReason, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ingest:
    """Every file that was read."""

    files: tuple[IngestFile, ...]


@dataclass(frozen=True)
class Capability:
    """Something merx can do, and whether the data carry it: what it needs, what there is, what to do."""

    name: str
    state: State
    needs: str
    has: str
    advice: str = ""

    def __post_init__(self) -> None:
        one_of(self.state, ("ready", "weak", "refused"), f"capability {self.name!r}")


@dataclass(frozen=True)
class Finding:
    """Something in the data that the merchant should know."""

    title: str
    text: str
    severity: Severity = "info"

    def __post_init__(self) -> None:
        one_of(self.severity, ("info", "warning", "serious"), f"finding {self.title!r}")


@dataclass(frozen=True)
class Readiness:
    """What the data can carry, and what was found in them."""

    capabilities: tuple[Capability, ...]
    findings: tuple[Finding, ...] = ()


# --- how good it is -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ModelScore:
    """One model's metrics on data it had not seen. `beats_trivial` is None for the trivial model itself."""

    model: str
    metrics: Mapping[str, float]
    beats_trivial: bool | None = None
    sentence: str = ""
    trivial: bool = False


@dataclass(frozen=True)
class ScoreTable:
    """Models side by side. `headline` names the metric that decides; `better` says which way it points."""

    scores: tuple[ModelScore, ...]
    headline: str
    better: Literal["higher", "lower"] = "higher"
    protocol: str = ""


@dataclass(frozen=True)
class Evaluation:
    """How good each kind of answer is, and the protocol by which that was measured.

    `price` is there only where the truth is known, as in a simulated shop.
    """

    ranking: ScoreTable | None = None
    forecast: ScoreTable | None = None
    price_forecast: ScoreTable | None = None
    new_products: ScoreTable | None = None
    propensity: TargetTable | None = None
    lifetime: ScoreTable | None = None
    value: ScoreTable | None = None
    price: ScoreTable | None = None
    protocol: str = ""


# --- what to show -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reason:
    """One own item of the shopper, and its share (0..1) of the score of what is recommended."""

    title: str
    share: float


@dataclass(frozen=True)
class Recommendation:
    """One recommended product, best = rank 1."""

    rank: int
    item_id: str
    title: str
    category: str = ""
    score: float = NAN
    reasons: tuple[Reason, ...] = ()
    sentence: str = ""
    decision_id: str = ""


@dataclass(frozen=True)
class HistoryItem:
    """Something a shopper did: `event` bears GA4's name."""

    title: str
    event: str
    date: datetime


@dataclass(frozen=True)
class Shopper:
    """One shopper: what they did, newest first, and what to show them."""

    id: str
    history: tuple[HistoryItem, ...]
    recommendations: tuple[Recommendation, ...]
    sentence: str = ""


@dataclass(frozen=True)
class PlaceList:
    """A list as it stands somewhere else in the shop: titles, best first."""

    title: str
    products: tuple[str, ...]
    sentence: str = ""
    decision_id: str = ""


@dataclass(frozen=True)
class Shoppers:
    """A few shoppers as examples, and lists for other places: a product page, the cart, buy it again."""

    shoppers: tuple[Shopper, ...]
    model: str = ""
    places: tuple[PlaceList, ...] = ()


# --- what will happen ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ForecastSeries:
    """One series of N past and H future points.

    `dates` (N,), `y` (N,) with NaN where not known (a stock-out); `future`, `mean`, `lo80` ... `hi95` (H,):
    the central 80 % and 95 % prediction intervals. Values are in `unit`, and per `step`, which is a word
    ("day", "week"), unless they are prices.
    """

    title: str
    dates: Dates
    y: Floats
    future: Dates
    mean: Floats
    lo80: Floats
    hi80: Floats
    lo95: Floats
    hi95: Floats
    unit: str = "units"
    step: str = "day"
    price: bool = False
    model: str = ""
    comparison: str = ""
    decision_id: str = ""

    @property
    def label(self) -> str:
        """The unit in words."""
        return self.unit if self.price else f"{self.unit} per {self.step}"

    def __post_init__(self) -> None:
        same_length(self, f"forecast {self.title!r}", "dates", "y")
        same_length(self, f"forecast {self.title!r}", "future", "mean", "lo80", "hi80", "lo95", "hi95")


@dataclass(frozen=True)
class Forecasts:
    """Series to choose from, the whole shop taken apart, and the unusual days of late.

    `choices` says in a sentence how many series are forecast by what.
    """

    series: tuple[ForecastSeries, ...]
    decomposition: Decomposition | None = None
    unusual: UnusualDays | None = None
    choices: str = ""


# --- what to charge -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Interval:
    """An expected value with the ends of its interval."""

    mean: float
    low: float = NAN
    high: float = NAN


@dataclass(frozen=True)
class Quote:
    """One product's proposed price. Units, revenue and profit are expected per `Prices.period` at that price.

    `profit_now` is the expected profit at the present price, from the same demand model; `binding` names the
    rule that stopped the price from going further; `grade` is how much evidence there is, A the most.
    """

    item_id: str
    title: str
    price_now: float
    price_proposed: float
    units: Interval
    revenue: Interval
    profit: Interval
    grade: Grade
    binding: str = ""
    reason: str = ""
    profit_now: float = NAN
    decision_id: str = ""

    def __post_init__(self) -> None:
        one_of(self.grade, ("A", "B", "C", "D"), f"grade of quote {self.item_id!r}")


@dataclass(frozen=True)
class PriceStep:
    """A price on the way from the one now to the one proposed, why, and the profit expected of it."""

    name: str
    price: float
    profit: float


@dataclass(frozen=True)
class Touched:
    """Another product; what it gains or loses per `Prices.period` if the shown price moves as proposed."""

    title: str
    units: float
    profit: float = NAN


@dataclass(frozen=True)
class PriceCurve:
    """Expected units and profit of one product over a grid of G prices, ascending; all arrays (G,)."""

    item_id: str
    title: str
    price: Floats
    units: Floats
    units_low: Floats
    units_high: Floats
    profit: Floats
    profit_low: Floats
    profit_high: Floats
    price_now: float
    price_proposed: float
    cost: float = NAN
    sentence: str = ""
    decision_id: str = ""
    steps: tuple[PriceStep, ...] = ()
    touched: tuple[Touched, ...] = ()

    def __post_init__(self) -> None:
        names = ("price", "units", "units_low", "units_high", "profit", "profit_low", "profit_high")
        same_length(self, f"price curve {self.item_id!r}", *names)
        if np.any(np.diff(self.price) <= 0):
            raise DataError(f"report, price curve {self.item_id!r}: prices must ascend.")


@dataclass(frozen=True)
class Prices:
    """Quotes for the catalogue, and curves for a few products.

    `period` is what units and money are counted over; `interval` the probability of every low..high here.
    `gain` is the extra profit that all quotes together are expected to bring, with the interval that only
    joint draws can give; without it the page adds up the means and shows no interval.
    """

    quotes: tuple[Quote, ...]
    curves: tuple[PriceCurve, ...] = ()
    period: str = "per week"
    interval: float = 0.9
    gain: Interval | None = None


@dataclass(frozen=True)
class Report:
    """All of it. `folder` is what a reader types after `merx why` to name the shop."""

    shop: str
    generated: datetime
    currency: str = ""  # ISO 4217
    folder: str = "SHOP"
    summary: ShopSummary | None = None
    ingest: Ingest | None = None
    readiness: Readiness | None = None
    evaluation: Evaluation | None = None
    shoppers: Shoppers | None = None
    coming: ShoppersToCome | None = None
    friends: Friends | None = None
    forecasts: Forecasts | None = None
    prices: Prices | None = None
    gaps: Gaps | None = None
    look_alikes: LookAlikes | None = None
    notes: tuple[str, ...] = field(default=())  # shown at the foot: limits, how to read it
