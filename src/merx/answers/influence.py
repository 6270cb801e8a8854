"""Do friends move each other in this shop, or are they only alike?"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from merx.answers.answer import Answer, Context
from merx.config import ShopConfig
from merx.data.interactions import Interactions
from merx.data.relations import Ties
from merx.errors import DataError, RequestError
from merx.evaluate.influence import about, influence, purchases_of
from merx.evaluate.matched import matched
from merx.store import assemble
from merx.typed import without_nan

ALL = "all kinds"


@dataclass(frozen=True)
class InfluenceQuestion:
    """Parameters
    ----------
    days : int
        How long after a friend's purchase one of the same product may be owed to it.
    kinds : tuple of str
        Kinds of relation that are looked at; none named: all.
    friends : str
        What [social] friends says, for what follows from the finding.
    weights : dict of event name -> weight
        What each event of a history counts; what counts nothing is not looked at.
    """

    days: int
    kinds: tuple[str, ...]
    friends: str
    weights: dict[str, float]

    @classmethod
    def of(cls, config: ShopConfig) -> "InfluenceQuestion":
        """What the shop's settings ask for."""
        settings = config.social
        return cls(settings.days, settings.kinds, settings.friends, config.events.weights)


def friends_influence(context: Context, question: InfluenceQuestion) -> Answer:
    """The share of purchases that is owed to friends, for each kind of relation and for all together.

    Raises
    ------
    RequestError
        No relation ties two shoppers with events.
    """
    try:
        histories, shoppers = assemble.interactions(context.engine, question.weights)
        ties = assemble.ties(context.engine, shoppers, question.kinds)
    except DataError as error:
        raise RequestError(str(error)) from None
    present = [(name, ties.kind == code) for code, name in enumerate(ties.kinds)]
    present = [(name, of) for name, of in present if of.any()]
    if len(present) > 1:
        present.append((ALL, np.ones(len(ties), dtype=bool)))
    rows = [_row(histories, ties.keep(of), question.days, name) for name, of in present]
    decisive = rows[-1]
    content = {"days": question.days, "found": decisive["found"], "rows": rows}
    reasons = tuple(f"{row['kind']}: {row.pop('sentence')} {row.pop('beside')}".strip() for row in rows)
    return Answer(without_nan(content), reasons, (_consequence(decisive["found"], question.friends),))


def _row(histories: Interactions, ties: Ties, days: int, kind: str) -> dict[str, Any]:
    """What is found of one kind of relation: by the order in time, and beside others who are alike."""
    bought, seen = purchases_of(histories), about(histories)
    by_order = influence(bought, seen, ties, days, kind)
    beside = matched(bought, seen, ties, days)
    words = ""
    if beside.pairs:
        words = (
            f"Within {days} days {beside.after_friend:.1%} bought what a friend had just bought, "
            f"{beside.alike:.1%} of others alike in taste and activity and {beside.unmatched:.1%} of any: "
            f"{beside.effect:+.1%} beyond likeness (95 %: {beside.low:+.1%} to {beside.high:+.1%})."
        )
    return {
        **asdict(by_order),
        "found": by_order.found,
        "matched": asdict(beside),
        "sentence": by_order.sentence,
        "beside": words,
    }


def _consequence(found: bool, friends: str) -> str:
    """What the shop's setting makes of the finding."""
    if friends == "never":
        return '[social] friends = "never": no model reads relations'
    if friends == "always":
        return '[social] friends = "always": models read relations whatever is found here'
    return f'[social] friends = "where_found": models {"read relations" if found else "leave friends out"}'
