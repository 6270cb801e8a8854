"""Where the records of a text file begin, found on the bytes alone, independently of the reader.

It counts what was there to be read, and gives the physical line of any record: a record may span lines
(a line end within quotes), and blank lines are no records.
"""

import gzip
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from merx.errors import DataError

CHUNK = 8 << 20
MAX_RECORD = 2_000_000  # bytes; what the CSV reader takes in one record

BOM = b"\xef\xbb\xbf"
_QUOTE = 0x22
_RETURN = 0x0D


@dataclass(frozen=True)
class Shape:
    """How a text file is cut: `newline` (one byte), `delimiter`, and whether quotes mean anything."""

    newline: bytes
    delimiter: bytes
    quoted: bool


@dataclass(frozen=True)
class Block:
    """Consecutive records (blank lines left out): where each starts, in bytes, and on which line, from 1.

    `spans` : some record spans lines. `regular` : every quote opens at the start of a cell. `ends`, `pairs`,
    `returns` : how many line ends between records there are, how many of them are CR LF, and how many CR
    stand outside quotes. `unclosed` : the last record opens a quote that never closes.
    """

    starts: npt.NDArray[np.int64]
    lines: npt.NDArray[np.int64]
    spans: bool
    regular: bool
    ends: int
    pairs: int
    returns: int
    unclosed: bool = False


def read_chunks(path: Path, gzipped: bool) -> Iterator[bytes]:
    """The file's bytes, unpacked. Raises DataError where it cannot be read or a .gz is cut off."""
    try:
        with gzip.open(path) if gzipped else open(path, "rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk
    except EOFError:
        raise DataError(f"{path}: the .gz file ends too early; copy it again.") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path}: this is no intact .gz file ({error}).") from None
    except OSError as error:
        raise DataError(f"{path}: it cannot be read ({error.strerror or error}).") from None


def blocks(path: Path, chunks: Iterator[bytes], shape: Shape) -> Iterator[Block]:
    """Cut a stream of bytes into records, in blocks; the header is the first record.

    Raises DataError for a record of more than MAX_RECORD bytes.
    """
    offset, line, rest = 0, 1, b""
    for chunk in chunks:
        text = rest + chunk
        if offset == 0 and text.startswith(BOM):
            text, offset = text[len(BOM) :], len(BOM)
        newlines = np.flatnonzero(np.frombuffer(text, dtype=np.uint8) == shape.newline[0])
        ends, regular = _ends(text, newlines, shape)
        done = int(ends[-1]) + 1 if len(ends) else 0
        if done:
            newlines = newlines[: np.searchsorted(newlines, done)]
            yield _block(path, text[:done], newlines, ends, regular, offset, line, shape)
            line += len(newlines)
        offset += done
        rest = text[done:]
        if len(rest) > MAX_RECORD:
            raise _too_long(path, line, rest, shape)
    if rest:
        text = rest + shape.newline
        newlines = np.flatnonzero(np.frombuffer(text, dtype=np.uint8) == shape.newline[0])
        ends, regular = _ends(text, newlines, shape)
        block = _block(path, text, newlines, np.array([len(rest)]), regular, offset, line, shape)
        yield replace(block, ends=0, pairs=0, unclosed=not len(ends))


def _block(
    path: Path,
    text: bytes,
    newlines: npt.NDArray[np.int64],
    ends: npt.NDArray[np.int64],
    regular: bool,
    offset: int,
    line: int,
    shape: Shape,
) -> Block:
    data = np.frombuffer(text, dtype=np.uint8)
    starts = np.concatenate([np.zeros(1, dtype=np.int64), ends[:-1] + 1])
    spans = len(newlines) > len(ends)
    lines = line + (np.searchsorted(newlines, starts) if spans else np.arange(len(ends)))
    length = ends - starts
    longest = int(length.argmax())
    if length[longest] > MAX_RECORD:
        raise _too_long(path, int(lines[longest]), text[int(starts[longest]) :], shape)
    blank = length == 0
    pairs = returns = 0
    if b"\r" in text and shape.newline != b"\r":
        paired = (length > 0) & (data[ends - 1] == _RETURN)
        blank |= paired & (length == 1)
        pairs, returns = int(paired.sum()), _outside(data, np.flatnonzero(data == _RETURN), shape, regular)
    return Block(offset + starts[~blank], lines[~blank], spans, regular, len(ends), pairs, returns)


def _outside(data: npt.NDArray[np.uint8], places: npt.NDArray[np.int64], shape: Shape, regular: bool) -> int:
    """How many places stand outside quotes; where quotes are irregular, all."""
    if not shape.quoted or not regular:
        return len(places)
    return int((np.searchsorted(np.flatnonzero(data == _QUOTE), places) % 2 == 0).sum())


def _ends(text: bytes, newlines: npt.NDArray[np.int64], shape: Shape) -> tuple[npt.NDArray[np.int64], bool]:
    """Which newlines end a record, and whether all quotes were regular."""
    if not shape.quoted or b'"' not in text:
        return newlines, True
    data = np.frombuffer(text, dtype=np.uint8)
    quotes = np.flatnonzero(data == _QUOTE)
    outside = np.searchsorted(quotes, newlines) % 2 == 0
    opening = quotes[::2]
    before = data[opening[opening > 0] - 1]
    regular = np.isin(before, [shape.delimiter[0], shape.newline[0], _QUOTE]).all()
    if regular:
        return newlines[outside], True
    return np.array([match.end() - 1 for match in _pattern(shape).finditer(text)], dtype=np.int64), False


def _pattern(shape: Shape) -> re.Pattern[bytes]:
    """One whole record: quotes count only where they open a cell; after a closing one anything may come."""
    d, n = re.escape(shape.delimiter), re.escape(shape.newline)
    cell = rb'(?:"(?>[^"]*(?:""[^"]*)*)"[^%b%b]*|[^"%b%b][^%b%b]*|)' % (d, n, d, n, d, n)
    return re.compile(rb"(?>%b(?:%b%b)*)%b" % (cell, d, cell, n))


def first_bytes(chunks: Iterator[bytes], count: int) -> Iterator[bytes]:
    """The first `count` bytes of a stream."""
    for chunk in chunks:
        yield chunk[:count]
        count -= len(chunk)
        if count <= 0:
            return


def even_line_ends(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Make every line end LF; a CR elsewhere becomes a blank. No line moves to another number."""
    held = b""
    for chunk in chunks:
        text = held + chunk
        held = b"\r" if text.endswith(b"\r") else b""
        yield text[: len(text) - len(held)].replace(b"\r\n", b"\n").replace(b"\r", b" ")
    yield b"\n" if held else b""


def _too_long(path: Path, line: int, text: bytes, shape: Shape) -> DataError:
    opened = shape.quoted and text[:MAX_RECORD].count(b'"') % 2
    why = "it opens a quote that is not closed" if opened else "is a line end or a delimiter missing?"
    return DataError(
        f"{path}: the record at line {line:,} is longer than {MAX_RECORD:,} bytes ({why}). "
        "Shorten or remove it and ingest the file again; nothing of it was taken in."
    )
