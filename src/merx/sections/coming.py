"""What is expected of the shoppers to come, from a decision, the models and the last evaluation."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from merx import report
from merx.answers.everyone import VALUE
from merx.behaviour.calibration import Reliability
from merx.behaviour.propensity_training import GOALS
from merx.decisions import Decision
from merx.sections.scores import number

# What a model of shoppers says, by its task.
SAYS = {
    "purchase": "the chance to order",
    "churn": "the chance to stay away",
    "revenue": "the revenue to come of each shopper",
    "lifetime": "who is a customer still, and the value to come",
    "value": "what an order will be worth, and the value to come",
}


def coming(
    decision: Decision,
    evaluation: Mapping[str, Any] | None,
    tested: Mapping[str, Reliability],
    refused: Mapping[str, tuple[str, str]],
) -> report.ShoppersToCome:
    """The segments and all that is foretold of them.

    Parameters
    ----------
    decision : Decision
        About all shoppers.
    evaluation : mapping or None
        What stands in evaluation.json.
    tested : mapping of propensity -> Reliability
        Of the fitted models: shown where the evaluation has no curve.
    refused : mapping of kind -> (task, reason)
        The models of shoppers that were not fitted.
    """
    answer, judged = decision.answer, evaluation or {}
    expected = answer["expected"]
    curves = {**tested, **{kind: _curve(curve) for kind, curve in judged.get("reliability", {}).items()}}
    return report.ShoppersToCome(
        segments=tuple(_segment(row) for row in answer["rows"]),
        foretold=tuple(
            report.Foretold(
                figure=figure,
                shoppers=found["shoppers"],
                total=found["sum"],
                active=GOALS[figure].active if figure in GOALS else 0,
                ahead=GOALS[figure].ahead if figure in GOALS else answer["days"],
                off=_off(found.get("tested")),
                **_verdict(judged, (figure,) if figure in GOALS else (VALUE, decision.question["lifetime"])),
                curve=_shown(curves[figure], figure in judged.get("reliability", {}))
                if figure in curves and not GOALS[figure].amount
                else None,
            )
            for figure, found in expected.items()
        ),
        act_on=tuple(answer["act_on"]),
        nobody_left=answer["nobody_left"],
        hidden=unknown(refused).hidden,
        rules=" ".join(f"{rule[0].upper()}{rule[1:]}." for rule in decision.rules),
        decision_id=decision.id,
    )


def unknown(refused: Mapping[str, tuple[str, str]]) -> report.ShoppersToCome:
    """What is told where nothing can be said: only why.

    Parameters
    ----------
    refused : mapping of kind -> (task, reason)
    """
    return report.ShoppersToCome(
        segments=(),
        hidden=tuple(
            report.Hidden(kind, SAYS.get(kind) or SAYS[task], reason.removeprefix(f"{kind}: "))
            for kind, (task, reason) in refused.items()
        ),
    )


def _segment(row: Mapping[str, Any]) -> report.Segment:
    return report.Segment(
        name=row["segment"],
        action=row["action"],
        shoppers=row["shoppers"],
        held_out=row["held_out"],
        lately=row["purchase"] is not None or row["churn"] is not None,
        purchase=number(row["purchase"]),
        churn=number(row["churn"]),
        revenue=number(row["revenue_sum"]),
        predicted=number(row["predicted_sum"]),
    )


def _off(tested: Mapping[str, float] | None) -> float:
    return tested["foretold"] / tested["came"] - 1 if tested else float("nan")


def _verdict(judged: Mapping[str, Any], kinds: tuple[str, ...]) -> dict[str, Any]:
    """Whether the first of these kinds that was judged beats its trivial answer; or why none was judged."""
    scores = {score["model"]: score for score in judged.get("scores", ())}
    for kind in kinds:
        if kind in scores:
            return {"beats": scores[kind]["beats_trivial"], "verdict": scores[kind]["sentence"]}
    refused = judged.get("refused", {})
    return {"beats": None, "verdict": next((refused[kind] for kind in kinds if kind in refused), "")}


def _curve(curve: Mapping[str, Any]) -> Reliability:
    return Reliability(**{name: np.array(values, np.float64) for name, values in curve.items()})


def _shown(curve: Reliability, judged: bool) -> report.Curve:
    """A curve with where it was measured."""
    shoppers = f"{int(curve.count.sum()):,} shoppers"
    return report.Curve(
        predicted=curve.predicted,
        observed=curve.observed,
        count=curve.count.astype(np.float64),
        error=curve.error,
        measured=f"Measured in the evaluation below: {shoppers}, in days that the model had not seen."
        if judged
        else f"Measured at the fit: {shoppers} of the newest spans, by a model that had learnt from earlier "
        "ones.",
    )
