"""The settings of a kind that were chosen for a data set: benchmarks/settings/DATA.toml."""

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

from merx import registry
from merx.toml import build


def tuned(data: str, kind: str, **others: Any) -> Any:
    """The config of the kind, with `others` changed."""
    text = (Path(__file__).parent / "settings" / f"{data}.toml").read_text()
    config_type, _ = registry.kind(kind).load()
    return replace(build(config_type, tomllib.loads(text)["models"][kind], data), **others)
