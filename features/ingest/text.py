"""Text files as they are met: encodings, delimiters, quotes, headers, and where a row stands."""

import codecs
import csv
import gzip
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO, cast

from charset_normalizer import from_bytes

from core.errors import DataError
from features.ingest.settings import FileSettings

_DELIMITERS = ",;\t|"
#: Enough to see an encoding and a dialect, and little to read.
_HEAD = 1 << 16
_CHUNK = 1 << 20
_ENDS = {"\n": "LF", "\r\n": "CR LF", "\r": "CR"}
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@dataclass(frozen=True)
class Head:
    """What the first lines of a text file tell.

    Attributes
    ----------
    said
        Whether an encoding was configured or marked. Where none was, bytes that are no UTF-8 are an error.
    plain
        Whether the file can be read as it is: UTF-8 with one kind of line ends, not compressed.
    names
        Of its columns, as in the header; one that stands there twice is numbered, `Amount_1` and `Amount_2`.
    """

    encoding: str
    said: bool
    plain: bool
    delimiter: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class TextFile:
    """A text file that can be read as UTF-8: the file itself, or a copy of the same lines."""

    file: Path
    head: Head
    quote: str
    header_line: int


def read_head(path: Path, item: FileSettings) -> Head | None:
    """Find out how a file is written; None where there is nothing in it.

    Raises
    ------
    DataError
        If there are fewer lines than `header_line`.
    """
    with open_bytes(path) as stream:
        head = stream.read(_HEAD)
    marked = next((name for mark, name in _MARKS if head.startswith(mark)), None)
    encoding = item.encoding or marked or "utf-8"
    text = codecs.getincrementaldecoder("utf-8-sig" if encoding == "utf-8" else encoding)(errors="replace").decode(head)
    if not text.strip():
        return None
    lines = _unified(text).split("\n")
    ends = len(re.findall(rb"\r\n", head)), head.count(b"\n"), head.count(b"\r")
    if len(lines) < item.header_line:
        raise DataError(
            f"{path.name}: expected a header in line {item.header_line}, found a shorter file.",
            "Correct `header_line`.",
        )
    rows = lines[item.header_line - 1 :]
    # the last line of a head may be cut
    rows = rows[:-1] if len(rows) > 1 else rows
    delimiter = item.delimiter or _delimiter(rows, item.quote)
    names = next(csv.reader(rows, delimiter=delimiter, quotechar=item.quote))
    said = item.encoding is not None or marked is not None
    plain = (
        encoding == "utf-8" and path.suffix.lower() != ".gz" and ends in {(0, ends[1], 0), (ends[1], ends[1], ends[1])}
    )
    return Head(encoding, said, plain, delimiter, numbered(names))


def open_text(path: Path, item: FileSettings, folder: Path) -> TextFile:
    """Open a file that has a head, as UTF-8; what is written in another way is copied to `folder`.

    Raises
    ------
    DataError
        Where the bytes do not fit the encoding.
    """
    head = read_head(path, item)
    if head is None:
        raise DataError(f"{path.name}: expected a header, found nothing.", "Export the file again.")
    file = path if head.plain else _copied(path, head.encoding, folder)
    return TextFile(file, head, item.quote, item.header_line)


def guess_encoding(path: Path) -> str:
    """Return what the bytes that are no UTF-8 look most like."""
    with open_bytes(path) as stream:
        odd = b"".join(line for line in islice(stream, 100_000) if not line.isascii())[:_CHUNK]
    best = from_bytes(odd).best()
    return best.encoding.replace("_", "-") if best else "latin-1"


def numbered(names: Sequence[str]) -> tuple[str, ...]:
    """Name every column differently: blank names by their place, equal ones (but for case) with numbers."""
    trimmed = [name.strip() or f"column_{place}" for place, name in enumerate(names, start=1)]
    often = Counter(name.lower() for name in trimmed)
    met: Counter[str] = Counter()
    unique = []
    for name in trimmed:
        met[name.lower()] += 1
        unique.append(f"{name}_{met[name.lower()]}" if often[name.lower()] > 1 else name)
    return tuple(unique)


def physical_lines(file: Path) -> int:
    """Count the lines of a file, a last one without an end too."""
    lines, last = 0, b"\n"
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            lines += chunk.count(b"\n")
            last = chunk[-1:]
    return lines + (last != b"\n")


def other_line_end(opened: TextFile) -> tuple[int, str, str] | None:
    """Return the first line, from 1, that ends in another way than the first one, and both ends; None without any.

    Line ends inside quotes are of a value, and may be others.
    """
    first, quoted = "", False
    with opened.file.open(encoding="utf-8", errors="replace", newline="") as stream:
        for number, line in enumerate(stream, start=1):
            quoted ^= line.count(opened.quote) % 2 == 1
            end = line[len(line.rstrip("\r\n")) :]
            if quoted or not end:
                continue
            first = first or end
            if end != first:
                return number, _ENDS[end], _ENDS[first]
    return None


def lines_at(file: Path, positions: Sequence[int]) -> list[int]:
    """Return the numbers, from 1, of the lines that begin at some bytes, from 0 and ascending."""
    numbers, line, done = [], 1, 0
    with file.open("rb") as stream:
        for position in positions:
            while done < position:
                chunk = stream.read(min(_CHUNK, position - done))
                line += chunk.count(b"\n")
                done += len(chunk)
            numbers.append(line)
    return numbers


def records(opened: TextFile, *, one_line: bool) -> Iterator[tuple[int, bytes]]:
    """Yield the line where each row below the header begins, and its text; blank lines are no rows.

    Parameters
    ----------
    one_line
        Whether every line is a row, which is quicker to read.
    """
    with opened.file.open("rb") as stream:
        lines = islice(enumerate(stream, start=1), opened.header_line - 1, None)
        if one_line:
            yield from islice(lines, 1, None)
            return
        taken: list[tuple[int, bytes]] = []
        reader = csv.reader(_kept(lines, taken), delimiter=opened.head.delimiter, quotechar=opened.quote)
        for place, fields in enumerate(reader):
            if place and fields:
                yield taken[0][0], b"".join(text for _, text in taken)
            taken.clear()


def _kept(lines: Iterator[tuple[int, bytes]], taken: list[tuple[int, bytes]]) -> Iterator[str]:
    for number, text in lines:
        taken.append((number, text))
        yield text.decode(errors="replace")


def open_bytes(path: Path) -> BinaryIO:
    """Open a file, decompressed where it ends in .gz."""
    return cast("BinaryIO", gzip.open(path, "rb")) if path.suffix.lower() == ".gz" else path.open("rb")


def _copied(path: Path, encoding: str, folder: Path) -> Path:
    """Copy a file as UTF-8 with line feeds between its lines, a part after the other."""
    target = folder / f"{path.name}.utf8"
    decoder = codecs.getincrementaldecoder("utf-8-sig" if encoding == "utf-8" else encoding)()
    returned = False
    with open_bytes(path) as source, target.open("w", encoding="utf-8", newline="") as copy:
        try:
            while chunk := source.read(_CHUNK):
                text = decoder.decode(chunk)
                # a pair that two chunks share is one end of a line
                text = text[1:] if returned and text.startswith("\n") else text
                returned = text.endswith("\r") if text else returned
                copy.write(_unified(text))
            decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            raise DataError(
                f"{path.name} is not {encoding}: {error.reason}; it looks like {guess_encoding(path)}.",
                "Correct `encoding` of this input.",
            ) from error
    return target


def _unified(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _delimiter(lines: Sequence[str], quote: str) -> str:
    """Choose the sign that cuts most lines into as many parts as the header, and into most parts."""

    def fit(delimiter: str) -> tuple[float, int]:
        rows = list(csv.reader(lines[:200], delimiter=delimiter, quotechar=quote))
        width = len(rows[0])
        return (sum(len(row) == width for row in rows if row) / len(rows) if width > 1 else 0.0), width

    return max(_DELIMITERS, key=fit)
