"""What will shoppers do, and what will prices be? One series over the next steps."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from merx.answers.answer import Answer, Context
from merx.config import ShopConfig
from merx.data.panel import moments
from merx.data.results import Forecast
from merx.errors import RequestError

PRICE = "price: "  # how the keys of prices begin
PROBS = (0.025, 0.1, 0.5, 0.9, 0.975)  # the bounds of the 95 and 80 % intervals, and the median


@dataclass(frozen=True)
class ForecastQuestion:
    """Parameters
    ----------
    key : str
        "shop", "category: NAME" or "item: ID": demand. "price: ID" or "price: ID at COMPETITOR": a price.
    model : str
        Kind of the forecaster.
    horizon : int
        Steps ahead.
    """

    key: str
    model: str
    horizon: int

    @classmethod
    def of(cls, config: ShopConfig, key: str) -> "ForecastQuestion":
        """What the shop's settings ask for one series."""
        settings = config.forecast
        model = settings.price_model if key.startswith(PRICE) else settings.model
        return cls(key=key, model=model, horizon=settings.horizon)


def demand_key(item: str | None, category: str | None) -> str:
    """The series of a product, of a category or, with neither, of the shop. Raises RequestError on both."""
    if item is not None and category is not None:
        raise RequestError("a forecast is of one product or of one category, not of both.")
    if item is not None:
        return f"item: {item}"
    return "shop" if category is None else f"category: {category}"


def price_key(item: str | None, competitor: str | None) -> str:
    """The series of the price of a product, the shop's own or a competitor's. Raises RequestError on none."""
    if item is None:
        raise RequestError("a forecast of a price is of one product; name the item.")
    return f"{PRICE}{item} at {competitor}" if competitor else f"{PRICE}{item}"


def forecast(context: Context, question: ForecastQuestion) -> Answer:
    """Mean and quantiles of each of the next steps of one series.

    Raises
    ------
    RequestError
        The series was not fitted, or the horizon is beyond the fitted one.
    """
    of_price = question.key.startswith(PRICE)
    model = context.model(question.model, "price_forecast" if of_price else "forecast")
    series = model.keys.code(question.key)
    if series < 0:
        raise RequestError(
            f"{question.key!r} is none of the {len(model.keys):,} series that {question.model} was fitted "
            f"on; it never {'had a price' if of_price else 'sold'}, or lies beyond [forecast] items "
            "(few_items for slow kinds) in shop.toml."
        )
    answer: Forecast = model.forecast(question.horizon, np.array(PROBS))
    moment = moments(answer.start[series : series + 1], question.horizon, answer.step)[0]  # (H,)
    content: dict[str, Any] = {
        "key": question.key,
        "model": question.model,
        "specification": model.specification[series],
        "step": answer.step,
        "rows": [
            {
                "date": str(moment[ahead]),
                "mean": round(float(answer.mean[series, ahead]), 4),
                **{
                    f"q{prob:g}": round(float(answer.quantile[series, ahead, q]), 4)
                    for q, prob in enumerate(PROBS)
                },
            }
            for ahead in range(question.horizon)
        ],
    }
    notes, sentences = list(context.notes), []
    if hasattr(model, "effects"):
        found = model.effects(series, question.horizon)
        content["effects"] = effects = {name: round(share, 4) for name, share in found.items()}
        if told := [f"{name} {share:+.0%}" for name, share in effects.items() if abs(share) >= 0.005]:
            sentences.append(f"What the plan does to that, against the last weeks: {', '.join(told)}.")
    if details := getattr(model, "details", None):
        content["diagnosis"] = diagnosis = details.diagnosis(series)
        if diagnosis["ljung_box_p"] < 0.01:
            notes.append(
                f"What {question.model} leaves over of this series is still correlated over time (Ljung-Box "
                f"p = {diagnosis['ljung_box_p']:.2g}): it misses a pattern, and its bounds may be too narrow."
            )
    if outlook := getattr(model, "outlook", None):
        content["outlook"] = outlook(series, question.horizon)
    first = _of_price(content) if of_price else (_of_demand(content, answer, series),)
    return Answer(content, (*first, *sentences), tuple(notes))


def _of_demand(content: dict[str, Any], answer: Forecast, series: int) -> str:
    low, high = (answer.interval(0.8)[side][series].sum() for side in (0, 1))
    return (
        f"{content['key']}: about {answer.mean[series].sum():,.0f} units over the next {answer.horizon} "
        f"{answer.step}s (the 80 % bounds of the steps add up to {low:,.0f} and {high:,.0f}), "
        f"by {content['specification']}."
    )


def _of_price(content: dict[str, Any]) -> tuple[str, ...]:
    """The last step, and how likely the price changes until then, where the model tells."""
    last, over = content["rows"][-1], f"{len(content['rows'])} {content['step']}s"
    sentence = (
        f"{content['key']}: {last['q0.5']:,.2f} in {over} (80 % bounds {last['q0.1']:,.2f} and "
        f"{last['q0.9']:,.2f}), by {content['model']}, {content['specification']}."
    )
    if "outlook" not in content:
        return (sentence,)
    told = content["outlook"]
    now = "a promotion price" if told["promoted_now"] > 0.5 else "a regular price"
    ways = [
        f"{word} with {told[side]:.0%} (by {abs(told[f'size_{side}']):.1%} in the middle)"
        for word, side in (("higher", "up"), ("lower", "down"))
        if told[side] > 0
    ]
    change = f"Now {now}. The chance that it changes within {over} is {told['change']:.0%}"
    if ways:
        change += f"; at their end it is {' and '.join(ways)}"
    return sentence, f"{change}. A promotion is on then with {told['promotion']:.0%}."
