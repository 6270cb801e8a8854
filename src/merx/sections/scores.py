"""How good each kind of model is, from evaluation.json."""

from collections.abc import Mapping, Sequence
from typing import Any

from merx import report
from merx.behaviour.propensity_training import GOALS, Goal

# The measures shown, the deciding one first; the others stand in evaluation.json.
MEASURES = {
    "recommend": ("ndcg", "recall", "tail_recall", "debiased_recall", "hit_rate", "coverage"),
    "new_products": ("ndcg", "recall", "hit_rate"),
    "forecast": ("mase", "rmsse", "coverage_80", "coverage_95", "bias"),
    "price_forecast": ("crps", "error", "coverage_80", "coverage_95"),
    "propensity": ("auc", "average_precision", "log_loss", "ece", "mae", "log_loss, trivial", "mae, trivial"),
    "lifetime": ("rmse", "correlation", "bias"),
    "value": ("rmse", "correlation", "bias"),
    "price": ("gain share", "gain share, free", "gain share, A and B", "elasticity RMSE"),
}
LESS_IS_BETTER = ("forecast", "price_forecast", "lifetime", "value")
LOSSES = {"log_loss": "log loss", "mae": "mean error"}  # by which propensities are judged


def measures(task: str, scores: Sequence[Mapping[str, Any]]) -> list[str]:
    """The names of a task's measures that some of its scores have, the deciding one first."""
    names = dict.fromkeys(name for score in scores for name in score["metrics"])
    return [name for measure in MEASURES[task] for name in names if name.split("@")[0] == measure]


def evaluation(record: Mapping[str, Any]) -> report.Evaluation:
    """How good each model is, from evaluation.json."""

    def table(task: str, better: Any) -> report.ScoreTable | None:
        scores = [score for score in record["scores"] if score["task"] == task]
        if not scores:
            return None
        shown = measures(task, scores)
        sign = 1 if better == "lower" else -1
        scores.sort(key=lambda score: sign * (score["metrics"].get(shown[0]) or 0.0))  # the best first
        return report.ScoreTable(
            scores=tuple(
                report.ModelScore(
                    model=score["model"],
                    metrics={name: number(score["metrics"].get(name)) for name in shown},
                    beats_trivial=score["beats_trivial"],
                    sentence=score["sentence"],
                    trivial=score["beats_trivial"] is None,
                )
                for score in scores
            ),
            headline=shown[0],
            better=better,
            protocol=record["protocol"][task],
        )

    refused = [
        f"Not judged: {', '.join(name for name, reason in record['refused'].items() if reason == why)}. {why}"
        for why in dict.fromkeys(record["refused"].values())
    ]
    return report.Evaluation(
        ranking=table("recommend", "higher"),
        new_products=table("new_products", "higher"),
        forecast=table("forecast", "lower"),
        price_forecast=table("price_forecast", "lower"),
        lifetime=table("lifetime", "lower"),
        value=table("value", "lower"),
        propensity=_targets(record),
        price=table("price", "higher"),
        protocol="\n".join([*record["protocol"].values(), *refused]),
    )


def _targets(record: Mapping[str, Any]) -> report.TargetTable | None:
    """The propensities, each beside the trivial answer to its own question."""
    found = []
    for score in record["scores"]:
        if score["task"] != "propensity":
            continue
        metrics, goal = score["metrics"], GOALS[score["model"]]
        loss = next(name for name in LOSSES if name in metrics)
        found.append(
            report.TargetScore(
                model=score["model"],
                about=_about(goal),
                loss_name=LOSSES[loss],
                loss=number(metrics[loss]),
                trivial=number(metrics[f"{loss}, trivial"]),
                rule=f"the {goal.ahead} days before again" if goal.amount else "the same chance for all",
                beats=score["beats_trivial"],
                sentence=score["sentence"],
                money=goal.amount,
                auc=number(metrics.get("auc")),
                average_precision=number(metrics.get("average_precision")),
                error=number(metrics.get("ece")),
            )
        )
    return report.TargetTable(tuple(found), record["protocol"]["propensity"]) if found else None


def _about(goal: Goal) -> str:
    """What a propensity foretells, in words."""
    did = "Amount of the orders" if goal.amount else f"Who {goal.words}"
    return f"{did} in {goal.ahead} days, of who was active in the {goal.active} before"


def number(value: float | None) -> float:
    """A number of plain JSON, NaN for one that is not known."""
    return float("nan") if value is None else value
