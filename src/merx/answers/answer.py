"""What an answer is: a pure function of the question, the models and one snapshot of the tables."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from merx.errors import RequestError
from merx.models import Models
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
    used : dict of kind -> version
        Those that did.
    """

    engine: Engine
    models: Models
    versions: Mapping[str, str]
    used: dict[str, str] = field(default_factory=dict)

    def model(self, kind: str) -> Any:
        """The fitted model of that kind, noted in `used`. Raises RequestError where it was never fitted."""
        if kind not in self.versions:
            raise RequestError(
                f"no model of kind {kind!r} was fitted; run `merx fit` (it says why if it cannot)."
            )
        self.used[kind] = self.versions[kind]
        return self.models.load(kind, self.versions[kind])


@dataclass(frozen=True)
class Answer:
    """An answer to be written into the ledger.

    Parameters
    ----------
    content : mapping
        Plain JSON; `rows` holds its table.
    reasons, rules : tuples of str
        For people: why, and which rules were applied.
    """

    content: Mapping[str, Any]
    reasons: tuple[str, ...]
    rules: tuple[str, ...]
