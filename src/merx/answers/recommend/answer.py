"""The list for one visit: scenario, models, rules, diversity, objective, in this order."""

from typing import Any

import numpy as np
import pyarrow as pa

from merx.answers.answer import Answer, Context
from merx.answers.recommend.offer import Admission, Offer, admission, left_out, offer
from merx.answers.recommend.question import RecommendQuestion
from merx.answers.recommend.steps import Change, Pool, changes, pinned, pool, steps
from merx.answers.recommend.visit import Visit, codes, visit
from merx.explain.recommendation import brought, strongest
from merx.recommend.arrange import arrange
from merx.recommend.joint_factors import COLLABORATIVE
from merx.registry import kinds_for

FALLBACK = "popularity"
PINNED = "pinned"  # stands for a model where no model offered the product
SOCIAL = [
    kind.name for kind in kinds_for("recommend") if "relations" in kind.reads
]  # what friends did counts
IMPERSONAL = {FALLBACK: "popular with all shoppers", "trending": "what sells just now"}
BY = {COLLABORATIVE: "those who took it"}  # how a sort of data is named in a sentence


def recommend(context: Context, question: RecommendQuestion) -> Answer:
    """The best k items for one visit, each with its reasons.

    The first of the question's models that was fitted answers; the next one is asked for the places that it
    leaves empty, and what is popular for the rest.

    Raises
    ------
    RequestError
        Something that the scenario is about was not given, an item or a category is not known, none of the
        models was fitted, or the objective needs what the tables do not hold.
    """
    question.check()
    here = visit(context.engine, question)
    chain = _chain(context, question, here)
    bars = admission(here, question)
    by_hand = pinned(question, here, bars)
    offers: list[Offer] = []
    for kind in chain:
        offers.append(
            offer(context, kind, here, bars.admitted, offers, question.k if question.new_share else 0)
        )
        found = pool(offers, by_hand)
        made = steps(context, question, here, bars, found)
        shown = arrange(made[-1].wishes, question.k)
        if len(shown) == question.k:
            break
    told = changes(made, question.k, lambda place: _name(here, int(found.code[place])))
    rows = _rows(offers, here, found, shown, told, question.min_friends)
    content = {
        "user_id": question.user,
        "scenario": question.scenario,
        "model": chain[0],
        "history": len(here.past),
        "rows": rows,
    }
    return Answer(
        content,
        tuple(_sentence(row, question, here) for row in rows),
        (*_rules(question, offers, bars, told, rows), *context.notes),
    )


def _chain(context: Context, question: RecommendQuestion, here: Visit) -> list[str]:
    """The kinds to ask, in order: those of the question that were fitted, then what is popular."""
    known = {entry.name for entry in kinds_for("recommend")} & set(context.versions)
    newcomer = not len(here.basis) and here.basis.friends is not None
    wanted = (*question.newcomer, *question.model) if newcomer else question.model
    fitted = [kind for kind in dict.fromkeys(wanted) if kind in known]
    if not fitted:
        context.model(question.model[0], "recommend")  # raises with the reason
    if skipped := [kind for kind in question.model if kind not in known]:
        context.notes.append(f"passed over, not fitted: {', '.join(skipped)}")
    fill = [FALLBACK] if question.fill and FALLBACK in known and FALLBACK not in fitted else []
    return fitted + fill


def _rows(
    offers: list[Offer], here: Visit, found: Pool, shown: np.ndarray, told: list[Change], min_friends: int
) -> list[dict[str, Any]]:
    """The list as plain JSON."""
    about = here.shelf.catalogue
    title, category = (
        dict(zip(shown.tolist(), names.take(found.code[shown]).to_pylist(), strict=True))
        for names in (about.title, about.category)
    )
    ids = about.items.names(found.code[shown]).to_pylist()
    explained = _explained(offers, here, shown)
    titles = _titles(here, [why.item_id for _, _, because, _ in explained.values() for why in because])
    rows = []
    for number, (place, item_id) in enumerate(zip(shown.tolist(), ids, strict=True), start=1):
        kind, score, because, told_by = explained.get(place, (PINNED, None, (), ()))
        rows.append(
            {
                "rank": number,
                "item_id": item_id,
                "title": title[place],
                "category": category[place],
                "score": score,
                "model": kind,
                "reasons": [
                    {"item_id": why.item_id, "title": titles[why.item_id], "share": round(why.share, 4)}
                    for why in because
                ],
                "sources": [{"name": one.name, "share": one.share} for one in told_by],
                "bought": _bought(here, int(found.code[place])) if kind == "buy_again" else None,
                "friends": _friends(here, int(found.code[place]), min_friends) if kind in SOCIAL else None,
                "rules": [change.moved[place] for change in told if place in change.moved],
            }
        )
    return rows


def _explained(
    offers: list[Offer], here: Visit, shown: np.ndarray
) -> dict[int, tuple[str, float | None, Any, Any]]:
    """Place in the pool -> kind, score, reasons and sorts of data of the products that a model offered."""
    found: dict[int, tuple[str, float | None, Any, Any]] = {}
    start = 0
    for entry in offers:
        places = shown[(shown >= start) & (shown < start + len(entry.code))]
        own = places - start
        why = strongest(entry.heard.explain(entry.own[own]), entry.model.items)
        told = brought(entry.model, here.basis.recode(entry.model.items), entry.own[own])
        for place, at, because, by in zip(places.tolist(), own.tolist(), why, told, strict=True):
            found[place] = (entry.kind, float(entry.score[at]), because, by)
        start += len(entry.code)
    return found


def _bought(here: Visit, code: int) -> str:
    """How often and how lately the shopper bought a product, in words."""
    days, ago = int(here.bought_days[code]), int(here.shelf.bought_ago[code])
    return f"bought on {days} day{'s' * (days != 1)}, last {ago} day{'s' * (ago != 1)} ago"


def _friends(here: Visit, code: int, least: int) -> int | None:
    """How many of those whom the shopper follows bought a product; None where they are too few to be told."""
    count = int(here.friends_bought[code])
    return count if count >= least else None


def _titles(here: Visit, ids: list[str]) -> dict[str, str | None]:
    """Titles of items by their ids, None where not known."""
    code = pa.array(codes(ids, here.items))  # all are items of the shop: models were fitted on them
    return dict(zip(ids, here.shelf.catalogue.title.take(code).to_pylist(), strict=True))


def _name(here: Visit, code: int) -> str:
    return str(here.shelf.catalogue.title[code].as_py() or here.items.ids[code].as_py())


def _rules(
    question: RecommendQuestion,
    offers: list[Offer],
    bars: Admission,
    told: list[Change],
    rows: list[dict[str, Any]],
) -> tuple[str, ...]:
    """Every rule that changed the list, and what it did."""
    rules = [f"{label}: {n:,} left out" for label, n in left_out(offers, bars, question.k).items()]
    rules += [words for change in told for words in change.told]
    filled = sum(row["model"] == FALLBACK for row in rows)
    if filled and FALLBACK not in question.model:
        rules.append(f"filled up with what is popular: {filled} of {len(rows)} places")
    return tuple(rules)


def _in_words(sources: list[dict[str, Any]]) -> str:
    """As in "62% by its text, 38% by those who took it"."""
    return ", ".join(f"{one['share']:.0%} by {BY.get(one['name'], 'its ' + one['name'])}" for one in sources)


def _sentence(row: dict[str, Any], question: RecommendQuestion, here: Visit) -> str:
    name = row["title"] or row["item_id"]
    friends = f"bought by {row['friends']} people you follow" if row["friends"] else ""
    moved = f" Moved by {'; '.join(row['rules'])}." if row["rules"] else ""
    if row["model"] == PINNED:
        return f"{name}: pinned by the shop.{moved}"
    if row["model"] in IMPERSONAL:
        return f"{name}: {IMPERSONAL[row['model']]}.{moved}"
    if row["bought"]:
        return f"{name}: {row['bought']}.{moved}"
    if not row["reasons"]:
        why = "what visitors without a history are shown"
        if len(here.basis):
            why = "fits the shopper's history as a whole"
        elif row["model"] in SOCIAL:
            why = "what shoppers of a like taste met"  # says nothing of any one friend
        return f"{name}: {friends or why}.{moved}"
    titles = [why["title"] or why["item_id"] for why in row["reasons"]]
    if question.about == "item":
        return f"{name}: goes with {titles[0]}.{moved}"
    shares = ", ".join(
        f"{title} ({why['share']:.0%})" for title, why in zip(titles, row["reasons"], strict=True)
    )
    beside = f"; {friends}" if friends else ""
    beside += f"; {_in_words(row['sources'])}" if row["sources"] else ""
    return f"{name}: because of {shares}{beside}.{moved}"
