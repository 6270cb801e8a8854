"""The sentence that opens each section: what it says, in a merchant's words, the conclusion first."""

from __future__ import annotations

import numpy as np

from merx.report import formats as f
from merx.report.model import Evaluation, Forecasts, Ingest, Prices, Readiness, Report, ScoreTable, Shoppers


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
    tables = [t for t in (part.ranking, part.forecast, part.price) if t is not None]
    tried = [s for t in tables for s in t.scores if s.beats_trivial is not None]
    won = sum(bool(s.beats_trivial) for s in tried)
    if not tried:
        return "Nothing could be measured against a simple rule yet."
    if won == 0:
        return "No model beats a simple rule on your data yet: set the simple ones in shop.toml."
    models = "model beats" if won == 1 else "models beat"
    return f"{won} of {len(tried)} {models} a simple rule on data they had not seen."


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
    if report.shoppers:
        lines.append(("shoppers", shoppers(report.shoppers, report.evaluation)))
    if report.evaluation:
        lines.append(("evaluation", evaluation(report.evaluation)))
    if report.readiness:
        lines.append(("readiness", readiness(report.readiness)))
    if report.ingest:
        lines.append(("ingest", ingest(report.ingest)))
    return lines
