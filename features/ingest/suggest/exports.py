"""Exports at a path: files of one kind together, sheets, tables of a database; each as a table of texts."""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb
from sqlalchemy import inspect

from core.errors import ConfigError
from core.sql import count, identifier
from features.ingest.databases import open_engine
from features.ingest.formats import every_ending, extract, format_of, unread_members
from features.ingest.opening import columns_of, opened
from features.ingest.scans import readable
from features.ingest.settings import FileSettings, InputSettings, SourceSettings
from features.ingest.suggest.headers import find_header
from features.ingest.suggest.match import is_name
from features.ingest.text import guess_encoding, open_bytes, read_head
from features.ingest.units import SourceFile, Unit, files_in
from features.ingest.workbooks import sheets_of

#: Rows of an export that are looked at; there is no reason to read more to see what they are.
_MOST = 3_000_000


@dataclass(frozen=True)
class Export:
    """Files of the same columns and nearly the same name, a sheet, a table of a database, or what joins some of them.

    Attributes
    ----------
    item
        How it is read; its table and columns are not decided yet.
    files
        None for a database.
    table
        The table of its rows, all of them texts.
    sources
        What its query names, if it joins others.
    """

    item: InputSettings
    files: tuple[SourceFile, ...]
    columns: tuple[str, ...]
    table: str = ""
    sources: dict[str, SourceSettings] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What it is called."""
        sheets = (self.item.sheet,) if isinstance(self.item.sheet, str) else self.item.sheet
        sheet = f" [{', '.join(sheets)}]" if sheets is not None else ""
        return self.item.origin + sheet


def find_exports(
    con: duckdb.DuckDBPyConnection, paths: Sequence[str], root: Path, folder: Path
) -> tuple[list[Export], list[str]]:
    """Return the exports at some paths, folders and addresses of databases, and what cannot be read, with the reason.

    Raises
    ------
    ConfigError
        For a path with nothing that can be read.
    DataError
        For a file that should be readable and is not.
    """
    exports: list[Export] = []
    unread: list[str] = []
    for path in paths:
        own = _tables(path) if "://" in path else _files(con, Path(path), root, folder, unread)
        if not own:
            others = f" There are {', '.join(unread[:5])}." if unread else ""
            raise ConfigError(
                f"Expected exports at {path}, found none.{others}",
                f"Name a database, a file, or a folder of files ending in {every_ending()}.",
            )
        exports += own
    return exports, unread


def load(con: duckdb.DuckDBPyConnection, export: Export, table: str, folder: Path) -> Export:
    """Copy the rows of an export to a table of texts; the column `_file` has the number of the file, from 0.

    Raises
    ------
    DataError
        If a file cannot be read.
    """
    left = _MOST
    for place, file in enumerate(export.files or (None,)):
        unit = Unit(export.item, file.name if file else export.name, file, None)
        with opened(con, unit, folder) as scan:
            texts = ", ".join(f"{identifier(name)}::VARCHAR AS {identifier(name)}" for name in scan.columns)
            rows = f"SELECT {texts}, {place} AS _file FROM {scan.relation} LIMIT {left}"
            into = f"INSERT INTO {table} BY NAME" if place else f"CREATE OR REPLACE TEMP TABLE {table} AS"
            with readable(unit.name, "Correct the file, or export it again.", scan):
                con.execute(f"{into} {rows}")
            con.execute("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")
        left = _MOST - count(con, f"SELECT count(*) FROM {table}")
        if left <= 0:
            break
    return replace(export, table=table)


def _files(con: duckdb.DuckDBPyConnection, path: Path, root: Path, folder: Path, unread: list[str]) -> list[Export]:
    found = sorted(path.resolve().rglob("*")) if path.is_dir() else [path.resolve()]
    files = [file for file in found if file.is_file() and not file.name.startswith((".", "~$"))]
    alike: dict[tuple[str, str | tuple[str, ...] | None, tuple[str, ...]], Export] = {}
    for file in files:
        if format_of(file.name) is None:
            unread.append(f"{_below(file, root)} (no format that is known)")
            continue
        if format_of(file.name) == "archive":
            unread += [f"{_below(file, root)}/{name} (no format that is known)" for name in unread_members(file)]
        for part in files_in(file, root):
            for item in _items(part, folder, unread):
                columns = tuple(columns_of(con, Unit(item, part.name, part, None), folder))
                if not columns:
                    unread.append(f"{part.name} (empty)")
                    continue
                pattern = _pattern(part.name)
                known = alike.get((pattern, item.sheet, columns))
                if known is None:
                    alike[pattern, item.sheet, columns] = Export(item, (part,), columns)
                else:
                    several = known.item.model_copy(update={"path": pattern})
                    alike[pattern, item.sheet, columns] = replace(known, item=several, files=(*known.files, part))
    return list(alike.values())


def _pattern(path: str) -> str:
    """Return a pattern for the files of one kind: orders-2024-01.csv and orders-2024-02.csv are one export."""
    file = Path(path)
    stem = file.name.removesuffix("".join(file.suffixes[-2:]) if file.suffix.lower() == ".gz" else file.suffix)
    name = re.sub(r"\d+([_.-]?\d+)*[a-z]?(?![a-z])", "*", stem)
    return file.with_name(name + file.name.removeprefix(stem)).as_posix()


def _items(file: SourceFile, folder: Path, unread: list[str]) -> Iterator[InputSettings]:
    """Yield how a file is read; one way for the sheets of a workbook that have the same header."""
    item = InputSettings(table="transactions", path=file.name)
    folder.mkdir(parents=True, exist_ok=True)
    path = file.path if file.member is None else extract(file.path, file.member, folder)
    if format_of(path.name) == "workbook":
        yield from _sheets(path, item, unread)
        return
    if format_of(path.name) == "text":
        item = _text(path, item)
    yield item


def _text(path: Path, item: InputSettings) -> InputSettings:
    if not _is_utf8(path):
        item = item.model_copy(update={"encoding": _encoding(path)})
    head = read_head(path, item)
    if head is None:
        return item
    rows = _first_rows(path, item)
    line = find_header(rows)
    return item.model_copy(update={"header_line": line}) if line > 1 else item


def _encoding(path: Path) -> str:
    """Return the encoding in which most names of columns are known; else the one that the bytes look most like."""
    guess = guess_encoding(path)
    # of the code pages of Europe the western one is by far the most frequent
    guess = (
        "cp1252" if guess.startswith(("cp125", "windows-125", "iso-8859", "latin", "cp85", "cp437", "mac")) else guess
    )
    with open_bytes(path) as stream:
        start = stream.read(1 << 12)
    known: dict[str, int] = {}
    for encoding in dict.fromkeys((guess, "gb18030", "big5", "shift_jis", "cp1251")):
        head = start.decode(encoding, errors="replace").splitlines()[0]
        known[encoding] = sum(is_name(part.strip("\"' ")) for part in re.split(r"[,;\t|]", head) if not part.isascii())
    return max(known, key=lambda encoding: known[encoding])


def _first_rows(path: Path, item: InputSettings) -> list[list[str]]:
    """Return the first rows of a text file, cut at the sign that most of the later ones have in common."""
    encoding = item.encoding or "utf-8-sig"
    with open_bytes(path) as stream:
        start = stream.read(1 << 16)
    if start[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        encoding = "utf-16"
    lines = start.decode(encoding, errors="replace").splitlines()[:60]
    later = lines[len(lines) // 2 :]
    delimiter = max(",;\t|", key=lambda sign: sum(line.count(sign) for line in later))
    return list(csv.reader(lines, delimiter=delimiter))


def _sheets(path: Path, item: InputSettings, unread: list[str]) -> Iterator[InputSettings]:
    headers: dict[tuple[int, tuple[str, ...]], list[str]] = {}
    names = sheets_of(path, FileSettings())
    for sheet in names:
        if sheet.unread == "hidden":
            unread.append(f"{path.name}: sheet {sheet.name!r} (hidden)")
        elif len(sheet.rows) < 2:
            unread.append(f"{path.name}: sheet {sheet.name!r} (no rows)")
        else:
            line = find_header(sheet.rows)
            header = tuple(str(value) for value in sheet.rows[line - 1])
            headers.setdefault((line, header), []).append(sheet.name)
    for (line, _), own in headers.items():
        changed: dict[str, object] = {"header_line": line} if line > 1 else {}
        if len(headers) == 1:
            yield item.model_copy(update=changed)
        else:
            yield item.model_copy(update=changed | {"sheet": own[0] if len(own) == 1 else tuple(own)})


def _tables(address: str) -> list[Export]:
    engine = open_engine(address)
    try:
        names = inspect(engine).get_table_names()
        columns = {name: tuple(column["name"] for column in inspect(engine).get_columns(name)) for name in names}
    finally:
        engine.dispose()
    return [
        Export(InputSettings(table="transactions", database=address, query=f'SELECT * FROM "{name}"'), (), own)
        for name, own in columns.items()
    ]


def _below(file: Path, root: Path) -> str:
    whole = file.resolve()
    return whole.relative_to(root).as_posix() if whole.is_relative_to(root) else whole.as_posix()


def _is_utf8(file: Path) -> bool:
    """Return whether a file needs no word about its encoding: UTF-8, or marked."""
    if file.suffix.lower() == ".gz":
        return True
    with file.open("rb") as stream:
        if stream.read(2) in {b"\xff\xfe", b"\xfe\xff"}:
            return True
        stream.seek(0)
        try:
            for line in stream:
                line.decode()
        except UnicodeDecodeError:
            return False
    return True
