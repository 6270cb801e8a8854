"""What a price must not do before it goes to a shop: pass, warn or block, with words."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from merx.errors import ConfigError
from merx.price.events import Event

PASS: Literal["pass"] = "pass"  # noqa: S105
SAME = 0.005  # of the currency unit: half a cent


@dataclass(frozen=True)
class Governance:
    """[governance]: what a proposed price must not do, and how many may move at once.

    Parameters
    ----------
    warn_change, block_change : float
        A move by a larger share of the price in force is told, or refused.
    max_age_days : int
        An older proposal is refused: what it rests on has changed.
    batch : int
        At most so many prices are approved, exported or applied at once.
    """

    warn_change: float = 0.1
    block_change: float = 0.25
    max_age_days: int = 14
    batch: int = 200

    def __post_init__(self) -> None:
        """Raise ConfigError where a setting is out of its range."""
        if not 0 <= self.warn_change <= self.block_change:
            raise ConfigError(
                f"warn_change is {self.warn_change} and block_change {self.block_change}; they must be 0 or "
                "more, and the second no less than the first."
            )
        for name in ("max_age_days", "batch"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be at least 1.")


@dataclass(frozen=True)
class Facts:
    """What is known of an item when a step is taken.

    Parameters
    ----------
    price_now, cost : float or None
        None where not known.
    """

    price_now: float | None
    cost: float | None


@dataclass(frozen=True)
class Verdict:
    """What the guardrails say.

    Parameters
    ----------
    level : "pass", "warn" or "block"
    words : tuple of str
        One for each guardrail that does not pass, blocks first.
    """

    level: Literal["pass", "warn", "block"]
    words: tuple[str, ...] = ()


def verdict(
    proposal: Event, price: float, facts: Facts, now: datetime, settings: Governance, min_margin: float
) -> Verdict:
    """Whether a proposal may go on at this price.

    Parameters
    ----------
    proposal : Event
        Any event of it; `price_now`, `grade` and `proposed` are read.
    price : float
        The price to approve or apply, which a person may have chosen.
    facts : Facts
        Of the item, now.
    now : datetime
    settings : Governance
    min_margin : float
        The shop's least (price - cost) / price: less of it is told, a price below the cost is refused.

    A price that is in force already passes: nothing moves.
    """
    if facts.price_now is not None and abs(facts.price_now - price) <= SAME:
        return Verdict(PASS, ("the shop charges it already",))
    blocks, warnings = [], []
    if not price > 0:
        blocks.append(f"{price:.2f} is no price")
    if facts.cost is None:
        warnings.append("the cost is not known")
    elif price < facts.cost:
        blocks.append(f"{price:.2f} is below the cost of {facts.cost:.2f}")
    elif price * (1 - min_margin) < facts.cost - 1e-9:
        warnings.append(f"the margin is {1 - facts.cost / price:.0%}, below {min_margin:.0%}")
    then = proposal.price_now
    if facts.price_now is None:
        blocks.append("the shop sells no such product any more")
    elif then is not None and abs(facts.price_now - then) > SAME:
        blocks.append(f"the price is {facts.price_now:.2f} now and was {then:.2f} when this was proposed")
    else:
        change = price / facts.price_now - 1
        size = abs(change) - 1e-9
        if size > settings.block_change:
            blocks.append(f"a move of {change:+.0%} is beyond {settings.block_change:.0%}")
        elif size > settings.warn_change:
            warnings.append(f"a move of {change:+.0%} is beyond {settings.warn_change:.0%}")
    days = (now - datetime.fromisoformat(proposal.proposed)).days
    if days > settings.max_age_days:
        blocks.append(f"it was proposed {days} days ago, more than {settings.max_age_days}")
    if proposal.grade == "D":
        blocks.append("the evidence is of grade D")
    elif proposal.grade == "C":
        warnings.append("the evidence is of grade C")
    level: Literal["pass", "warn", "block"] = "block" if blocks else "warn" if warnings else PASS
    return Verdict(level, (*blocks, *warnings))
