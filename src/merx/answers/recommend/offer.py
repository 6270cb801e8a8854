"""What one kind of model offers to a visit: the best products that may be shown, and those left out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from merx.answers.answer import Context
from merx.answers.recommend.question import RecommendQuestion
from merx.answers.recommend.visit import Visit, codes
from merx.data.contracts import Heard, Recommender
from merx.errors import RequestError
from merx.recommend.rank import hear

POOL = 500  # products that one kind offers; boosts, diversity and objective choose among them


@dataclass(frozen=True)
class Admission:
    """Which of I items may be shown.

    Parameters
    ----------
    labels : tuple of str
        What bars items, in the order in which it is looked at.
    barred_by : int64 (I,)
        The first label that bars the item, -1 where none does.
    """

    labels: tuple[str, ...]
    barred_by: np.ndarray

    @property
    def admitted(self) -> np.ndarray:
        """Bool (I,)."""
        return np.asarray(self.barred_by < 0)


def admission(visit: Visit, question: RecommendQuestion) -> Admission:
    """What bars items, in order: the page, this request, stock, what the shopper met, the shop's rules.

    Raises RequestError where no product is in a category that the request names.
    """
    shelf = visit.shelf
    bars: list[tuple[str, np.ndarray]] = [("on the page already", visit.page)]
    if question.without:
        left_out = np.zeros(len(visit.items), dtype=bool)
        left_out[codes(question.without, visit.items)] = True
        bars.append(("without the items that this request names", left_out))
    for name in (*question.without_category, question.category):
        if name is not None and not shelf.in_category((name,)).any():
            raise RequestError(
                f"no product is in the category {name!r}; check its spelling in the catalogue."
            )
    if question.without_category:
        label = f"without category {' or '.join(question.without_category)}"
        bars.append((label, shelf.in_category(question.without_category)))
    if question.category is not None:
        bars.append((f"only category {question.category}", ~shelf.in_category((question.category,))))
    bars += [("in stock only", visit.gone), (f"not what the shopper {question.exclude} before", visit.met)]
    for rule in question.rules:
        if rule.do in ("only", "exclude"):
            chosen = rule.selects(shelf)
            bars.append((rule.in_words(), ~chosen if rule.do == "only" else chosen))
    barred_by = np.full(len(visit.items), -1)
    for place in reversed(range(len(bars))):
        barred_by[bars[place][1]] = place
    return Admission(tuple(label for label, _ in bars), barred_by)


@dataclass(frozen=True)
class Offer:
    """The best n products that one kind of model may show, and the best m that it may not.

    Parameters
    ----------
    kind : str
    model : Recommender
    heard : Heard
        What it has to say of the visit, in its own codes.
    own : int32 (n,)
        Codes in the model's items.
    code : int64 (n,)
        Codes in the shop's items.
    score : float32 (n,)
    barred : int64 (m,)
        Codes in the shop's items.
    barred_score : float32 (m,)
    """

    kind: str
    model: Recommender
    heard: Heard
    own: np.ndarray
    code: np.ndarray
    score: np.ndarray
    barred: np.ndarray
    barred_score: np.ndarray


def offer(
    context: Context, kind: str, visit: Visit, admitted: np.ndarray, before: Sequence[Offer], new: int
) -> Offer:
    """Ask one kind of model for what those before it did not offer.

    Parameters
    ----------
    admitted : bool (I,)
    new : int
        So many of the best new products that the model scores are offered besides.
    """
    model: Recommender = context.model(kind, "recommend")
    same = model.items.ids.equals(visit.items.ids)
    place = np.arange(len(visit.items)) if same else codes(model.items.ids, visit.items)  # of the model's
    offered = np.zeros(len(visit.items), dtype=bool)
    for other in before:
        offered[other.code] = True
        offered[other.barred] = True
    heard = hear(model, visit.basis.recode(model.items))

    def best(wanted: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
        candidates = (place >= 0) & (wanted & ~offered)[place]
        item, score = heard.top(most, None, candidates)
        return item[item >= 0], score[item >= 0]

    own, score = best(admitted, POOL)
    if new:
        offered[place[own]] = True
        more, more_score = best(admitted & visit.new, new)
        own, score = np.append(own, more), np.append(score, more_score)
    barred, barred_score = best(~admitted, POOL)
    return Offer(kind, model, heard, own, place[own], score, place[barred], barred_score)


def left_out(offers: Sequence[Offer], admission: Admission, k: int) -> dict[str, int]:
    """How many products each bar kept from a list of k: those that would stand above its last one."""
    last = _last(offers, k)
    barred: list[np.ndarray] = []
    for number, entry in enumerate(offers):
        if last is None or number < last[0]:
            barred.append(entry.barred)
        elif number == last[0]:
            _, score, code = last
            ahead = (entry.barred_score > score) | ((entry.barred_score == score) & (entry.barred < code))
            barred.append(entry.barred[ahead])
    counts = np.bincount(
        admission.barred_by[np.concatenate(barred)].astype(np.int64), minlength=len(admission.labels)
    )
    return {label: int(n) for label, n in zip(admission.labels[1:], counts[1:], strict=True) if n}


def _last(offers: Sequence[Offer], k: int) -> tuple[int, float, int] | None:
    """Of the k-th product in the models' order: number of the offer, score, code; None: fewer than k."""
    for number, entry in enumerate(offers):
        if k <= len(entry.code):
            return number, float(entry.score[k - 1]), int(entry.code[k - 1])
        k -= len(entry.code)
    return None
