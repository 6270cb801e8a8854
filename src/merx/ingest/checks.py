"""From lines of a file to rows of a canonical table: each value read, each line judged once."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import duckdb
import pyarrow as pa

from merx.data.schema import EVENTS, ITEM_EVENTS, TABLES
from merx.ingest import names, timestamps, values
from merx.ingest.dialect import Dialect
from merx.ingest.forms import SAMPLE, Forms, Given, choose
from merx.ingest.raw import Raw, view
from merx.ingest.sql import identifier, literal

LONGEST_ID = 512
_IDS = ("event_id", "user_id", "session_id", "item_id", "transaction_id", "other_user_id", "item_group_id")
_EVENT_TYPE = "event_spelling"


@dataclass(frozen=True)
class Reading:
    """One file under one dialect, ready to be queried.

    Parameters
    ----------
    table : str
    raw, lines : str
        SQL of the relations `source` (the file) and `raw` and `lines` (see Dialect).
    given : mapping of canonical column -> (SQL over `lines`, DuckDB type)
    about : tuple of str
        Columns of the products table that the lines say something about; in the relations as `about_` + name.
    fans_out : bool
        A record may give several lines, told apart by `_part`.
    forms : Forms
    """

    dialect: Dialect
    source: Raw
    given: Mapping[str, tuple[str, str]]
    about: tuple[str, ...]
    fans_out: bool
    forms: Forms

    @property
    def schema(self) -> pa.Schema:
        """Of the canonical table."""
        return TABLES[self.dialect.table]

    def relations(self, storing: bool = False) -> str:
        """The WITH clause up to `checked`: `lines`, each with its canonical values and its `reason`."""
        typed = [f"{self._value(field)} AS {identifier(field.name)}" for field in self.schema]
        return (
            f"{self._clean(storing)}, "  # noqa: S608
            f"typed AS (SELECT {', '.join(typed)}, * FROM clean), "
            f"checked AS (SELECT *, {_judged(self._rules())} AS reason FROM typed) "
        )

    def as_given(self) -> Given:
        """The lines before their forms are known."""
        numbers = tuple(
            name
            for name, (_, kind) in self.given.items()
            if kind == "VARCHAR" and pa.types.is_floating(self.schema.field(name).type)
        )
        return Given(
            self._clean(storing=False), {name: kind for name, (_, kind) in self.given.items()}, numbers
        )

    def _clean(self, storing: bool) -> str:
        query = self.source.storing if storing else self.source.query
        given = [f"{sql} AS {identifier('given_' + name)}" for name, (sql, _) in self.given.items()]
        given += [f"CAST({sql} AS VARCHAR) AS {name}" for name, sql in self._about().items()]
        part = "_part" if self.fans_out else "1 AS _part"
        clean = [
            f"{_cleaned(name, kind)} AS {identifier('given_' + name)}"
            for name, (_, kind) in self.given.items()
        ]
        clean += [f"{values.text(name, 'VARCHAR')} AS {name}" for name in self._about()]
        return (
            f"WITH source AS ({query}), raw AS ({view(self.source, self.dialect)}), "  # noqa: S608
            f"lines AS ({self.dialect.lines}), "
            f"given AS (SELECT {', '.join([*given, part, '_row', self._refused()])} FROM lines), "
            f"clean AS (SELECT {', '.join([*clean, '_part', '_row', '_refused'])} FROM given)"
        )

    def _about(self) -> dict[str, str]:
        return {identifier("about_" + name): self.dialect.products[name] for name in self.about}

    def offending(self) -> str:
        """SQL over `checked`: the value at fault, for examples."""
        cases = " ".join(f"WHEN {test} THEN {value}" for test, _, value in self._rules())
        return f"CASE {cases} END"

    def accepted(self) -> str:
        """SQL over `checked`: the canonical row."""
        turned = {
            "event": "CASE WHEN event = 'purchase' AND quantity < 0 THEN 'refund' ELSE event END",
            "quantity": "abs(quantity)",
            "price": "CASE WHEN price > 0 THEN price END",
        }
        if self.dialect.table != "events":
            turned = {}
        return ", ".join(
            f"{turned.get(name, identifier(name))} AS {identifier(name)}" for name in self.schema.names
        )

    def renamed_events(self, connection: duckdb.DuckDBPyConnection) -> list[str]:
        """Which names of events in the first lines are read as others, as `cart -> add_to_cart`."""
        if "event" not in self.given:
            return []
        found = connection.execute(
            f"{self.relations()} SELECT DISTINCT given_event, event FROM "  # noqa: S608
            f"(SELECT given_event, event FROM checked LIMIT {SAMPLE}) WHERE given_event <> event ORDER BY 1"
        ).fetchall()
        return [f"{left} -> {right}" for left, right in found]

    def _refused(self) -> str:
        cases = " ".join(f"WHEN {test} THEN {literal(why)}" for why, test in self.dialect.reject.items())
        not_json = (
            "WHEN _not_json IS NOT NULL THEN 'not a JSON object'"
            if "_not_json" in self.source.columns
            else ""
        )
        return (
            f"CASE {not_json} {cases} END AS _refused"
            if cases or not_json
            else "CAST(NULL AS VARCHAR) AS _refused"
        )

    def _value(self, field: pa.Field) -> str:
        name = field.name
        if name not in self.given:
            default = {"quantity": "1.0", "weight": "1.0", "from_orders": "false"}.get(name, "NULL")
            return f"CAST({default} AS {sql_type(field.type)})"
        held, kind = identifier("given_" + name), self.given[name][1]
        if pa.types.is_timestamp(field.type):
            assert self.forms.time is not None
            return self.forms.time.read(held)
        if pa.types.is_floating(field.type):
            read = values.number(held, kind, self.forms.comma)
            return (
                f"CASE WHEN {held} IS NULL THEN 1 ELSE {read} END" if name in ("quantity", "weight") else read
            )
        if pa.types.is_boolean(field.type):
            read = values.truth(held, kind)
            return f"CASE WHEN {held} IS NULL THEN false ELSE {read} END" if name == "from_orders" else read
        if name == "event":
            return _looked_up(held, _EVENT_TYPE, list(names.EVENT_SPELLINGS.values()))
        if name == "availability":
            return _looked_up(held, "availability_spelling", list(names.AVAILABILITY.values()))
        return held

    def _rules(self) -> list[tuple[str, str, str]]:
        """(predicate, SQL of the reason, SQL of the value at fault), in the order that decides."""
        rules = [("_refused IS NOT NULL", "_refused", self._shown())]
        for field in self.schema:
            rules += self._rules_of(field)
        if self.dialect.table == "events":
            rules += _event_rules(self._text("item_id"), self._text("quantity"), self._text("price"))
        if self.dialect.table in ("products", "prices"):
            for name in ("price", "sale_price"):
                if name in self.schema.names:
                    rules.append((f"{name} <= 0", literal(f"{name} <= 0"), self._text(name)))
            cost = "cost" if self.dialect.table == "prices" else "cost_of_goods_sold"
            rules.append((f"{cost} < 0", literal(f"{cost} < 0"), self._text(cost)))
        return rules

    def _rules_of(self, field: pa.Field) -> list[tuple[str, str, str]]:
        name, column, shown = field.name, identifier(field.name), self._text(field.name)
        rules = []
        if not field.nullable and name not in ("quantity", "weight", "from_orders"):
            missing = f"given_{name} IS NULL" if name in self.given else "true"
            rules.append((missing, literal(f"{name} missing"), "NULL"))
        if name in self.given and (name in ("event", "availability") or not pa.types.is_string(field.type)):
            unread = f"{column} IS NULL AND {identifier('given_' + name)} IS NOT NULL"
            if name in ("event", "availability"):
                why = f"{literal(f'unknown {name} ')} || chr(39) || left({shown}, 80) || chr(39)"
            elif pa.types.is_timestamp(field.type):
                assert self.forms.time is not None
                why = literal(f"time not readable as {self.forms.time.title}")
            else:
                why = literal(
                    f"{name} is not {'yes or no' if pa.types.is_boolean(field.type) else 'a number'}"
                )
            rules.append((unread, why, shown))
        if pa.types.is_timestamp(field.type):
            early, late = (literal(str(time)) for time in (timestamps.EARLIEST, timestamps.latest()))
            rules.append((f"{column} < TIMESTAMP {early}", literal("time before 1990"), shown))
            rules.append((f"{column} > TIMESTAMP {late}", literal("time in the future"), shown))
        if pa.types.is_floating(field.type):
            rules.append((f"NOT isfinite({column})", literal(f"{name} is not finite"), shown))
        if name in _IDS:
            too_long = f"length({column}) > {LONGEST_ID}"
            rules.append((too_long, literal(f"{name} longer than {LONGEST_ID} characters"), shown))
        return rules

    def _text(self, name: str) -> str:
        return f"left(CAST({identifier('given_' + name)} AS VARCHAR), 200)" if name in self.given else "NULL"

    def _shown(self) -> str:
        name = next((name for name in ("item_id", "event", "time") if name in self.given), None)
        return self._text(name) if name else "NULL"


def read_as(connection: duckdb.DuckDBPyConnection, source: Raw, dialect: Dialect) -> Reading:
    """Prepare a file under a dialect: the types of its columns, and by a first sample its forms."""
    for name, spellings in (
        (_EVENT_TYPE, names.EVENT_SPELLINGS),
        ("availability_spelling", names.AVAILABILITY),
    ):
        connection.execute(f"DROP TYPE IF EXISTS {name}")
        connection.execute(f"CREATE TYPE {name} AS ENUM ({', '.join(map(literal, spellings))})")
    with_lines = (
        f"WITH source AS ({source.query}), raw AS ({view(source, dialect)}), lines AS ({dialect.lines}) "
    )
    every = connection.execute(f"DESCRIBE {with_lines} SELECT * FROM lines").fetchall()  # noqa: S608
    held = {name for name, *_ in every}
    wanted = {name: sql for name, sql in dialect.columns.items() if name in TABLES[dialect.table].names}
    selected = ", ".join(f"{sql} AS {identifier(name)}" for name, sql in wanted.items())
    described = connection.execute(f"DESCRIBE {with_lines} SELECT {selected} FROM lines").fetchall()  # noqa: S608
    given = {
        name: (sql, "VARCHAR" if kind == '"NULL"' else kind)
        for (name, sql), (_, kind, *_) in zip(wanted.items(), described, strict=True)
    }
    reading = Reading(dialect, source, given, _said(dialect, source), "_part" in held, Forms())
    return replace(reading, forms=choose(connection, reading.as_given()))


def _said(dialect: Dialect, source: Raw) -> tuple[str, ...]:
    """The product columns whose SQL names a column that the file has, or none of the file's at all."""
    present = dialect.read_as(source.columns).keys()

    def named(names: Collection[str], sql: str) -> bool:
        return any(re.search(rf"\b{re.escape(name)}\b", sql) for name in names)

    return tuple(
        name
        for name, sql in dialect.products.items()
        if named(present, sql) or not named(dialect.names - present, sql)
    )


def sql_type(kind: pa.DataType) -> str:
    """The DuckDB type of a canonical column."""
    if pa.types.is_timestamp(kind):
        return "TIMESTAMP"
    return {"string": "VARCHAR", "double": "DOUBLE", "bool": "BOOLEAN"}[str(kind)]


def _cleaned(name: str, kind: str) -> str:
    held = identifier("given_" + name)
    field = next(schema.field(name) for schema in TABLES.values() if name in schema.names)
    if kind == "VARCHAR" or pa.types.is_string(field.type):
        return values.text(held, kind)
    # What data frames write for "nothing here".
    return f"CASE WHEN NOT isnan({held}) THEN {held} END" if kind in ("DOUBLE", "FLOAT") else held


def _looked_up(held: str, spelling: str, meaning: list[str]) -> str:
    """Read a word of a closed list: as it stands, else in lower case with its words joined by `_`."""
    folded = f"regexp_replace(lower({held}), '[^a-z0-9]+', '_', 'g')"
    code = f"coalesce(enum_code(TRY_CAST({held} AS {spelling})), enum_code(TRY_CAST({folded} AS {spelling})))"
    return f"[{', '.join(map(literal, meaning))}][{code} + 1]"


def _judged(rules: list[tuple[str, str, str]]) -> str:
    return f"CASE {' '.join(f'WHEN {test} THEN {why}' for test, why, _ in rules)} END"


def _event_rules(item: str, quantity: str, price: str) -> list[tuple[str, str, str]]:
    sold = "event IN ('purchase', 'refund')"
    of_items = ", ".join(literal(name) for name in EVENTS if name in ITEM_EVENTS)
    return [
        (f"item_id IS NULL AND event IN ({of_items})", "'item_id missing for ' || event", item),
        ("quantity = 0", "'quantity = 0'", quantity),
        (f"quantity < 0 AND NOT {sold}", "'quantity < 0'", quantity),
        (f"price <= 0 AND {sold}", "'price <= 0'", price),
        ("event = 'rate' AND value IS NULL", "'value missing for rate'", "NULL"),
    ]
