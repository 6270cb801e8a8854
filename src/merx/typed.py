"""Plain JSON and TOML values, and the types that dataclass fields declare."""

import dataclasses
import math
import types
from typing import Any, Literal, cast, get_args, get_origin, get_type_hints


def typed(value: Any, wanted: Any) -> Any:
    """A plain value as the type of a dataclass field.

    Knows bool, int, float (finite; an int will do), str, X | None, Literal, tuples of one length or any,
    dicts by str, and dataclasses of these.

    Raises
    ------
    TypeError
        Says what was expected and what was found.
    """
    if get_origin(wanted) is types.UnionType:
        if value is None and types.NoneType in get_args(wanted):
            return None
        [wanted] = (choice for choice in get_args(wanted) if choice is not types.NoneType)
    if get_origin(wanted) is tuple and isinstance(value, list | tuple):
        kinds = get_args(wanted)
        if kinds[-1] is Ellipsis:
            return tuple(typed(entry, kinds[0]) for entry in value)
        if len(value) == len(kinds):
            return tuple(typed(entry, kind) for entry, kind in zip(value, kinds, strict=True))
    if get_origin(wanted) is dict and isinstance(value, dict):
        return {key: typed(entry, get_args(wanted)[1]) for key, entry in value.items()}
    if get_origin(wanted) is Literal and value in get_args(wanted):
        return value
    if dataclasses.is_dataclass(wanted) and isinstance(value, dict):
        hints = get_type_hints(wanted)
        if unknown := sorted(set(value) - set(hints)):
            raise TypeError(f"{unknown[0]!r} is no field of {getattr(wanted, '__name__', wanted)}")
        return cast(type, wanted)(**{key: typed(entry, hints[key]) for key, entry in value.items()})
    if wanted is float and type(value) in (int, float) and math.isfinite(value):
        return float(value)
    if wanted in (bool, int, str) and type(value) is wanted:
        return value
    raise TypeError(f"expected {getattr(wanted, '__name__', wanted)}, found {value!r}")


def without_nan(value: Any) -> Any:
    """The plain value with None in place of NaN and infinity, which JSON does not have."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: without_nan(entry) for key, entry in value.items()}
    return [without_nan(entry) for entry in value] if isinstance(value, list | tuple) else value
