"""From files to the canonical tables: nothing is lost, and nothing counts twice."""

from merx.ingest.load import ingest
from merx.ingest.report import Example, FileReport, IngestReport

__all__ = ["Example", "FileReport", "IngestReport", "ingest"]
