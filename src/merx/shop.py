"""A shop is a folder; a Shop has one method per verb. CLI, HTTP and console call these and nothing else.

shop.toml           settings
tables/             what was ingested (see merx.store.tables)
rejected/           lines that were not accepted, with their reason
models/             fitted models (see merx.models)
decisions.sqlite    every answer given (see merx.decisions)
evaluation.json     the last evaluation
report.html         the last report
"""

import dataclasses
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import merx
from merx import fitting, ingest
from merx.answers import VERBS, Context, ForecastQuestion, PriceQuestion, RecommendQuestion
from merx.config import ShopConfig, build, read_config
from merx.decisions import Decision, Ledger
from merx.errors import ConfigError, RequestError
from merx.models import Models
from merx.store.duckdb_engine import DuckDBEngine
from merx.store.tables import Tables

Progress = Callable[[str, int, int], None]  # what is done, done so far, of how many

PRICE_MODEL = "price_response"

TEMPLATE = """\
# Settings of this shop. Everything is optional; what is absent has its default.
# The reference of all settings: docs/reference/settings.md.

[shop]
name = {name}
currency = {currency}
"""


def quiet(what: str, done: int, total: int) -> None:
    """Report no progress."""


@dataclass(frozen=True)
class Replay:
    """A decision, and whether its inputs still give the same answer.

    Parameters
    ----------
    decision : Decision
    same : bool
    answer : the answer given today from the recorded data, models and question
    """

    decision: Decision
    same: bool
    answer: Any


class Shop:
    """A shop's folder.

    Parameters
    ----------
    folder : path
        Holds shop.toml; made by `Shop.init`.

    Raises
    ------
    ConfigError
        There is no shop.toml, or it has an unknown key or an impossible value.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.config: ShopConfig = read_config(self.folder / "shop.toml")
        self.tables = Tables(self.folder / "tables")
        self.models = Models(self.folder / "models")
        self.ledger = Ledger(self.folder / "decisions.sqlite")

    @classmethod
    def init(cls, folder: str | Path, *, name: str = "", currency: str = "") -> "Shop":
        """Make a new shop. Raises ConfigError where the folder already is one."""
        path = Path(folder)
        settings = path / "shop.toml"
        if settings.exists():
            raise ConfigError(f"{settings} is already there; delete the folder to begin anew.")
        path.mkdir(parents=True, exist_ok=True)
        settings.write_text(
            TEMPLATE.format(name=json.dumps(name or path.name), currency=json.dumps(currency)),
            encoding="utf-8",
        )
        return cls(path)

    @cached_property
    def name(self) -> str:
        """As shown to people."""
        return self.config.shop.name or self.folder.name

    def ingest(
        self, *sources: str | Path, dialect: str | None = None, progress: Progress = quiet
    ) -> ingest.IngestReport:
        """Read files, globs or folders into the tables; see `merx.ingest.ingest`."""
        mappings = {name: dataclasses.asdict(entry) for name, entry in self.config.mappings.items()}
        return ingest.ingest(
            self.tables,
            self.folder / "rejected",
            list(sources),
            dialect=dialect,
            mappings=mappings,
            progress=progress,
        )

    def fit(self, *, progress: Progress = quiet) -> fitting.FitReport:
        """Fit every kind of model that the tables can carry."""
        with self._engine() as (engine, fingerprint):
            return fitting.fit(engine, self.models, self.config, fingerprint, progress)

    def recommend(
        self,
        user: str,
        *,
        k: int | None = None,
        category: str | None = None,
        model: str | None = None,
    ) -> Decision:
        """The best products for one shopper, with reasons; defaults from [recommend]."""
        settings = self.config.recommend
        question = RecommendQuestion(
            user=user,
            weights=self.config.events.weights,
            model=model or settings.model,
            k=settings.k if k is None else k,
            exclude_seen=settings.exclude_seen,
            in_stock_only=settings.in_stock_only,
            category=category,
        )
        return self._decide("recommend", question)

    def forecast(
        self,
        *,
        item: str | None = None,
        category: str | None = None,
        horizon: int | None = None,
        model: str | None = None,
    ) -> Decision:
        """The demand of one product, one category or, with neither, the shop; defaults from [forecast]."""
        if item is not None and category is not None:
            raise RequestError("a forecast is of one product or of one category, not of both.")
        settings = self.config.forecast
        key = f"item: {item}" if item is not None else f"category: {category}" if category else "shop"
        question = ForecastQuestion(
            key=key,
            model=model or settings.model,
            horizon=settings.horizon if horizon is None else horizon,
        )
        return self._decide("forecast", question)

    def price(self, *, item: str | None = None) -> Decision:
        """The best price of one product or of all, under the rules in [price]."""
        return self._decide("price", PriceQuestion(item=item, model=PRICE_MODEL, rules=self.config.price))

    def why(self, decision_id: str) -> Replay:
        """A decision, replayed on the data, the models and the question that were written down with it.

        Raises
        ------
        RequestError
            The ledger does not hold it.
        ArtefactError, DataError
            The models or the tables it was made from are gone or damaged.
        """
        decision = self.ledger.get(decision_id)
        verb = VERBS[decision.verb]
        question: Any = build(verb.question, decision.question, "")
        with self._engine(decision.data) as (engine, _):
            answer = verb.answer(Context(engine, self.models, decision.models), question)
        content = json.loads(json.dumps(answer.content))
        return Replay(decision, content == decision.answer, content)

    def _decide(self, verb: str, question: Any) -> Decision:
        """Answer a question and write the decision down."""
        with self._engine() as (engine, fingerprint):
            context = Context(engine, self.models, self.models.versions())
            answer = VERBS[verb].answer(context, question)
        return self.ledger.append(
            verb=verb,
            question=dataclasses.asdict(question),
            answer=answer.content,
            models=context.used,
            data=fingerprint,
            reasons=answer.reasons,
            rules=answer.rules,
            merx=merx.__version__,
        )

    @contextmanager
    def _engine(self, fingerprint: str | None = None) -> Iterator[tuple[DuckDBEngine, str]]:
        """The engine on a snapshot (the current one by default), and the snapshot's fingerprint."""
        snapshot = self.tables.current() if fingerprint is None else self.tables.snapshot(fingerprint)
        engine = DuckDBEngine(self.tables, snapshot)
        try:
            yield engine, snapshot.fingerprint
        finally:
            engine.close()
