"""The first pass over a file's bytes: is it whole, is it text, how many records does it hold."""

import codecs
import csv
import hashlib
import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, islice

import pyarrow as pa
import pyarrow.parquet as pq

from merx.errors import DataError
from merx.ingest.records import BOM, Shape, blocks, first_bytes, read_chunks
from merx.ingest.sources import Source

_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_HEAD = 1 << 16
_OTHER_ENCODINGS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
    codecs.BOM_UTF32_BE: "UTF-32",
}


@dataclass(frozen=True)
class Preflight:
    """What the bytes say.

    Parameters
    ----------
    sha256 : str
        Of the unpacked bytes.
    header : tuple of str
        The columns' names (CSV and Parquet; empty for JSON lines).
    records : int
        Records after the header; blank lines are none.
    shape : Shape or None
        How a text file is cut; None for Parquet.
    spans : bool
        Some record spans lines, so that a parallel reader might start within one.
    regular : bool
        Every quote stands where one may; where not, `records` is a matter of opinion.
    line_end : str
        `\\n`, `\\r\\n` or `\\r`; empty where they are mixed.
    unclosed : (int, int) or None
        The first byte (from 0) and the line of a last record whose quote never closes.
    leading : int
        Blank lines before the first record.
    """

    sha256: str
    header: tuple[str, ...]
    records: int
    shape: Shape | None
    spans: bool = False
    regular: bool = True
    line_end: str = "\n"
    unclosed: tuple[int, int] | None = None
    leading: int = 0


def inspect(source: Source) -> Preflight:
    """Read all bytes of a source once. Raises DataError for a file that merx cannot read."""
    return _parquet(source) if source.format == "parquet" else _text(source)


def _parquet(source: Source) -> Preflight:
    digest = hashlib.sha256()
    for chunk in read_chunks(source.path, gzipped=False):
        digest.update(chunk)
    try:
        file = pq.ParquetFile(source.path)
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{source.path}: this is no readable Parquet file ({reason}).") from None
    with file:
        header, records = tuple(file.schema_arrow.names), int(file.metadata.num_rows)
    if not records:
        raise DataError(f"{source.path}: it has {len(header)} columns and no rows.")
    return Preflight(digest.hexdigest(), header, records, None)


def _text(source: Source) -> Preflight:
    chunks = read_chunks(source.path, source.gzipped)
    first = next(chunks, b"")
    _refuse_other_encodings(source, first)
    text = first.removeprefix(BOM)
    if not text.strip():
        raise DataError(f"{source.path}: the file is empty.")
    newline = b"\n" if b"\n" in first or b"\r" not in first else b"\r"
    if source.format == "jsonl":
        if text.lstrip().startswith(b"["):
            raise DataError(
                f"{source.path}: this is one JSON list; merx reads JSON lines, one object a line "
                "(`jq -c '.[]' FILE > FILE.jsonl` makes them)."
            )
        header, shape = tuple[str, ...](), Shape(newline, b"\x1f", quoted=False)
    else:
        delimiter, header = _read_head(source, text, newline)
        shape = Shape(newline, delimiter.encode(), quoted=True)

    digest = hashlib.sha256()
    records, spans, regular = 0, False, True
    ends = pairs = returns = 0
    unclosed, leading = None, -1
    checked = _checked(source, chain([first], chunks), digest)
    for block in blocks(source.path, checked, shape):
        if leading < 0 and len(block.lines):
            leading = int(block.lines[0]) - 1
        records += len(block.starts)
        spans |= block.spans
        regular &= block.regular
        if block.unclosed:
            unclosed = int(block.starts[-1]), int(block.lines[-1])
        ends, pairs, returns = ends + block.ends, pairs + block.pairs, returns + block.returns
    if source.format == "csv":
        records -= 1
        if records < 1:
            raise DataError(f"{source.path}: it has a header and no rows.")
    if newline == b"\r" or not returns:
        line_end = newline.decode()
    else:
        line_end = "\r\n" if returns == pairs == ends else ""
    return Preflight(digest.hexdigest(), header, records, shape, spans, regular, line_end, unclosed, leading)


def _checked(source: Source, chunks: Iterator[bytes], digest: "hashlib._Hash") -> Iterator[bytes]:
    """Pass the bytes on, hashed (in a thread beside); refuse NUL bytes and what is not UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    passed = 0
    with ThreadPoolExecutor(1) as beside:
        hashed = beside.submit(digest.update, b"")
        for chunk in chunks:
            hashed.result()
            hashed = beside.submit(digest.update, chunk)
            if (at := chunk.find(b"\0")) >= 0:
                raise DataError(
                    f"{source.path}: line {_line_of(source, passed + at):,} holds a NUL byte; "
                    "the file is damaged or not text. Export it again as UTF-8 text."
                )
            held = len(decoder.getstate()[0])  # the first bytes of a letter that the chunks cut in two
            if held or not chunk.isascii():
                try:
                    decoder.decode(chunk)
                except UnicodeDecodeError as error:
                    raise _not_utf8(source, passed - held, error) from None
            passed += len(chunk)
            yield chunk
        held = len(decoder.getstate()[0])
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            raise _not_utf8(source, passed - held, error) from None


def _line_of(source: Source, place: int) -> int:
    """The line, from 1, of a byte."""
    before = first_bytes(read_chunks(source.path, source.gzipped), place)
    return 1 + sum(chunk.count(b"\n") for chunk in before)


def _not_utf8(source: Source, passed: int, error: UnicodeDecodeError) -> DataError:
    line = _line_of(source, passed + error.start)
    return DataError(
        f"{source.path}: line {line:,} is not UTF-8 (byte 0x{error.object[error.start]:02x}); "
        "the file may be Latin-1 or Windows-1252. "
        f"Convert it: `iconv -f WINDOWS-1252 -t UTF-8 {source.name} > utf8-{source.name}`."
    )


def _refuse_other_encodings(source: Source, first: bytes) -> None:
    for mark, name in _OTHER_ENCODINGS.items():
        if first.startswith(mark):
            raise DataError(
                f"{source.path}: the file is {name}; merx reads UTF-8. "
                f"Convert it: `iconv -f {name} -t UTF-8 {source.name} > utf8-{source.name}`."
            )


def _read_head(source: Source, text: bytes, newline: bytes) -> tuple[str, tuple[str, ...]]:
    """Tell the delimiter by the first lines, and read the header."""
    head = text[:_HEAD].decode("utf-8", errors="replace").replace(newline.decode(), "\n")
    rows: dict[str, list[list[str]]] = {}
    for delimiter in _DELIMITERS:
        reader = csv.reader(io.StringIO(head, newline=""), delimiter=delimiter)
        try:
            rows[delimiter] = [row for row in islice(reader, 50) if row]
        except csv.Error:
            continue
    width = {delimiter: len(found[0]) for delimiter, found in rows.items() if found}
    best = max(width, key=lambda delimiter: (width[delimiter], _agreeing(rows[delimiter])), default="")
    if not best or width[best] < 2:
        seen = head.lstrip().split("\n", 1)[0][:80]
        raise DataError(
            f"{source.path}: no comma, semicolon, tab or bar separates the header {seen!r}. "
            "Write the file with one of these between the columns."
        )
    return best, tuple(_named(rows[best][0]))


def _agreeing(rows: list[list[str]]) -> int:
    """How many of the first rows, less the last, which may be cut off, are as wide as the header."""
    return sum(len(row) == len(rows[0]) for row in rows[1:-1])


def _named(header: list[str]) -> Iterator[str]:
    """Give every column a name of its own: blank ones by their place, repeated ones by a number."""
    taken = {"_row", "_part", "_not_json"}  # what merx itself adds
    for place, cell in enumerate(header, start=1):
        name = stem = cell.strip() or f"column_{place}"
        number = 2
        while name.lower() in taken:
            name, number = f"{stem}_{number}", number + 1
        taken.add(name.lower())
        yield name


def delimiter_name(shape: Shape) -> str:
    """The delimiter, for people."""
    return _DELIMITERS[shape.delimiter.decode()]
