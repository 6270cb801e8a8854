"""What holds for every dialect of the closed table."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from merx.data.schema import TABLES
from merx.ingest.dialects import DIALECTS
from tests.ingest.dialects.examples import FILES
from tests.ingest.dialects.reading import Read, header, read

Example = Callable[[str], Path]
each = pytest.mark.parametrize("name", sorted(DIALECTS))


def test_every_dialect_has_an_example() -> None:
    assert set(FILES) == set(DIALECTS)
    assert [name for name, dialect in DIALECTS.items() if dialect.name != name] == []


@each
def test_an_example_is_of_its_own_dialect_and_no_other(name: str, example: Example) -> None:
    columns = header(example(name))
    sizes = {other: dialect.match(columns) for other, dialect in DIALECTS.items()}
    own = sizes.pop(name)
    assert own > max(sizes.values())


@each
def test_columns_are_of_the_table(name: str) -> None:
    dialect = DIALECTS[name]
    schema = TABLES[dialect.table]
    assert dialect.columns.keys() <= set(schema.names)
    assert dialect.products.keys() <= set(TABLES["products"].names) - {"item_id"}
    needed = {field.name for field in schema if not field.nullable}
    assert needed - {"quantity", "weight", "from_orders"} <= dialect.columns.keys()


@each
def test_every_record_gives_a_line(name: str, example: Example, reading: Callable[[str], Read]) -> None:
    records = len(example(name).read_text().splitlines()) - (0 if FILES[name][0] == "jsonl" else 1)
    assert len(reading(name).lines) >= records


@each
def test_no_text_makes_the_sql_fail(name: str, tmp_path: Path) -> None:
    columns = sorted(DIALECTS[name].names)
    odd = [
        "",
        " ",
        "x",
        "-1",
        "-x",
        "1e999",
        "nan",
        "{}",
        "[1]",
        "9" * 40,
        "it's",
        "2024-13-45 99:99:99+99:99",
        "a,b\\,c",
    ]
    path = tmp_path / "odd.csv"
    rows = [columns, *([value] * len(columns) for value in odd)]
    path.write_text("".join(",".join('"' + v.replace('"', '""') + '"' for v in row) + "\n" for row in rows))
    assert len(read(name, path).lines) >= len(odd)


@pytest.mark.parametrize("name", [name for name, (suffix, _) in FILES.items() if suffix == "jsonl"])
@pytest.mark.parametrize(
    "value", [None, 1, -1.5, "x", [], {}, [None], [1], ["x"], [[]], {"key": None}], ids=repr
)
def test_no_nested_value_makes_the_sql_fail(name: str, value: object, tmp_path: Path) -> None:
    path = tmp_path / "odd.jsonl"
    path.write_text(json.dumps(dict.fromkeys(sorted(DIALECTS[name].names), value)) + "\n")
    assert len(read(name, path).lines) >= 1
