"""What is wanted of a list, wish upon wish, and what each wish did to it.

The order is fixed: boosts and burials, caps, the share of new products, diversity, the objective, pins; rules
of one sort as they are written. The list under the first n wishes is compared with that under one more, so
that the changes told of add up to the whole way from the models' order to the list that is shown.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from merx.answers.answer import Context
from merx.answers.recommend.offer import Admission, Offer
from merx.answers.recommend.question import RecommendQuestion
from merx.answers.recommend.visit import Visit, codes
from merx.recommend.arrange import Cap, Wishes, arrange, relevance_of, worth_of
from merx.recommend.diversity import alike
from merx.recommend.new_share import NewShare, draw
from merx.recommend.objective import SALES, VIEWS, discount, profit, shrunk
from merx.recommend.rules import Rule, groups
from merx.store.engine import Engine

TEXTS = "content"  # the kind that knows how alike texts are
ORDER = ("only", "exclude", "boost", "bury", "cap", "pin")


@dataclass(frozen=True)
class Pool:
    """The products that a list is made of: what the models offer in their order, then those pinned besides.

    Parameters
    ----------
    code : int64 (n,)
        In the shop's items.
    offered : int
        How many of them the models offer.
    """

    code: np.ndarray
    offered: int


def pool(offers: Sequence[Offer], pinned: np.ndarray) -> Pool:
    """Join the offers; `pinned` are codes that may be shown."""
    code = np.concatenate([entry.code for entry in offers])
    return Pool(np.concatenate([code, np.setdiff1d(pinned, code)]), len(code))


def pinned(question: RecommendQuestion, visit: Visit, admission: Admission) -> np.ndarray:
    """Codes of the pinned products that may be shown."""
    ids = [name for rule in question.rules if rule.do == "pin" for name in rule.items]
    code = codes(ids, visit.items)
    code = code[code >= 0]
    return np.unique(code[admission.admitted[code]])


@dataclass(frozen=True)
class Step:
    """One more wish.

    Parameters
    ----------
    sort : str
        What a rule does, "new", "diversity" or "objective"; "" for the models' own order.
    label : str
        The wish in words.
    wishes : Wishes
        All so far.
    about : int64 (m,)
        Places in the pool that it is about.
    failed : tuple of str
        What could not be done, and why.
    """

    sort: str
    label: str
    wishes: Wishes
    about: np.ndarray
    failed: tuple[str, ...] = ()


def steps(
    context: Context, question: RecommendQuestion, visit: Visit, admission: Admission, found: Pool
) -> list[Step]:
    """The models' own order, then one step per wish.

    Raises RequestError where the objective needs what the tables do not hold.
    """
    n = len(found.code)
    every = np.arange(n)
    offered = every < found.offered
    now = Wishes(np.where(offered, discount(n), 0.0), offered, buried=np.zeros(n, dtype=bool))
    made = [Step("", "", now, every)]
    for rule in sorted(question.rules, key=lambda rule: ORDER.index(rule.do)):  # sorts are stable
        if rule.do in ("boost", "bury", "cap"):
            chosen = rule.selects(visit.shelf)[found.code]
            now = _under(now, rule, chosen, groups(rule, visit.shelf)[found.code])
            made.append(Step(rule.do, rule.in_words(), now, np.flatnonzero(chosen)))
    if question.new_share > 0:
        new = visit.new[found.code]
        now = replace(now, fresh=NewShare(new, question.new_share, draw(*question.told_by)))
        label = f"{question.new_share:.0%} of places to what is new here"
        made.append(Step("new", label, now, np.flatnonzero(new)))
    if question.diversity > 0:
        now = replace(now, diversity=question.diversity, alike=_likeness(context, visit, found))
        made.append(Step("diversity", f"diversity {question.diversity:g}", now, every))
    if question.objective != "relevance":
        worth = _worth(context.engine, question, visit, found)
        now = replace(now, worth=worth, give_up=question.give_up)
        made.append(Step("objective", f"objective {question.objective}", now, every))
    for rule in question.rules:
        if rule.do == "pin":
            own, failed = _pins(rule, now, question.k, visit, admission, found)
            now = replace(now, pins={**now.pins, **own})
            made.append(Step("pin", rule.in_words(), now, np.array(list(own.values()), np.int64), failed))
    return made


def _under(now: Wishes, rule: Rule, chosen: np.ndarray, group: np.ndarray) -> Wishes:
    """The wishes with one more boost, burial or cap; `chosen` bool (n,), `group` int64 (n,)."""
    if rule.do == "boost":
        return replace(now, relevance=now.relevance * np.where(chosen, rule.by or 1.0, 1.0))
    if rule.do == "bury":
        return replace(now, buried=now.buried | chosen)
    return replace(now, caps=(*now.caps, Cap(group, rule.most or 0)))


def _pins(
    rule: Rule, now: Wishes, k: int, visit: Visit, admission: Admission, found: Pool
) -> tuple[dict[int, int], tuple[str, ...]]:
    """The places that one more rule pins, and what could not be pinned."""
    own: dict[int, int] = {}
    failed = []
    in_pool = {int(code): place for place, code in enumerate(found.code)}
    first = (rule.place or 1) - 1
    for wanted, (name, code) in enumerate(
        zip(rule.items, codes(rule.items, visit.items), strict=True), start=first
    ):
        taken = {**now.pins, **own}
        place = next(free for free in range(wanted, wanted + len(taken) + 1) if free not in taken)
        if code < 0:
            failed.append(f"{name} is not shown, the shop knows no such product")
        elif not admission.admitted[code]:
            failed.append(f"{name} is not shown, barred by: {admission.labels[admission.barred_by[code]]}")
        elif in_pool[int(code)] in taken.values():
            failed.append(f"{name} was pinned before")
        elif place >= k:
            failed.append(f"{name} is not pinned, the list ends at place {k}")
        else:
            own[place] = in_pool[int(code)]
            if place != wanted:
                failed.append(f"{name} stands at place {place + 1}, place {wanted + 1} was taken")
    return own, tuple(failed)


def _likeness(context: Context, visit: Visit, found: Pool) -> np.ndarray:
    """How alike the products of the pool are, 0..1, (n, n): by category and brand, or more by texts."""
    about = visit.shelf.catalogue
    likeness = alike(about.category.take(found.code).to_pylist(), about.brand.take(found.code).to_pylist())
    if TEXTS not in context.versions:
        return likeness
    model = context.model(TEXTS, "recommend")
    own = model.items.codes(visit.items.names(found.code))
    known = np.flatnonzero(own >= 0)
    by_texts = model.similarity[own[known]][:, own[known]].toarray()
    square = np.ix_(known, known)
    likeness[square] = np.maximum(likeness[square], np.clip(np.maximum(by_texts, by_texts.T), 0, 1))
    return likeness


def _worth(engine: Engine, question: RecommendQuestion, visit: Visit, found: Pool) -> np.ndarray:
    """What the objective is after, of each product of the pool, float64 (n,)."""
    outcomes = engine.query("outcomes")
    place = codes(outcomes["item_id"].combine_chunks(), visit.items)

    def of_items(column: str) -> np.ndarray:  # (I,)
        values = np.zeros(len(visit.items))
        values[place] = outcomes[column].to_numpy()
        return values

    if question.objective == "conversion":
        bought = shrunk(of_items("purchases"), of_items("views"), VIEWS)
        return np.asarray(bought[found.code])
    returned = shrunk(of_items("returned"), of_items("sold"), SALES)[found.code]
    about = visit.shelf.catalogue
    names = about.items.names(found.code).to_pylist()
    return profit(about.price[found.code], about.cost[found.code], returned, question.assumed_margin, names)


@dataclass(frozen=True)
class Change:
    """What one step did: in words for the whole list, and for each product that it moved.

    Parameters
    ----------
    told : tuple of str
    moved : dict of place in the pool -> words
    """

    told: tuple[str, ...]
    moved: dict[int, str]


def changes(made: Sequence[Step], k: int, name: Callable[[int], str]) -> list[Change]:
    """What each step after the first did; a step that changed nothing tells nothing.

    Parameters
    ----------
    name : place in the pool -> the product's name
    """
    lists = [arrange(step.wishes, k) for step in made]
    return [
        _change(step, before, after, name)
        for step, before, after in zip(made[1:], lists, lists[1:], strict=False)
    ]


def _change(step: Step, before: np.ndarray, after: np.ndarray, name: Callable[[int], str]) -> Change:
    was, now = _places(before), _places(after)
    about = set(step.about.tolist())
    moved = [item for item in {**now, **was} if item in about and was.get(item) != now.get(item)]
    if step.sort == "cap":  # the others only move up
        moved = [item for item in moved if item not in now]
    told = [f"{step.label}: {why}" for why in step.failed]
    if moved and step.sort in ("diversity", "objective"):
        told.insert(0, f"{step.label}: {_whole(step, before, after)}")
    elif moved:
        words = ", ".join(f"{name(item)} {_move(was.get(item), now.get(item))}" for item in moved[:3])
        told.insert(0, f"{step.label}: {words}{f' and {len(moved) - 3} more' if len(moved) > 3 else ''}")
    risen = [item for item in moved if item in now and now[item] < was.get(item, len(before) + 1)]
    return Change(tuple(told), {item: f"{step.label}: {_move(was.get(item), now[item])}" for item in risen})


def _places(found: np.ndarray) -> dict[int, int]:
    return {int(item): place for place, item in enumerate(found, start=1)}


def _move(was: int | None, now: int | None) -> str:
    if now is None:
        return f"from place {was} out of the list"
    return f"to place {now} from below the list" if was is None else f"from place {was} to {now}"


def _whole(step: Step, before: np.ndarray, after: np.ndarray) -> str:
    """What a wish about the whole list cost and brought."""
    new = len(set(after.tolist()) - set(before.tolist()))
    same = sum(one == other for one, other in zip(before, after, strict=False))
    told = (
        f"{len(after) - same} of {len(after)} places changed, {new} of them by products from below the list"
    )
    if step.sort == "diversity":
        return told
    relevance = relevance_of(after, step.wishes) / relevance_of(before, step.wishes) - 1
    told += f"; relevance {relevance:+.1%}, at most {-step.wishes.give_up:.0%}"
    worth = worth_of(before, step.wishes)
    if worth <= 0:
        return told
    what = step.label.removeprefix("objective ")
    return f"{told}, expected {what} {worth_of(after, step.wishes) / worth - 1:+.1%}"
