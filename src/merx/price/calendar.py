"""Days in the rules of [price]: spans in which no price changes, and the day by which stock must be gone."""

from dataclasses import dataclass
from datetime import date, timedelta

from merx.errors import ConfigError

EPOCH = date(1970, 1, 1)


def _day(text: str) -> tuple[int, ...] | None:
    """(month, day) or (year, month, day); None where it is no day."""
    try:
        date.fromisoformat(text if len(text) > 5 else f"2000-{text}")
    except ValueError:
        return None
    return tuple(int(part) for part in text.split("-")) if len(text) in (5, 10) else None


def is_span(text: str) -> bool:
    """Whether this is "12-20..12-27" or "2026-01-05..2026-01-31"."""
    first, separator, last = text.partition("..")
    days = _day(first), _day(last)
    if not separator or None in days or len(first) != len(last):
        return False
    return len(first) == 5 or first <= last


def covers(span: str, today: int) -> bool:
    """Whether the day, in days since 1970, lies in the span; one without a year may go over New Year."""
    first, _, last = span.partition("..")
    day = (EPOCH + timedelta(days=today)).isoformat()[-len(first) :]
    return first <= day <= last if first <= last else day >= first or day <= last


@dataclass(frozen=True)
class Clearance:
    """[[price.clearance]]: stock that must be gone by a day.

    Its cost is spent: what counts is what the stock brings until that day and what the rest is worth then.
    `min_margin` is not asked. It takes a known stock_quantity.

    Parameters
    ----------
    by : str
        The last day, such as "2026-01-31".
    items : list of str
        Which products.
    category : str
        All products of this category and of those below it as well.
    worth : float
        Of a unit left over, as a share of its cost.
    """

    by: str
    items: tuple[str, ...] = ()
    category: str = ""
    worth: float = 0.0

    def __post_init__(self) -> None:
        if len(self.by) != 10 or _day(self.by) is None:
            raise ConfigError(f'by = {self.by!r} is no day; write "2026-01-31".')
        if not (self.items or self.category):
            raise ConfigError("items or category is missing: it is not said what must go.")
        if not 0 <= self.worth <= 1:
            raise ConfigError(f"worth is {self.worth}; it must be from 0 to 1.")

    def days_left(self, today: int) -> int:
        """From today, in days since 1970, the last day included."""
        return (date.fromisoformat(self.by) - EPOCH).days - today + 1
