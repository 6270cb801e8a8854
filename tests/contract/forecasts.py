"""What forecasters of demand and of prices are looked at with."""

from dataclasses import fields, is_dataclass

import numpy as np

from merx.data.vocabulary import Vocabulary


def same(left, right):
    """Two forecasts are equal, bit for bit."""
    assert left.keys == right.keys
    for name in ("start", "mean", "quantile", "probs"):
        np.testing.assert_array_equal(getattr(left, name), getattr(right, name))


def plain(record):
    """Saved field by field: arrays, Vocabulary, str, int, float, tuples of str, or records of these."""
    for f in fields(record):
        value = getattr(record, f.name)
        if is_dataclass(value) and not isinstance(value, Vocabulary):
            plain(value)
        elif isinstance(value, np.ndarray):
            assert value.dtype.kind in "fib"
            assert np.isfinite(value).all()
        elif isinstance(value, tuple):
            assert all(type(entry) is str for entry in value)
        else:
            assert isinstance(value, Vocabulary | str | int | float)
            assert not isinstance(value, float) or np.isfinite(value)
