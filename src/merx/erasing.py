"""One shopper taken out of a shop's folder.

erased      the shopper's id in events and relations, in every state of the tables; decisions about the
            shopper; lines set aside that hold the id; the report
kept        the events, as those of nobody; models, which name nobody; the files that were ingested, wherever
            they lie: they are the shop's own
"""

import csv
import io
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from merx import registry
from merx.decisions import Ledger
from merx.errors import RequestError
from merx.files import replace_text
from merx.models import Models
from merx.store.erase import erase_examples, erase_rows
from merx.store.tables import Tables

REPORT, REJECTED, MODELS = "report.html", "rejected", "models"


@dataclass(frozen=True)
class Erased:
    """What was erased.

    Parameters
    ----------
    events, relations : int
        Rows of the tables that named the shopper.
    states : int
        Earlier states of the tables that were deleted; answers given on them can no longer be replayed.
    decisions : int
    lines : int
        Of those that were set aside when files were read.
    refit : tuple of str
        Models that hold histories, the shopper's among them, without a name: `merx fit` makes them anew.
    kept : tuple of str
        Files that were ingested; they may name the shopper.
    """

    events: int
    relations: int
    states: int
    decisions: int
    lines: int
    refit: tuple[str, ...]
    kept: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {**asdict(self), "refit": list(self.refit), "kept": list(self.kept)}


def erase(folder: Path, tables: Tables, ledger: Ledger, user_id: str) -> Erased:
    """Erase a shopper from a shop's folder.

    Raises
    ------
    RequestError
        Nothing in the folder names the shopper.
    DataError
        Another process is writing.
    """
    rows = erase_rows(tables, user_id)
    erase_examples(tables, user_id)
    decisions = ledger.erase(user_id)
    lines = sum(_without(path, user_id) for path in sorted((folder / REJECTED).glob("*.csv")))
    if not (rows.events or rows.relations or decisions or lines):
        raise RequestError(f"nothing in {folder} names the shopper {user_id!r}.")
    (folder / REPORT).unlink(missing_ok=True)
    fitted = Models(folder / MODELS).versions()
    return Erased(
        rows.events,
        rows.relations,
        rows.states,
        decisions,
        lines,
        tuple(name for name, kind in registry.KINDS.items() if kind.keeps_histories and name in fitted),
        tuple(dict.fromkeys(str(source["path"]) for source in tables.current().sources)),
    )


def _without(path: Path, user_id: str) -> int:
    """Take the lines that hold the id as a cell out of a file of lines set aside; gives how many."""
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    kept = rows[:1] + [row for row in rows[1:] if user_id not in row]
    if len(kept) < len(rows):
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(kept)
        replace_text(path, text.getvalue())
    return len(rows) - len(kept)
