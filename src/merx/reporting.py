"""What a shop's report shows: a few shoppers, the largest series, every price."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import numpy as np

import merx
from merx import report, sections
from merx.answers import (
    AnomaliesQuestion,
    ForecastQuestion,
    InfluenceQuestion,
    PriceQuestion,
    RecommendQuestion,
    ShoppersQuestion,
)
from merx.answers.everyone import VALUE
from merx.answers.forecast import PRICE
from merx.config import ShopConfig
from merx.decisions import Decision
from merx.errors import RequestError
from merx.fitting import forecast_panels
from merx.ingest import Readiness
from merx.models import Models
from merx.registry import kind, kinds_for
from merx.seeing import MediaReport
from merx.store.demand import Demand, best_sellers, demand, price_panel
from merx.store.drivers import drivers
from merx.store.engine import Engine
from merx.store.price_facts import price_facts
from merx.store.price_series import price_series
from merx.store.tables import Snapshot

SHOPPERS = 3
PRICES = 5  # whose forecasts are shown

Ask = Callable[[str, Any], Decision]  # verb and question -> the decision, written into the ledger


def build(
    *,
    shop: str,
    folder: str,
    config: ShopConfig,
    engine: Engine,
    snapshot: Snapshot,
    models: Models,
    readiness: Readiness,
    evaluation: Mapping[str, Any] | None,
    media: MediaReport,
    gaps: Mapping[str, Any] | None,
    look_alikes: Mapping[str, Any],
    ask: Ask,
) -> report.Report:
    """The report's content; a section whose model was not fitted is left out.

    Raises
    ------
    RequestError
        Nothing was ingested yet.
    """
    overview = engine.query("overview").to_pylist()[0]
    if not overview["events"]:
        raise RequestError(f"{folder}: nothing was ingested yet, so there is nothing to report.")
    products = engine.query("products")
    titles = dict(zip(products["item_id"].to_pylist(), products["title"].to_pylist(), strict=True))
    fitted = models.versions()
    return report.Report(
        shop=shop,
        generated=datetime.now(UTC),
        currency=config.shop.currency or _currency(engine),
        folder=folder,
        summary=sections.summary(overview, merx.__version__, snapshot.fingerprint),
        ingest=sections.ingested(snapshot.sources, media_read(media)),
        readiness=sections.readiness(readiness),
        evaluation=sections.evaluation(evaluation) if evaluation else None,
        shoppers=_shoppers(engine, config, ask, titles, fitted)
        if fitted.keys() & set(config.recommend.model)
        else None,
        coming=_coming(config, ask, models, evaluation),
        friends=_friends(config, ask),
        forecasts=_forecasts(engine, config, ask, titles, models, (evaluation or {}).get("series", {}))
        if config.forecast.model in fitted
        else None,
        gaps=sections.gaps(gaps) if gaps else None,
        look_alikes=sections.look_alikes(look_alikes),
        prices=_prices(engine, config, ask, titles, models) if config.price.model in fitted else None,
    )


def media_read(media: MediaReport) -> list[report.IngestFile]:
    """Links to pictures and to videos as files that were read: a file of each kind that the products name."""
    return [
        report.IngestFile(
            name=f"{kind}s",
            read=seen.linked,
            accepted=seen.linked - seen.elsewhere - seen.rejected,
            rejected=seen.elsewhere + seen.rejected,
            dialect="links of products",
            reasons=tuple(report.RejectReason(text, count) for text, count in media.reasons_of(kind).items()),
        )
        for kind, seen in media.kinds.items()
        if seen.linked
    ]


def _currency(engine: Engine) -> str:
    """The most frequent currency of the orders, "" where they name none."""
    found = engine.query("currencies")["currency"].to_pylist()
    return found[0] if found else ""


def _shoppers(
    engine: Engine, config: ShopConfig, ask: Ask, titles: Mapping[str, str], fitted: Mapping[str, str]
) -> report.Shoppers:
    """Shoppers with middling histories, and lists for other places of the shop."""
    users = engine.query("typical_users", n=SHOPPERS)["user_id"].to_pylist()
    lists = [ask("recommend", RecommendQuestion.of(config, user)) for user in users]
    return report.Shoppers(
        tuple(
            sections.shopper(decision, engine.query("history", user=user), titles)
            for user, decision in zip(users, lists, strict=True)
        ),
        model=next(kind for kind in config.recommend.model if kind in fitted),
        places=_places(config, ask, users, lists, fitted),
    )


def _places(
    config: ShopConfig, ask: Ask, users: list[str], lists: list[Decision], fitted: Mapping[str, str]
) -> tuple[report.PlaceList, ...]:
    """The page of the product that the first shopper would be shown, what to buy again, and the trends."""
    asked: list[tuple[str, str, dict[str, Any]]] = [("trending", "Trending now", {})]
    if users:
        asked.insert(0, ("again", f"Buy it again, for {users[0]}", {"user": users[0]}))
    if users and lists[0].answer["rows"]:
        top = lists[0].answer["rows"][0]
        page = f"On the page of {top['title'] or top['item_id']}"
        asked.insert(0, ("product", page, {"item": top["item_id"]}))
    return tuple(
        sections.place_list(ask("recommend", RecommendQuestion.of(config, scenario=name, **given)), title)
        for name, title, given in asked
        if fitted.keys() & set(config.scenario(name).model)
    )


def _friends(config: ShopConfig, ask: Ask) -> report.Friends | None:
    """Whether friends move each other; None where no relation ties shoppers with events, or none counts."""
    if config.social.friends == "never":
        return None
    try:
        return sections.friends(ask("influence", InfluenceQuestion.of(config)))
    except RequestError:
        return None


def _coming(
    config: ShopConfig, ask: Ask, models: Models, evaluation: Mapping[str, Any] | None
) -> report.ShoppersToCome | None:
    """All shoppers by segment, and why a model says nothing; None before the first fit."""
    fitted, refused = models.versions(), models.refused()
    chances = [entry.name for entry in kinds_for("propensity")]
    kinds = (*chances, config.shoppers.lifetime, VALUE)
    reasons = {
        name: "[fit] skip leaves it out." if name in config.fit.skip else "not fitted yet; run `merx fit`."
        for name in kinds
    }
    reasons |= {name: why for name, why in refused.items() if name in kinds}
    hidden = {name: (kind(name).task, why) for name, why in reasons.items() if name not in fitted}
    try:
        decision = ask("shoppers", ShoppersQuestion.of(config, None))
    except RequestError:
        return sections.unknown(hidden) if hidden.keys() & refused.keys() else None
    tested = {name: models.load(name, fitted[name]).tested for name in chances if name in fitted}
    return sections.coming(decision, evaluation, tested, hidden)


def _forecasts(
    engine: Engine,
    config: ShopConfig,
    ask: Ask,
    titles: Mapping[str, str],
    models: Models,
    judged: Mapping[str, Mapping[str, float]],
) -> report.Forecasts:
    """The whole shop, its categories and its best-selling products, and prices of a few of these."""
    sold = demand(engine)
    known = drivers(engine, sold, 0, config.forecast.holidays)
    _, panel = forecast_panels(sold, config, known)
    series = []
    for s, key in enumerate(panel.keys.ids.to_pylist()):
        kind, _, name = key.partition(": ")
        title = (
            {"shop": "The whole shop", "category": f"Category {name}"}.get(kind) or titles.get(name) or name
        )
        decision = ask("forecast", ForecastQuestion.of(config, key))
        series.append(sections.forecast_series(decision, title, panel, s, _comparison(judged.get(key, {}))))
    whole = sections.decomposition(panel, 0, "The whole shop", config.forecast.season_length)
    unusual = sections.unusual_days(ask("anomalies", AnomaliesQuestion.of(config)))
    fitted = models.versions()
    if config.forecast.price_model in fitted:
        series += _coming_prices(engine, config, ask, titles, sold)
    model = models.load(config.forecast.model, fitted[config.forecast.model])
    return report.Forecasts(tuple(series), whole, unusual, getattr(model, "summary", ""))


def _coming_prices(
    engine: Engine, config: ShopConfig, ask: Ask, titles: Mapping[str, str], sold: Demand
) -> list[report.ForecastSeries]:
    """Prices to come of best sellers, the shop's own and those of competitors; those that ever moved."""
    settings, found = config.forecast, list[report.ForecastSeries]()
    panel = price_series(engine, sold, settings.step, best_sellers(sold, settings.few_items))
    for s, key in enumerate(panel.keys.ids.to_pylist()):
        if len(found) == PRICES or np.ptp(panel.series(s)) == 0:
            continue
        name = key.removeprefix(PRICE)  # "ID", or "ID at COMPETITOR"
        item, _, competitor = name.rpartition(" at ") if sold.items.code(name) < 0 else (name, "", "")
        with suppress(RequestError):  # the model may know fewer products
            decision = ask("forecast", ForecastQuestion.of(config, key))
            title = f"Price of {titles.get(item) or item}" + (f" at {competitor}" if competitor else "")
            told = " ".join(decision.reasons[1:])
            currency = config.shop.currency or _currency(engine) or "money"
            found.append(sections.forecast_series(decision, title, panel, s, told, currency))
    return found


def _comparison(mase: Mapping[str, float]) -> str:
    """How the forecasters did on one series, in words."""
    if not mase:
        return ""
    found = ", ".join(f"{kind} {error:.2f}" for kind, error in sorted(mase.items(), key=lambda one: one[1]))
    return f"Errors (MASE) on the last steps, held out: {found}; the least is the best."


def _prices(
    engine: Engine, config: ShopConfig, ask: Ask, titles: Mapping[str, str], models: Models
) -> report.Prices:
    question = PriceQuestion.of(config, None)
    decision = ask("price", question)
    model = models.load(question.model, decision.models[question.model])
    sold = demand(engine)
    panel = price_panel(engine, sold)
    panel = panel.take(panel.items.codes(model.items.ids))
    facts = price_facts(engine, sold, panel)
    return sections.prices(decision, titles, model, panel, question.rules, facts)
