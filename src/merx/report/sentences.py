"""The sentence that opens each section: what it says, in a merchant's words, the conclusion first."""

from __future__ import annotations

import numpy as np

from merx.report import formats as f
from merx.report.coming import Foretold, ShoppersToCome, TargetTable
from merx.report.model import (
    Evaluation,
    Forecasts,
    Ingest,
    Prices,
    Readiness,
    Report,
    ScoreTable,
    Shoppers,
)
from merx.report.past import Decomposition


def ingest(part: Ingest) -> str:
    """How many rows were read, and that none was lost."""
    read = sum(file.read for file in part.files)
    rejected = sum(file.rejected for file in part.files)
    accepted = sum(file.accepted for file in part.files)
    opening = f"{accepted:,} of {f.count(read, 'row')} were taken"
    if rejected == 0:
        return f"{opening}; nothing had to be set aside."
    return f"{opening}; {rejected:,} were set aside with a reason, and none was dropped in silence."


def readiness(part: Readiness) -> str:
    """What the data carry, what they carry badly, and what they do not."""
    ready = [c for c in part.capabilities if c.state == "ready"]
    weak = [_low(c.name) for c in part.capabilities if c.state == "weak"]
    refused = [_low(c.name) for c in part.capabilities if c.state == "refused"]
    total = len(part.capabilities)
    if len(ready) == total:
        return "Your data carry everything merx can do."
    text = f"Your data carry {len(ready)} of {total} things merx can do"
    if weak:
        text += f"; {_list(weak)} only weakly"
    if refused:
        text += f"; {_list(refused)} not yet"
    return text + "."


def _low(name: str) -> str:
    """A name inside a sentence: its first letter small, unless it is an acronym."""
    return name if name[1:2].isupper() else name[:1].lower() + name[1:]


def _list(names: list[str], most: int = 3) -> str:
    shown = names[:most]
    rest = len(names) - len(shown)
    if rest:
        return f"{', '.join(shown)} and {rest} more"
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def score_table(table: ScoreTable, what: str) -> str:
    """Which model is best by the headline metric, and by how much it beats the trivial one."""
    known = [s for s in table.scores if f.known(s.metrics.get(table.headline))]
    if not known:
        return f"No model could be judged on {what}."
    sign = 1 if table.better == "higher" else -1
    best = max(known, key=lambda s: sign * s.metrics[table.headline])
    trivial = next((s for s in known if s.trivial), None)
    if trivial is None:
        return f"{best.model} is best at {what}."
    if best is trivial:
        return f"Nothing beats the simple rule ({trivial.model}) at {what} yet; prefer the rule."
    if not best.beats_trivial:
        return (
            f"{best.model} is best at {what}, but is ahead of the simple rule ({trivial.model}) by no more "
            "than chance; prefer the rule."
        )
    base = trivial.metrics[table.headline]
    gain = sign * (best.metrics[table.headline] / base - 1) if base else float("nan")
    by = f" by {f.percent(gain)}" if f.known(gain) else ""
    return f"{best.model} is best at {what}: it beats the simple rule ({trivial.model}){by}."


def evaluation(part: Evaluation) -> str:
    """How many of the compared models beat the trivial one."""
    every = (
        *(part.ranking, part.new_products, part.forecast, part.price_forecast),
        *(part.lifetime, part.value, part.price),
    )
    tables = [table for table in every if table is not None]
    tried = [s.beats_trivial for t in tables for s in t.scores if s.beats_trivial is not None]
    tried += [s.beats for s in part.propensity.scores] if part.propensity else []
    won = sum(tried)
    if not tried:
        return "Nothing could be measured against a simple rule yet."
    if won == 0:
        return "No model beats a simple rule on your data yet: set the simple ones in shop.toml."
    models = "model beats" if won == 1 else "models beat"
    return f"{won} of {len(tried)} {models} a simple rule on data they had not seen."


def targets(table: TargetTable) -> str:
    """Which propensities are better than the trivial answers to their questions."""
    poor = [s.model for s in table.scores if not s.beats]
    if not poor:
        return "Each is told better than by the simple answer to its question."
    are, them = ("is", "it") if len(poor) == 1 else ("are", "them")
    told = f"{_list(poor)} {are} no better than the simple answer: do not rely on {them} yet."
    return f"{told} The others are better." if len(poor) < len(table.scores) else told


# What is foretold of shoppers, and what it means that a model is no better than the trivial answer.
CHANCES = {"purchase": "to order", "churn": "to stay away"}
NO_BETTER = {
    "purchase": "The chances to order are no better than the same chance for everyone",
    "churn": "The chances to stay away are no better than the same chance for everyone",
    "revenue": "The orders to come are told no better than by each shopper’s last 28 days again",
    "predicted": "The value to come is told no better than by each customer going on as before",
}


def coming(part: ShoppersToCome, unit: f.Currency) -> str:
    """How many will order, what that brings, whom to act on first, and what of that not to rely on."""
    if not part.segments:
        return "Nothing can be said of the shoppers to come yet."
    buys = part.of("purchase") or part.of("churn")
    brings = part.of("revenue") or part.of("predicted")
    shoppers = sum(x.shoppers for x in part.segments)
    told = [foretold(buys, unit)] if buys else []
    if brings:
        same = buys is not None and (buys.shoppers, buys.active) == (brings.shoppers, brings.active)
        told.append(foretold(brings, unit, them=same))
    told = told or [f"{f.count(shoppers, 'shopper')} in segments by what they bought."]
    told += [
        f"Act first on “{x.name}”, {f.count(x.shoppers - x.held_out, 'shopper')}: {_low(x.action)}"
        for name in part.act_on[:1]
        for x in part.segments
        if x.name == name
    ]
    told += [
        f"{NO_BETTER[one.figure]}; do not rely on them yet."
        for one in (buys, brings)
        if one is not None and one.beats is False
    ]
    return " ".join(told)


def foretold(one: Foretold, unit: f.Currency, *, them: bool = False) -> str:
    """What one figure adds up to, of whom ("them": just told), and how far off it was when it was tested."""
    if one.figure == "predicted":
        return f"{f.money(one.total, unit)} is to come from {one.shoppers:,} customers in {one.ahead:,} days."
    those = "them" if them else f"the {one.shoppers:,} shoppers who were there in the last {one.active} days"
    if one.figure == "revenue":
        told = f"Orders of {f.money(one.total, unit)} are expected in {one.ahead} days from {those}"
    else:
        told = f"About {one.total:,.0f} of {those} are expected {CHANCES[one.figure]} in the next {one.ahead}"
    if not f.known(one.off):
        return f"{told}."
    much, little = ("much was", "little was") if one.figure == "revenue" else ("many were", "few were")
    if abs(one.off) < 0.005:
        return f"{told}; when tested, as {much.split()[0]} as foretold came."
    return f"{told}; when tested, {f.percent(abs(one.off))} too {much if one.off > 0 else little} foretold."


def amount(one: Foretold) -> str:
    """The name of an amount to come."""
    return f"{'Value to come' if one.figure == 'predicted' else 'Orders'} in {one.ahead:,} days"


def cautions(part: ShoppersToCome) -> list[str]:
    """What not to rely on: models that are no better than the trivial answer, or were not judged."""
    told = [f"{NO_BETTER[x.figure]}. {x.verdict}" for x in part.foretold if x.beats is False]
    if part.nobody_left:
        told.append(
            "The lifetime model takes nearly everyone for a customer still: the value to come shows who "
            "bought much, not who leaves. Go by the chance to stay away."
        )
    unjudged = [x for x in part.foretold if x.beats is None]
    told += [f"Not judged: {x.verdict}" for x in unjudged if x.verdict]
    if any(not x.verdict for x in unjudged):
        told.append("Not all of this was judged yet: run merx evaluate.")
    return list(dict.fromkeys(told))


def shoppers(part: Shoppers, judged: Evaluation | None) -> str:
    """What lists are worth, where that was measured, how many are shown, and that each has its reasons."""
    n = len(part.shoppers)
    shown = sum(len(s.recommendations) for s in part.shoppers)
    return (
        f"{_worth(part.model, judged)}{f.count(shown, 'product')} for {f.count(n, 'shopper')}, "
        "each with what in the shopper’s own history led to it."
    )


def _worth(model: str, judged: Evaluation | None) -> str:
    """How many lists of the model held something that was bought, against those of the trivial one."""
    scores = judged.ranking.scores if judged is not None and judged.ranking is not None else ()
    ours = next((s for s in scores if s.model == model and not s.trivial), None)
    rule = next((s for s in scores if s.trivial), None)
    metric = next((name for name in (ours.metrics if ours else ()) if name.startswith("hit_rate")), "")
    if ours is None or rule is None or not f.known(ours.metrics.get(metric)):
        return ""
    mine, its = (f.percent(s.metrics[metric]) for s in (ours, rule))
    return (
        f"On days it had not seen, {mine} of the lists of {model} held something that the shopper went on to "
        f"take, against {its} of those of the simple rule ({rule.model}). "
    )


def forecasts(part: Forecasts) -> str:
    """What the first series will do, against as long a time before."""
    if not part.series:
        return "No series is long enough to be forecast."
    first = part.series[0]
    total, low, high = (
        float(np.nansum(first.mean)),
        float(np.nanmean(first.lo80)),
        float(np.nanmean(first.hi80)),
    )
    h = first.mean.size
    before = float(np.nansum(first.y[-h:])) if first.y.size >= h else float("nan")
    end = f.day(first.future[-1].astype("datetime64[s]").item())
    text = f"{first.title}: {f.number(total)} {first.unit} expected until {end}"
    if before > 0:
        delta = total / before - 1
        steady = abs(delta) < 0.005
        text += (
            ", as many as in the same time before"
            if steady
            else f", {f.percent(abs(delta))} {'more' if delta > 0 else 'fewer'} than in the same time before"
        )
    return f"{text}. A typical {first.step} will lie between {f.number(low)} and {f.number(high)}."


def decomposition(part: Decomposition) -> str:
    """Into what a series was taken apart, and how strong each part is."""
    seasons = [(f"the {season.name.lower()}", season.strength) for season in part.seasons]
    seasons = seasons or [("its season", part.seasonal_strength)]
    holidays = ["holidays"] if len(part.holiday) else []
    parts = _list(["its trend", *(name for name, _ in seasons), *holidays, "what is left"], most=9)
    text = f"{part.title}, taken apart into {parts}."
    graded = [("the trend", part.trend_strength), *((n.replace("its", "the"), s) for n, s in seasons)]
    told = [f"{name} is {_grade(s)} ({s:.2f} of 1)" for name, s in graded if f.known(s)]
    if told:
        text += f" {', '.join(told)[0].upper()}{', '.join(told)[1:]}."
    for name, effect in part.holidays:
        text += (
            f" {name}: {f.number(abs(effect))} {part.unit} {'more' if effect > 0 else 'fewer'} a {part.step}."
        )
    return text


def _grade(strength: float) -> str:
    return "strong" if strength >= 0.6 else "moderate" if strength >= 0.3 else "weak"


def prices(part: Prices, unit: f.Currency) -> str:
    """How many prices should move, and what that is expected to bring."""
    moved = [q for q in part.quotes if abs(q.price_proposed - q.price_now) >= 0.005]
    if not part.quotes:
        return "No product has enough price changes behind it to be quoted."
    if not moved:
        return f"All {f.count(len(part.quotes), 'price')} should stay as they are."
    up = sum(q.price_proposed > q.price_now for q in moved)
    text = (
        f"{len(moved):,} of {f.count(len(part.quotes), 'price')} should move, "
        f"{up:,} up and {len(moved) - up:,} down"
    )
    gain = profit_gain(part)
    if f.known(gain) and gain > 0:
        text += f"; that is expected to bring {f.money(gain, unit)} more profit {part.period}"
        if part.gain is not None and f.known(part.gain.low) and f.known(part.gain.high):
            text += f" ({f.money(part.gain.low, unit)} to {f.money(part.gain.high, unit)})"
    text += "."
    if not any(q.grade in "AB" for q in moved):
        text += " None of it rests on evidence better than grade C: try a few of these prices first."
    return text


def profit_gain(part: Prices) -> float:
    """Expected profit at the proposed prices less that at the present ones; NaN: not known."""
    if part.gain is not None:
        return part.gain.mean
    gains = [q.profit.mean - q.profit_now for q in part.quotes]
    gains = [gain for gain in gains if f.known(gain)]
    return float(sum(gains)) if gains else float("nan")


def short(report: Report) -> list[tuple[str, str]]:
    """The report in short: (anchor of the section, its sentence), in the order of the page."""
    unit = f.currency(report.currency)
    lines = []
    if report.prices:
        lines.append(("prices", prices(report.prices, unit)))
    if report.forecasts:
        lines.append(("forecast", forecasts(report.forecasts)))
    if report.coming:
        lines.append(("coming", coming(report.coming, unit)))
    if report.shoppers:
        lines.append(("shoppers", shoppers(report.shoppers, report.evaluation)))
    if report.friends:
        lines.append(("friends", report.friends.sentence))
    if report.evaluation:
        lines.append(("evaluation", evaluation(report.evaluation)))
    if report.gaps:
        lines.append(("gaps", report.gaps.sentence))
    if report.look_alikes:
        lines.append(("look-alikes", report.look_alikes.sentence))
    if report.readiness:
        lines.append(("readiness", readiness(report.readiness)))
    if report.ingest:
        lines.append(("ingest", ingest(report.ingest)))
    return lines
