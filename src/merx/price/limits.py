"""The shop's price rules, and the ladder of prices that each item may take under them."""

from dataclasses import dataclass

import numpy as np

from merx.errors import ConfigError

RANGE = 2.0  # prices from half to double today's are looked at: beyond, no past price tells of demand
FREE_POINTS = 121  # of the free grid, 1.2 % apart
ENDING_POINTS = 60  # about as many prices with an allowed ending, whatever the price level


@dataclass(frozen=True)
class PriceRules:
    """What a new price must keep to.

    Parameters
    ----------
    min_margin : float
        Least (price - cost) / price.
    max_change : float
        Largest change as a share of today's price, at most .5.
    endings : tuple of float
        Allowed fractions of the currency unit, e.g. (.49, .99); empty: any full cent. On expensive goods
        the prices looked at are 2, 5, 10, ... units apart.
    min_confidence : float
        Least posterior probability that the new price earns more than today's.
    assumed_margin : float, optional
        Where the cost is not known: (price - cost) / price at today's price. None: no price is proposed.
    """

    min_margin: float = 0.1
    max_change: float = 0.2
    endings: tuple[float, ...] = (0.49, 0.99)
    min_confidence: float = 0.7
    assumed_margin: float | None = None

    def __post_init__(self) -> None:
        """Raise ConfigError where a rule is out of its range."""
        within = {
            "min_margin": (self.min_margin, 0.0, 1.0),
            "max_change": (self.max_change, 0.0, 0.5),
            "min_confidence": (self.min_confidence, 0.0, 1.0),
            "assumed_margin": (self.assumed_margin if self.assumed_margin is not None else 0.0, 0.0, 1.0),
        } | {f"endings[{n}]": (ending, 0.0, 1.0) for n, ending in enumerate(self.endings)}
        for name, (value, low, high) in within.items():
            inside = low <= value <= high if name == "max_change" else low <= value < high
            if not inside:
                raise ConfigError(f"{name} is {value}; it must be from {low:g} to {high:g}.")

    def in_words(self, rule: str) -> str:
        """The rule as a merchant would say it."""
        return {
            "min_margin": f"at least {self.min_margin:.0%} margin",
            "max_change": f"at most {self.max_change:.0%} change",
            "endings": "prices end in " + " or ".join(f"{e:.2f}".removeprefix("0") for e in self.endings),
            "min_confidence": f"a gain must be at least {self.min_confidence:.0%} sure",
        }[rule]


LADDER_RULES = ("min_margin", "max_change", "endings")


@dataclass(frozen=True)
class Ladder:
    """The prices looked at for each item.

    Parameters
    ----------
    price : float64 (I, G)
        The first is today's; the others are those with an allowed ending and a free grid, both from half
        to double today's price. They depend on today's price and the endings only, so looser rules always
        allow a superset.
    excluded : bool (3, I, G)
        Which price is excluded by which of `LADDER_RULES`. Today's price needs neither an ending nor a
        change, but it must keep the margin.
    """

    price: np.ndarray
    excluded: np.ndarray


def ladder(price_now: np.ndarray, cost: np.ndarray, rules: PriceRules) -> Ladder:
    """The ladder of I items at today's prices and costs, each (I,); a NaN cost keeps any margin."""
    now = price_now[:, None]
    free = now * RANGE ** np.linspace(-1.0, 1.0, FREE_POINTS)
    free = np.maximum(np.round(free, 2), 0.01)
    price = np.concatenate([now, _with_endings(price_now, rules.endings), free], axis=1)  # (I, G)
    change = np.abs(price / now - 1.0) > rules.max_change + 1e-9
    margin = price * (1.0 - rules.min_margin) < cost[:, None] - 1e-9  # False where cost is NaN
    if rules.endings:
        fraction = price[:, :, None] - np.array(rules.endings)
        ending = (np.abs(fraction - np.round(fraction)) > 1e-6).all(axis=2)
        ending[:, 0] = False
    else:
        ending = np.zeros_like(change)
    return Ladder(price=price, excluded=np.stack([margin, change, ending]))


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
