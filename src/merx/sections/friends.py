"""Whether friends move each other: from the decision to the report."""

from merx import report
from merx.decisions import Decision
from merx.sections.scores import number


def friends(decision: Decision) -> report.Friends:
    """What a decision on influence found; the last row decides."""
    rows = decision.answer["rows"]
    last = rows[-1]
    _, _, told = decision.reasons[-1].partition(": ")
    sentence, mark, beside = told.partition(" Within ")
    rule = " ".join(decision.rules)
    return report.Friends(
        ties=tuple(
            report.Tie(
                row["kind"],
                row["ties"],
                row["followed"],
                row["expected"],
                *(number(row[name]) for name in ("share", "low", "high")),
            )
            for row in rows
        ),
        sentence=f"{sentence[0].upper()}{sentence[1:]}" + f" ({last['kind']})" * (len(rows) > 1),
        rule=f"{rule}.",
        beside=f"Within {beside}" if mark else "",
        days=decision.answer["days"],
        decision_id=decision.id,
    )
