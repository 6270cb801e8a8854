"""Numbers and dates as a merchant reads them."""

from collections.abc import Sequence
from datetime import date


def count(n: int | float, noun: str, plural: str = "") -> str:
    """1 product; 1,204 products."""
    return f"{n:,.0f} {noun if n == 1 else plural or noun + 's'}"


def share(part: float, whole: float) -> str:
    """25 %; 0.3 % below ten; never 0 or 100 % where that is not exact."""
    percent = 100.0 * part / whole if whole else 0.0
    if percent in (0.0, 100.0):
        return f"{percent:.0f} %"
    if percent < 0.1:
        return "less than 0.1 %"
    if percent < 9.95:
        return f"{percent:.1f} %"
    return "more than 99 %" if percent > 99.0 else f"{percent:.0f} %"


def on(day: date) -> str:
    """24 December 2010."""
    return f"{day.day} {day:%B %Y}"


def listed(parts: Sequence[str]) -> str:
    """a, b and c."""
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]


def examples(parts: Sequence[str], of: int) -> str:
    """a; b; c; and others, where there are more than these."""
    return "; ".join([*parts, "and others"] if of > len(parts) else parts)


def money(price: float) -> str:
    """12.50; as many places as a small price needs."""
    return f"{price:,.2f}" if price >= 0.1 else f"{price:.3g}"
