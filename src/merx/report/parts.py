"""The pieces that the charts of merx share: colours by name, axes, lines, intervals, tooltips."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from merx.report.values import Dates, Floats, as_list

Option = dict[str, Any]
Format = Literal["number", "money", "price", "percent", "metric", "day"]

INK, MUTED, RULE = "var(--ink)", "var(--muted)", "var(--rule)"
SURFACE, ACCENT, SECOND = "var(--surface)", "var(--accent)", "var(--second)"
GOOD, WARN, BAD, QUIET = "var(--good)", "var(--warn)", "var(--bad)", "var(--quiet)"


def iso(dates: Dates) -> list[str]:
    """Dates (N,) -> ISO text, whole days as YYYY-MM-DD (which ECharts, unlike `Date`, takes as local)."""
    days = dates.astype("datetime64[D]")
    whole = bool(np.all(days == dates))
    return [str(d) for d in (days if whole else dates.astype("datetime64[s]"))]


def pairs(x: Sequence[Any], y: NDArray[Any]) -> list[list[Any]]:
    """Points of a line, `[x, y]` each; both (N,)."""
    return [list(pair) for pair in zip(x, as_list(y), strict=True)]


def base(description: str, height: int) -> Option:
    """What every chart shares: no animation, quiet text, and a description for those who hear the page."""
    return {
        "animation": False,
        "aria": {"enabled": True, "label": {"description": description}},
        "textStyle": {"fontFamily": "inherit", "fontSize": 12, "color": MUTED},
        "merx": {"height": height},
    }


def tooltip() -> Option:
    """One tooltip for all lines at a place of the x axis; its rows are `merx.rows`."""
    return {
        "trigger": "axis",
        "formatter": "merx:tooltip",
        "confine": True,
        "appendTo": "body",
        "backgroundColor": SURFACE,
        "borderColor": RULE,
        "borderWidth": 1,
        "padding": [8, 12],
        "textStyle": {"color": INK, "fontSize": 13},
        "axisPointer": {"type": "line", "lineStyle": {"color": MUTED, "type": "solid", "width": 1}},
    }


def axis(kind: str, form: Format | None = None, **more: Any) -> Option:
    """A quiet axis: hair lines for values, none for the rest."""
    label: Option = {"color": MUTED, "hideOverlap": True}
    if form is not None:
        label["formatter"] = f"merx:{form}"
    upright = more.pop("lines", False)
    return {
        "type": kind,
        "axisLine": {"show": not upright, "lineStyle": {"color": RULE}, "onZero": False},
        "axisTick": {"show": False},
        "axisLabel": label,
        "splitLine": {"show": upright, "lineStyle": {"color": RULE, "width": 1}},
        "axisPointer": {"label": {"show": False}},
        **more,
    }


def named(name: str) -> Option:
    """The name of a y axis, flush with the labels at the top."""
    return {
        "name": name,
        "nameLocation": "end",
        "nameGap": 12,
        "nameTextStyle": {"color": MUTED, "align": "left", "padding": [0, 0, 0, -4], "fontSize": 12},
    }


def grid(**place: Any) -> Option:
    """A grid whose labels stay inside the chart."""
    return {"left": 8, "right": 12, "outerBoundsMode": "same", "outerBoundsContain": "axisLabel", **place}


def line(key: str, name: str, data: list[list[Any]], colour: str, **more: Any) -> Option:
    """A line without points; `key` is the id by which tooltips and updates find it."""
    style = {"color": colour, "width": 1.75, **more.pop("lineStyle", {})}
    return {
        "id": key,
        "name": name,
        "type": "line",
        "data": data,
        "showSymbol": False,
        "symbol": "circle",
        "symbolSize": 5,
        "itemStyle": {"color": colour},
        "lineStyle": style,
        "emphasis": {"disabled": True},
        **more,
    }


def band(
    key: str, name: str, x: Sequence[Any], low: Floats, high: Floats, colour: str, opacity: float, **more: Any
) -> list[Option]:
    """An interval as two stacked lines without strokes: its low end, and above that its width."""
    bare: Option = {
        "lineStyle": {"width": 0, "opacity": 0},
        "symbol": "none",
        "stack": key,
        "stackStrategy": "all",
        "silent": True,
    }
    return [
        line(f"{key}-low", name, pairs(x, low), colour, **bare, **more),
        line(
            f"{key}-spread",
            name,
            pairs(x, high - low),
            colour,
            **bare,
            areaStyle={"color": colour, "opacity": opacity},
            **more,
        ),
    ]
