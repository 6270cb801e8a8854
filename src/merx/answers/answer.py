"""What an answer is: a pure function of the question, the models and one snapshot of the tables."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from merx.errors import RequestError
from merx.models import Models
from merx.registry import kinds_for
from merx.store.engine import Engine


@dataclass(frozen=True)
class Context:
    """Where answers come from. All that a caller or shop.toml may choose stands in the question.

    Parameters
    ----------
    engine : Engine
        On the snapshot that the question is asked of.
    models : Models
    versions : mapping of kind -> version
        The fitted models that may answer.
    data : str
        Fingerprint of the snapshot.
    used : dict of kind -> version
        The models that answered, noted as they are asked for.
    notes : list of str
        What a reader of the answer must know of them.
    """

    engine: Engine
    models: Models
    versions: Mapping[str, str]
    data: str
    used: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def model(self, kind: str, task: str) -> Any:
        """The fitted model of that kind, noted in `used`.

        Raises RequestError where there is no such kind for the task, or it was never fitted.
        """
        kinds = [entry.name for entry in kinds_for(task)]
        if kind not in kinds:
            raise RequestError(f"no model of kind {kind!r} can {task}; there are {', '.join(kinds)}.")
        if kind not in self.versions:
            raise RequestError(
                f"no model of kind {kind!r} was fitted; run `merx fit SHOP --only {kind}` (it says why if it "
                "cannot)."
            )
        version = self.versions[kind]
        about = self.models.about(kind, version)
        if kind not in self.used and about["data"] != self.data:
            self.notes.append(f"{kind} was fitted on earlier data, up to {about['until']}")
        self.used[kind] = version
        return self.models.load(kind, version)


@dataclass(frozen=True)
class Answer:
    """An answer to be written into the ledger.

    Parameters
    ----------
    content : mapping
        Plain JSON; `rows` holds its table.
    reasons, rules : tuples of str
        For people: why, and which rules were applied.
    table : pa.Table or None
        Rows that are too many for the ledger, made from the same figures.
    """

    content: Mapping[str, Any]
    reasons: tuple[str, ...]
    rules: tuple[str, ...]
    table: pa.Table | None = None
