"""From files to the canonical tables: nothing is lost, and nothing counts twice."""

from merx.ingest.capabilities import Capability
from merx.ingest.load import ingest
from merx.ingest.quality import Finding
from merx.ingest.readiness import Readiness, check
from merx.ingest.report import Example, FileReport, IngestReport

__all__ = [
    "Capability",
    "Example",
    "FileReport",
    "Finding",
    "IngestReport",
    "Readiness",
    "check",
    "ingest",
]
