"""What will each shopper do, what is each worth, and what to do about it?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from merx.answers.answer import Answer, Context
from merx.answers.everyone import FIGURES, Everyone, everyone, rounded
from merx.behaviour.propensity_training import GOALS
from merx.config import ShopConfig
from merx.data.interactions import Interactions
from merx.data.schema import EVENTS
from merx.errors import RequestError
from merx.explain.attribution import Moved, moved, sentence
from merx.explain.recommendation import reasons
from merx.recommend.rank import rank
from merx.store import assemble

NETWORK = "sequence"
NEXT = 3  # items and events that are told
PAUSE = 30 * 60 * 1_000_000  # microseconds without an event after which a visit is over
DONE = {"purchase": "to order", "churn": "to stay away"}
# Segments of shoppers who are likely to leave and worth keeping; see `merx.behaviour.segments`.
KEEP = ("about to buy, may leave", "about to leave", "must not be lost", "at risk")
SURE = 0.99  # mean chance to be a customer still from which hardly anybody is told to have left


@dataclass(frozen=True)
class ShoppersQuestion:
    """Parameters
    ----------
    user : str or None
        One shopper; None: all, by segment.
    lifetime : str
        Kind of the model of who is a customer still.
    days : int
        Horizon of the value to come.
    discount : float
        By which money loses worth in a year.
    held_out : float
        Share of the shoppers left alone to compare with.
    weights : mapping of event name -> number
        What counts as a history.
    """

    user: str | None
    lifetime: str
    days: int
    discount: float
    held_out: float
    weights: dict[str, float]

    @classmethod
    def of(cls, config: ShopConfig, user: str | None) -> "ShoppersQuestion":
        """What the shop's settings ask for one shopper or for all."""
        return cls(user=user, weights=config.events.weights, **vars(config.shoppers))


def shoppers(context: Context, question: ShoppersQuestion) -> Answer:
    """The segments with what is expected of each, or all that is known of one shopper, with its reasons.

    The table of the answer has a row for every shopper that was asked about. A segment is a place among all
    shoppers, and so all are looked at where one is asked about, too.

    Raises
    ------
    RequestError
        No event names the shopper, or nothing at all can be said.
    """
    known = everyone(context, question.lifetime, question.days, question.discount, question.held_out)
    rules = (
        f"{question.held_out:.0%} of the shoppers are held out at random: no action, to compare with",
        f"value to come: over {question.days:,} days, discounted by {question.discount:.0%} a year",
    )
    if question.user is not None:
        return _one(context, question, known, rules)
    rows, everybody = known.rows(), len(known.activity.users)
    nowhere = int(np.count_nonzero(known.segments.segment < 0))
    ahead = _expected(context, known)
    act_on = [row for row in sorted(rows, key=_at_stake, reverse=True) if row["segment"] in KEEP]
    alive = known.segments.figures["alive"]
    nobody_left = bool(np.isfinite(alive).any() and np.nanmean(alive) >= SURE)
    content = {
        "user_id": None,
        "days": question.days,
        "shoppers": everybody,
        "in_no_segment": nowhere,
        "expected": ahead,
        "act_on": [row["segment"] for row in act_on],
        "nobody_left": nobody_left,
        "rows": rows,
    }
    summary = f"{everybody - nowhere:,} of {everybody:,} shoppers are in {len(rows)} segments"
    if nowhere:
        summary += f"; the rest ({nowhere:,}) never bought and was not there lately"
    told = [f"{summary}.", *(_told(kind, found, question.days) for kind, found in ahead.items())]
    if nobody_left:
        told.append(
            f"{question.lifetime} takes nearly everyone for a customer still, so what is to come shows who "
            "bought much, not who leaves; go by the chance to stay away."
        )
    told += [_first(row) for row in act_on[:1]]
    return Answer(content, tuple(told), (*rules, *context.notes), known.segments.to_table())


def _expected(context: Context, known: Everyone) -> dict[str, dict[str, Any]]:
    """What each figure of the days to come adds up to, of how many, and how that went when it was tested."""
    found: dict[str, dict[str, Any]] = {}
    everybody = np.ones(known.activity.n_users, bool)
    for kind in (*GOALS, "predicted"):
        shoppers, total = known.added(kind, everybody)
        if not shoppers:
            continue
        found[kind] = {"shoppers": shoppers, "sum": total}
        if kind in GOALS:
            tested = context.model(kind, "propensity").tested
            found[kind]["tested"] = {
                "shoppers": int(tested.count.sum()),
                "foretold": rounded(float(tested.predicted @ tested.count)),
                "came": rounded(float(tested.observed @ tested.count)),
            }
    return found


def _at_stake(row: Mapping[str, Any]) -> tuple[float, int]:
    """By which segments are ordered: the value to come, or else the revenue."""
    return row["predicted_sum"] or row["revenue_sum"] or 0.0, row["shoppers"]


def _told(kind: str, found: Mapping[str, Any], days: int) -> str:
    """What is expected of all shoppers together, in words."""
    total, shoppers = found["sum"], found["shoppers"]
    if kind == "predicted":
        return f"{_money(total)} is to come from {shoppers:,} customers over {days:,} days."
    goal = GOALS[kind]
    those = f"the {shoppers:,} shoppers who were active in the last {goal.active} days"
    if goal.amount:
        told = f"Orders of {_money(total)} are expected in {goal.ahead} days from {those}"
    else:
        told = f"About {total:,.0f} of {those} are expected {DONE[kind]} in the next {goal.ahead}"
    return f"{told}; {tested(found['tested'], goal.amount)}."


def tested(found: Mapping[str, Any], amount: bool) -> str:
    """How far off the sum of an earlier model was on days that it had not seen, in words."""
    share = found["foretold"] / found["came"] - 1
    if abs(share) < 0.005:
        return f"when tested, as {'much' if amount else 'many'} as foretold came"
    words = ("much was", "little was") if amount else ("many were", "few were")
    return f"when tested, {abs(share):.0%} too {words[share < 0]} foretold"


def _money(value: float) -> str:
    """An amount without cents from 1,000 on."""
    return f"{value:,.{0 if abs(value) >= 1000 else 2}f}"


def _first(row: Mapping[str, Any]) -> str:
    """Whom to act on, how many they are, and what to do."""
    told = f"Act first on {row['segment']}: {row['shoppers'] - row['held_out']:,} shoppers"
    return f"{told} beside {row['held_out']:,} left alone. {row['action']}"


def _one(context: Context, question: ShoppersQuestion, known: Everyone, rules: tuple[str, ...]) -> Answer:
    """All that is known of one shopper."""
    assert question.user is not None
    place = known.activity.users.code(question.user)
    if place < 0:
        raise RequestError(f"no event names the shopper {question.user!r}.")
    table = known.segments.to_table().slice(place, 1)
    row: dict[str, Any] = {
        name: rounded(value) if name in FIGURES else value for name, value in table.to_pylist()[0].items()
    }
    why = _why(context, known, place)
    ahead = _next(context, question.user, question.weights)
    content = {
        "user_id": question.user,
        "days": question.days,
        "rows": [row],
        "why": {kind: [vars(one) for one in found] for kind, found in why.items()},
        "next": ahead,
    }
    told = [
        *(_chance(kind, row[kind], found) for kind, found in why.items()),
        *_worth(row, question.days),
        *_ahead(ahead),
    ]
    if not told:
        told = ["Never bought and was not there lately: there is nothing to go by."]
    return Answer(content, tuple(told), (*rules, *context.notes), table)


def _why(context: Context, known: Everyone, place: int) -> dict[str, tuple[Moved, ...]]:
    """What moved each of the shopper's chances and amounts that are known."""
    found = {}
    for kind in GOALS:
        if np.isfinite(known.segments.figures[kind][place]):
            attribution = context.model(kind, "propensity").explain(known.activity, np.array([place]))
            moves = moved(attribution, 0)
            found[kind] = tuple(
                Moved(one.feature, rounded(one.value), float(f"{one.factor:.6g}")) for one in moves
            )
    return found


def _chance(kind: str, value: float, found: tuple[Moved, ...]) -> str:
    goal = GOALS[kind]
    if goal.amount:
        return f"{value:,.2f} of orders expected in {goal.ahead} days: {sentence(found, 'amount')}."
    return f"A chance of {value:.1%} {DONE[kind]} in {goal.ahead} days: {sentence(found, 'odds')}."


def _worth(row: Mapping[str, Any], days: int) -> list[str]:
    if row["historic"] is None:
        return []
    told = f"Bought for {row['historic']:,.2f} so far"
    if row["predicted"] is not None:
        told += f", {row['predicted']:,.2f} more expected over {days:,} days"
    if row["alive"] is not None:
        told += f"; a customer still with a chance of {row['alive']:.0%}"
    if row["days_to_next"] is not None:
        told += f", who then buys again within {row['days_to_next']:,.0f} days in one of two cases"
    return [f"{told}."]


def _next(context: Context, user: str, weights: Mapping[str, float]) -> dict[str, Any] | None:
    """What the sequence network foretells after the shopper's last visit; None where it says nothing."""
    if NETWORK not in context.versions:
        return None
    model = context.model(NETWORK, "recommend")
    visit = _last_visit(assemble.history(context.engine, user, weights)).recode(model.items)
    visit = visit.keep(visit.item >= 0)
    if not model.embed(visit).any():
        return None
    found: dict[str, Any] = {"events_of_the_visit": len(visit), "items": []}
    if model.recommends:
        ranking = rank(model, visit, NEXT)
        item = ranking.item[0][ranking.item[0] >= 0]
        about = assemble.described(context.engine.query("products"), model.items)
        titles = dict(
            zip(model.items.names(item).to_pylist(), about.title.take(item).to_pylist(), strict=True)
        )
        because = reasons(model, visit, item)
        found["items"] = [
            {
                "item_id": name,
                "title": title,
                "reasons": [{"item_id": why.item_id, "share": round(why.share, 4)} for why in whys],
            }
            for (name, title), whys in zip(titles.items(), because, strict=True)
        ]
    said = model.foretell(visit)
    names = (*EVENTS, "leave")
    chance = np.nan_to_num(said.event[0])
    best = [place for place in np.argsort(-chance, kind="stable")[:NEXT].tolist() if chance[place] > 0]
    found["events"] = [{"event": names[place], "chance": rounded(float(chance[place]))} for place in best]
    found["seconds_to_next"] = rounded(float(said.gap[0]))
    found["purchase"] = rounded(float(said.purchase[0]))
    return found


def _ahead(ahead: dict[str, Any] | None) -> list[str]:
    """What the network foretells, in words."""
    if ahead is None:
        return []
    told = []
    if ahead["items"]:
        names = ", ".join(str(item["title"] or item["item_id"]) for item in ahead["items"])
        told.append(f"Next, going by the last visit ({ahead['events_of_the_visit']} events): {names}.")
    if ahead["events"]:
        names = ", ".join(f"{one['event']} {one['chance']:.0%}" for one in ahead["events"])
        told.append(f"The next event of such a visit: {names}.")
    if ahead["purchase"] is not None:
        told.append(f"A chance of {ahead['purchase']:.0%} that such a visit still ends in an order.")
    return told


def _last_visit(past: Interactions) -> Interactions:
    """What a shopper did since the last pause of half an hour."""
    pauses = np.flatnonzero(np.diff(past.time) > PAUSE)
    return past.keep(np.arange(len(past)) > (pauses[-1] if len(pauses) else -1))
