"""Small SQL expressions that several dialects are made of.

None of them fails, and none turns what it cannot read into null: a value that does not fit is passed
on as text, so that the caller rejects its line and names it.
"""

from collections.abc import Iterable, Mapping

from merx.ingest.sql import identifier as quoted
from merx.ingest.sql import literal


def text(expression: str) -> str:
    """Read as trimmed text; blank text is null."""
    return f"nullif(trim(CAST({expression} AS VARCHAR)), '')"


def identifier(expression: str) -> str:
    """Read as an id; whole numbers that came through floats (`17850.0`) lose their tail."""
    return rf"regexp_replace({text(expression)}, '^(\d+)\.0$', '\1')"


def first(expressions: Iterable[str]) -> str:
    """Take the first that is not null."""
    return f"coalesce({', '.join(expressions)})"


def renamed(expression: str, names: Mapping[str, str]) -> str:
    """Replace the values that `names` lists; others pass through."""
    cases = " ".join(f"WHEN {literal(given)} THEN {literal(name)}" for given, name in names.items())
    return f"CASE {expression} {cases} ELSE {expression} END"


def zoned(expression: str) -> str:
    """Read a time; one with an offset is turned to UTC, since a bare cast would drop the offset."""
    given = text(expression)
    regular = rf"regexp_replace({given}, '\s*([+-]\d{{2}}):?(\d{{2}})$', '\1:\2')"
    utc = f"CAST(TRY_CAST({regular} AS TIMESTAMPTZ) AT TIME ZONE 'UTC' AS VARCHAR) || '+00:00'"
    offset = r"\d:\d\d.*(Z|UTC|GMT|[+-]\d{2}(:?\d{2})?)$"
    return f"CASE WHEN regexp_matches({given}, '{offset}') THEN {first([utc, given])} ELSE {given} END"


def prose(expression: str) -> str:
    """Read HTML as text: tags and repeated blanks become one blank."""
    return text(rf"regexp_replace({text(expression)}, '(<[^>]*>|&nbsp;|\s)+', ' ', 'g')")


def inside(record: str, path: str) -> str:
    """Read a value inside a nested column (struct, list or JSON) as text; a missing one is null."""
    return text(f"json_extract_string(to_json({record}), {literal(path)})")


def listed(record: str, path: str = "$[*]") -> str:
    """Read a list inside a nested column as a list of JSON; a missing one is empty."""
    return f"coalesce(CAST(json_extract(to_json({record}), {literal(path)}) AS JSON[]), [])"


def fanned_out(records: str, relation: str = "raw") -> str:
    """Query for one line per element of the list `records`, as `_item`, `_part` being its place from 1.

    A record whose list is empty keeps one line, with `_item` null.
    """
    return (
        "SELECT * EXCLUDE (_items), unnest(_items) AS _item, unnest(range(1, len(_items) + 1)) AS _part "  # noqa: S608
        f"FROM (SELECT *, coalesce(nullif({records}, []), [NULL]) AS _items FROM {relation})"
    )


def carried(names: Mapping[str, str], key: str) -> str:
    """Query that adds, under each name, the first value that its column has among the rows of one key."""
    first_values = ", ".join(
        f"first_value({text(quoted(given))} IGNORE NULLS) OVER same AS {name}"
        for name, given in names.items()
    )
    return (
        f"SELECT *, {first_values} FROM raw WINDOW same AS (PARTITION BY {text(quoted(key))} ORDER BY _row "  # noqa: S608
        "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)"
    )
