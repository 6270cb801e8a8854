"""How numbers, money, shares and dates read in a report. `assets/charts.js` writes them the same way."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, datetime

NONE = "–"

_SYMBOLS = {
    "EUR": "€",
    "USD": "$",
    "GBP": "£",
    "JPY": "¥",
    "CNY": "CN¥",
    "INR": "₹",
    "KRW": "₩",
    "BRL": "R$",
    "AUD": "A$",
    "CAD": "C$",
    "TRY": "₺",
    "UAH": "₴",
    "VND": "₫",
    "ILS": "₪",
}
_NO_CENTS = frozenset({"JPY", "KRW", "VND", "CLP", "ISK", "HUF", "IDR"})


@dataclass(frozen=True)
class Currency:
    """What stands before an amount, and how many decimals a price has."""

    code: str
    symbol: str
    digits: int


def currency(code: str) -> Currency:
    """ISO 4217 code -> how it is written; an unknown code stands before the amount as it is."""
    code = code.strip().upper()
    symbol = _SYMBOLS.get(code, f"{code}\u00a0" if code else "")
    return Currency(code, symbol, 0 if code in _NO_CENTS else 2)


def known(value: float | None) -> bool:
    """Whether there is a number to show."""
    return value is not None and math.isfinite(value)


def number(value: float | None) -> str:
    """Three or four digits, thousands set apart: 0.123, 4.57, 83.1, 1,204, 1.25 M."""
    if value is None or not math.isfinite(value):
        return NONE
    size = abs(value)
    if size >= 999_950_000:
        text = f"{size / 1e9:.2f}\u00a0bn"
    elif size >= 999_950:
        text = f"{size / 1e6:.2f}\u00a0M"
    elif size >= 100 or float(value).is_integer():
        text = f"{size:,.0f}"
    elif size >= 10:
        text = f"{size:.1f}"
    else:
        text = f"{size:.2f}" if size >= 1 else f"{size:.3g}" if size >= 0.001 else "0"
    return f"−{text}" if value < 0 and text != "0" else text


def money(value: float | None, unit: Currency) -> str:
    """An amount without cents from 1,000 on: €12,340, €84.50, €1.25 M."""
    if value is None or not math.isfinite(value):
        return NONE
    size = abs(value)
    text = number(size) if size >= 999_950 else f"{size:,.{0 if size >= 1000 else unit.digits}f}"
    return f"{'−' if value < 0 else ''}{unit.symbol}{text}"


def price(value: float | None, unit: Currency) -> str:
    """A price, always with its cents."""
    if value is None or not math.isfinite(value):
        return NONE
    return f"{'−' if value < 0 else ''}{unit.symbol}{abs(value):,.{unit.digits}f}"


def percent(share: float | None) -> str:
    """0.834 -> 83 %, small ones with one decimal."""
    if share is None or not math.isfinite(share):
        return NONE
    digits = 1 if 0 < abs(share) < 0.0995 else 0
    return f"{'−' if share < 0 else ''}{abs(share) * 100:.{digits}f}\u202f%"


def change(share: float | None) -> str:
    """A relative change with its sign: +4.2 %, −10.0 %."""
    if share is None or not math.isfinite(share):
        return NONE
    text = f"{abs(share) * 100:.1f}"
    sign = "" if text == "0.0" else "+" if share > 0 else "−"
    return f"{sign}{text}\u202f%"


def metric(name: str, value: float | None) -> str:
    """A metric by its name: coverages and rates as shares, the rest with three decimals."""
    if value is None or not math.isfinite(value):
        return NONE
    if name.lower().startswith(("coverage", "smape", "share", "hit", "catalogue")):
        return f"{value * 100:.1f}\u202f%"
    return f"{value:.3f}" if abs(value) < 100 else number(value)


def day(value: date | datetime) -> str:
    """5 March 2026."""
    return f"{value.day} {value:%B %Y}"


def count(n: int, one: str, many: str = "") -> str:
    """A count with its word: 1 row, 2,031 rows."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"
