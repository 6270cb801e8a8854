import duckdb
import pytest

from merx.ingest.dialects.expressions import identifier, prose, renamed, zoned


def of(sql: str) -> str | None:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'America/New_York'")  # must not matter
        row = connection.execute(f"SELECT CAST({sql} AS VARCHAR)").fetchone()
    assert row is not None
    value: str | None = row[0]
    return value


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("2024-01-05", "2024-01-05"),
        ("2024-01-05 10:11", "2024-01-05 10:11"),
        ("2024-01-05 10:11:12 -0500", "2024-01-05 15:11:12+00:00"),
        ("2024-01-05 10:11:12+05:30", "2024-01-05 04:41:12+00:00"),
        ("2024-01-05T10:11:12.000Z", "2024-01-05 10:11:12+00:00"),
        ("2024-01-05 10:11:12 UTC", "2024-01-05 10:11:12+00:00"),
        ("2024-99-05 10:11:12 +0100", "2024-99-05 10:11:12 +0100"),
        ("yesterday", "yesterday"),
        (" ", None),
    ],
)
def test_zoned(given: str, read: str | None) -> None:
    assert of(zoned(f"'{given}'")) == read


def test_ids_lose_the_tail_of_a_float_only() -> None:
    assert [of(identifier(n)) for n in ("17850.0::DOUBLE", "'A.0'", "'1.05'", "' x '")] == [
        "17850",
        "A.0",
        "1.05",
        "x",
    ]


def test_prose_has_no_tags() -> None:
    assert of(prose("'<p>A  <b>fine</b>&nbsp;cup</p>'")) == "A fine cup"


def test_renamed_passes_on_what_it_does_not_know() -> None:
    assert of(renamed("'x'", {"y": "z"})) == "x"
    assert of(renamed("'it''s'", {"it's": "its"})) == "its"
