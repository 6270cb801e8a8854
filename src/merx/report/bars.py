"""Bar charts: reasons of a recommendation, the way to a price, segments, models, the rows of each file."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from merx.report.parts import (
    ACCENT,
    GOOD,
    INK,
    MUTED,
    QUIET,
    SECOND,
    SURFACE,
    WARN,
    Format,
    Option,
    axis,
    base,
    grid,
    tooltip,
)


def _names(labels: Sequence[str]) -> Option:
    """A y axis of names, the first on top, long ones cut (the tooltip has them whole)."""
    option = axis("category", data=list(labels), inverse=True)
    option["axisLine"] = {"show": False}
    option["axisLabel"] |= {
        "color": INK,
        "fontSize": 13,
        "width": 150,
        "overflow": "truncate",
        "interval": 0,
        "hideOverlap": False,
    }
    return option


def _values(form: Format, **more: object) -> Option:
    return axis("value", form, lines=True, splitNumber=4, **more)


def reasons_chart(titles: Sequence[str], shares: Sequence[float], *, of: str = "") -> Option:
    """Horizontal bars: which own items of the shopper led to the item `of`; shares (B,) in 0..1."""
    rows = sorted(zip(titles, shares, strict=True), key=lambda row: -row[1])
    said = "; ".join(f"{title}: {share:.0%}" for title, share in rows)
    option = base(f"Bar chart of what led to {of or 'this product'}. {said}.", 28 + 34 * len(rows))
    option["merx"] |= {"rows": [{"name": "Share of the score", "series": "share", "format": "percent"}]}
    return option | {
        "tooltip": tooltip() | {"axisPointer": {"type": "none"}},
        "grid": grid(top=4, bottom=4, right=48),
        "xAxis": _values("percent", min=0, show=False),
        "yAxis": _names([title for title, _ in rows]),
        "series": [
            {
                "id": "share",
                "name": "Share of the score",
                "type": "bar",
                "data": [round(float(share), 4) for _, share in rows],
                "barWidth": 12,
                "itemStyle": {"color": ACCENT, "borderRadius": [0, 3, 3, 0]},
                "label": {"show": True, "position": "right", "color": INK, "formatter": "merx:percent"},
                "emphasis": {"disabled": True},
            }
        ],
    }


def segments_chart(
    names: Sequence[str], values: Sequence[float], lately: Sequence[bool], *, what: str, form: Format
) -> Option:
    """Horizontal bars of segments (B,), in the given order.

    Those of shoppers who were there lately have a colour of their own.
    """
    said = "; ".join(f"{name}: {value:,.0f}" for name, value in zip(names, values, strict=True))
    option = base(f"Bar chart of {what} by segment. {said}.", 30 + 30 * len(names))
    option["merx"] |= {"rows": [{"name": what, "series": "segment", "format": form}]}
    return option | {
        "tooltip": tooltip() | {"axisPointer": {"type": "none"}},
        "grid": grid(top=4, bottom=4, right=72),
        "xAxis": _values(form, min=0, show=False),
        "yAxis": _names(names),
        "series": [
            {
                "id": "segment",
                "name": what,
                "type": "bar",
                "data": [
                    {"value": float(value), "itemStyle": {"color": ACCENT if there else SECOND}}
                    for value, there in zip(values, lately, strict=True)
                ],
                "barWidth": 12,
                "itemStyle": {"borderRadius": [0, 3, 3, 0]},
                "label": {"show": True, "position": "right", "color": INK, "formatter": f"merx:{form}"},
                "emphasis": {"disabled": True},
            }
        ],
    }


def waterfall_chart(
    names: Sequence[str], prices: Sequence[str], profits: Sequence[float], *, title: str = ""
) -> Option:
    """How the profit expected (B,) changes from the price now, through each step, to the price proposed.

    The first bar and a last one, added here, are whole profits; the others are changes. The axis begins near
    the least of them, so that small changes can be seen.
    """
    labels = [f"{name} {price}" for name, price in zip(names, prices, strict=True)]
    said = "; ".join(f"{label}: profit {profit:,.2f}" for label, profit in zip(labels, profits, strict=True))
    steps = list(pairwise(profits))
    base_of = [0.0, *(before for before, _ in steps), 0.0]
    size = [profits[0], *(after - before for before, after in steps), profits[-1]]
    colour = [QUIET, *(GOOD if after >= before else WARN for before, after in steps), ACCENT]
    labels.append(f"Proposed {prices[-1]}")
    span = max(profits) - min(profits)
    option = base(f"Waterfall of the price of {title or 'a product'}. {said}.", 30 + 30 * len(labels))
    option["merx"] |= {"rows": [{"name": "Profit", "series": "step", "format": "money"}]}
    named = _names(labels)
    named["axisLabel"]["width"] = 230
    bar: Option = {"type": "bar", "stack": "way", "stackStrategy": "all", "barWidth": 12}
    return option | {
        "tooltip": tooltip() | {"axisPointer": {"type": "none"}},
        "grid": grid(top=4, bottom=4, right=72),
        "xAxis": _values("money", min=min(profits) - 0.3 * span, max=max(profits), show=False),
        "yAxis": named,
        "series": [
            bar
            | {
                "id": "from",
                "name": "From",
                "data": [round(float(value), 4) for value in base_of],
                "itemStyle": {"color": "transparent"},
                "silent": True,
                "emphasis": {"disabled": True},
            },
            bar
            | {
                "id": "step",
                "name": "Profit",
                "data": [
                    {"value": round(float(value), 4), "itemStyle": {"color": shade}}
                    for value, shade in zip(size, colour, strict=True)
                ],
                "label": {"show": True, "position": "right", "color": INK, "formatter": "merx:money"},
                "emphasis": {"disabled": True},
            },
        ],
    }


def touched_chart(
    titles: Sequence[str], units: Sequence[float], profits: Sequence[float], *, title: str = ""
) -> Option:
    """Horizontal bars: what other products (B,) gain or lose when the price of the product `title` moves.

    Bars are profit, and units stand beside the names; where a profit is not known, NaN, bars are units.
    """
    money = all(profit == profit for profit in profits)
    bars, what = (profits, "Profit") if money else (units, "Units")
    form: Format = "money" if money else "number"
    more = [f"{sold:+,.1f}".replace("-", "−") for sold in units]
    labels = [f"{name} {sold} units" if money else name for name, sold in zip(titles, more, strict=True)]
    said = "; ".join(f"{label}: {what.lower()} {bar:+,.2f}" for label, bar in zip(labels, bars, strict=True))
    of = title or "a product"
    option = base(f"Bar chart of what the price of {of} does to others. {said}.", 30 + 30 * len(labels))
    option["merx"] |= {"rows": [{"name": what, "series": "touched", "format": form}]}
    named = _names(labels)
    named["axisLabel"]["width"] = 230
    named["axisLine"] |= {"onZero": False}  # the names stay on the left where bars go below 0
    return option | {
        "tooltip": tooltip() | {"axisPointer": {"type": "none"}},
        "grid": grid(top=4, bottom=4, right=72),
        "xAxis": _values(form, min=min(0.0, *bars), max=max(0.0, *bars), show=False),
        "yAxis": named,
        "series": [
            {
                "id": "touched",
                "name": what,
                "type": "bar",
                "barWidth": 12,
                "data": [
                    {"value": round(float(bar), 4), "itemStyle": {"color": GOOD if bar >= 0 else WARN}}
                    for bar in bars
                ],
                "label": {"show": True, "position": "right", "color": INK, "formatter": f"merx:{form}"},
                "emphasis": {"disabled": True},
            }
        ],
    }


def evaluation_chart(
    models: Sequence[str],
    values: Sequence[float],
    *,
    metric: str,
    trivial: str = "",
    better: Literal["higher", "lower"] = "higher",
) -> Option:
    """Horizontal bars of models (B,), best on top; the trivial one grey with a line at its value."""
    rows = sorted(zip(models, values, strict=True), key=lambda row: row[1], reverse=better == "higher")
    bar = next((value for model, value in rows if model == trivial), None)

    def colour(model: str, value: float) -> str:
        if model == trivial or bar is None:
            return QUIET if model == trivial else ACCENT
        return ACCENT if (value > bar if better == "higher" else value < bar) else WARN

    said = "; ".join(f"{model}: {value:.3f}" for model, value in rows)
    option = base(f"Bar chart of {metric} by model, {better} is better. {said}.", 50 + 34 * len(rows))
    option["merx"] |= {"rows": [{"name": metric, "series": "metric", "format": "metric"}]}
    line: Option = {
        "symbol": "none",
        "silent": True,
        "label": {"show": False},
        "precision": 6,
        "lineStyle": {"color": MUTED, "type": "dashed", "width": 1},
        "data": [] if bar is None else [{"xAxis": float(bar)}],
    }
    return option | {
        "tooltip": tooltip() | {"axisPointer": {"type": "none"}},
        "grid": grid(top=4, bottom=24, right=56),
        "xAxis": _values("metric", min=0),
        "yAxis": _names([model for model, _ in rows]),
        "series": [
            {
                "id": "metric",
                "name": metric,
                "type": "bar",
                "data": [{"value": float(v), "itemStyle": {"color": colour(m, v)}} for m, v in rows],
                "barWidth": 12,
                "itemStyle": {"borderRadius": [0, 3, 3, 0]},
                "label": {"show": True, "position": "right", "color": INK, "formatter": "merx:metric"},
                "emphasis": {"disabled": True},
                "markLine": line,
            }
        ],
    }


def ingest_chart(
    files: Sequence[str], accepted: Sequence[int], rejected: Sequence[int], duplicates: Sequence[int]
) -> Option:
    """Stacked bars, one per file (B,): shares of its rows that were taken, set aside, or there already.

    The three counts of a file must not overlap.
    """
    kinds = (
        ("accepted", "Taken", accepted, GOOD),
        ("duplicates", "Duplicates", duplicates, QUIET),
        ("rejected", "Set aside", rejected, WARN),
    )
    totals = [max(sum(counts), 1) for counts in zip(accepted, rejected, duplicates, strict=True)]
    said = "; ".join(
        f"{name}: {a} taken, {r} set aside, {d} duplicates"
        for name, a, r, d in zip(files, accepted, rejected, duplicates, strict=True)
    )
    option = base(f"Bar chart of the rows of each file. {said}.", 60 + 34 * len(files))
    option["merx"] |= {
        "rows": [{"name": label, "series": key, "format": "percent"} for key, label, _, _ in kinds]
    }
    return option | {
        "tooltip": tooltip() | {"axisPointer": {"type": "none"}},
        "legend": {
            "top": 0,
            "left": 0,
            "itemWidth": 12,
            "itemHeight": 8,
            "icon": "roundRect",
            "textStyle": {"color": INK, "fontSize": 13},
        },
        "grid": grid(top=32, bottom=20, right=20),
        "xAxis": _values("percent", min=0, max=1, interval=0.25),
        "yAxis": _names(files),
        "series": [
            {
                "id": key,
                "name": label,
                "type": "bar",
                "stack": "rows",
                "data": [round(n / total, 6) for n, total in zip(counts, totals, strict=True)],
                "barWidth": 14,
                "itemStyle": {"color": colour, "borderColor": SURFACE, "borderWidth": 1},
                "emphasis": {"disabled": True},
            }
            for key, label, counts, colour in kinds
        ],
    }
