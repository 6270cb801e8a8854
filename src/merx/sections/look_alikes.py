"""Products held against each other: from what `merx.look_alikes.overview` found to the report."""

from collections.abc import Mapping
from typing import Any

from merx import report
from merx.sections.scores import number

PAIRS = 8  # shown


def look_alikes(found: Mapping[str, Any]) -> report.LookAlikes | None:
    """The first pairs, and some best sellers with their look-alikes; None where there is neither."""
    if not found or not (found["duplicates"] or found["nearest"]):
        return None
    return report.LookAlikes(
        products=found["products"],
        duplicates=len(found["duplicates"]),
        variants=len(found["variants"]),
        pairs=tuple(
            report.Twice(
                _listing(pair["one"], pair["only_one"]),
                _listing(pair["other"], pair["only_other"]),
                pair["score"],
            )
            for pair in found["duplicates"][:PAIRS]
        ),
        nearest=tuple(
            report.Nearest(
                one["item"]["title"] or one["item"]["item_id"],
                " and ".join(one["by"]),
                tuple(
                    report.LookAlike(
                        row["title"] or row["item_id"],
                        row["similarity"],
                        ", ".join(word["word"] for word in row["words"]),
                    )
                    for row in one["rows"]
                ),
            )
            for one in found["nearest"]
        ),
    )


def _listing(known: Mapping[str, Any], only: list[str]) -> report.Listing:
    return report.Listing(
        known["item_id"], known["title"] or known["item_id"], number(known["price"]), ", ".join(only)
    )
