"""From what a shop knows and was answered to the plain data of its report: pure functions, one a section."""

from collections.abc import Mapping, Sequence
from datetime import UTC
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from merx import report
from merx.data.contracts import DemandModel
from merx.data.panel import Panel, PricePanel, moments
from merx.data.price_facts import PriceFacts
from merx.decisions import Decision
from merx.ingest import Readiness
from merx.price.limits import PriceRules
from merx.price.optimise import curve
from merx.price.waterfall import waterfall
from merx.sections.coming import coming, unknown
from merx.sections.friends import friends
from merx.sections.gaps import gaps
from merx.sections.look_alikes import look_alikes
from merx.sections.past import decomposition, unusual_days
from merx.sections.scores import LESS_IS_BETTER, evaluation, measures, number

__all__ = [
    "LESS_IS_BETTER",
    "coming",
    "decomposition",
    "evaluation",
    "forecast_series",
    "friends",
    "gaps",
    "ingested",
    "look_alikes",
    "measures",
    "place_list",
    "prices",
    "readiness",
    "shopper",
    "summary",
    "unknown",
    "unusual_days",
]

# Why a price goes no further, by the name of the rule.
HELD_BY = {
    "min_margin": "least margin",
    "max_change": "largest change",
    "endings": "price endings",
    "min_confidence": "gain not sure",
    "floor_price": "floor",
    "ceiling_price": "ceiling",
    "map_price": "advertised price",
    "msrp": "recommended price",
    "competitor_index": "others' prices",
    "key_items": "known price",
    "no_touch": "no change now",
    "under_test": "price test",
    "price_points": "price points",
    "announced": "30-day lowest",
    "max_changes": "number of changes",
    "pack_parity": "larger pack",
    "index": "category index",
    "parity": "brand parity",
    "capacity": "capacity",
}


# The steps to a price that are no rule of one product.
STEPS = {
    "now": "Now",
    "response": "Best without rules",
    "together": "With other products",
    "others": "Others' new prices",
}
TOUCHED = 6  # other products shown beside one


def summary(overview: Mapping[str, Any], version: str, fingerprint: str) -> report.ShopSummary:
    """The shop in a few numbers, from the query `overview`."""
    return report.ShopSummary(
        start=overview["first_time"].replace(tzinfo=UTC),
        end=overview["last_time"].replace(tzinfo=UTC),
        events=overview["events"],
        shoppers=overview["users"],
        products=overview["items"],
        purchases=overview["purchases"],
        revenue=overview["revenue"] - overview["refunded"],
        version=version,
        fingerprint=fingerprint,
    )


def ingested(sources: Sequence[Mapping[str, Any]], media: Sequence[report.IngestFile] = ()) -> report.Ingest:
    """What came in, from the sources of a snapshot, and the media that its products name."""
    return report.Ingest(
        tuple(
            report.IngestFile(
                name=Path(source["path"]).name,
                read=source["read"],
                accepted=source["accepted"],
                rejected=source["rejected"],
                duplicates=source["duplicates"],
                dialect=source["dialect"],
                reasons=tuple(report.RejectReason(text, count) for text, count in source["reasons"].items()),
                notes=tuple(source["notes"]),
            )
            for source in sources
        )
        + tuple(media)
    )


def readiness(found: Readiness) -> report.Readiness:
    """What the data can carry."""
    return report.Readiness(
        capabilities=tuple(
            report.Capability(entry.name, entry.state, entry.needs, entry.has, entry.advice)
            for entry in found.capabilities
        ),
        findings=tuple(report.Finding(entry.title, entry.text, entry.severity) for entry in found.findings),
    )


def shopper(
    decision: Decision, history: pa.Table, titles: Mapping[str, str], most: int = 12
) -> report.Shopper:
    """One shopper: the latest events and the list, from a decision and the rows of the query `history`."""
    rows = history.slice(max(history.num_rows - most, 0)).to_pylist()[::-1]  # newest first
    answer = decision.answer
    return report.Shopper(
        id=answer["user_id"],
        history=tuple(
            report.HistoryItem(
                titles.get(row["item_id"]) or row["item_id"], row["event"], row["time"].replace(tzinfo=UTC)
            )
            for row in rows
        ),
        recommendations=tuple(
            report.Recommendation(
                rank=row["rank"],
                item_id=row["item_id"],
                title=row["title"] or row["item_id"],
                category=row["category"] or "",
                score=number(row["score"]),
                reasons=tuple(
                    report.Reason(why["title"] or why["item_id"], why["share"]) for why in row["reasons"]
                ),
                sentence=sentence,
                decision_id=decision.id,
            )
            for row, sentence in zip(answer["rows"], decision.reasons, strict=True)
        ),
        sentence=_rules(decision),
    )


def place_list(decision: Decision, title: str, most: int = 6) -> report.PlaceList:
    """The first products of a list for another place of the shop."""
    return report.PlaceList(
        title=title,
        products=tuple(row["title"] or row["item_id"] for row in decision.answer["rows"][:most]),
        sentence=_rules(decision),
        decision_id=decision.id,
    )


def _rules(decision: Decision) -> str:
    return " ".join(f"{rule[0].upper()}{rule[1:]}." for rule in decision.rules)


def forecast_series(
    decision: Decision, title: str, panel: Panel, s: int, comparison: str, currency: str = ""
) -> report.ForecastSeries:
    """Series s of a panel and what a decision says of it; a price where a currency is given."""
    rows = decision.answer["rows"]
    y = np.where(panel.available[panel.offsets[s] : panel.offsets[s + 1]], panel.series(s), np.nan)

    def column(name: str) -> np.ndarray:
        return np.array([row[name] for row in rows], dtype=np.float64)

    return report.ForecastSeries(
        title=title,
        dates=_dates(panel, s),
        y=y,
        future=np.array([row["date"] for row in rows], dtype="datetime64[D]"),
        mean=column("mean"),
        lo80=column("q0.1"),
        hi80=column("q0.9"),
        lo95=column("q0.025"),
        hi95=column("q0.975"),
        unit=currency or "units",
        step=panel.step,
        price=bool(currency),
        model=f"{decision.answer['model']}: {decision.answer['specification']}",
        comparison=comparison,
        decision_id=decision.id,
    )


def prices(
    decision: Decision,
    titles: Mapping[str, str],
    model: DemandModel,
    panel: PricePanel,
    rules: PriceRules,
    facts: PriceFacts,
    curves: int = 6,
) -> report.Prices:
    """All quotes; of the products with the largest gain the curves, and how their price comes about.

    Panel and facts have the items of the model, in its order.
    """
    rows = sorted(decision.answer["rows"], key=lambda row: -_gain(row))  # refused ones last
    gaining = [row for row in rows if row["profit"] is not None]
    return report.Prices(
        quotes=tuple(_quote(row, titles, decision.id) for row in rows),
        curves=tuple(
            _curve(
                *(row, titles, decision.id, model, panel),
                _steps(row, model, panel, rules, facts),
                _touched(row, decision, titles),
            )
            for row in gaining[:curves]
        ),
        period="per week",
        interval=0.8,
    )


def _quote(row: Mapping[str, Any], titles: Mapping[str, str], decision_id: str) -> report.Quote:
    def interval(name: str) -> report.Interval:
        return report.Interval(number(row[name]), number(row[f"{name}_low"]), number(row[f"{name}_high"]))

    return report.Quote(
        item_id=row["item_id"],
        title=titles.get(row["item_id"]) or row["item_id"],
        price_now=row["price_now"],
        price_proposed=row["price"],
        units=interval("units"),
        revenue=interval("revenue"),
        profit=interval("profit"),
        grade=row["grade"],
        binding=", ".join(HELD_BY[rule] for rule in row["binding"].split("+") if rule),
        reason=row["reason"],
        profit_now=number(row["profit_now"]),
        decision_id=decision_id,
    )


def _gain(row: Mapping[str, Any]) -> float:
    """Expected profit a week on top of today's; minus infinity where it is not known."""
    return float("-inf") if row["profit"] is None else row["profit"] - row["profit_now"]


def _curve(
    row: Mapping[str, Any],
    titles: Mapping[str, str],
    decision_id: str,
    model: DemandModel,
    panel: PricePanel,
    steps: tuple[report.PriceStep, ...],
    touched: tuple[report.Touched, ...],
) -> report.PriceCurve:
    # today's and the proposed price are points of their own, so that the curve agrees with the quote there
    grid = np.unique([*(row["price_now"] * np.linspace(0.6, 1.5, 46)), row["price_now"], row["price"]])
    found = curve(model, panel.items.code(row["item_id"]), grid, number(row["cost"]))
    return report.PriceCurve(
        item_id=row["item_id"],
        title=titles.get(row["item_id"]) or row["item_id"],
        price=grid,
        units=found.units[:, 0],
        units_low=found.units[:, 1],
        units_high=found.units[:, 2],
        profit=found.profit[:, 0],
        profit_low=found.profit[:, 1],
        profit_high=found.profit[:, 2],
        price_now=row["price_now"],
        price_proposed=row["price"],
        cost=number(row["cost"]),
        sentence=row["reason"],
        decision_id=decision_id,
        steps=steps,
        touched=touched,
    )


def _steps(
    row: Mapping[str, Any], model: DemandModel, panel: PricePanel, rules: PriceRules, facts: PriceFacts
) -> tuple[report.PriceStep, ...]:
    item = panel.items.code(row["item_id"])
    way = waterfall(model, panel, rules, facts, item, row["price"], row["by_others"])
    return tuple(
        report.PriceStep(STEPS.get(step.name) or HELD_BY[step.name].capitalize(), step.price, step.profit[0])
        for step in way
    )


def _touched(
    row: Mapping[str, Any], decision: Decision, titles: Mapping[str, str]
) -> tuple[report.Touched, ...]:
    """What clearly gains or loses by the price of one product, most money first."""
    every = decision.answer["cross"]["rows"] if "cross" in decision.answer else []
    others = [one for one in every if one["priced"] == row["item_id"]]
    return tuple(
        report.Touched(titles.get(one["item_id"]) or one["item_id"], one["units"], number(one["profit"]))
        for one in others[:TOUCHED]
    )


def _dates(panel: Panel, s: int) -> np.ndarray:
    dates: np.ndarray = moments(panel.start[s : s + 1], panel.length[s], panel.step)[0].astype(
        "datetime64[D]"
    )
    return dates
