"""Choosing how a file writes what can be written in several ways: its times, and its decimals.

There is one choice a file. It is made on the first lines; where lines were then rejected for the form of
a time or a number, it is made again on the whole file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from merx.ingest import timestamps, values
from merx.ingest.identity import parquet
from merx.ingest.sql import identifier
from merx.ingest.timestamps import TimeForm

SAMPLE = 5_000  # lines


@dataclass(frozen=True)
class Forms:
    """`time`: the form of the times (None: the table has none); `comma`: numbers have a decimal comma."""

    time: TimeForm | None = None
    comma: bool = False


@dataclass(frozen=True)
class Given:
    """What a file gives.

    Parameters
    ----------
    clean : str
        A WITH clause that ends in the relation `clean`, whose columns are `given_` + canonical name.
    kinds : mapping of canonical column -> DuckDB type
        Of all that is given.
    numbers : tuple of str
        Canonical columns that are numbers and are given as text.
    """

    clean: str
    kinds: Mapping[str, str]
    numbers: tuple[str, ...]


def choose(connection: duckdb.DuckDBPyConnection, given: Given) -> Forms:
    """Choose by the first lines."""
    sample = f"(SELECT * FROM clean LIMIT {SAMPLE})"  # noqa: S608
    time = None
    if "time" in given.kinds:
        held = identifier("given_time")
        candidates = timestamps.forms(given.kinds["time"])
        first, filled = _counts(
            connection,
            given.clean,
            sample,
            [timestamps.plausible(candidates[0].read(held)), f"{held} IS NOT NULL"],
        )
        time = candidates[0]
        if first < filled and len(candidates) > 1:
            fits = _counts(
                connection,
                given.clean,
                sample,
                [timestamps.plausible(form.read(held)) for form in candidates],
            )
            time = candidates[fits.index(max(fits))]
        if time.formats:
            one_each = [replace(time, formats=(each,)) for each in time.formats]
            fits = _counts(
                connection, given.clean, sample, [timestamps.plausible(form.read(held)) for form in one_each]
            )
            order = sorted(range(len(fits)), key=lambda place: -fits[place])
            time = replace(time, formats=tuple(time.formats[place] for place in order))
    return Forms(time, _has_decimal_comma(connection, given, sample))


def reconsider(connection: duckdb.DuckDBPyConnection, given: Given, forms: Forms) -> Forms:
    """Choose again, by the whole file, where the table `rejected` holds lines whose forms did not fit."""
    numbers = _counts(connection, "", "rejected", ["reason LIKE '% is not a number'"])[0]
    comma = _has_decimal_comma(connection, given, "clean") if numbers else forms.comma
    return Forms(_better_time(connection, given, forms.time), comma)


def _better_time(
    connection: duckdb.DuckDBPyConnection, given: Given, time: TimeForm | None
) -> TimeForm | None:
    if time is None:
        return None
    kind = given.kinds["time"]
    others = [form for form in timestamps.forms(kind) if form.title != time.title]
    refused = (
        f"(SELECT DISTINCT TRY_CAST(value AS {kind}) AS refused FROM rejected "  # noqa: S608
        "WHERE reason LIKE 'time %' AND value IS NOT NULL LIMIT 1000)"
    )
    if not others:
        return time
    fits = _counts(connection, "", refused, [timestamps.plausible(form.read("refused")) for form in others])
    if not max(fits):
        return time
    rivals = [time, *(form for form, fit in zip(others, fits, strict=True) if fit == max(fits))]
    held = identifier("given_time")
    whole = _counts(
        connection, given.clean, "clean", [timestamps.plausible(form.read(held)) for form in rivals]
    )
    return rivals[whole.index(max(whole))]


def _has_decimal_comma(connection: duckdb.DuckDBPyConnection, given: Given, relation: str) -> bool:
    if not given.numbers:
        return False
    evidence = [values.decimal_evidence(identifier("given_" + name)) for name in given.numbers]
    commas, dots = _counts(
        connection, given.clean, relation, [" OR ".join(tests) for tests in zip(*evidence, strict=True)]
    )
    return commas > 0 and dots == 0


def notes(connection: duckdb.DuckDBPyConnection, forms: Forms, accepted: Path) -> list[str]:
    """Say what was chosen, and whether the data prove it. `accepted`: the rows that were read with it."""
    said = []
    if forms.time is not None:
        note = f"times read as {forms.time.title}, UTC where they name no zone"
        if forms.time.twin:
            proof = _counts(connection, "", parquet([accepted]), ["day(time) > 12"])[0]
            note += (
                "" if proof else f"; no date shows that it is not {forms.time.twin}: this is an assumption"
            )
        said.append(note)
    if forms.comma:
        said.append("numbers read with a decimal comma")
    return said


def _counts(connection: duckdb.DuckDBPyConnection, clause: str, relation: str, tests: list[str]) -> list[int]:
    filtered = ", ".join(f"count(*) FILTER (WHERE {test})" for test in tests)
    row = connection.execute(f"{clause} SELECT {filtered} FROM {relation}").fetchone()  # noqa: S608
    assert row is not None
    return [int(count) for count in row]
