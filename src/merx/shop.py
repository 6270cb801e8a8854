"""A shop is a folder; a Shop has one method per verb. CLI, HTTP and console call these and nothing else.

shop.toml           settings
tables/             what was ingested (see merx.store.tables)
rejected/           lines that were not accepted, with their reason
media/              vectors of pictures and videos (see merx.media.library)
inferred.parquet    what the catalogue most likely lacks (see merx.completing)
tuned.toml          hyper-parameters found by `merx tune`
tuning/             every trial of that search
models/             fitted models (see merx.models)
decisions.sqlite    every answer given (see merx.decisions)
prices.sqlite       every step of a proposed price (see merx.price.ledger)
price-tests/        tests of prices, a file each (see merx.price_tests)
evaluation.json     the last evaluation
report.html         the last report
"""

import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from merx import completed, completing, fitting, judging, look_alikes, report, reporting, seeing, tuning
from merx.answers import (
    AnomaliesQuestion,
    Context,
    ForecastQuestion,
    InfluenceQuestion,
    PriceQuestion,
    RecommendQuestion,
    with_chosen,
)
from merx.answers.forecast import demand_key, price_key
from merx.answers.shoppers import ShoppersQuestion
from merx.answers.what_if import read_prices, what_if
from merx.config import SETTINGS, TESTS, ShopConfig, new_settings, read_config
from merx.data.contracts import Progress, quiet
from merx.deciding import decide, replay
from merx.decisions import Decision, Ledger, Replay
from merx.erasing import Erased, erase
from merx.errors import ConfigError
from merx.files import write_csv
from merx.governing import Prices
from merx.ingest import IngestReport, Readiness, check
from merx.ingest import ingest as ingest_files
from merx.media.library import Library
from merx.models import Models
from merx.price.ledger import PriceLedger
from merx.price_tests import PriceTests
from merx.runs import Run, run
from merx.store.duckdb_engine import DuckDBEngine
from merx.store.tables import Tables


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
        self.folder = Path(folder).absolute()
        self._read_config()
        self.tables = Tables(self.folder / "tables")
        self.models = Models(self.folder / "models")
        self.ledger = Ledger(self.folder / "decisions.sqlite")
        self._media = self.folder / "media"

    def _read_config(self) -> None:
        self.config: ShopConfig = read_config(self.folder / SETTINGS)

    @classmethod
    def init(cls, folder: str | Path, *, name: str = "", currency: str = "") -> "Shop":
        """Make a new shop. Raises ConfigError where the folder already is one."""
        path = Path(folder)
        settings = path / SETTINGS
        if settings.exists():
            raise ConfigError(f"{settings} is already there; delete the folder to begin anew.")
        text = new_settings(name or path.absolute().name, currency)
        path.mkdir(parents=True, exist_ok=True)
        settings.write_text(text, encoding="utf-8")
        return cls(path)

    @cached_property
    def name(self) -> str:
        """As shown to people."""
        return self.config.shop.name or self.folder.name

    def ingest(
        self, *sources: str | Path, dialect: str | None = None, progress: Progress = quiet
    ) -> IngestReport:
        """Read files, globs or folders into the tables; see `merx.ingest.ingest`."""
        mappings = {name: dataclasses.asdict(entry) for name, entry in self.config.mappings.items()}
        return ingest_files(
            self.tables,
            self.folder / "rejected",
            list(sources),
            dialect=dialect,
            mappings=mappings,
            progress=progress,
        )

    def fit(self, *kinds: str, update: bool = False, progress: Progress = quiet) -> fitting.FitReport:
        """Fit these kinds of models (none named: all but those in [fit] skip) that the tables can carry.

        With `update`, kinds that can go on from what they chose and learnt earlier do so, in a small part of
        the time.
        """
        with self._engine() as (engine, fingerprint):
            return fitting.fit(
                engine, self.models, self.config, fingerprint, progress, kinds, update, self._media
            )

    def media(self, *, train: bool = False, progress: Progress = quiet) -> seeing.MediaReport:
        """Vectors of the products' pictures and videos; only of those that are new. See `merx.seeing.see`."""
        with self._engine() as (engine, _):
            return seeing.see(engine, self.config, self.folder, progress, train)

    def saliency(self, item: str, path: str | Path) -> dict[str, Any]:
        """Write a PNG file: what the network looks at in the picture of a product."""
        return seeing.show_saliency(self.config, self.folder, item, Path(path))

    def similar(self, item: str, *, by: str = "both", count: int = 10) -> dict[str, Any]:
        """The products most like one, by text, picture, video or both; see `merx.look_alikes.similar`."""
        with self._engine() as (engine, _):
            return look_alikes.similar(engine, self.config, self._media, item, by, count)

    def duplicates(self) -> dict[str, Any]:
        """Products that are in the catalogue twice, and pairs of variants; see `merx.look_alikes.twice`."""
        with self._engine() as (engine, _):
            return look_alikes.twice(engine, self.config, self._media)

    def complete(self, *, progress: Progress = quiet, **asked: Any) -> completed.CompletionReport:
        """What the catalogue lacks, with its probability, into inferred.parquet; see `merx.completing`."""
        with self._engine() as (engine, data):
            return completing.complete(engine, self.config, self.folder, data, progress=progress, **asked)

    def check(self) -> Readiness:
        """What the tables can carry, what is missing, and what is odd about them."""
        with self._engine() as (engine, _):
            return self._check(engine)

    def _check(self, engine: DuckDBEngine) -> Readiness:
        return check(engine, step=self.config.forecast.step, assumed_margin=self.config.price.assumed_margin)

    def evaluate(self, *, progress: Progress = quiet) -> judging.EvaluationReport:
        """Judge every kind of model on days it has not seen; the result is kept in evaluation.json."""
        with self._engine() as (engine, fingerprint):
            report = judging.evaluate(engine, self.config, self.truth, progress, self._media)
        judging.write_down(report, self.folder, fingerprint)
        return report

    def tune(
        self, *kinds: str, search: tuning.Search | None = None, progress: Progress = quiet
    ) -> tuning.TuningReport:
        """Seek the hyper-parameters of recommenders (none named: of all); see `merx.tuning.tune`.

        What is found is kept in tuned.toml and holds from the next fit on.
        """
        search = search or tuning.Search()
        with self._engine() as (engine, fingerprint):
            report = tuning.tune(engine, self.config, self.folder, fingerprint, kinds, search, progress)
        self._read_config()
        return report

    @property
    def truth(self) -> Path:
        """Where the truth of a simulated shop lies: beside the shop, apart from its tables."""
        return self.folder.with_name(self.folder.name + "-truth")

    def run(
        self,
        *sources: str | Path,
        dialect: str | None = None,
        progress: Progress = quiet,
        finished: Callable[[str, Any], None] = lambda step, result: None,
    ) -> Run:
        """Everything in order: ingest the sources, check, fit, evaluate, and write the report.

        `finished` is called with each step's name and result as it ends, so that a later step that fails
        does not hide what the earlier ones did.
        """
        return run(self, sources, dialect, progress, finished)

    def recommend(
        self,
        user: str | None = None,
        *,
        scenario: str | None = None,
        item: str | None = None,
        cart: Sequence[str] = (),
        recent: Sequence[str] = (),
        without: Sequence[str] = (),
        without_category: Sequence[str] = (),
        k: int | None = None,
        category: str | None = None,
        model: str | None = None,
    ) -> Decision:
        """The best products for one visit, with reasons; defaults from [recommend] and [scenarios].

        Parameters
        ----------
        user : str, optional
            The shopper's id; without one, an anonymous visitor.
        scenario : str, optional
            home, product, cart, again, trending, or one of the shop's own. Without one: product where an item
            is given, cart where a cart is given, else home.
        item : str, optional
            Of a product page.
        cart, recent : sequences of item ids
            What lies in the cart; what was looked at just now, newest last, and stands in no table yet.
        without, without_category : sequences of item ids, of categories
            What this list must not show.
        k, category, model : optional
            Items in the list; only this category and those below it; the kind that answers.

        Raises
        ------
        RequestError
            There is no such scenario, it needs an item, a cart or a shopper and has none, an id or category
            is not known, or no model was fitted.
        """
        question = RecommendQuestion.of(
            self.config, user, scenario=scenario, item=item, cart=tuple(cart), recent=tuple(recent)
        )
        chosen = with_chosen(
            question,
            k=k,
            category=category,
            model=None if model is None else (model,),
            newcomer=None if model is None else (),
            without=tuple(without),
            without_category=tuple(without_category),
        )
        return self._decide("recommend", chosen)

    def forecast(
        self,
        *,
        item: str | None = None,
        category: str | None = None,
        price: bool = False,
        competitor: str | None = None,
        horizon: int | None = None,
        model: str | None = None,
    ) -> Decision:
        """The demand of one product, one category or, with neither, the shop; defaults from [forecast].

        Parameters
        ----------
        price : bool
            The price of `item` instead: the shop's own, or a competitor's.
        competitor : str, optional
            Whose price; asks for the price.
        """
        key = demand_key(item, category)
        if price or competitor is not None:
            key = price_key(item, competitor)
        question = ForecastQuestion.of(self.config, key)
        return self._decide("forecast", with_chosen(question, horizon=horizon, model=model))

    def anomalies(self, *, days: int | None = None) -> Decision:
        """Days of the last `days` (7) on which the shop, a category or a product sold what was not expected.

        With what was expected, how seldom that is, and why. Raises RequestError where nothing was sold.
        """
        return self._decide("anomalies", with_chosen(AnomaliesQuestion.of(self.config), days=days))

    def shoppers(self, user: str | None = None, *, csv: str | Path | None = None) -> Decision:
        """Who will buy, who stays away, what each is worth and what to do; settings from [shoppers].

        Parameters
        ----------
        user : str, optional
            All that is known of this shopper, with the reasons; without one, the segments.
        csv : path, optional
            One row for each shopper is written there. The decision holds the segments alone.

        Raises
        ------
        RequestError
            No event names the shopper, or nothing at all can be said.
        """
        question = ShoppersQuestion.of(self.config, user)
        with self._context() as context:
            decision, answer = decide(context, self.ledger, "shoppers", question)
        if csv is not None and answer.table is not None:
            write_csv(answer.table, Path(csv))
        return decision

    def influence(self) -> Decision:
        """Whether friends move each other or are only alike, for each kind of relation; see [social]."""
        return self._decide("influence", InfluenceQuestion.of(self.config))

    def erase(self, user: str) -> Erased:
        """Take a shopper out of the tables, the ledger, the lines set aside and the report."""
        return erase(self.folder, self.tables, self.ledger, user)

    def price(self, *, item: str | None = None) -> Decision:
        """The best price of one product or of all, under the rules in [price]."""
        return self._decide("price", PriceQuestion.of(self.config, item))

    @property
    def prices(self) -> Prices:
        """The steps of a price to the shop platform: propose, review, approve, export, apply, roll back."""
        ledger = PriceLedger(self.folder / "prices.sqlite")
        return Prices(ledger, self.config, lambda item: self.price(item=item), self._context)

    def what_if(self, prices: Mapping[str, float] | str | Path) -> dict[str, Any]:
        """What these prices would do in a week, all others as now; nothing is proposed or stored.

        Parameters
        ----------
        prices : mapping of item id -> price, or the path of a CSV file with the columns item_id and price
        """
        asked = prices if isinstance(prices, Mapping) else read_prices(Path(prices))
        with self._context() as context:
            return what_if(context, self.config.price.model, self.config.price, asked)

    @property
    def price_tests(self) -> PriceTests:
        """Tests of prices: their design, the prices of each block, and what came of them."""
        return PriceTests(self.folder / TESTS, self.config, self._engine, self.prices, self._read_config)

    def report(self) -> Path:
        """Write report.html, one file that opens offline; raises RequestError where nothing was ingested.

        Its answers are decisions like any other: they stand in the ledger and can be replayed.
        """
        with self._engine() as (engine, fingerprint):
            content = reporting.build(
                shop=self.name,
                folder=min(str(self.folder), os.path.relpath(self.folder), key=len),
                config=self.config,
                engine=engine,
                snapshot=self.tables.snapshot(fingerprint),
                models=self.models,
                readiness=self._check(engine),
                evaluation=judging.last(self.folder),
                media=seeing.known(Library(self._media)),
                gaps=completed.last(self.folder, fingerprint),
                look_alikes=look_alikes.overview(engine, self.config, self._media),
                ask=lambda verb, question: decide(
                    Context(engine, self.models, self.models.versions(), fingerprint),
                    *(self.ledger, verb, question),
                )[0],
            )
        return report.write_report(content, self.folder / "report.html")

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
        with self._engine(decision.data) as (engine, _):
            return replay(Context(engine, self.models, decision.models, decision.data), decision)

    def _decide(self, verb: str, question: Any) -> Decision:
        """Answer a question on the current tables and write the decision down."""
        with self._context() as context:
            return decide(context, self.ledger, verb, question)[0]

    @contextmanager
    def inputs(self, until: int | None = None) -> Iterator[fitting.Inputs]:
        """What models are fitted on, for those who want the arrays: `inputs.of("histories")` and others.

        Parameters
        ----------
        until : int, optional
            Only what happened before this moment (microseconds since 1970, UTC).
        """
        with self._engine() as (engine, _):
            yield fitting.Inputs(engine, self.config, until, self._media)

    @contextmanager
    def _context(self) -> Iterator[Context]:
        """What is answered from: the current tables and the newest models."""
        with self._engine() as (engine, fingerprint):
            yield Context(engine, self.models, self.models.versions(), fingerprint)

    @contextmanager
    def _engine(self, fingerprint: str | None = None) -> Iterator[tuple[DuckDBEngine, str]]:
        """The engine on a snapshot (the current one by default), and the snapshot's fingerprint."""
        snapshot = self.tables.current() if fingerprint is None else self.tables.snapshot(fingerprint)
        engine = DuckDBEngine(self.tables, snapshot)
        try:
            yield engine, snapshot.fingerprint
        finally:
            engine.close()
