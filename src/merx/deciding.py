"""A question answered and written down; and one asked again of what was written down with it."""

from dataclasses import asdict
from typing import Any

import merx
from merx.answers import VERBS, Answer, Context
from merx.decisions import Decision, Ledger, Replay, holds, plain
from merx.toml import build


def decide(context: Context, ledger: Ledger, verb: str, question: Any) -> tuple[Decision, Answer]:
    """The decision as it was written into the ledger, and the answer that it was made from."""
    answer = VERBS[verb].answer(context, question)
    decision = ledger.append(
        verb=verb,
        question=asdict(question),
        answer=answer.content,
        models=context.used,
        data=context.data,
        reasons=answer.reasons,
        rules=answer.rules,
        merx=merx.__version__,
    )
    return decision, answer


def replay(context: Context, decision: Decision) -> Replay:
    """The decision, and what its question gives today; `context` holds its data and its models."""
    verb = VERBS[decision.verb]
    question: Any = build(verb.question, decision.question, "")
    content = plain(verb.answer(context, question).content)
    return Replay(decision, holds(decision.answer, content), content)
