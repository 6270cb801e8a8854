"""Which files are meant: paths, globs and folders become a list of sources with their formats."""

import glob
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from merx.errors import DataError

FORMATS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
}


@dataclass(frozen=True)
class Source:
    """One file to read; `format` is csv, parquet or jsonl."""

    path: Path
    format: str
    gzipped: bool

    @property
    def name(self) -> str:
        """The file's name, for people."""
        return self.path.name


def find_sources(given: Sequence[str | Path], apart: Sequence[Path] = ()) -> list[Source]:
    """Resolve files, globs and folders (all that is readable within, by name) to sources, each once.

    What lies in the folders `apart` is taken only where it is named itself.

    Raises DataError where something given is not there, or holds no file that merx reads.
    """
    found: dict[Path, Source] = {}
    for each in given:
        for path in _paths(each, tuple(folder.resolve() for folder in apart)):
            found.setdefault(path.resolve(), _source(path))
    return list(found.values())


def _paths(given: str | Path, apart: tuple[Path, ...]) -> list[Path]:
    path = Path(given).expanduser()
    if path.is_dir():
        inside = sorted(
            entry
            for entry in path.rglob("*")
            if entry.is_file()
            and not entry.name.startswith(".")
            and _suffix(entry) in FORMATS
            and not any(folder in entry.resolve().parents for folder in apart)
        )
        if not inside:
            raise DataError(
                f"{path}: the folder holds no file that merx reads ({', '.join(FORMATS)}, also .gz)."
            )
        return inside
    if path.exists():
        return [path]
    matches = sorted(Path(match) for match in glob.glob(str(path), recursive=True))
    if not matches:
        raise DataError(f"{path}: there is no such file or folder.")
    return [inside for match in matches for inside in _paths(match, apart)]


def _source(path: Path) -> Source:
    suffix = _suffix(path)
    if suffix in (".xlsx", ".xls", ".ods"):
        raise DataError(f"{path}: merx does not read spreadsheets; save it as CSV (UTF-8) and ingest that.")
    if suffix in (".zip", ".bz2", ".zst", ".xz", ".7z"):
        raise DataError(f"{path}: merx reads plain and .gz files; unpack it first.")
    gzipped = path.suffix.lower() == ".gz"
    if gzipped and FORMATS.get(suffix) == "parquet":
        raise DataError(f"{path}: Parquet is compressed within; unpack the .gz first.")
    return Source(path, FORMATS.get(suffix, "csv"), gzipped)


def _suffix(path: Path) -> str:
    plain = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    return plain.suffix.lower()
