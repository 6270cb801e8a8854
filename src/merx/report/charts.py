"""The charts of merx as plain ECharts option dicts: JSON in, JSON out, for the report and the console alike.

`assets/charts.js` mounts them. Before that it replaces two kinds of strings, so that options stay JSON:
`"var(--name)"` becomes the page's colour of that name (so a dark page gets dark charts) and `"merx:name"`
the JavaScript formatter of that name. The key `merx` is for it alone and never reaches ECharts:

- `height`: of the chart, in CSS pixels
- `x`, `format`: how values of the x axis and of the tooltip's header read
- `rows`: the tooltip, a row each: `name`, `series` (an id), `format`, `colour`, and for an interval `spread`,
  the id of the series stacked upon `series`

Letters: N past, H future, G price-grid points, B bars.
"""

from __future__ import annotations

import numpy as np

from merx.report import formats
from merx.report.bars import (
    evaluation_chart,
    ingest_chart,
    reasons_chart,
    segments_chart,
    touched_chart,
    waterfall_chart,
)
from merx.report.decomposition import decomposition_chart
from merx.report.parts import (
    ACCENT,
    BAD,
    INK,
    MUTED,
    QUIET,
    RULE,
    SECOND,
    SURFACE,
    Format,
    Option,
    axis,
    band,
    base,
    grid,
    iso,
    line,
    named,
    pairs,
    tooltip,
)
from merx.report.values import Dates, Floats, as_list

__all__ = [
    "decomposition_chart",
    "demand_profit_chart",
    "evaluation_chart",
    "forecast_chart",
    "ingest_chart",
    "reasons_chart",
    "reliability_chart",
    "segments_chart",
    "touched_chart",
    "waterfall_chart",
]

_SHOWN_PAST = 120  # points of the past in view at first, when there are many more
# Where an axis of chances may end, and its steps.
_ENDS = ((0.04, 0.01), (0.1, 0.02), (0.2, 0.05), (0.4, 0.1), (0.6, 0.2), (0.8, 0.2), (1.0, 0.2))
_EIGHTY = 1.2816  # standard deviations either side that hold 80 %


def forecast_chart(
    dates: Dates,
    y: Floats,
    future: Dates,
    mean: Floats,
    lo80: Floats,
    hi80: Floats,
    lo95: Floats,
    hi95: Floats,
    *,
    title: str = "",
    unit: str = "units",
    form: Format = "number",
) -> Option:
    """Past and forecast with their 80 % and 95 % ranges, a legend, and a slider to zoom.

    Shapes: `dates`, `y` (N,), NaN where not known; the rest (H,), in units per step.
    """
    seen = np.flatnonzero(np.isfinite(y))
    past, ahead = iso(dates), iso(future)
    if seen.size:  # the forecast starts where the past ends, so that no gap tears the line
        last = seen[-1]
        ahead = [past[last], *ahead]
        mean, lo80, hi80, lo95, hi95 = (
            np.concatenate([y[[last]], v]) for v in (mean, lo80, hi80, lo95, hi95)
        )
    names = {"y": "So far", "mean": "Expected", "b80": "80 % range", "b95": "95 % range"}
    option = base(
        f"Line chart of {title or 'a series'}: {len(past)} past values from {past[0]} to {past[-1]}, then "
        f"{len(future)} expected ones to {ahead[-1]} with their 80 and 95 percent ranges, in {unit}.",
        380,
    )
    option["merx"] |= {
        "x": "day",
        "rows": [
            {"name": names["y"], "series": "y", "format": form, "colour": INK},
            {"name": names["mean"], "series": "mean", "format": form, "colour": ACCENT},
            {"name": names["b80"], "series": "b80-low", "spread": "b80-spread", "format": form},
            {"name": names["b95"], "series": "b95-low", "spread": "b95-spread", "format": form},
        ],
    }
    legend = [
        {"name": names["y"], "icon": "roundRect", "itemStyle": {"color": INK}},
        {"name": names["mean"], "icon": "roundRect", "itemStyle": {"color": ACCENT}},
        {"name": names["b80"], "icon": "rect", "itemStyle": {"color": ACCENT, "opacity": 0.34}},
        {"name": names["b95"], "icon": "rect", "itemStyle": {"color": ACCENT, "opacity": 0.16}},
    ]
    zoom: Option = {
        "type": "slider",
        "bottom": 4,
        "height": 24,
        "left": 12,
        "right": 16,
        "filterMode": "none",  # a cut band would lose its other half
        "showDetail": False,
        "brushSelect": False,
        "borderColor": RULE,
        "fillerColor": "var(--tint)",
        "backgroundColor": "transparent",
        "handleStyle": {"color": SURFACE, "borderColor": MUTED},
        "moveHandleStyle": {"color": RULE},
        "dataBackground": {"lineStyle": {"color": MUTED, "opacity": 0.5}, "areaStyle": {"opacity": 0}},
        "selectedDataBackground": {"lineStyle": {"color": ACCENT}, "areaStyle": {"opacity": 0}},
        "emphasis": {"handleStyle": {"color": SURFACE, "borderColor": ACCENT}},
    }
    if len(past) > _SHOWN_PAST * 1.5:
        zoom |= {"startValue": past[-_SHOWN_PAST], "endValue": ahead[-1]}
    return option | {
        "tooltip": tooltip(),
        "legend": {
            "top": 0,
            "left": 0,
            "itemWidth": 14,
            "itemHeight": 8,
            "itemGap": 18,
            "textStyle": {"color": INK, "fontSize": 13},
            "inactiveColor": QUIET,
            "data": legend,
        },
        "grid": grid(top=60, bottom=42),
        "dataZoom": [zoom],
        "xAxis": axis("time"),
        "yAxis": axis("value", form, lines=True, **named(unit)),
        "series": [
            *band("b95", names["b95"], ahead, lo95, hi95, ACCENT, 0.14),
            *band("b80", names["b80"], ahead, lo80, hi80, ACCENT, 0.22),
            line("y", names["y"], pairs(past, y), INK, connectNulls=False, lineStyle={"width": 1.5}),
            line("mean", names["mean"], pairs(ahead, mean), ACCENT, lineStyle={"width": 2.25}),
        ],
    }


def demand_profit_chart(
    price: Floats,
    units: Floats,
    units_low: Floats,
    units_high: Floats,
    profit: Floats,
    profit_low: Floats,
    profit_high: Floats,
    *,
    price_now: float,
    price_proposed: float,
    cost: float = float("nan"),
    title: str = "",
    period: str = "",
    interval: float = 0.9,
) -> Option:
    """Expected profit above, expected units below, over one price axis; all arrays (G,).

    The prices now and proposed are marked, and the cost where the axis reaches it. The series `here-profit`
    and `here-units` hold one point each, at the price that a slider stands on: move them with `setOption`.
    """
    x = as_list(price)
    span_name = f"{interval * 100:.0f} % range"
    option = base(
        f"Expected profit and units {period} of {title or 'a product'} over prices from {x[0]} to {x[-1]}; "
        f"the price is {price_now:.2f} now, {price_proposed:.2f} is proposed.",
        440,
    )
    option["merx"] |= {
        "x": "price",
        "rows": [
            {"name": "Profit", "series": "profit", "format": "money", "colour": ACCENT},
            {"name": span_name, "series": "bp-low", "spread": "bp-spread", "format": "money"},
            {"name": "Units", "series": "units", "format": "number", "colour": SECOND},
            {"name": span_name, "series": "bu-low", "spread": "bu-spread", "format": "number"},
        ],
    }

    def at(value: float, name: str, colour: str, left: bool) -> Option:
        label = {
            "show": bool(name),
            "formatter": name,
            "position": "end",
            "align": "right" if left else "left",
            "distance": [4, 4],
            "color": colour,
            "fontSize": 12,
        }
        dash = "dashed" if colour == MUTED else "solid"
        return {"xAxis": value, "label": label, "lineStyle": {"color": colour, "type": dash, "width": 1.25}}

    def marks(named: bool) -> Option:
        up = price_proposed >= price_now
        lines = [at(price_now, "now" if named else "", MUTED, left=up)]
        if abs(price_proposed - price_now) >= 0.005:
            lines.append(at(price_proposed, "proposed" if named else "", ACCENT, left=not up))
        if price[0] <= cost <= price[-1]:
            lines.append(at(cost, "cost" if named else "", BAD, left=False))
        return {"symbol": "none", "silent": True, "precision": 6, "data": lines}

    def here(key: str, at_index: int, values: Floats, axis: int, colour: str) -> Option:
        return line(
            key,
            "Here",
            [[x[at_index], as_list(values)[at_index]]],
            colour,
            showSymbol=True,
            symbolSize=11,
            z=5,
            xAxisIndex=axis,
            yAxisIndex=axis,
            tooltip={"show": False},
            silent=True,
            markLine={
                "symbol": "none",
                "silent": True,
                "label": {"show": False},
                "precision": 6,
                "lineStyle": {"color": INK, "type": "solid", "width": 1, "opacity": 0.55},
                "data": [{"xAxis": x[at_index]}],
            },
        ) | {"itemStyle": {"color": colour, "borderColor": SURFACE, "borderWidth": 2}}

    start = int(np.argmin(np.abs(price - price_proposed)))
    low, high = {"xAxisIndex": 0, "yAxisIndex": 0}, {"xAxisIndex": 1, "yAxisIndex": 1}
    span: Option = {"min": x[0], "max": x[-1]}
    hidden = axis("value", "price", gridIndex=0, **span)
    hidden["axisLabel"]["show"] = False
    shown = axis("value", "price", gridIndex=1, **span)
    shown["axisLabel"] |= {"showMinLabel": False, "showMaxLabel": False}  # the ends of a grid are not round
    return option | {
        "tooltip": tooltip(),
        "axisPointer": {"link": [{"xAxisIndex": "all"}]},
        "grid": [
            {"left": 60, "right": 24, "top": 44, "height": 196},
            {"left": 60, "right": 24, "top": 288, "height": 116},
        ],
        "xAxis": [hidden, shown],
        "yAxis": [
            axis("value", "money", gridIndex=0, lines=True, splitNumber=4, **_left(f"Profit {period}")),
            axis("value", "number", gridIndex=1, lines=True, splitNumber=2, **_left(f"Units {period}")),
        ],
        "series": [
            *band("bp", span_name, x, profit_low, profit_high, ACCENT, 0.15, **low),
            *band("bu", span_name, x, units_low, units_high, SECOND, 0.16, **high),
            line("profit", "Profit", pairs(x, profit), ACCENT, **low, markLine=marks(True)),
            line("units", "Units", pairs(x, units), SECOND, **high, markLine=marks(False)),
            here("here-profit", start, profit, 0, ACCENT),
            here("here-units", start, units, 1, SECOND),
        ],
    }


def _left(name: str) -> Option:
    option = named(name.strip())
    option["nameGap"] = 20
    option["nameTextStyle"] = {"color": INK, "align": "left", "fontSize": 13, "padding": [0, 0, 0, -52]}
    return option


def reliability_chart(predicted: Floats, observed: Floats, count: Floats, *, what: str) -> Option:
    """Chances foretold against the share that came, by bins (B,) of shoppers, lowest first.

    A point on the diagonal is right. Of points that are off by chance alone, eight in ten lie in the band:
    that of a mean of as many shoppers as the bins hold.
    """
    said = "; ".join(
        f"{formats.percent(foretold)} foretold, {formats.percent(came)} came"
        for foretold, came in zip(predicted.tolist(), observed.tolist(), strict=True)
    )
    alone = "By chance alone"
    option = base(f"Chances {what} against what came, by groups of shoppers. {said}.", 300)
    option["merx"] |= {
        "x": "percent",
        "rows": [
            {"name": "Came", "series": "came", "format": "percent", "colour": ACCENT},
            {"name": alone, "series": "chance-low", "spread": "chance-spread", "format": "percent"},
        ],
    }
    largest = float(max(predicted.max(), observed.max()))
    top, step = next(ends for ends in _ENDS if largest <= ends[0])
    x = np.linspace(0, top, 41)
    noise = _EIGHTY * np.sqrt(x * (1 - x) / count.mean())
    places = as_list(x)
    ends: Option = {"min": 0, "max": top, "interval": step}
    return option | {
        "tooltip": tooltip(),
        "grid": grid(top=34, bottom=44),
        "xAxis": axis("value", "percent", **ends, **_below("Foretold")),
        "yAxis": axis("value", "percent", lines=True, **ends, **named("Came")),
        "series": [
            *band("chance", alone, places, np.maximum(x - noise, 0), np.minimum(x + noise, 1), MUTED, 0.16),
            line("right", "As foretold", pairs(places, x), MUTED, lineStyle={"type": "dashed", "width": 1}),
            line(
                "came",
                "Came",
                pairs(as_list(predicted), observed),
                ACCENT,
                showSymbol=True,
                symbolSize=9,
                lineStyle={"width": 1.25},
            ),
        ],
    }


def _below(name: str) -> Option:
    """The name of an x axis, below its labels in the middle."""
    return {
        "name": name,
        "nameLocation": "middle",
        "nameGap": 28,
        "nameTextStyle": {"color": MUTED, "fontSize": 12},
    }
