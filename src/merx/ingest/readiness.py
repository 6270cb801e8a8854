"""`merx check`: what a shop's data carry, what is missing, and what is odd about them."""

from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from merx.ingest import cases, quality
from merx.ingest.capabilities import NEEDS, Capability, capabilities
from merx.ingest.facts import gather
from merx.ingest.quality import ALARMS, Finding, Severity
from merx.store.engine import Engine


@dataclass(frozen=True)
class Readiness:
    """What the data carry, and what was found in them."""

    capabilities: tuple[Capability, ...]
    findings: tuple[Finding, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON: `capabilities` and `findings`, each with its fields."""
        return {
            "capabilities": [asdict(entry) for entry in self.capabilities],
            "findings": [asdict(entry) for entry in self.findings],
        }

    def to_table(self) -> pa.Table:
        """One row for each: part (capability, finding), name, state (or severity), verb, needs, has, advice.

        The text of a finding is in `has`; its verb, needs and advice are null.
        """
        rows = [{"part": "capability", **asdict(entry)} for entry in self.capabilities]
        rows += [
            {"part": "finding", "name": entry.title, "state": entry.severity, "has": entry.text}
            for entry in self.findings
        ]
        names = ("part", "name", "state", "verb", "needs", "has", "advice")
        return pa.Table.from_pylist(rows, pa.schema([(name, pa.string()) for name in names]))


def check(engine: Engine, *, step: str = "day", assumed_margin: float | None = None) -> Readiness:
    """What the tables carry and what is odd about them.

    Parameters
    ----------
    engine : Engine
    step : "day" or "week"
        Of the shop's forecasts.
    assumed_margin : float, optional
        The shop's rule for products whose cost is not known.
    """
    facts = gather(engine, ALARMS.few, NEEDS.shared, NEEDS.sale_days, NEEDS.sale_span)
    findings: list[Finding] = []
    if facts.events["events"]:
        findings = [*quality.look(facts), *cases.look(engine, facts)]
    order: dict[Severity, int] = {"serious": 0, "warning": 1, "info": 2}
    findings.sort(key=lambda finding: order[finding.severity])
    return Readiness(capabilities(facts, step, assumed_margin), tuple(findings))
