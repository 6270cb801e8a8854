"""Writes docs/reference/dialects.md from the table of dialects."""

import re
import sys
from pathlib import Path

from merx.ingest.dialect import Dialect
from merx.ingest.dialects import DIALECTS

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "dialects.md"

_INTRODUCTION = """# Dialects

A dialect says how the files of one origin are read. merx finds it by the header; `--dialect NAME` names
it. Case, blanks and underscores in column names do not matter. Where several dialects fit, the one that
knows more of the columns is taken. A column that a file lacks is read as absent.

This page is written from the dialects themselves; a test keeps it so.
"""


def page() -> str:
    parts = [_INTRODUCTION]
    module = ""
    for dialect in DIALECTS.values():
        if (origin := _module(dialect)) != module:
            module = origin
            parts.append(f"## {_about(module)}")
        parts.append(_section(dialect))
    return "\n".join(parts)


def _module(dialect: Dialect) -> str:
    package = sys.modules["merx.ingest.dialects"]
    modules = (m for m in vars(package).values() if dialect in getattr(m, "DIALECTS", ()))
    return next(m.__name__ for m in modules if m.__name__ != package.__name__)


def _about(module: str) -> str:
    heading, _, rest = (sys.modules[module].__doc__ or "").partition("\n")
    return f"{heading.rstrip('.')}\n\n{rest.strip()}\n"


def _section(dialect: Dialect) -> str:
    known_by = " or ".join(_columns(columns) for columns in dialect.signature)
    lines = [f"### `{dialect.name}`", "", f"{dialect.title}. Table: `{dialect.table}`.", ""]
    lines += [f"Known by {known_by}."]
    if dialect.without:
        lines += [f"The file has no {_columns(dialect.without)}."]
    lines += ["", f"| {dialect.table} | read from |", "|---|---|"]
    lines += [f"| `{column}` | {_read_from(dialect, sql)} |" for column, sql in dialect.columns.items()]
    lines += [f"| product: `{name}` | {_read_from(dialect, sql)} |" for name, sql in dialect.products.items()]
    if dialect.reject:
        lines += ["", "Rejected:", "", *(f"- {reason}" for reason in dialect.reject)]
    return "\n".join(lines) + "\n"


def _columns(columns: frozenset[str]) -> str:
    return ", ".join(f"`{column}`" for column in sorted(columns))


def _read_from(dialect: Dialect, sql: str) -> str:
    """Name the columns of the file, and the paths inside them, that an expression reads."""
    carried = r'CAST\("([^"]+)" AS VARCHAR\)\), \'\'\) IGNORE NULLS\) OVER same AS (\w+)'
    for column, name in re.findall(carried, dialect.lines):
        sql = re.sub(rf"\b{name}\b", f'"{column}"', sql)
    found: dict[str, None] = {}
    for name in re.findall(r"list_position\(_names, '(\w+)'\)", sql):
        found[f"parameter `{name}` of `event_params`"] = None
    for place in re.finditer(r"to_json\((\w+)\), '\$\.([^']+)'|\"([^\"]+)\"|'(?:[^']|'')*'|\w+", sql):
        nested, path, quoted = place.groups()
        word = quoted or place.group()
        if nested:
            found[f"`{path}` of {'each product inside' if nested == '_item' else f'`{nested}`'}"] = None
        elif word in dialect.names:
            also = ", ".join(f"`{alias}`" for alias in dialect.aliases.get(word, ()))
            found[f"`{word}`" + (f" (also called {also})" if also else "")] = None
    if found:
        return ", ".join(found)
    fixed = re.fullmatch(r"'([^']*)'|(true|false)", sql)
    return f"always `{fixed[1] or fixed[2]}`" if fixed else "by the rules above"


if __name__ == "__main__":
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
