"""The chart of a series taken apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from merx.report.parts import (
    ACCENT,
    BAD,
    INK,
    MUTED,
    SECOND,
    Format,
    Option,
    axis,
    base,
    iso,
    line,
    named,
    pairs,
    tooltip,
)
from merx.report.values import Dates, Floats


def decomposition_chart(
    dates: Dates,
    observed: Floats,
    trend: Floats,
    seasonal: Floats,
    remainder: Floats,
    *,
    seasons: Sequence[tuple[str, Floats]] = (),
    holiday: Floats | None = None,
    changes: Sequence[int] = (),
    unusual: Sequence[int] = (),
    unit: str = "units",
    form: Format = "number",
) -> Option:
    """A series taken apart, grids above one another on one time axis; all arrays (N,).

    Several `seasons` have a grid each instead of their sum. Places where the trend changes are dashed lines,
    unusual steps are dots on the remainder.
    """
    parts = [("Observed", observed, INK), ("Trend", trend, ACCENT)]
    several = seasons if len(seasons) > 1 else [("Season", seasonal)]
    parts += [(name, values, SECOND) for name, values in several]
    parts += [("Holidays", holiday, SECOND)] if holiday is not None and len(holiday) else []
    parts += [("Remainder", remainder, MUTED)]
    x = iso(dates)
    step, top = 132, 28
    option = base(
        f"{len(parts)} line charts from {x[0]} to {x[-1]}, in {unit}: observed values, and what adds up to "
        f"them: {', '.join(name.lower() for name, _, _ in parts[1:])}.",
        step * len(parts) + 18,
    )
    option["merx"] |= {
        "x": "day",
        "rows": [{"name": n, "series": n.lower(), "format": form, "colour": c} for n, _, c in parts],
    }
    grids, xs, ys, lines = [], [], [], []
    for i, (name, values, colour) in enumerate(parts):
        last = i == len(parts) - 1
        # equal left edges: labels of different widths must not shift the time axes against one another
        grids.append({"left": 56, "right": 12, "top": top + i * step, "height": step - 44})
        xs.append(axis("time", gridIndex=i))
        xs[-1]["axisLabel"]["show"] = last
        ys.append(axis("value", form, gridIndex=i, lines=True, splitNumber=2, scale=i < 2, **named(name)))
        ys[-1]["nameTextStyle"] = {"color": INK, "align": "left", "fontSize": 13, "padding": [0, 0, 0, -46]}
        curve = line(name.lower(), name, pairs(x, values), colour, xAxisIndex=i, yAxisIndex=i)
        if name == "Trend" and len(changes):
            dash = {"color": MUTED, "type": "dashed", "width": 1.25}
            marks = [{"xAxis": x[at], "lineStyle": dash, "label": {"show": False}} for at in changes]
            curve["markLine"] = {"symbol": "none", "silent": True, "data": marks}
        lines.append(curve)
    if len(unusual):
        which = np.array(unusual)
        lines.append(
            line(
                "unusual",
                "Unusual",
                pairs([x[at] for at in which], remainder[which]),
                BAD,
                xAxisIndex=len(parts) - 1,
                yAxisIndex=len(parts) - 1,
                lineStyle={"width": 0},
                showSymbol=True,
                symbolSize=7,
                silent=True,
            )
        )
    return option | {
        "tooltip": tooltip(),
        "axisPointer": {"link": [{"xAxisIndex": "all"}]},
        "grid": grids,
        "xAxis": xs,
        "yAxis": ys,
        "series": lines,
    }
