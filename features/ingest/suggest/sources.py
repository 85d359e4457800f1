"""Sources at a path: files of one kind together, or the tables of a database."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
from sqlalchemy import inspect

from core.errors import ConfigError
from features.ingest.databases import database_address, open_engine
from features.ingest.formats import every_ending, format_of
from features.ingest.scans import columns_of, opened
from features.ingest.settings import InputSettings
from features.ingest.text import guess_encoding
from features.ingest.units import SourceFile, Unit

#: Rows that are looked at.
SAMPLE = 20_000


@dataclass(frozen=True)
class Source:
    """Files of the same columns and nearly the same name, or a table of a database.

    Attributes
    ----------
    item
        How it is read; its table and columns are not decided yet.
    files
        None for a database.
    """

    item: InputSettings
    files: tuple[Path, ...]
    columns: tuple[str, ...]

    @property
    def name(self) -> str:
        """What it is called."""
        return self.item.origin


def find_sources(con: duckdb.DuckDBPyConnection, paths: Sequence[str], root: Path, folder: Path) -> list[Source]:
    """Return the sources at some paths, folders and addresses of databases.

    Raises
    ------
    ConfigError
        For a path with nothing that can be read.
    """
    sources: list[Source] = []
    for path in paths:
        own = _tables(path) if "://" in path else _files(con, Path(path), root, folder)
        if not own:
            raise ConfigError(
                f"Expected exports at {path}, found none.",
                f"Name a database, a file, or a folder of files ending in {every_ending()}.",
            )
        sources += own
    return sources


def sample(con: duckdb.DuckDBPyConnection, source: Source, folder: Path) -> dict[str, str]:
    """Copy rows of a source to the table `sample`: the beginnings of its first, middle and last file.

    Returns
    -------
    Its columns, names and DuckDB types.
    """
    files = source.files
    looked_at = dict.fromkeys([files[0], files[len(files) // 2], files[-1]] if files else [None])
    columns: dict[str, str] = {}
    for place, file in enumerate(looked_at):
        with opened(
            con, Unit(source.item, source.name, SourceFile(source.name, file) if file else None, None), folder
        ) as scan:
            into = "INSERT INTO sample" if place else "CREATE OR REPLACE TEMP TABLE sample AS"
            con.execute(f"{into} SELECT * FROM {scan.relation} LIMIT {SAMPLE // len(looked_at)}")
            con.execute("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")
            columns = scan.columns
    return columns


def _files(con: duckdb.DuckDBPyConnection, path: Path, root: Path, folder: Path) -> list[Source]:
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    readable = [file for file in files if file.is_file() and format_of(file.name) not in {None, "archive"}]
    alike: dict[tuple[str, tuple[str, ...]], Source] = {}
    for file in readable:
        item = InputSettings(table="transactions", path=_below(file, root))
        if format_of(file.name) == "text" and not _is_utf8(file):
            item = item.model_copy(update={"encoding": guess_encoding(file)})
        columns = tuple(columns_of(con, Unit(item, file.name, SourceFile(file.name, file), None), folder))
        if not columns:
            continue
        # orders-2024-01.csv and orders-2024-02.csv are one export
        name = re.sub(r"\d+([_.-]?\d+)*[a-z]?(?![a-z])", "*", file.name.removesuffix("".join(file.suffixes)))
        pattern = str(Path(item.path or "").with_name(name + "".join(file.suffixes)))
        known = alike.get((pattern, columns))
        if known is None:
            alike[pattern, columns] = Source(item, (file,), columns)
        else:
            several = known.item.model_copy(update={"path": pattern})
            alike[pattern, columns] = replace(known, item=several, files=(*known.files, file))
    return list(alike.values())


def _tables(address: str) -> list[Source]:
    engine = open_engine(database_address(address))
    try:
        names = inspect(engine).get_table_names()
        columns = {name: tuple(column["name"] for column in inspect(engine).get_columns(name)) for name in names}
    finally:
        engine.dispose()
    return [
        Source(InputSettings(table="transactions", database=address, query=f'SELECT * FROM "{name}"'), (), own)
        for name, own in columns.items()
    ]


def _below(file: Path, root: Path) -> str:
    whole = file.resolve()
    return whole.relative_to(root).as_posix() if whole.is_relative_to(root) else whole.as_posix()


def _is_utf8(file: Path) -> bool:
    """Return whether a file needs no word about its encoding: UTF-8, or marked."""
    if file.suffix == ".gz":
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
