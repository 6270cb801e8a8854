"""What `merx complete` found: the gaps of each column, how good proposals for them are, and the proposals."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from merx.media.inferred import FILE, MEND
from merx.media.kept import damaged
from merx.typed import typed

EXAMPLES = 5  # of each column

ABOUT = b"merx"  # in the file's metadata: what CompletionReport.to_dict says
KEYS = ("columns", "prices", "least", "proposed", "examples", "seconds")  # of that


@dataclass(frozen=True)
class Filled:
    """One column of the catalogue: its gaps, and how good proposals for them are.

    Parameters
    ----------
    column : str
    known, missing : int
        Products that have a value, and that lack one.
    proposed : int
        Gaps with a proposal at least as likely as asked for.
    bare : int
        Gaps of products of which nothing is known to go by.
    classes : int
        Different values that can be proposed.
    accuracy, balanced, trivial, calibration : float
        Of products whose value was left out as if it were missing (five folds): put right; the mean of that
        over the classes; put right by always saying the most frequent class; expected calibration error.
    share, right : float
        The share of these that would get a proposal, and the share of the proposals that would be right.
    by : dict of str to int
        Of how many of these each block of features is used: words, picture, video, attributes.
    refused, note : str
        Why nothing is proposed; what else is to be said. "" where nothing.
    """

    column: str
    known: int
    missing: int
    proposed: int = 0
    bare: int = 0
    classes: int = 0
    accuracy: float | None = None
    balanced: float | None = None
    trivial: float | None = None
    calibration: float | None = None
    share: float | None = None
    right: float | None = None
    by: dict[str, int] | None = None
    refused: str = ""
    note: str = ""


@dataclass(frozen=True)
class CompletionReport:
    """What `merx complete` found.

    Parameters
    ----------
    columns : tuple of Filled
        Those with gaps.
    prices : dict, optional
        missing, proposed, judged, error; None where prices were not asked for.
    least : float
        The probability from which on a value is proposed.
    proposals : table (INFERRED)
        The likeliest first, column by column.
    titles : dict of item id to title
        Of the products with a proposal.
    """

    columns: tuple[Filled, ...]
    prices: dict[str, Any] | None
    least: float
    proposals: pa.Table
    titles: dict[str, str]
    seconds: float = 0.0

    def to_table(self) -> pa.Table:
        """The proposals."""
        return self.proposals

    @property
    def if_any(self) -> "CompletionReport | None":
        """Itself; None where no column has both gaps and values to learn from."""
        return self if any(one.known for one in self.columns) else None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON, with a few examples of each column, some of the least sure among them."""
        rows = self.proposals.to_pylist()
        examples = []
        for column in dict.fromkeys(row["column"] for row in rows):
            own = [row for row in rows if row["column"] == column]
            places = np.unique(np.linspace(0, len(own) - 1, min(EXAMPLES, len(own))).round().astype(int))
            examples += [{**own[p], "title": self.titles.get(own[p]["item_id"], "")} for p in places]
        return {
            "columns": [asdict(one) for one in self.columns],
            "prices": self.prices,
            "least": self.least,
            "proposed": len(rows),
            "examples": examples,
            "seconds": self.seconds,
        }


def last(shop: Path, data: str) -> dict[str, Any] | None:
    """What `merx complete` last found, as CompletionReport.to_dict; None where that was on other tables.

    Raises DataError where the file is damaged or not of merx.
    """
    path, mend = shop / FILE, MEND.format(shop=shop)
    if not path.exists():
        return None
    try:
        told: dict[str, Any] = json.loads((pq.read_schema(path).metadata or {}).get(ABOUT, b"{}"))
        if missing := sorted({*KEYS, "data"} - set(told)):
            raise damaged(path, f"its metadata lack {', '.join(missing)}", mend)
        for one in told["columns"]:
            typed(one, Filled)
    except (OSError, ValueError, TypeError) as error:
        raise damaged(path, error, mend) from None
    return told if told["data"] == data else None
