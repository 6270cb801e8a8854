"""TOML tables -> frozen dataclasses. An unknown key is an error that names the nearest known one."""

import dataclasses
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

from merx.errors import ConfigError
from merx.typed import typed

Settings = TypeVar("Settings")


def read_toml(path: Path) -> dict[str, Any]:
    """What a TOML file says. Raises ConfigError where it cannot be read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            f"{path} is not there, so {path.parent} is no shop; make one with `merx init {path.parent}`."
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise ConfigError(f"{path}: {error}") from None


def build(settings: type[Settings], raw: Mapping[str, Any], where: str) -> Settings:
    """A frozen dataclass from a TOML table.

    Parameters
    ----------
    where : str
        The table's name in the file, for errors.

    Raises
    ------
    ConfigError
        An unknown key, a value of the wrong type, or a missing key.
    """
    hints = get_type_hints(settings)
    fields = dataclasses.fields(cast(Any, settings))
    names = [entry.name for entry in fields]
    prefix = f"[{where}] " if where else ""
    values: dict[str, Any] = {}
    for key, value in raw.items():
        if key not in names:
            raise ConfigError(f"{prefix}{key}: no such key.{nearest(key, names)}")
        values[key] = _value(value, hints[key], f"{where}.{key}" if where else key, prefix + key)
    for entry in fields:
        needed = entry.default is dataclasses.MISSING and entry.default_factory is dataclasses.MISSING
        if needed and entry.name not in values:
            raise ConfigError(f"{prefix}{entry.name} is missing.")
    try:
        return settings(**values)
    except ConfigError as error:
        text = str(error)
        raise ConfigError(text if text.startswith("[") else prefix + text) from None


def _value(value: Any, wanted: Any, table: str, key: str) -> Any:
    if dataclasses.is_dataclass(wanted):
        if not isinstance(value, dict):
            raise ConfigError(f"{key} is a table: write [{table}] and its keys below.")
        return build(cast(type, wanted), value, table)
    if get_origin(wanted) is tuple and dataclasses.is_dataclass(get_args(wanted)[0]):
        if not isinstance(value, list | tuple):
            raise ConfigError(f"{key} is a list of tables: write [[{table}]] above the keys of each.")
        [kind, _] = get_args(wanted)
        return tuple(
            _value(entry, kind, f"{table}[{number}]", f"[{table}[{number}]]")
            for number, entry in enumerate(value, start=1)
        )
    if wanted == tuple[str, ...] and isinstance(value, str):
        return (value,)  # one name alone is a list of one
    if get_origin(wanted) is dict and isinstance(value, dict):
        inner = get_args(wanted)[1]
        if inner is Any:
            return value
        return {
            name: _value(entry, inner, f"{table}.{name}", f"{key}.{name}") for name, entry in value.items()
        }
    try:
        return typed(value, wanted)
    except TypeError as error:
        raise ConfigError(f"{key}: {error}.") from None


def nearest(name: str, known: list[str]) -> str:
    """« Did you mean ...?» or the list of what there is."""
    close = get_close_matches(name, known, n=1)
    return f" Did you mean {close[0]}?" if close else f" There are: {', '.join(known)}."
