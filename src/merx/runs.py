"""What `merx run` gives: each step's result, and how long it took."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa

from merx.completed import CompletionReport
from merx.data.contracts import Progress
from merx.decisions import Decision
from merx.errors import RequestError
from merx.fitting import FitReport
from merx.ingest import IngestReport, Readiness
from merx.judging import EvaluationReport
from merx.seeing import MediaReport

if TYPE_CHECKING:
    from merx.shop import Shop

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Run:
    """What each step of a run gave, and the seconds it took.

    `media`, `complete`, `anomalies` and `shoppers` are None where nothing can be said of them.
    """

    ingest: IngestReport | None
    readiness: Readiness
    media: MediaReport | None
    complete: CompletionReport | None
    fit: FitReport
    evaluation: EvaluationReport
    anomalies: Decision | None
    shoppers: Decision | None
    report: Path
    seconds: dict[str, float]

    def to_table(self) -> pa.Table:
        """One row a step: step, seconds."""
        return pa.table({"step": list(self.seconds), "seconds": list(self.seconds.values())})

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "ingest": self.ingest.to_dict() if self.ingest else None,
            "check": self.readiness.to_dict(),
            "media": self.media.to_dict() if self.media else None,
            "complete": self.complete.to_dict() if self.complete else None,
            "fit": self.fit.to_dict(),
            "evaluate": self.evaluation.to_dict(),
            "anomalies": self.anomalies.to_dict() if self.anomalies else None,
            "shoppers": self.shoppers.to_dict() if self.shoppers else None,
            "report": str(self.report),
            "seconds": self.seconds,
        }


class Timed:
    """Does one step after the other, and tells `finished` of each result as soon as it is there.

    `seconds` holds how long each step took.
    """

    def __init__(self, finished: Callable[[str, Any], None]) -> None:
        self.seconds: dict[str, float] = {}
        self._finished = finished

    def __call__(self, step: str, work: Callable[[], Any]) -> Any:
        """What the work of that step gives."""
        start = perf_counter()
        result = work()
        self.seconds[step] = round(perf_counter() - start, 2)
        self._finished(step, result)
        return result


def unless_refused(ask: Callable[[], Answer]) -> Answer | None:
    """What it gives, None where the data carry no answer."""
    with suppress(RequestError):
        return ask()
    return None


def run(
    shop: "Shop",
    sources: Sequence[str | Path],
    dialect: str | None,
    progress: Progress,
    finished: Callable[[str, Any], None],
) -> Run:
    """Every step in order; see `Shop.run`."""
    timed = Timed(finished)
    return Run(
        ingest=timed("ingest", lambda: shop.ingest(*sources, dialect=dialect, progress=progress))
        if sources
        else None,
        readiness=timed("check", shop.check),
        media=timed("media", lambda: unless_refused(lambda: shop.media(progress=progress))),
        complete=timed("complete", lambda: unless_refused(lambda: shop.complete(progress=progress).if_any)),
        fit=timed("fit", lambda: shop.fit(progress=progress)),
        evaluation=timed("evaluate", lambda: shop.evaluate(progress=progress)),
        anomalies=timed("anomalies", lambda: unless_refused(shop.anomalies)),
        shoppers=timed("shoppers", lambda: unless_refused(shop.shoppers)),
        report=timed("report", shop.report),
        seconds=timed.seconds,
    )
