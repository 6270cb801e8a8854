"""SQL that reads texts, numbers and truth values as files write them."""

from merx.ingest.names import NOTHING
from merx.ingest.sql import literal

NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL")
_BLANKS = (32, 9, 10, 13, 160)
_MONEY = r"(?:[A-Z]{0,3}\p{Sc}|[A-Z]{3})?\s*"  # £, US$, EUR
_DOT = rf"\s*{_MONEY}[+-]?{_MONEY}(?:\d{{1,3}}(?:[,' ]\d{{3}})+|\d*)(?:\.\d+)?\s*{_MONEY}"
_COMMA = rf"\s*{_MONEY}[+-]?{_MONEY}(?:\d{{1,3}}(?:[.' ]\d{{3}})+|\d*)(?:,\d+)?\s*{_MONEY}"
_COMMA_IS_DECIMAL = r".*\d,(?:\d{1,2}|\d{4,})(?:\D.*)?"
_DOT_IS_DECIMAL = r".*\d\.(?:\d{1,2}|\d{4,})(?:\D.*)?"


def is_number(kind: str) -> bool:
    """Whether a DuckDB type is a number's."""
    return kind.split("(")[0].removeprefix("U") in NUMBERS


def text(expression: str, kind: str) -> str:
    """Read as text without blanks at its ends; empty text and words for nothing (`nan`, `NULL`) are null.

    A whole number that came as a float (an id column with gaps, written by pandas) loses its `.0`.
    """
    if kind in ("DOUBLE", "FLOAT"):
        whole = f"{expression} = trunc({expression}) AND abs({expression}) < 1e15"
        return (
            f"CASE WHEN {whole} THEN CAST(CAST({expression} AS BIGINT) AS VARCHAR) "
            f"WHEN isfinite({expression}) THEN CAST({expression} AS VARCHAR) END"
        )
    if kind != "VARCHAR":
        return f"CAST({expression} AS VARCHAR)"
    blanks = ", ".join(map(str, _BLANKS))
    trimmed = f"trim({expression}, {' || '.join(f'chr({code})' for code in _BLANKS)})"
    nothing = ", ".join(map(literal, NOTHING))
    return (
        f"CASE WHEN ascii({expression}) IN ({blanks}) OR ascii({expression}[-1]) IN ({blanks}) "
        f"THEN CASE WHEN lower({trimmed}) NOT IN ({nothing}) THEN {trimmed} END "
        f"WHEN strlen({expression}) < 5 AND lower({expression}) IN ({nothing}) THEN NULL "
        f"ELSE {expression} END"
    )


def number(expression: str, kind: str, comma: bool) -> str:
    """Read as a number: `1,234.56`, `£3.50`, `12.50 GBP`; with `comma`, `1.234,56` instead. Else null.

    `expression` of type VARCHAR is taken to be trimmed.
    """
    if kind == "BOOLEAN" or is_number(kind):
        return f"CAST({expression} AS DOUBLE)"
    if kind != "VARCHAR":
        return f"TRY_CAST(CAST({expression} AS VARCHAR) AS DOUBLE)"
    if comma:
        digits = f"replace(regexp_replace({expression}, '[^0-9,+-]', '', 'g'), ',', '.')"
        fits = f"regexp_full_match({expression}, {literal(_COMMA)})"
        return f"CASE WHEN {fits} THEN TRY_CAST({digits} AS DOUBLE) END"
    digits = f"regexp_replace({expression}, '[^0-9.+-]', '', 'g')"
    return (
        f"coalesce(TRY_CAST({expression} AS DOUBLE), "
        f"CASE WHEN regexp_full_match({expression}, {literal(_DOT)}) THEN TRY_CAST({digits} AS DOUBLE) END)"
    )


def decimal_evidence(expression: str) -> tuple[str, str]:
    """Predicates: the text has a decimal comma; it has a decimal dot. `1,234` and `1.234` are neither."""
    return (
        f"regexp_full_match({expression}, {literal(_COMMA_IS_DECIMAL)})",
        f"regexp_full_match({expression}, {literal(_DOT_IS_DECIMAL)})",
    )


def truth(expression: str, kind: str) -> str:
    """Read as a truth value. Else null."""
    if kind == "BOOLEAN":
        return expression
    if is_number(kind):
        return f"CASE {expression} WHEN 1 THEN true WHEN 0 THEN false END"
    word = f"lower(CAST({expression} AS VARCHAR))"
    return (
        f"CASE WHEN {word} IN ('true', 't', 'yes', 'y', '1', '1.0') THEN true "
        f"WHEN {word} IN ('false', 'f', 'no', 'n', '0', '0.0') THEN false END"
    )
