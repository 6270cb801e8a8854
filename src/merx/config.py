"""The settings of a shop: shop.toml, and what `merx tune` and price tests found."""

import json
import re
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

from merx.data.schema import EVENTS, TABLES
from merx.errors import ConfigError
from merx.price.experiment_result import tested, under_test
from merx.price.guardrails import Governance
from merx.price.limits import PriceRules
from merx.recommend.scenario import SCENARIOS, Scenario
from merx.registry import KINDS, kinds_for
from merx.toml import build, nearest, read_toml

SETTINGS = "shop.toml"
TUNED = "tuned.toml"  # beside shop.toml: what `merx tune` found
TESTS = "price-tests"  # beside shop.toml: the price tests, a file each

TEMPLATE = """\
# Settings of this shop. Everything is optional; what is absent has its default.
# The reference of all settings: docs/reference/settings.md.

[shop]
name = {name}
currency = {currency}
"""

DEFAULT_WEIGHTS: dict[str, float] = {
    "purchase": 5.0,
    "add_to_cart": 3.0,
    "add_to_wishlist": 2.0,
    "begin_checkout": 3.0,
    "view_item": 1.0,
    "select_item": 0.5,
    "rate": 1.0,
    "remove_from_cart": -1.0,
    "refund": -5.0,
}


@dataclass(frozen=True)
class About:
    """[shop]: who the shop is.

    Parameters
    ----------
    name : str
        As shown in reports; the folder's name where empty.
    currency : str
        ISO 4217 code that prices are shown in; that of the orders where empty. The tables hold one currency.
    """

    name: str = ""
    currency: str = ""

    def __post_init__(self) -> None:
        if self.currency and not re.fullmatch("[A-Z]{3}", self.currency):
            raise ConfigError(
                f"[shop] currency = {self.currency!r}: three capital letters of ISO 4217, such as EUR."
            )


@dataclass(frozen=True)
class EventSettings:
    """[events]: what an event is worth.

    Parameters
    ----------
    weights : table of event name -> number
        Strength of one event as a sign of interest; 0 or below for a refund. A `rate` event counts its
        stars where this is 1, and nothing where it is 0. Names that are not listed count 0.
    """

    weights: dict[str, float] = field(default_factory=lambda: dict(DEFAULT_WEIGHTS))

    def __post_init__(self) -> None:
        known = list(EVENTS)
        for name in self.weights:
            if name not in known:
                raise ConfigError(f"[events.weights] {name}: no such event.{nearest(name, known)}")
        if self.weights.get("refund", 0.0) > 0:
            raise ConfigError("[events.weights] refund: 0 or below; what was sent back was not liked.")
        if self.weights.get("rate", 1.0) not in (0.0, 1.0):
            raise ConfigError("[events.weights] rate: 1, as a rating counts its stars, or 0 to leave it out.")
        object.__setattr__(self, "weights", {**DEFAULT_WEIGHTS, **self.weights})


@dataclass(frozen=True)
class FileMapping:
    """[mappings.NAME]: how files of the shop's own making are read.

    Parameters
    ----------
    table : str
        events, products, prices, relations or stock.
    columns : table of canonical column -> the file's column
    """

    table: str
    columns: dict[str, str]

    def __post_init__(self) -> None:
        if self.table not in TABLES:
            raise ConfigError(f"table = {self.table!r}: no such table.{nearest(self.table, list(TABLES))}")
        names = TABLES[self.table].names
        for column in self.columns:
            if column not in names:
                raise ConfigError(f"{column}: no column of {self.table}.{nearest(column, names)}")


@dataclass(frozen=True)
class FitSettings:
    """[fit]: what is fitted.

    Parameters
    ----------
    skip : list of str
        Kinds of models that are neither fitted nor judged. `sequence`, `session_blend` and `recurrent` train
        a network and take longest; `auto_arima` takes a hundred times the time of `auto_ets` and forecasts no
        better; `best` has `theta` and `intermittent` within it; `coherent` grows two pairs of forests;
        `arima` is for prices that move in most steps, `mstl` for days over several years, `seasonal_ar` for
        series by the hour; the other five of task price are there to be compared with `price_response`; []
        fits them too. What [forecast] and [price] name is fitted all the same.
    """

    skip: tuple[str, ...] = (
        *("sequence", "session_blend", "recurrent"),
        *("auto_arima", "theta", "intermittent", "coherent", "arima", "mstl", "seasonal_ar"),
        *("naive_log_log", "double_ml", "tree_response", "boosted_response", "svr_response"),
    )

    def __post_init__(self) -> None:
        for name in self.skip:
            if name not in KINDS:
                raise ConfigError(f"skip: no kind {name!r}.{nearest(name, list(KINDS))}")


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text if len(text) > 5 else f"2000-{text}")
    except ValueError:
        return False
    return len(text) in (5, 10)


@dataclass(frozen=True)
class ForecastSettings:
    """[forecast]: what is forecast.

    Parameters
    ----------
    step : str
        "day" or "week".
    horizon : int
        Steps ahead.
    season_length : int
        Steps in a season; 0: found from the data.
    model : str
        The kind that answers.
    items : int
        How many of the best-selling products are forecast; 0: all.
    few_items : int
        How many of them are also forecast by the kinds that are too slow for all, such as auto_arima.
    price_model : str
        The kind that answers what a price will be.
    market : list of str
        Prices of others, as "ID at COMPETITOR", such as a raw material's at an exchange. `arima` reads what
        each of them was a horizon before: that much is known ahead.
    holidays : table of lists of str
        The days of each holiday, by its name: "2024-11-29", or "12-24" for every year. Models that read
        covariates learn what each of them does to demand.
    """

    step: str = "day"
    horizon: int = 28
    season_length: int = 0
    model: str = "best"
    items: int = 0
    few_items: int = 20
    price_model: str = "shelf_price"
    market: tuple[str, ...] = ()
    holidays: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.step not in ("day", "week"):
            raise ConfigError(f'[forecast] step = {self.step!r}: it is "day" or "week".')
        for name, least in (("horizon", 1), ("season_length", 0), ("items", 0), ("few_items", 0)):
            if getattr(self, name) < least:
                raise ConfigError(f"[forecast] {name} = {getattr(self, name)}: at least {least}.")
        for name, days in self.holidays.items():
            if wrong := [day for day in days if not _is_day(day)]:
                raise ConfigError(
                    f'[forecast.holidays] {name}: {wrong[0]!r} is no day; write "2024-11-29", or "12-24" for '
                    "every year."
                )
        _check_kind("forecast", self.model, "[forecast] model")
        _check_kind("price_forecast", self.price_model, "[forecast] price_model")


@dataclass(frozen=True)
class ShopperSettings:
    """[shoppers]: what is said of each shopper.

    Parameters
    ----------
    days : int
        How far ahead a shopper's value to come is counted.
    discount : float
        By which money loses worth in a year; 0: not at all.
    held_out : float
        Share of the shoppers drawn at random to be left alone, so that the effect of an action can be told.
    lifetime : str
        The kind that says who is a customer still: bg_nbd, mbg_nbd or pareto_nbd.
    """

    days: int = 365
    discount: float = 0.1
    held_out: float = 0.1
    lifetime: str = "bg_nbd"

    def __post_init__(self) -> None:
        if self.days < 1:
            raise ConfigError(f"[shoppers] days = {self.days}: at least 1.")
        for name in ("discount", "held_out"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(f"[shoppers] {name} = {getattr(self, name)}: from 0 to below 1.")
        _check_kind("lifetime", self.lifetime, "[shoppers] lifetime")


FRIENDS = ("where_found", "always", "never")


@dataclass(frozen=True)
class SocialSettings:
    """[social]: whether, and how, those whom a shopper follows count.

    Parameters
    ----------
    friends : str
        "where_found": models read relations where `merx influence` finds that friends move each other;
        "always": also where it does not; "never".
    kinds : list of str
        Kinds of relation that count; []: all.
    days : int
        How long after a friend's purchase one of the same product may be owed to it.
    min_friends : int
        At least so many friends must have bought a product before a reason counts them.
    sensitive : list of str
        Categories, with all below them, in which what friends bought plays no part and is never told.
    """

    friends: str = "where_found"
    kinds: tuple[str, ...] = ()
    days: int = 28
    min_friends: int = 3
    sensitive: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.friends not in FRIENDS:
            raise ConfigError(f"[social] friends = {self.friends!r}: it is one of {', '.join(FRIENDS)}.")
        for name, least in (("days", 1), ("min_friends", 2)):
            if getattr(self, name) < least:
                raise ConfigError(f"[social] {name} = {getattr(self, name)}: at least {least}.")


@dataclass(frozen=True)
class EvaluateSettings:
    """[evaluate]: how models are judged.

    Parameters
    ----------
    days : int
        The last days that models are judged on and do not see.
    k : int
        Length of the lists judged.
    users : int
        At most so many shoppers are judged, drawn with a fixed seed; 0: all.
    """

    days: int = 28
    k: int = 10
    users: int = 5000

    def __post_init__(self) -> None:
        for name, least in (("days", 1), ("k", 1), ("users", 0)):
            if getattr(self, name) < least:
                raise ConfigError(f"[evaluate] {name} = {getattr(self, name)}: at least {least}.")


@dataclass(frozen=True)
class MediaSettings:
    """[media]: pictures and videos of the products.

    Parameters
    ----------
    folder : str
        Where the files lie that image_link and video_link name, below the shop's folder unless it begins with
        a slash.
    weights : str
        A safetensors file with weights of merx's picture network; where empty, one is trained on the shop's
        own pictures.
    """

    folder: str = "raw"
    weights: str = ""


@dataclass(frozen=True)
class ShopConfig:
    """All of shop.toml."""

    shop: About = field(default_factory=About)
    events: EventSettings = field(default_factory=EventSettings)
    mappings: dict[str, FileMapping] = field(default_factory=dict)
    fit: FitSettings = field(default_factory=FitSettings)
    recommend: Scenario = field(default_factory=Scenario)
    scenarios: dict[str, dict[str, Any]] = field(default_factory=dict)
    forecast: ForecastSettings = field(default_factory=ForecastSettings)
    shoppers: ShopperSettings = field(default_factory=ShopperSettings)
    social: SocialSettings = field(default_factory=SocialSettings)
    price: PriceRules = field(default_factory=PriceRules)
    governance: Governance = field(default_factory=Governance)
    evaluate: EvaluateSettings = field(default_factory=EvaluateSettings)
    media: MediaSettings = field(default_factory=MediaSettings)
    models: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, hyper_parameters in self.models.items():
            if name not in KINDS:
                raise ConfigError(f"[models.{name}]: no such kind.{nearest(name, list(KINDS))}")
            config_type, _ = KINDS[name].load()
            build(config_type, hyper_parameters, f"models.{name}")
        _check_kind("price", self.price.model, "[price] model")
        for name in self.scenario_names:
            settings = self.scenario(name)
            for key in ("model", "visitor", "newcomer"):
                where = f"scenarios.{name}" if key in self.scenarios.get(name, {}) else "recommend"
                for kind in getattr(settings, key):
                    _check_kind("recommend", kind, f"[{where}] {key}")

    @property
    def skipped(self) -> frozenset[str]:
        """[fit] skip, but for models that answer for demand and prices to come, or that [price] chose.

        A shop that wants no prices may skip the one that stands there by default.
        """
        chosen = {self.price.model} - {PriceRules().model}
        return frozenset(self.fit.skip) - {self.forecast.model, self.forecast.price_model} - chosen

    @property
    def scenario_names(self) -> tuple[str, ...]:
        """The scenarios that every shop has, then those of its own."""
        return tuple(dict.fromkeys([*SCENARIOS, *self.scenarios]))

    def scenario(self, name: str) -> Scenario:
        """The settings of a scenario: [recommend], what is different there, and then [scenarios.NAME].

        The rules of [recommend] hold everywhere; those of the scenario are added.
        """
        base = {key: value for key, value in vars(self.recommend).items() if key != "rules"}
        own = self.scenarios.get(name, {})
        settings = build(Scenario, {**base, **SCENARIOS.get(name, {}), **own}, f"scenarios.{name}")
        return replace(settings, rules=(*self.recommend.rules, *settings.rules))


def new_settings(name: str, currency: str) -> str:
    """The shop.toml of a new shop; raises ConfigError where the currency is no ISO 4217 code."""
    About(name, currency)
    return TEMPLATE.format(
        name=json.dumps(name, ensure_ascii=False), currency=json.dumps(currency, ensure_ascii=False)
    )


def read_config(path: Path) -> ShopConfig:
    """The configuration in shop.toml; where it does not say, what `merx tune` and price tests found.

    Products under a price test are among the rules of [price].

    Raises ConfigError that names the file and the key.
    """
    raw = read_toml(path)
    tuned = path.with_name(TUNED)
    found = read_toml(tuned).get("models", {}) if tuned.exists() else {}
    if seen := tested(path.with_name(TESTS)):
        found["price_response"] = found.get("price_response", {}) | seen
    price = raw.get("price", {})
    if (running := under_test(path.with_name(TESTS))) and isinstance(price, dict):
        raw["price"] = price | {"under_test": running | price.get("under_test", {})}
    by_hand = raw.get("models", {})
    if found and isinstance(by_hand, dict):
        raw["models"] = by_hand | {kind: settings | by_hand.get(kind, {}) for kind, settings in found.items()}
    try:
        return build(ShopConfig, raw, "")
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def _check_kind(task: str, name: str, key: str) -> None:
    kinds = [kind.name for kind in kinds_for(task)]
    if name not in kinds:
        raise ConfigError(f"{key} = {name!r}: no such kind.{nearest(name, kinds)}")
