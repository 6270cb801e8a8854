"""Propensities and lifetimes judged: what was told of shoppers as of a day, against what came after it."""

import numpy as np
import pyarrow as pa

from merx import registry
from merx.behaviour.lifetime_value import lifetime_value
from merx.behaviour.propensity_training import GOALS, Goal, outcome
from merx.config import ShopConfig
from merx.data.activity import Activity
from merx.data.customers import Customers
from merx.data.schema import DAY
from merx.errors import DataError
from merx.evaluate.shoppers import against, chances, log_losses, numbers
from merx.fitting import Inputs, config_of
from merx.judged import Each, Score
from merx.registry import Kind
from merx.store.engine import Engine

BARS = {"lifetime": "same_rate", "value": "same_revenue"}  # what a customer did so far goes on
MONTH = 28  # days: the longest that a propensity looks ahead, and what its trivial answer looks back

HeldOut = tuple[Customers, dict[str, np.ndarray], str]  # customers, what came of each, and when


def before(engine: Engine, inputs: Inputs, config: ShopConfig, days: int) -> tuple[Inputs, Activity]:
    """What was known before the last days, and all that came; the very last day may not be over."""
    came: Activity = inputs.of("activity")
    return Inputs(engine, config, until=(came.end - 1 - days) * DAY), came


def propensities(
    engine: Engine,
    inputs: Inputs,
    config: ShopConfig,
    each: Each,
    curves: dict[str, dict[str, list[float]]],
) -> tuple[list[Score], str]:
    """Chances and amounts as of a day, against what came after it."""
    days = max(config.evaluate.days, MONTH)
    past, came = before(engine, inputs, config, days)
    known: Activity = past.of("activity")

    def judge(kind: Kind) -> Score:
        goal = GOALS[kind.name]
        said = config_of(kind, config).fit(known).predict(known)
        user = np.flatnonzero(np.isfinite(said))
        if not len(user):
            raise DataError(f"nobody was there in the {goal.active} days before.")
        did = outcome(came, goal, came.users.codes(known.users.ids.take(pa.array(user))), known.end)
        if goal.amount:
            same = known.between(user, known.end - goal.ahead, known.end)["revenue"]
            own, trivial = np.abs(said[user] - did), np.abs(same - did)
            metrics = {"mae": float(own.mean()), "mae, trivial": float(trivial.mean())}
            verdict = against(own, trivial)
            sentence = verdict.sentence(kind.name, "the same amount as before", "error")
            return Score("propensity", kind.name, metrics, verdict.beats, sentence)
        metrics, curve = chances(said[user], did > 0)
        usual = np.full(len(user), _usual(known, goal))
        own, trivial = log_losses(said[user], did > 0), log_losses(usual, did > 0)
        metrics["log_loss, trivial"] = float(trivial.mean())
        curves[kind.name] = {name: np.round(part, 6).tolist() for name, part in vars(curve).items()}
        verdict = against(own, trivial)
        sentence = verdict.sentence(kind.name, "the base rate", "log loss")
        return Score("propensity", kind.name, metrics, verdict.beats, sentence)

    return list(each("propensity", judge).values()), (
        f"As of {np.datetime64(known.end, 'D')}, {days} days before the end: fitted on what came before, "
        "told of the shoppers active in the last 28 days (churn: 7), judged on the 7 days from then on "
        "(revenue: 28). The trivial answers: the same chance for all, as many as did it in the four weeks "
        "before; and the revenue of the 28 days before."
    )


def _usual(known: Activity, goal: Goal) -> float:
    """The share of active shoppers who did it in the last weeks."""
    starts = range(known.end - MONTH, known.end, goal.ahead)
    did = [outcome(known, goal, known.active(day - goal.active, day), day) for day in starts]
    return float(np.concatenate(did).mean())


def held_out(engine: Engine, inputs: Inputs, config: ShopConfig) -> HeldOut:
    """The customers before the last days, and what came of each in these."""
    days = config.evaluate.days
    past, activity = before(engine, inputs, config, days)
    customers = past.of("customers")
    first = activity.end - 1 - days
    came = activity.between(activity.users.codes(customers.users.ids), first, first + days)
    return customers, came, f"in the {days} days from {np.datetime64(first, 'D')} on"


def customers(task: str, held: HeldOut, config: ShopConfig, each: Each) -> tuple[list[Score], str]:
    """Days with an order ("lifetime"), or the value of orders, expected of customers, against what came."""
    customers, outcomes, when = held
    days, bar = config.evaluate.days, BARS[task]
    came = outcomes["order_days" if task == "lifetime" else "revenue"]
    same = days * customers.frequency / np.maximum(customers.age, 1)
    if task == "value":
        same *= np.nan_to_num(customers.value)
    lifetime = registry.kind(config.shoppers.lifetime)

    def judge(kind: Kind) -> Score:
        fitted = config_of(kind, config).fit(customers)
        if task == "lifetime":
            expected = fitted.expected(customers, days)
        else:
            purchases = config_of(lifetime, config).fit(customers)
            expected = lifetime_value(purchases, fitted, customers, days, discount=0.0).predicted
        verdict = against((expected - came) ** 2, (same - came) ** 2)
        sentence = verdict.sentence(kind.name, bar, "squared error")
        return Score(task, kind.name, numbers(expected, came), verdict.beats, sentence)

    scores = list(each(task, judge).values())
    if scores:
        scores.append(Score(task, bar, numbers(same, came), None, "The bar for the others."))
    told = {"lifetime": "Days with an order", "value": f"Value of the orders that {lifetime.name} expects"}
    return scores, (
        f"{told[task]}, {when}, of the {len(customers):,} who were customers before, told from what they did "
        f"until then. {bar}: each goes on as before, purchases after the first"
        f"{'' if task == 'lifetime' else ', at their mean value,'} over the days since."
    )
