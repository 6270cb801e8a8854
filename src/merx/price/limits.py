"""The shop's price rules, and the ladder of prices that each item may take under those of its own."""

from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np

from merx.data.price_facts import PriceFacts
from merx.errors import ConfigError
from merx.kernels.choice import bar_outside
from merx.kernels.threads import over_rows
from merx.price.calendar import Clearance, covers, is_span
from merx.price.shared import Capacity, IndexBand, Parity

RANGE = 2.0  # prices from half to double today's are looked at: beyond, no past price tells of demand
FREE_POINTS = 121  # of the free grid, 1.2 % apart
ENDING_POINTS = 60  # about as many prices with an allowed ending, whatever the price level
EPOCH = date(1970, 1, 1).toordinal()
CHUNK = 2048  # items that a thread takes at a time
OBJECTIVES = ("profit", "revenue", "units", "surplus")
FALLBACKS = ("none", "keep", "category")

BOUNDED = (  # rules of one item that are a least and a highest price
    *("min_margin", "max_change", "floor_price", "ceiling_price", "map_price", "msrp"),
    *("competitor_index", "key_items", "no_touch", "under_test"),
)
LADDER_RULES = (*BOUNDED, "endings", "price_points", "announced")
RULES = (*LADDER_RULES, "min_confidence")


@dataclass(frozen=True)
class PriceRules:
    """What prices are to reach, and what a new price must keep to.

    Parameters
    ----------
    model : str
        The kind of task price that says how demand answers to a price.
    objective : str
        What is to be highest: "profit", "revenue", "units", "surplus" (what buyers would have paid beyond
        the price, up to double today's), or "mix".
    weights : table of str -> number
        Of a mix: what one unit of money of profit, revenue and surplus, and one unit sold, count.
    quantile : float, optional
        Cautious prices: this quantile of the objective over what is known of demand (.2: what is reached
        in four of five cases) is to be highest. None: its mean.
    min_margin : float
        Least (price - cost) / price; 0: never below cost.
    max_change : float
        Largest change as a share of today's price, at most .5.
    endings : list of float
        Allowed fractions of the currency unit, e.g. (.49, .99); empty: any full cent. On expensive goods
        the prices looked at are 2, 5, 10, ... units apart.
    price_points : list of float
        The only prices that may be charged; empty: any.
    min_confidence : float
        Least posterior probability that the new price earns more than today's.
    assumed_margin : float, optional
        Where the cost is not known: (price - cost) / price at today's price. None: no price is proposed.
    competitor_index : list of two floats
        Least and highest price as a multiple of the lowest price of others; empty: any.
    competitor_fallback : str
        Where no other's price is known: "none": no bound; "keep": the price stays; "category": the median
        multiple of today's prices in the category stands in.
    key_items : list of str
        Products whose prices customers know: no dearer than others' lowest price, and never dearer than today
        where that is not known.
    announced : bool
        Cuts are announced as discounts: a lower price must be below the lowest of the last 30 days
        (Directive 98/6/EC, article 6a).
    hold_days : int
        Days after a change in which a price stays.
    no_touch : list of str
        Spans of days in which no price changes: "12-20..12-27" every year, "2026-01-05..2026-01-31" once.
    under_test : table of product -> day
        Products whose price stays up to that day, "2026-03-01" included, because a price test moves it. Those
        of the shop's tests that have no result yet are added by themselves.
    stock_weeks : float
        Weeks that the stock must last: no more than its share is counted as sold. 0: stock is not looked at.
    clearance : list of tables
        Stock that must be gone by a day, each in a table [[price.clearance]].
    max_changes : int, optional
        Prices that may change at once.
    pack_parity : bool
        Within a group (item_group_id) a larger pack is never dearer per unit than a smaller one.
    index : list of tables
        How far the mean price of a category may go, each in a table [[price.index]].
    parity : list of tables
        What one brand may cost beside another, each in a table [[price.parity]].
    capacity : list of tables
        Units that can be handled in a week, each in a table [[price.capacity]].
    cross_effects : bool
        Whether a price counts what it clearly does to the sales of other products.
    """

    model: str = "price_response"
    objective: str = "profit"
    weights: dict[str, float] = field(default_factory=dict)
    quantile: float | None = None
    min_margin: float = 0.1
    max_change: float = 0.2
    endings: tuple[float, ...] = (0.49, 0.99)
    price_points: tuple[float, ...] = ()
    min_confidence: float = 0.6
    assumed_margin: float | None = None
    competitor_index: tuple[float, ...] = ()
    competitor_fallback: str = "none"
    key_items: tuple[str, ...] = ()
    announced: bool = False
    hold_days: int = 0
    no_touch: tuple[str, ...] = ()
    under_test: dict[str, str] = field(default_factory=dict)
    stock_weeks: float = 0.0
    clearance: tuple[Clearance, ...] = ()
    max_changes: int | None = None
    pack_parity: bool = False
    index: tuple[IndexBand, ...] = ()
    parity: tuple[Parity, ...] = ()
    capacity: tuple[Capacity, ...] = ()
    cross_effects: bool = True

    def __post_init__(self) -> None:
        """Raise ConfigError where a rule is out of its range."""
        optional = {"assumed_margin": self.assumed_margin, "quantile": self.quantile}
        within = {
            "min_margin": (self.min_margin, 0.0, 1.0),
            "max_change": (self.max_change, 0.0, 0.5),
            "min_confidence": (self.min_confidence, 0.0, 1.0),
            "hold_days": (self.hold_days, 0, np.inf),
            "stock_weeks": (self.stock_weeks, 0.0, np.inf),
            "max_changes": (self.max_changes or 0, 0, np.inf),
        }
        within |= {name: (value or 0.0, 0.0, 1.0) for name, value in optional.items()}
        within |= {f"endings[{n}]": (ending, 0.0, 1.0) for n, ending in enumerate(self.endings)}
        for name, (value, low, high) in within.items():
            inside = low <= value <= high if name == "max_change" else low <= value < high
            if not inside:
                raise ConfigError(f"{name} is {value}; it must be from {low:g} to {high:g}.")
        if self.objective not in (*OBJECTIVES, "mix"):
            raise ConfigError(
                f"objective is {self.objective!r}; it must be one of {', '.join(OBJECTIVES)}, mix."
            )
        if unknown := sorted(set(self.weights) - set(OBJECTIVES)):
            raise ConfigError(f"weights: {unknown[0]!r} is none of {', '.join(OBJECTIVES)}.")
        if (self.objective == "mix") != any(weight > 0 for weight in self.weights.values()):
            raise ConfigError('objective = "mix" and weights above 0 go together: give both or neither.')
        if self.competitor_fallback not in FALLBACKS:
            raise ConfigError(
                f"competitor_fallback is {self.competitor_fallback!r}; one of {', '.join(FALLBACKS)}."
            )
        index = self.competitor_index
        if index and not (len(index) == 2 and 0 <= index[0] <= index[1]):
            raise ConfigError(f"competitor_index is {list(index)}; give a least and a highest multiple.")
        if any(price <= 0 for price in self.price_points):
            raise ConfigError(f"price_points holds {min(self.price_points)}; prices are above 0.")
        for span in self.no_touch:
            if not is_span(span):
                raise ConfigError(
                    f'no_touch: {span!r} is no span; write "12-20..12-27" or "2026-01-05..2026-01-31".'
                )

        for item, day in self.under_test.items():
            if not is_span(f"{day}..{day}") or len(day) < 10:
                raise ConfigError(f'under_test: {day!r} of {item} is no day; write "2026-03-01".')

    @property
    def mix(self) -> dict[str, float]:
        """What each figure counts."""
        return self.weights if self.objective == "mix" else {self.objective: 1.0}

    @property
    def shared(self) -> bool:
        """Whether any rule ties products together."""
        return bool(
            self.max_changes is not None or self.pack_parity or self.index or self.parity or self.capacity
        )

    def in_words(self, rule: str) -> str:
        """The rule as a merchant would say it; of a shared rule its setting."""
        index = " to ".join(f"{multiple:g}" for multiple in self.competitor_index)
        return {
            "min_margin": f"at least {self.min_margin:.0%} margin",
            "max_change": f"at most {self.max_change:.0%} change",
            "floor_price": "not below the product's floor",
            "ceiling_price": "not above the product's ceiling",
            "map_price": "not below the advertised price that the maker allows",
            "msrp": "not above the price that the maker recommends",
            "competitor_index": f"{index} times the lowest price of others",
            "key_items": "a product whose price customers know is no dearer than elsewhere",
            "no_touch": "no change in these days",
            "under_test": f"no change in a price test, until {max(self.under_test.values(), default='')}",
            "endings": "prices end in " + " or ".join(f"{e:.2f}".removeprefix("0") for e in self.endings),
            "price_points": "prices from the list of price points",
            "announced": "an announced discount is below the lowest price of 30 days",
            "min_confidence": f"a gain must be at least {self.min_confidence:.0%} sure",
            "max_changes": f"at most {self.max_changes} changes at once",
            "pack_parity": "a larger pack is no dearer per unit",
            "index": "the price index of a category",
            "parity": "the prices of one brand beside another",
            "capacity": "units that can be handled in a week",
        }[rule]


@dataclass(frozen=True)
class Ladder:
    """The prices looked at for each item.

    Parameters
    ----------
    price : float64 (I, G)
        The first is today's; the others are those with an allowed ending, the price points and a free grid,
        all from half to double today's price. They depend on today's price, the endings and the price points
        only, so looser rules always allow a superset.
    barred : uint32 (I, G)
        Bit r is set where a price breaks rule r of `RULES`. Today's price needs no ending, no price point
        and no change, but it must keep to the others.
    """

    price: np.ndarray
    barred: np.ndarray

    @property
    def excluded(self) -> np.ndarray:
        """Which price breaks which of `LADDER_RULES`, bool (R, I, G)."""
        bits = np.arange(len(LADDER_RULES), dtype=np.uint32)[:, None, None]
        excluded: np.ndarray = (self.barred[None] >> bits & 1).astype(bool)
        return excluded


def ladder(
    price_now: np.ndarray, cost: np.ndarray, rules: PriceRules, facts: PriceFacts | None = None
) -> Ladder:
    """The ladder of I items at today's prices and costs, each (I,); a NaN cost keeps any margin."""
    now = price_now[:, None]
    free = now * RANGE ** np.linspace(-1.0, 1.0, FREE_POINTS)
    free = np.maximum(np.round(free, 2), 0.01)
    points = np.broadcast_to(np.array(rules.price_points), (len(now), len(rules.price_points)))
    near = (points >= now / RANGE) & (points <= now * RANGE)
    listed = np.where(near, points, now)
    price = np.concatenate([now, _with_endings(price_now, rules.endings), listed, free], axis=1)  # (I, G)
    low, high = bounds(price_now, cost, rules, facts)
    barred = np.zeros(price.shape, dtype=np.uint32)
    over_rows(len(price), CHUNK, lambda first, last: bar_outside(price, low, high, barred, first, last))
    others = slice(1, None)
    if rules.endings:
        broken = np.ones_like(barred[:, others], dtype=bool)
        for ending in rules.endings:
            fraction = price[:, others] - ending
            broken &= np.abs(fraction - np.round(fraction)) > 1e-6
        barred[:, others] |= _bit("endings") * broken
    if rules.price_points:
        known = np.isin(np.round(price[:, others], 2), np.round(rules.price_points, 2))
        barred[:, others] |= _bit("price_points") * ~known
    if rules.announced and facts is not None:
        lowest = np.where(np.isnan(facts.lowest_30d), np.inf, facts.lowest_30d)[:, None]
        hollow = (price[:, others] < now) & (price[:, others] > lowest - 0.005)
        barred[:, others] |= _bit("announced") * hollow
    return Ladder(price=price, barred=barred)


def _bit(rule: str) -> np.uint32:
    return np.uint32(1 << RULES.index(rule))


def bounds(
    price_now: np.ndarray, cost: np.ndarray, rules: PriceRules, facts: PriceFacts | None
) -> tuple[np.ndarray, np.ndarray]:
    """Least and highest price of each item by each of `BOUNDED`, float64 (R, I) each."""
    low = np.full((len(BOUNDED), len(price_now)), -np.inf)
    high = np.full_like(low, np.inf)
    at = BOUNDED.index
    margin = np.full_like(price_now, 1.0 - rules.min_margin)
    slack = 1e-9
    if facts is not None:
        margin[clearing(rules, facts)[0]] = 1.0  # what must go need not earn
        for name in ("floor_price", "map_price"):
            low[at(name)] = _known(getattr(facts, name), -np.inf)
        for name in ("ceiling_price", "msrp"):
            high[at(name)] = _known(getattr(facts, name), np.inf)
        if rules.competitor_index:
            other = facts.competitor
            if rules.competitor_fallback == "category":
                other = np.where(np.isnan(other), facts.stand_in, other)
            least, most = rules.competitor_index
            low[at("competitor_index")] = _known(least * other, -np.inf)
            high[at("competitor_index")] = _known(most * other, np.inf)
            if rules.competitor_fallback == "keep":
                unknown = np.isnan(facts.competitor)
                low[at("competitor_index"), unknown] = high[at("competitor_index"), unknown] = price_now[
                    unknown
                ]
        if rules.key_items:
            key = np.isin(np.array(facts.items.ids.to_pylist(), dtype=object), rules.key_items)
            high[at("key_items"), key] = np.where(np.isnan(facts.competitor), price_now, facts.competitor)[
                key
            ]
        fixed = facts.since_change < rules.hold_days
        fixed |= any(covers(span, facts.today) for span in rules.no_touch)
        low[at("no_touch"), fixed] = high[at("no_touch"), fixed] = price_now[fixed]
        if rules.under_test:
            until = [rules.under_test.get(item, "") for item in facts.items.ids.to_pylist()]
            tested = np.array(until) >= date.fromordinal(EPOCH + facts.today).isoformat()
            low[at("under_test"), tested] = high[at("under_test"), tested] = price_now[tested]
    low[at("min_margin")] = _known((cost - slack) / margin, -np.inf)
    low[at("max_change")] = price_now * (1.0 - rules.max_change - slack)
    high[at("max_change")] = price_now * (1.0 + rules.max_change + slack)
    return low, high


def _known(values: np.ndarray, otherwise: float) -> np.ndarray:
    return np.where(np.isnan(values), otherwise, values)


def clearing(rules: PriceRules, facts: PriceFacts) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Whose stock must go, bool (I,); in how many weeks; the worth of a unit left, as a share of its cost.

    The last two, float64 (I,), are NaN for the others.
    """
    found = np.zeros(len(facts.items), dtype=bool)
    weeks, worth = np.full((2, len(facts.items)), np.nan)
    ids = np.array(facts.items.ids.to_pylist(), dtype=object)
    for rule in rules.clearance:
        left = rule.days_left(facts.today)
        inside = np.isin(ids, rule.items) if rule.items else np.zeros(len(ids), dtype=bool)
        if rule.category:
            inside |= facts.below(rule.category)
        inside &= np.isfinite(facts.stock_quantity) & (left > 0)
        found |= inside
        weeks[inside], worth[inside] = left / 7.0, rule.worth
    return found, weeks, worth


def without_effect(rules: PriceRules, facts: PriceFacts) -> tuple[str, ...]:
    """What the rules name that the shop does not have, and rules that reach no product; each in words."""
    known, told = set(facts.items.ids.to_pylist()), []
    clearances = [(f"[[price.clearance]] {n}", rule) for n, rule in enumerate(rules.clearance, start=1)]
    for name, items in (("key_items", rules.key_items), *((name, rule.items) for name, rule in clearances)):
        if unknown := [item for item in items if item not in known]:
            told.append(
                f"{name}: {len(unknown)} of {len(items)} products have no price (first: {unknown[0]!r})"
            )
    told += [
        f"{name} reaches no product: it takes a day to come and products with a known stock_quantity"
        for name, rule in clearances
        if not clearing(replace(rules, clearance=(rule,)), facts)[0].any()
    ]
    if rules.stock_weeks > 0 and np.isnan(facts.stock_quantity).all():
        told.append("stock_weeks reaches no product: no stock_quantity is known")
    if rules.competitor_index and rules.competitor_fallback != "keep" and np.isnan(facts.competitor).all():
        told.append("competitor_index reaches no product: no price of others is known")
    return tuple(told)


def _with_endings(price_now: np.ndarray, endings: tuple[float, ...]) -> np.ndarray:
    """Prices (I, G) with the endings; today's price fills the row where there are fewer than G."""
    if not endings:
        return np.empty((len(price_now), 0))
    low, high = price_now / RANGE, price_now * RANGE
    wanted = (high - low) * len(endings) / ENDING_POINTS  # units between two steps
    strides = np.array([m * 10.0**e for e in range(12) for m in (1, 2, 5)])
    stride = strides[np.searchsorted(strides, wanted)]  # (I,) 1, 2, 5, 10, ...
    steps = int(np.ceil(((high - low) / stride).max(initial=1.0))) + 2
    rung = np.floor(low / stride)[:, None] + np.arange(-1, steps)  # (I, steps + 1)
    whole = rung * stride[:, None] + stride[:, None] - 1.0  # 9, 19, 29, ... where the stride is 10
    price = (whole[:, :, None] + np.sort(np.array(endings))).reshape(len(price_now), -1)
    inside = (price >= low[:, None]) & (price <= high[:, None]) & (price > 0)
    return np.where(inside, np.round(price, 6), price_now[:, None])
