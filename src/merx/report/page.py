"""From a `Report` to one HTML file that needs nothing else: no network, no other file.

Everything said by a shop (titles, ids, categories, reasons) is untrusted. It reaches the page on two ways
only: through Jinja2's autoescape, or as JSON in a script element of type `application/json`, whose content
`embed` makes unable to end that element. On top of this a Content-Security-Policy admits no script but the
three that merx itself put there, each by its hash, and no connection at all.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from merx.report import formats, sentences, words
from merx.report.charts import (
    decomposition_chart,
    demand_profit_chart,
    evaluation_chart,
    forecast_chart,
    ingest_chart,
    reasons_chart,
    reliability_chart,
    segments_chart,
    touched_chart,
    waterfall_chart,
)
from merx.report.coming import ShoppersToCome
from merx.report.formats import known
from merx.report.model import Interval, PriceCurve, Prices, Report, ScoreTable
from merx.report.parts import Format, Option
from merx.report.values import as_list

_SCRIPTS = ("vendor/echarts.min.js", "assets/charts.js", "assets/report.js")
_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def embed(value: Any) -> Markup:
    """JSON that may stand in a script element: `</`, `<!--` and the line separators cannot occur in it.

    Raises:
        ValueError: the value holds NaN or infinity, which are not JSON.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for sign, escape in _ESCAPES.items():
        text = text.replace(sign, escape)
    return Markup(text)  # noqa: S704 - every `<` and `&` was replaced above


def _asset(name: str) -> str:
    return resources.files("merx.report").joinpath(name).read_text(encoding="utf-8")


def _policy(scripts: list[str]) -> str:
    """The Content-Security-Policy of a page with just these inline scripts."""
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in scripts
    )
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _number(value: float) -> float | None:
    return float(f"{value:.6g}") if known(value) else None


def _interval(value: Interval) -> list[float | None]:
    return [_number(value.mean), _number(value.low), _number(value.high)]


def _quotes(part: Prices) -> list[list[Any]]:
    """Rows in the order that `assets/report.js` names in COLUMNS."""
    return [
        [
            q.item_id,
            q.title,
            _number(q.price_now),
            _number(q.price_proposed),
            _number(q.price_proposed / q.price_now - 1) if q.price_now else None,
            _interval(q.units),
            _interval(q.revenue),
            _interval(q.profit),
            q.binding,
            q.grade,
            q.reason,
            q.decision_id,
        ]
        for q in part.quotes
    ]


def _curves(part: Prices, unit: formats.Currency) -> list[dict[str, Any]]:
    found = []
    for c in part.curves:
        option = demand_profit_chart(
            c.price,
            c.units,
            c.units_low,
            c.units_high,
            c.profit,
            c.profit_low,
            c.profit_high,
            price_now=c.price_now,
            price_proposed=c.price_proposed,
            cost=c.cost,
            title=c.title,
            period=part.period,
            interval=part.interval,
        )
        arrays = ("price", "units", "units_low", "units_high", "profit", "profit_low", "profit_high")
        found.append(
            {name: as_list(getattr(c, name)) for name in arrays}
            | {"now": c.price_now, "proposed": c.price_proposed, "cost": _number(c.cost)}
            | {"title": c.title, "sentence": c.sentence, "decision": c.decision_id, "chart": option}
            | {"way": _way(c, unit) if len(c.steps) > 1 else None}
            | {"touched": _touched(c) if c.touched else None}
        )
    return found


def _way(curve: PriceCurve, unit: formats.Currency) -> Option:
    return waterfall_chart(
        [step.name for step in curve.steps],
        [formats.price(step.price, unit) for step in curve.steps],
        [step.profit for step in curve.steps],
        title=curve.title,
    )


def _touched(curve: PriceCurve) -> Option:
    return touched_chart(
        [other.title for other in curve.touched],
        [other.units for other in curve.touched],
        [other.profit for other in curve.touched],
        title=curve.title,
    )


def _table_chart(table: ScoreTable) -> Option:
    scores = [s for s in table.scores if known(s.metrics.get(table.headline))]
    trivial = next((s.model for s in scores if s.trivial), "")
    return evaluation_chart(
        [s.model for s in scores],
        [s.metrics[table.headline] for s in scores],
        metric=words.label(table.headline),
        trivial=trivial,
        better=table.better,
    )


def _coming(part: ShoppersToCome) -> dict[str, Option]:
    found: dict[str, Option] = {}
    asked: list[tuple[str, str, str, Format]] = [("shoppers", "shoppers", "Shoppers", "number")]
    if part.valued:
        asked.append(("value", part.valued.figure, sentences.amount(part.valued), "money"))
    for key, figure, what, form in asked:
        bars = [(x.name, getattr(x, figure), x.lately) for x in part.segments if known(getattr(x, figure))]
        if bars:
            names, values, lately = zip(*bars, strict=True)
            found[f"segments-{key}"] = segments_chart(names, values, lately, what=what, form=form)
    for one in part.foretold:
        if one.curve:
            arrays = (one.curve.predicted, one.curve.observed, one.curve.count)
            found[f"reliability-{one.figure}"] = reliability_chart(
                *arrays, what=sentences.CHANCES[one.figure]
            )
    return found


def payload(report: Report) -> dict[str, Any]:
    """What the page's scripts read: `charts` by key, and the rows behind tables and sliders. Plain JSON."""
    unit = formats.currency(report.currency)
    charts: dict[str, Option] = {}
    data: dict[str, Any] = {
        "currency": {"symbol": unit.symbol, "digits": unit.digits},
        "folder": report.folder,
        "charts": charts,
    }
    if report.ingest:
        files = report.ingest.files
        charts["ingest"] = ingest_chart(
            [x.name for x in files],
            [x.accepted for x in files],
            [x.rejected for x in files],
            [x.duplicates for x in files],
        )
    if report.evaluation:
        for name in ("ranking", "new_products", "forecast", "price_forecast", "lifetime", "value", "price"):
            table: ScoreTable | None = getattr(report.evaluation, name)
            if table is not None and table.scores:
                charts[f"evaluation-{name}"] = _table_chart(table)
    if report.forecasts:
        for i, s in enumerate(report.forecasts.series):
            arrays = (s.dates, s.y, s.future, s.mean, s.lo80, s.hi80, s.lo95, s.hi95)
            charts[f"forecast-{i}"] = forecast_chart(*arrays, title=s.title, unit=s.label)
        d = report.forecasts.decomposition
        if d is not None:
            charts["decomposition"] = decomposition_chart(
                d.dates,
                d.observed,
                d.trend,
                d.seasonal,
                d.remainder,
                seasons=[(season.name, season.values) for season in d.seasons],
                holiday=d.holiday,
                changes=[change.at for change in d.changes],
                unusual=d.unusual,
                unit=f"{d.unit} per {d.step}",
            )
    if report.shoppers:
        for i, shopper in enumerate(report.shoppers.shoppers):
            for j, r in enumerate(shopper.recommendations):
                if r.reasons:
                    charts[f"reasons-{i}-{j}"] = reasons_chart(
                        [x.title for x in r.reasons], [x.share for x in r.reasons], of=r.title
                    )
    if report.coming:
        charts |= _coming(report.coming)
    if report.prices:
        data["period"] = report.prices.period
        data["quotes"] = _quotes(report.prices)
        data["curves"] = _curves(report.prices, unit)
    return data


def _environment(report: Report) -> Environment:
    env = Environment(
        loader=PackageLoader("merx.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    unit = formats.currency(report.currency)
    env.filters |= {
        "number": formats.number,
        "money": lambda v: formats.money(v, unit),
        "price": lambda v: formats.price(v, unit),
        "percent": formats.percent,
        "change": formats.change,
        "metric": lambda v, name: formats.metric(name, v),
        "day": formats.day,
        "count": formats.count,
        "did": words.event,
        "label": words.label,
    }
    env.tests["known"] = known
    return env


def render_report(report: Report) -> str:
    """The whole page as HTML text."""
    scripts = [_asset(name) for name in _SCRIPTS]
    unit = formats.currency(report.currency)
    return (
        _environment(report)
        .get_template("report.html.j2")
        .render(
            report=report,
            generated=_moment(report.generated),
            short=sentences.short(report),
            say=sentences,
            glossary=words.glossary,
            unit=unit,
            gain=sentences.profit_gain(report.prices) if report.prices else float("nan"),
            policy=_policy(scripts),
            style=Markup(_asset("assets/style.css")),  # noqa: S704 - a file of merx
            scripts=[Markup(text) for text in scripts],  # noqa: S704 - files of merx
            data=embed(payload(report)),
        )
    )


def _moment(time: datetime) -> str:
    return f"{formats.day(time)}, {time:%H:%M} UTC"


def write_report(report: Report, path: Path) -> Path:
    """Write the page; a reader never sees half of it. Folders on the way are made. Returns `path`."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f".{path.name}.{os.getpid()}")
    half.write_text(render_report(report), encoding="utf-8", newline="\n")
    half.replace(path)
    return path
