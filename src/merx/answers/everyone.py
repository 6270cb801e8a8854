"""What is said of every shopper: chances, amounts, worth, segment, and who is left alone to compare with."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from merx.answers.answer import Context
from merx.behaviour.lifetime_value import lifetime_value
from merx.behaviour.segments import Segments, by_propensity, rfm
from merx.data.activity import Activity
from merx.data.customers import Customers
from merx.errors import DataError, RequestError
from merx.registry import kinds_for
from merx.store import assemble
from merx.store.engine import Engine

VALUE = "gamma_gamma"
# What is said of each shopper, in the order of the columns.
FIGURES = ("purchase", "churn", "revenue", "alive", "days_to_next", "historic", "predicted", "total")
SUMS = ("revenue", "predicted")  # of a segment, as NAME_sum, beside their means


@dataclass(frozen=True)
class Everyone:
    """All U shoppers that an event names.

    Parameters
    ----------
    segments : Segments
        By propensity, or else by recency, frequency and value; -1 for who never bought and was not active
        lately. Its figures are FIGURES.
    activity : Activity of these shoppers
    """

    segments: Segments
    activity: Activity

    def rows(self) -> list[dict[str, Any]]:
        """One row per segment that has a shopper: that of `Segments.summary`, and SUMS; of six digits."""
        found = []
        for place, row in enumerate(self.segments.summary().to_pylist()):
            told = {name: rounded(value) if name in FIGURES else value for name, value in row.items()}
            inside = self.segments.segment == place
            told |= {f"{name}_sum": self.added(name, inside)[1] for name in SUMS}
            found += [told] if row["shoppers"] else []
        return found

    def added(self, name: str, which: np.ndarray) -> tuple[int, float | None]:
        """Of how many of those shoppers (bool (U,)) the figure is known, and what it adds up to."""
        values = self.segments.figures[name][which]
        known = values[np.isfinite(values)]
        return len(known), rounded(float(known.sum())) if len(known) else None


def everyone(context: Context, lifetime: str, days: int, discount: float, held_out: float) -> Everyone:
    """What the fitted models say of every shopper; what was not fitted is noted and its figures are NaN.

    Who was active lately is in a segment by the chances to buy and to stay away. Any other customer is in one
    by recency, frequency and value.

    Raises
    ------
    RequestError
        No event names a shopper; or there are neither customers nor fitted propensities.
    """
    until = assemble.end(context.engine)
    try:
        activity = assemble.activity(context.engine, until)
    except DataError as error:
        raise RequestError(f"nothing can be said of shoppers: {error}") from None
    figures = {name: np.full(activity.n_users, np.nan) for name in FIGURES}
    missing: dict[str, str] = {}
    for kind in (entry.name for entry in kinds_for("propensity")):
        if kind in context.versions:
            figures[kind] = context.model(kind, "propensity").predict(activity)
        else:
            missing[kind] = kind
    customers = _customers(context.engine, until)
    if customers is None and len(missing) == len(kinds_for("propensity")):
        raise RequestError(
            "nothing can be said of shoppers: no purchase names a shopper, and no model of what they will do "
            f"was fitted ({', '.join(missing)}). Ingest orders with a user_id, or run `merx fit`, which says "
            "what each model lacks."
        )
    parts = [by_propensity(activity.users, figures["purchase"], figures["churn"], held_out)]
    if customers is not None:
        place = activity.users.codes(customers.users.ids)
        for name, values in _worth(context, customers, lifetime, days, discount, missing).items():
            figures[name][place] = values
        parts.append(rfm(customers, held_out))
    if missing:
        told = ", ".join(f"{kind} ({what})" if kind != what else kind for kind, what in missing.items())
        context.notes.append(f"left out, not fitted: {told}; `merx fit` says why")
    return _together(activity, figures, parts)


def rounded(value: float | None) -> float | None:
    """Six digits, for the ledger."""
    return None if value is None or not np.isfinite(value) else float(f"{value:.6g}")


def _customers(engine: Engine, until: int) -> Customers | None:
    """Those who bought something, None where nobody did."""
    try:
        return assemble.customers(engine, until)
    except DataError:
        return None


def _worth(
    context: Context,
    customers: Customers,
    lifetime: str,
    days: int,
    discount: float,
    missing: dict[str, str],
) -> Mapping[str, np.ndarray]:
    """The figures of customers (n,), as far as the fitted models say them."""
    if lifetime not in context.versions:
        missing[lifetime] = "alive, days_to_next, predicted, total"
        return {"historic": customers.total}
    purchases = context.model(lifetime, "lifetime")
    if VALUE not in context.versions:
        missing[VALUE] = "predicted, total"
        return {
            "alive": purchases.alive(customers),
            "days_to_next": purchases.days_to_next(customers),
            "historic": customers.total,
        }
    found = lifetime_value(purchases, context.model(VALUE, "value"), customers, days, discount)
    return {
        name: getattr(found, name) for name in ("alive", "days_to_next", "historic", "predicted", "total")
    }


def _together(activity: Activity, figures: dict[str, np.ndarray], parts: list[Segments]) -> Everyone:
    """One segment for each shopper: of the first part that has one."""
    segment = np.full(activity.n_users, -1, np.int32)
    held_out = np.zeros(activity.n_users, bool)
    names: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    for part in parts:
        user = activity.users.codes(part.users.ids)
        new = segment[user] < 0
        segment[user[new]] = part.segment[new] + len(names)
        held_out[user[new]] = part.held_out[new]
        names, actions = names + part.names, actions + part.actions
    return Everyone(Segments(activity.users, names, actions, segment, held_out, figures), activity)
