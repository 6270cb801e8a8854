"""Gaps in the catalogue: from what `merx complete` found to the report."""

from collections.abc import Mapping
from typing import Any

from merx import report
from merx.sections.scores import number


def gaps(found: Mapping[str, Any]) -> report.Gaps | None:
    """What was found (`merx.completed.CompletionReport.to_dict`); None where every such column is empty."""
    columns = [one for one in found["columns"] if one["known"]]
    if not columns:
        return None
    return report.Gaps(
        columns=tuple(
            report.Gap(
                one["column"],
                one["known"],
                one["missing"],
                one["proposed"],
                **{name: number(one[name]) for name in ("accuracy", "balanced", "calibration", "right")},
                refused=one["refused"],
            )
            for one in columns
        ),
        examples=tuple(
            report.Proposal(
                row["title"] or row["item_id"],
                row["column"],
                row["value"],
                row["probability"],
                row["because"],
            )
            for row in found["examples"]
            if row["probability"] is not None
        ),
        least=found["least"],
    )
