"""The questions that can be asked of a shop, and the pure functions that answer them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from merx.answers.anomalies import AnomaliesQuestion, anomalies
from merx.answers.answer import Answer, Context
from merx.answers.forecast import ForecastQuestion, forecast
from merx.answers.influence import InfluenceQuestion, friends_influence
from merx.answers.price import PriceQuestion, price
from merx.answers.recommend import RecommendQuestion, recommend
from merx.answers.shoppers import ShoppersQuestion, shoppers

Question = TypeVar("Question", RecommendQuestion, ForecastQuestion, AnomaliesQuestion)


def with_chosen(question: Question, **chosen: Any) -> Question:
    """The question with what the caller chose instead of the shop's settings; None: nothing chosen."""
    return replace(question, **{key: value for key, value in chosen.items() if value is not None})


@dataclass(frozen=True)
class Verb:
    """A kind of question and the function that answers it."""

    question: type
    answer: Callable[[Context, Any], Answer]


VERBS: dict[str, Verb] = {
    "recommend": Verb(RecommendQuestion, recommend),
    "forecast": Verb(ForecastQuestion, forecast),
    "anomalies": Verb(AnomaliesQuestion, anomalies),
    "shoppers": Verb(ShoppersQuestion, shoppers),
    "price": Verb(PriceQuestion, price),
    "influence": Verb(InfluenceQuestion, friends_influence),
}

__all__ = [
    "VERBS",
    "AnomaliesQuestion",
    "Answer",
    "Context",
    "ForecastQuestion",
    "InfluenceQuestion",
    "PriceQuestion",
    "RecommendQuestion",
    "ShoppersQuestion",
    "Verb",
    "with_chosen",
]
