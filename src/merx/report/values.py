"""What the plain values of a report share: the types of their arrays, and checks of what was filled in."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from merx.errors import DataError

Floats = NDArray[np.float64]
Dates = NDArray[np.datetime64]

NAN = float("nan")


def same_length(record: object, where: str, *names: str) -> None:
    """Check that the named arrays of a record are 1-d and of one length, and that there is something in them.

    Raises:
        DataError: they are not.
    """
    shapes = {name: np.shape(getattr(record, name)) for name in names}
    first = next(iter(shapes.values()))
    if len(first) != 1 or first[0] == 0 or any(shape != first for shape in shapes.values()):
        found = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise DataError(f"report, {where}: arrays must be 1-d, not empty and of one length; got {found}.")


def one_of(value: str, allowed: tuple[str, ...], where: str) -> None:
    """Check that a word is one of the known ones. Raises DataError where it is not."""
    if value not in allowed:
        raise DataError(f"report, {where}: {value!r} is not one of {', '.join(allowed)}.")


def as_list(values: NDArray[Any]) -> list[float | None]:
    """Array (N,) -> JSON numbers of six digits; NaN and infinity become null."""
    return [float(f"{v:.6g}") if np.isfinite(v) else None for v in np.asarray(values, np.float64)]
