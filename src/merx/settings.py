"""What the tables of shop.toml may say, each checked as it is made; `merx.config` puts them together."""

import re
from dataclasses import dataclass, field
from datetime import date

from merx.data.schema import EVENTS, TABLES
from merx.errors import ConfigError
from merx.registry import KINDS, kinds_for
from merx.toml import nearest

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
        check_kind("forecast", self.model, "[forecast] model")
        check_kind("price_forecast", self.price_model, "[forecast] price_model")


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
        check_kind("lifetime", self.lifetime, "[shoppers] lifetime")


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
    """[media]: pictures, videos and texts of the products.

    Parameters
    ----------
    folder : str
        Where the files lie that image_link and video_link name, below the shop's folder unless it begins with
        a slash.
    weights : str
        A safetensors file with weights of merx's picture network; where empty, one is trained on the shop's
        own pictures.
    text_encoder : str
        A folder with a sentence encoder, model.onnx and tokenizer.json, below the shop's folder unless it
        begins with a slash; where empty, texts become vectors by the shop's own words.
    """

    folder: str = "raw"
    weights: str = ""
    text_encoder: str = ""


def check_kind(task: str, name: str, key: str) -> None:
    """Raise ConfigError where no kind of that name answers the task."""
    kinds = [kind.name for kind in kinds_for(task)]
    if name not in kinds:
        raise ConfigError(f"{key} = {name!r}: no such kind.{nearest(name, kinds)}")
