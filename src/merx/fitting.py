"""Fit every kind of model that the shop's tables can carry."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from inspect import signature
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pyarrow as pa

from merx import registry
from merx.config import ShopConfig
from merx.data.activity import Activity
from merx.data.catalogue import Catalogue
from merx.data.contracts import Progress
from merx.data.customers import Customers
from merx.data.features import ItemFeatures
from merx.data.interactions import Interactions
from merx.data.panel import HOLIDAY, STRIDE, Panel, PricePanel, stack
from merx.data.relations import Relations
from merx.data.schema import EVENT_CODE
from merx.errors import DataError, FitError, MerxError
from merx.evaluate.influence import about, influence, purchases_of
from merx.forecast.price_states import share_moving
from merx.media.features import Embed, features_of
from merx.media.inferred import FILE, with_inferred
from merx.media.library import vectors_of
from merx.media.sentences import SentenceEncoder, kept_vectors
from merx.models import Models
from merx.registry import Kind
from merx.store import assemble
from merx.store.demand import (
    Demand,
    Drivers,
    best_sellers,
    demand,
    demand_panel,
    group_panel,
    price_panel,
)
from merx.store.drivers import drivers
from merx.store.engine import Engine
from merx.store.price_series import beside_market, price_series
from merx.toml import build


@dataclass(frozen=True)
class Fit:
    """How the fit of one kind went; `refused` says why where the data do not carry it.

    `updated_from` is the version whose choices were kept, "" where all was learnt anew; `summary` is what the
    model says of itself, "" where it says nothing.
    """

    kind: str
    version: str
    fitted_on: str
    seconds: float
    refused: str = ""
    updated_from: str = ""
    summary: str = ""


@dataclass(frozen=True)
class FitReport:
    """One row per kind."""

    fits: tuple[Fit, ...]

    def to_table(self) -> pa.Table:
        """kind, version, fitted_on, seconds, refused, updated_from, summary."""
        return pa.Table.from_pylist([vars(fit) for fit in self.fits])

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {"fits": [vars(fit) for fit in self.fits]}


def config_of(kind: Kind, config: ShopConfig) -> Any:
    """The hyper-parameters of a kind: its defaults, what its task's settings say, then [models.KIND].

    A hyper-parameter that has the name of a kind is a member: what [models.KIND] does not say of it is as the
    member's own [models.MEMBER] has it.

    Raises ConfigError on an unknown one.
    """
    config_type, _ = kind.load()
    fields = {field.name for field in dataclasses.fields(config_type)}
    shared = {"horizon": config.forecast.horizon, "season_length": config.forecast.season_length}
    values: dict[str, Any] = {
        name: value
        for name, value in shared.items()
        if kind.task in ("forecast", "price_forecast") and name in fields
    }
    values |= config.models.get(kind.name, {})
    for member in fields & config.models.keys():
        values[member] = {**config.models[member], **values.get(member, {})}
    return build(config_type, values, f"models.{kind.name}")


def forecast_panels(
    demand: Demand, config: ShopConfig, drivers: Drivers | None = None
) -> tuple[Panel, Panel]:
    """The series that every forecaster is fitted on, and those for kinds that are too slow for all.

    Without `drivers` they have no covariates.
    """
    settings = config.forecast
    groups = group_panel(demand, settings.step, drivers)
    every = best_sellers(demand, settings.items)
    few = best_sellers(demand, 0)[: settings.few_items]
    return (
        stack([groups, demand_panel(demand, settings.step, np.sort(every), drivers)]),
        stack([groups, demand_panel(demand, settings.step, np.sort(few), drivers)]),
    )


def fit(
    engine: Engine,
    models: Models,
    config: ShopConfig,
    data: str,
    progress: Progress,
    only: Sequence[str] = (),
    update: bool = False,
    media: Path | None = None,
) -> FitReport:
    """Fit and save the kinds in the registry.

    A kind that the data do not carry is refused with the reason, and the others go on.

    Parameters
    ----------
    data : str
        Fingerprint of the snapshot, written into each model.
    only : kinds, optional
        None: all but those in [fit] skip.
    update : bool
        Kinds that can go on from their version in force do: what it chose and learnt is kept, and brought to
        the end of the tables. The others, and those whose hyper-parameters have changed, are fitted anew.
    media : path, optional
        SHOP/media.

    Raises
    ------
    ConfigError
        There is no such kind, or [models] has an unknown or impossible hyper-parameter.
    DataError
        No kind at all could be fitted.
    """
    kinds = [registry.kind(name) for name in only] or registry.without(config.skipped)
    configs = [config_of(kind, config) for kind in kinds]  # wrong settings are told before hours of work
    inputs = Inputs(engine, config, media=media)
    until = engine.query("overview").to_pylist()[0]["last_time"]
    fits = []
    for kind, settings in zip(kinds, configs, strict=True):
        start = perf_counter()
        try:
            progress(f"{kind.name}: reading", 0, 1)
            given = [inputs.of(name) for name in kind.reads]
            before = models.goes_on_from(kind.name, settings) if update else ""
            fitted = _updated(models, kind.name, before, settings, given) if before else None
            if fitted is None:
                before, fitted = "", settings.fit(*given, **_hook(kind.name, settings.fit, progress))
            seconds = perf_counter() - start
            fitted_on = ", ".join(inputs.words[name] for name in kind.reads)
            about = {"data": data, "until": str(until), "fitted_on": fitted_on, "seconds": round(seconds, 3)}
            version = models.save(kind.name, fitted, settings, {**about, "updated_from": before})
            summary = getattr(fitted, "summary", "")
            fits.append(Fit(kind.name, version, fitted_on, seconds, updated_from=before, summary=summary))
        except MerxError as error:
            models.refuse(kind.name, str(error))
            fits.append(Fit(kind.name, "", "", perf_counter() - start, refused=str(error)))
    if all(entry.refused for entry in fits):
        raise DataError(f"no model could be fitted. {fits[0].kind}: {fits[0].refused}")
    return FitReport(tuple(fits))


def _updated(models: Models, kind: str, version: str, settings: Any, given: list[Any]) -> Any | None:
    """What that version becomes at the end of the tables; None where they no longer look as it knew them."""
    try:
        return settings.update(models.load(kind, version), *given)
    except FitError:
        return None


def _hook(name: str, fit: Callable[..., Any], progress: Progress) -> dict[str, Any]:
    """For a fit that tells how far it is."""
    progress(f"{name}: fitting", 0, 1)
    if "progress" not in signature(fit).parameters:
        return {}
    return {"progress": lambda done, *of: progress(f"{name}: {done}", *of)}


def text_encoder(config: ShopConfig, media: Path | None) -> Embed | None:
    """The sentence encoder that [media] names, whose vectors are kept below SHOP/media; None without one.

    Raises ConfigError where its folder lacks a file.
    """
    if not config.media.text_encoder or media is None:
        return None
    encoder = SentenceEncoder(media.parent / config.media.text_encoder)
    return partial(kept_vectors, encoder, media / "text")


class Inputs:
    """What models are fitted on, by name; each is assembled once, when it is first asked for.

    histories (Interactions), relations (Relations, in their row order), sessions (Interactions of the same
    items, a row for each visit, of anonymous visitors too), baskets and views (the same with purchases alone
    and with views alone), catalogue (Catalogue, of the same items), features (ItemFeatures, of the same
    items), series and few_series (Panel: of every product, or of the best sellers only for kinds too slow for
    all; both with the shop and its categories, and with the covariates that the shop knows ahead),
    price_series and market_series (Panel: of prices, and of those that move in most steps), prices
    (PricePanel), customers (Customers), activity (Activity).
    `words` says of each what it is.

    Parameters
    ----------
    until : int, optional
        Only what happened before this moment (microseconds since 1970, UTC) goes into the histories, the
        sessions, the customers and the activity; prices that the catalogue lacks are looked for before it.
    media : path, optional
        SHOP/media, where the vectors of pictures and videos lie that `merx media` has computed.
    """

    def __init__(
        self, engine: Engine, config: ShopConfig, until: int | None = None, media: Path | None = None
    ) -> None:
        self._engine, self._config, self._until, self._media = engine, config, until, media
        self._made: dict[str, Any] = {}
        self.words: dict[str, str] = {}

    def of(self, name: str) -> Any:
        """The input of that name. Raises DataError where the tables do not hold it."""
        if name not in self._made:
            self._made[name] = getattr(self, f"_{name}")()
        return self._made[name]

    def _demand(self) -> Demand:
        return demand(self._engine)

    def _drivers(self) -> Drivers:
        settings = self._config.forecast
        ahead = (settings.horizon + 1) * STRIDE[settings.step]  # a week more, which may have begun
        return drivers(self._engine, self.of("demand"), ahead, settings.holidays)

    def _histories(self) -> Interactions:
        found, self._made["shoppers"] = assemble.interactions(self._engine, self._config.events.weights)
        if self._until is not None:
            found = found.keep(found.time < self._until)
        self.words["histories"] = (
            f"{len(found):,} events of {found.n_users:,} shoppers, {found.n_items:,} products"
        )
        return found

    def _relations(self) -> Relations:
        """Raises DataError where the shop wants none to be read, or has none that is worth it."""
        settings = self._config.social
        if settings.friends == "never":
            raise DataError('[social] friends = "never".')
        histories = self.of("histories")
        ties = assemble.ties(self._engine, self._made["shoppers"], settings.kinds, self._until)
        if settings.friends == "where_found":
            moved = influence(purchases_of(histories), about(histories), ties, settings.days, "all")
            if not moved.found:
                raise DataError(
                    f'{moved.sentence} So friends are left out; [social] friends = "always" reads them all '
                    "the same."
                )
        found = ties.relations(histories.n_users)
        followers = np.count_nonzero(np.diff(found.follows.indptr))
        self.words["relations"] = (
            f"{found.follows.nnz:,} relations of {followers:,} of {histories.n_users:,} shoppers"
        )
        return found

    def _sessions(self) -> Interactions:
        found = assemble.sessions(self._engine, self._config.events.weights)
        if self._until is not None:
            found = found.keep(found.time < self._until)
        visits = np.count_nonzero(np.diff(found.offsets))
        self.words["sessions"] = f"{len(found):,} events of {visits:,} visits, {found.n_items:,} products"
        return found

    def _baskets(self) -> Interactions:
        return self._visits_with("purchase", "baskets")

    def _views(self) -> Interactions:
        return self._visits_with("view_item", "views")

    def _visits_with(self, event: str, name: str) -> Interactions:
        """The sessions with the entries of one event alone. Raises DataError where there are none."""
        every: Interactions = self.of("sessions")
        found = every.keep(every.event == EVENT_CODE[event])
        if not len(found):
            raise DataError(f"no {event} event with a weight belongs to a visit; ingest some.")
        visits = np.count_nonzero(np.diff(found.offsets))
        self.words[name] = f"{len(found):,} {event} events of {visits:,} visits"
        return found

    def _catalogue(self) -> Catalogue:
        found = assemble.catalogue(self._engine, self._until)
        if self._until is not None:
            # a catalogue has no dates, and one that was read from orders holds what was ordered later
            found = found.only(assemble.met_by(self._engine, self._until, found.items))
        if not found.n_items:
            raise DataError("no product is known; ingest a catalogue or events.")
        self.words["catalogue"] = f"{found.n_items:,} products of the catalogue"
        return found

    def _features(self) -> ItemFeatures:
        items = assemble.items(self._engine)
        seen = {} if self._media is None else vectors_of(self._media, items)
        vectors = {name: vector for name, (vector, _) in seen.items()}
        if self._until is not None:  # as in the catalogue
            met = assemble.met_by(self._engine, self._until, items)
            vectors = {name: np.where(met[:, None], vector, 0) for name, vector in vectors.items()}
        catalogue, filled = self.of("catalogue"), 0
        if self._media is not None:
            catalogue, filled = with_inferred(catalogue, self._media.parent / FILE)
        found = features_of(catalogue, vectors, text_encoder(self._config, self._media))
        known = (f"{n:,} with {name}" for name, n in zip(found.names, found.present.sum(0), strict=True))
        self.words["features"] = f"features of {', '.join(known) or 'no product'}"
        self.words["features"] += f"; {filled:,} categories and brands inferred" if filled else ""
        return found

    def _series(self) -> Panel:
        return self._panel("series", 0)

    def _few_series(self) -> Panel:
        return self._panel("few_series", 1)

    def _panel(self, name: str, place: int) -> Panel:
        panel = forecast_panels(self.of("demand"), self._config, self.of("drivers"))[place]
        step = self._config.forecast.step
        self.words[name] = f"{panel.n_series:,} series of up to {panel.length.max():,} {step}s"
        if panel.exog_names:
            holidays = sum(name.startswith(HOLIDAY) for name in panel.exog_names)
            known = [name for name in panel.exog_names if not name.startswith(HOLIDAY)]
            known += [f"{holidays} holiday{'s' * (holidays > 1)}"] if holidays else []
            self.words[name] += f" with {', '.join(known)}"
        return panel

    def _price_series(self) -> Panel:
        settings, sold = self._config.forecast, self.of("demand")
        which = np.sort(best_sellers(sold, settings.items))
        panel = price_series(self._engine, sold, settings.step, which)
        self.words["price_series"] = (
            f"prices of {panel.n_series:,} series of up to {panel.length.max():,} steps"
        )
        return panel

    def _market_series(self) -> Panel:
        every: Panel = self.of("price_series")
        which = np.flatnonzero(share_moving(every) > 0.5)
        if not len(which):
            raise DataError("no price moves in most steps; shelf_price forecasts prices that move in steps.")
        settings = self._config.forecast
        words = f"{len(which):,} of {every.n_series:,} prices, that move in most steps"
        self.words["market_series"] = words + "".join(f", with {name}" for name in settings.market)
        return beside_market(every, which, settings.market, settings.horizon)

    def _prices(self) -> PricePanel:
        panel = price_panel(self._engine, self.of("demand"))
        self.words["prices"] = f"{panel.n_items:,} products over {panel.week.max() + 1:,} weeks"
        return panel

    def _customers(self) -> Customers:
        found = assemble.customers(self._engine, self._until or assemble.end(self._engine))
        again = np.count_nonzero(found.frequency)
        self.words["customers"] = f"{len(found):,} customers, {again:,} of whom came back"
        return found

    def _activity(self) -> Activity:
        found = assemble.activity(self._engine, self._until or assemble.end(self._engine))
        self.words["activity"] = f"{len(found.day):,} days of {found.n_users:,} shoppers"
        return found
