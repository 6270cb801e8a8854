"""How results look in a terminal."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from merx.cli.show_complete import show_complete
from merx.cli.show_media import show_media, show_saliency
from merx.cli.show_price import (
    show_price,
    show_price_test,
    show_price_test_result,
    show_prices,
    show_what_if,
)
from merx.cli.show_similar import show_duplicates, show_similar
from merx.cli.tables import console, rules_and_id, table_of

MEASURED = 5  # measures of one task shown
UNUSUAL = 20  # days shown
FEW = 5  # models of one task whose verdicts are all told in sentences


def show(what: str, result: dict[str, Any]) -> None:
    """Print the result of a verb for people."""
    SHOW[what](result)


def show_made(result: dict[str, Any]) -> None:
    """A new shop."""
    shop = _near(result["shop"])
    console.print(f"Made the shop {result['name']} in {shop}. Next: merx ingest {shop} FILES")


def show_ingest(result: dict[str, Any]) -> None:
    """What became of the lines of each file."""
    table = table_of("file", "dialect", "read>", "accepted>", "rejected>", "duplicates>")
    for file in result["files"]:
        counts = (f"{file[name]:,}" for name in ("read", "accepted", "rejected", "duplicates"))
        table.add_row(_near(file["path"]), file["dialect"], *counts)
    console.print(table)
    for file in result["files"]:
        for reason, count in file["reasons"].items():
            console.print(Text(f"  {Path(file['path']).name}: {count:,} rejected: {reason}", style="yellow"))
        for note in file["notes"]:
            console.print(Text(f"  {Path(file['path']).name}: {note}", style="dim"))


def _near(path: str) -> str:
    """The path as seen from here, where that is shorter."""
    return min(path, os.path.relpath(path), key=len)


def show_check(result: dict[str, Any]) -> None:
    """What the shop is ready for, and what was found."""
    style = {"ready": "green", "weak": "yellow", "refused": "red"}
    table = table_of("", "state", "has", "advice")
    for entry in result["capabilities"]:
        table.add_row(
            entry["name"], Text(entry["state"], style=style[entry["state"]]), entry["has"], entry["advice"]
        )
    console.print(table)
    for entry in result["findings"]:
        console.print(Text.assemble((f"{entry['severity']}: {entry['title']}. ", "bold"), entry["text"]))


def show_evaluate(result: dict[str, Any]) -> None:
    """Scores by task, the best model first, each against the trivial model; --json holds every measure."""
    from merx.sections import LESS_IS_BETTER, measures

    for task, protocol in result["protocol"].items():
        scores = [score for score in result["scores"] if score["task"] == task]
        shown = measures(task, scores)[:MEASURED]
        sign = 1 if task in LESS_IS_BETTER else -1  # errors: the least is the best
        scores.sort(key=lambda score: sign * (score["metrics"].get(shown[0]) or 0.0))
        table = table_of(task, *(f"{name}>" for name in shown), "verdict", whole=True)
        for score in scores:
            beats = score["beats_trivial"]
            verdict = "the bar" if beats is None else "better" if beats else "no better"
            figures = [_figure(score["metrics"].get(name)) for name in shown]
            table.add_row(score["model"], *figures, Text(verdict, style="yellow" if beats is False else ""))
        console.print(table)
        for score in scores if len(scores) <= FEW else scores[:1]:
            style = "yellow" if score["beats_trivial"] is False else ""
            console.print(Text(f"  {score['model']}: {score['sentence']}", style=style))
        console.print(Text(f"  {protocol}", style="dim"))
    _refused(result["refused"], "not judged")


def _refused(reasons: dict[str, str], what: str) -> None:
    """One line per reason, with all that it holds for."""
    for why in dict.fromkeys(reasons.values()):
        names = ", ".join(name for name, reason in reasons.items() if reason == why)
        console.print(Text(f"{names}: {what}, {why}", style="yellow"))


def show_tune(result: dict[str, Any]) -> None:
    """One row per kind: before and after, on the days to choose on and on the days after."""
    table = table_of("model", "trials>", "chosen on>", "reported on>", "settings")
    for entry in result["tuned"]:
        settings = ", ".join(f"{name} = {value}" for name, value in entry["settings"].items())
        table.add_row(
            entry["kind"],
            str(entry["trials"]),
            f"{entry['validation_before']:.4f} -> {entry['validation']:.4f}",
            f"{entry['test_before']:.4f} -> {entry['test']:.4f}" if entry["kept"] else "",
            settings if entry["kept"] else "as before: nothing is better by more than chance",
        )
    if result["tuned"]:
        console.print(table)
    _refused(result["refused"], "not tuned")
    console.print(Text(result["protocol"], style="dim"))
    if kept := [entry["kind"] for entry in result["tuned"] if entry["kept"]]:
        console.print(f"Kept in tuned.toml: {', '.join(kept)}; in force from the next `merx fit` on.")


def show_report(result: dict[str, Any]) -> None:
    """Where the report is."""
    console.print(f"Report: {_near(result['report'])}", soft_wrap=True)


def show_run(result: dict[str, Any]) -> None:
    """What was unusual, what is expected of shoppers, where the report is; the steps were shown before."""
    from merx import sections
    from merx.decisions import Decision
    from merx.report import sentences
    from merx.report.formats import currency

    if (said := result["anomalies"]) is not None:
        for place, reason in enumerate(said["reasons"]):
            console.print(Text.assemble(("Unusual: " if place == 0 else "  ", "bold"), reason))
        console.print(f"decision {said['id']}", style="dim")
    if (said := result["shoppers"]) is not None:
        part = sections.coming(Decision(**said), result["evaluate"], {}, {})
        told = sentences.coming(part, currency("")).replace("\u202f", " ")
        console.print(Text.assemble(("Shoppers to come: ", "bold"), told))
        console.print(f"decision {said['id']}", style="dim")
    show_report(result)


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def show_fit(result: dict[str, Any]) -> None:
    """One row per kind of model."""
    table = table_of("model", "fitted on", "seconds>", whole=True)
    for entry in result["fits"]:
        if not entry["refused"]:
            kept = " (its choices kept)" if entry["updated_from"] else ""
            table.add_row(entry["kind"], entry["fitted_on"] + kept, f"{entry['seconds']:.1f}")
    console.print(table)
    for entry in result["fits"]:
        if entry["summary"]:
            console.print(Text(f"  {entry['kind']}: {entry['summary']}", style="dim"))
    _refused({entry["kind"]: entry["refused"] for entry in result["fits"] if entry["refused"]}, "not fitted")


def show_recommend(result: dict[str, Any]) -> None:
    """A list with its reasons; scores order one model's list and mean nothing else, so they are left out."""
    answer = result["answer"]
    table = table_of("", "item", "title", "model", "because of")
    for row in answer["rows"]:
        because = ", ".join(f"{_name(why)} {why['share']:.0%}" for why in row["reasons"])
        because = row.get("bought") or because
        told = ", ".join(f"{one['name']} {one['share']:.0%}" for one in row.get("sources", ()))
        because = "\n".join(filter(None, [because, told, *row.get("rules", ())]))
        table.add_row(str(row["rank"]), row["item_id"], row["title"] or "", row["model"], because)
    who, scenario = answer["user_id"] or "an anonymous visitor", answer.get("scenario", "home")
    models = ", ".join(dict.fromkeys(row["model"] for row in answer["rows"])) or answer["model"]
    console.print(f"{scenario}: for {who} by {models}, from {answer['history']} events:")
    console.print(table)
    rules_and_id(result)


def show_forecast(result: dict[str, Any]) -> None:
    """The steps ahead with their intervals."""
    answer = result["answer"]
    table = table_of("from" if answer["step"] == "week" else "day", "expected>", "80 %>", "95 %>")
    digits = 2 if answer["key"].startswith("price: ") else 0
    for row in answer["rows"]:
        table.add_row(
            row["date"],
            f"{row['mean']:,.{max(digits, 1)}f}",
            f"{row['q0.1']:,.{digits}f} .. {row['q0.9']:,.{digits}f}",
            f"{row['q0.025']:,.{digits}f} .. {row['q0.975']:,.{digits}f}",
        )
    console.print(table)
    for reason in result["reasons"]:
        console.print(Text(reason))
    rules_and_id(result)


def show_anomalies(result: dict[str, Any]) -> None:
    """The unusual days, each with what was expected and why."""
    rows = result["answer"]["rows"]
    table = table_of("day", "of", "sold>", "expected>", "95 %>", "one day in>", "likely because")
    for row in rows[:UNUSUAL]:
        table.add_row(
            row["date"],
            row["title"],
            f"{row['sold']:,.0f}",
            f"{row['expected']:,.1f}",
            f"{row['low']:,.0f} .. {row['high']:,.0f}",
            f"{row['one_in']:,}",
            "; ".join(row["reasons"]),
        )
    if rows:
        console.print(table)
    if len(rows) > UNUSUAL:
        console.print(f"The first {UNUSUAL} of {len(rows)}; --json prints all.")
    console.print(Text(result["reasons"][0]))
    rules_and_id(result)


def show_shoppers(result: dict[str, Any]) -> None:
    """The segments, or one shopper with the reasons."""
    answer = result["answer"]
    if answer["user_id"] is None:
        table = table_of("segment", "shoppers>", "alone>", "buys>", "leaves>", "revenue>", "alive>", "worth>")
        for row in answer["rows"]:
            table.add_row(
                row["segment"],
                *(f"{row[name]:,}" for name in ("shoppers", "held_out")),
                *(_written(row[name], ".0%") for name in ("purchase", "churn")),
                _written(row["revenue"], ",.2f"),
                _written(row["alive"], ".0%"),
                _written(row["total"], ",.2f"),
            )
        console.print(table)
        for row in answer["rows"]:
            console.print(Text.assemble((f"{row['segment']}: ", "bold"), row["action"]))
    else:
        [row] = answer["rows"]
        console.print(
            f"{answer['user_id']}: {row['segment'] or 'in no segment'}. {row['action'] or ''}".strip()
        )
    for reason in result["reasons"]:
        console.print(Text(reason))
    rules_and_id(result)


def _written(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def show_influence(result: dict[str, Any]) -> None:
    """What is owed to friends, by kind of relation."""
    table = table_of(
        "relation", "ties>", "purchases>", "follow a friend's>", "expected>", "owed to friends>", "95 %>"
    )
    for row in result["answer"]["rows"]:
        known = row["share"] is not None
        owed, between = (
            ("?", "") if not known else (f"{row['share']:.1%}", f"{row['low']:.1%} to {row['high']:.1%}")
        )
        counts = (f"{row[name]:,.0f}" for name in ("ties", "purchases", "followed", "expected"))
        table.add_row(row["kind"], *counts, owed, between)
    console.print(table)
    for reason in result["reasons"]:
        console.print(Text(reason))
    rules_and_id(result)


def show_erase(result: dict[str, Any]) -> None:
    """What was erased, and what was not."""
    counts = ", ".join(f"{result[name]:,} {name}" for name in ("events", "relations", "decisions", "lines"))
    console.print(f"Erased: {counts}; {result['states']:,} states of the tables cannot be replayed any more.")
    if result["refit"]:
        console.print(f"Fit these again, they hold histories without names: {', '.join(result['refit'])}.")
    for path in result["kept"]:
        console.print(Text(f"  kept, as it is the shop's own: {path}", style="dim"))


def show_why(result: dict[str, Any]) -> None:
    """A decision, as it was given."""
    SHOW[result["verb"]](result)
    models = ", ".join(f"{kind} {version}" for kind, version in result["models"].items()) or "none"
    console.print(
        f"Given {result['time']} by merx {result['merx']}, models: {models}, data: {result['data']}."
    )
    if result["replays_to_the_same_answer"]:
        console.print("Replayed now from the same data and models: the same answer.", style="green")
    else:
        console.print("Replayed now from the same data and models: ANOTHER answer.", style="bold red")


def _name(entry: dict[str, Any]) -> str:
    return str(entry["title"] or entry["item_id"])


SHOW: dict[str, Callable[[dict[str, Any]], None]] = {
    "made": show_made,
    "ingest": show_ingest,
    "check": show_check,
    "evaluate": show_evaluate,
    "tune": show_tune,
    "report": show_report,
    "run": show_run,
    "fit": show_fit,
    "media": show_media,
    "saliency": show_saliency,
    "similar": show_similar,
    "duplicates": show_duplicates,
    "complete": show_complete,
    "recommend": show_recommend,
    "forecast": show_forecast,
    "anomalies": show_anomalies,
    "shoppers": show_shoppers,
    "price": show_price,
    "influence": show_influence,
    "erase": show_erase,
    "prices": show_prices,
    "price_test": show_price_test,
    "price_test_result": show_price_test_result,
    "what_if": show_what_if,
    "why": show_why,
}


class RateColumn(ProgressColumn):
    """Steps a second."""

    def render(self, task: Task) -> Text:
        """Empty until it is known."""
        return Text(f"{task.speed:,.1f}/s" if task.speed else "", style="progress.data.speed")


@contextmanager
def progress_bar(*, quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """A bar on stderr for each piece of work, with time spent and left; gives the function that moves it."""
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        RateColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True, quiet=quiet),
        transient=True,
    )
    with progress:
        task = progress.add_task("", total=None)

        before = (0, 0)

        def report(what: str, done: int, total: int) -> None:
            nonlocal before
            if total != before[1] or done < before[0]:  # another work: its rate and time left begin anew
                progress.reset(task, total=total)
            before = (done, total)
            progress.update(task, description=what, completed=done)

        yield report
