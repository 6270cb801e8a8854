"""Hours, days, weeks and months: when the steps of a series begin, and what follows it."""

import numpy as np
import pyarrow as pa
import pytest

from merx.data.panel import Panel
from merx.data.vocabulary import Vocabulary
from merx.forecast import AutoETS


def panel(step: str, start: str, clock: str, y: np.ndarray) -> Panel:
    """One series of that step."""
    return Panel(
        keys=Vocabulary(pa.array(["shop"])),
        offsets=np.array([0, len(y)]),
        y=y,
        available=np.ones(len(y), bool),
        start=np.array([np.datetime64(start, clock).astype(np.int64)]),
        step=step,
    )


@pytest.mark.parametrize(
    ("step", "clock", "start", "season", "first"),
    [
        ("hour", "h", "2024-03-01T05", 24, "2024-03-06T05:00:00"),
        ("day", "D", "2024-03-01", 7, "2024-06-29"),
        ("week", "D", "2024-03-04", 52, "2026-06-22"),
        ("month", "M", "2014-03", 12, "2024-03-01"),
    ],
)
def test_a_forecast_begins_where_its_series_ends(step, clock, start, season, first):
    phase = np.arange(120) % max(season, 2)
    y = 50 + 30.0 * (phase == 0) + np.random.default_rng(0).normal(0, 1, 120)
    fitted = AutoETS(horizon=3).fit(panel(step, start, clock, y))
    table = fitted.forecast(3, np.array([0.5])).to_table()
    assert str(table["date"].to_numpy()[0].astype("datetime64[s]")).startswith(first)
    assert fitted.season_length[0] == season
