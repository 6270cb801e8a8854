"""Where a hyper-parameter may be sought: said beside its default, in the config that has it."""

from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(frozen=True)
class Between:
    """From `low` to `high`, whole numbers where both are; on a logarithmic scale where `log`."""

    low: float
    high: float
    log: bool


@dataclass(frozen=True)
class Among:
    """One of the choices."""

    choices: tuple[Any, ...]


def between(default: float, low: float, high: float, *, log: bool = False) -> Any:
    """A field with a default, sought from `low` to `high` (above 0 where `log`)."""
    return field(default=default, metadata={"search": Between(low, high, log)})


def among(default: Any, *choices: Any) -> Any:
    """A field with a default, sought among the choices."""
    return field(default=default, metadata={"search": Among(choices)})


def searched(config: Any) -> dict[str, Between | Among]:
    """The fields of a config (class or instance) that may be sought, and where."""
    return {entry.name: entry.metadata["search"] for entry in fields(config) if "search" in entry.metadata}
