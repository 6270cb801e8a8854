"""What will shoppers do? The demand of one series over the next steps."""

from dataclasses import dataclass

import numpy as np

from merx.answers.answer import Answer, Context
from merx.config import ShopConfig
from merx.data.panel import moments
from merx.data.results import Forecast
from merx.errors import RequestError

PROBS = (0.025, 0.1, 0.5, 0.9, 0.975)  # the bounds of the 95 and 80 % intervals, and the median


@dataclass(frozen=True)
class ForecastQuestion:
    """Parameters
    ----------
    key : str
        "shop", "category: NAME" or "item: ID".
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
        return cls(key=key, model=config.forecast.model, horizon=config.forecast.horizon)


def forecast(context: Context, question: ForecastQuestion) -> Answer:
    """Mean and quantiles of each of the next steps of one series.

    Raises
    ------
    RequestError
        The series was not fitted, or the horizon is beyond the fitted one.
    """
    model = context.model(question.model, "forecast")
    series = model.keys.code(question.key)
    if series < 0:
        raise RequestError(
            f"{question.key!r} is none of the {len(model.keys):,} series that {question.model} was fitted "
            "on; it never sold, or lies beyond [forecast] items (few_items for slow kinds) in shop.toml."
        )
    answer: Forecast = model.forecast(question.horizon, np.array(PROBS))
    moment = moments(answer.start[series : series + 1], question.horizon, answer.step)[0]  # (H,)
    low, high = (answer.interval(0.8)[side][series].sum() for side in (0, 1))
    mean = answer.mean[series]
    content = {
        "key": question.key,
        "model": question.model,
        "specification": model.specification[series],
        "step": answer.step,
        "rows": [
            {
                "date": str(moment[ahead]),
                "mean": round(float(mean[ahead]), 4),
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
    sentence = (
        f"{question.key}: about {mean.sum():,.0f} units over the next {question.horizon} {answer.step}s "
        f"(the 80 % bounds of the steps add up to {low:,.0f} and {high:,.0f}), "
        f"by {model.specification[series]}."
    )
    return Answer(content, (sentence, *sentences), tuple(notes))
