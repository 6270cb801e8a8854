from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.ingest.dialects.examples import FILES

Example = Callable[[str], Path]


@pytest.fixture
def example(tmp_path: Path) -> Example:
    """Write the example file of a dialect, and give its path."""

    def write(name: str) -> Path:
        suffix, content = FILES[name]
        path = tmp_path / f"{name}.{suffix}"
        path.write_text(content, encoding="utf-8")
        return path

    return write


@pytest.fixture
def reading(example: Example) -> Callable[[str], Any]:
    """Read the example file of a dialect in that dialect."""
    from tests.ingest.dialects.reading import read

    return lambda name: read(name, example(name))
